#include "actors/history_feeder.hpp"

#include <utility>
#include <thread>

#include "actors/journal_record.hpp"
#include "persistence/store.hpp"
#include "tests/actors/support/harness.hpp"
#include "tests/catch.hpp"

using namespace kith;
using namespace kith::tests;

namespace {

profile::hash128 address_of(const std::string& user) {
  profile::hash128 address;
  REQUIRE(profile::address_of({profile::id_kind::user, {}, user}, address));
  return address;
}

/// Adds a segment with one event of the user to the journal.
void add_segment(const std::string& directory, const std::string& user, const std::string& id) {
  const auto event = nlohmann::json::to_msgpack(track(user, id, profile::format_time(start_ms)));
  std::string payload;
  actors::begin_record(payload, start_ms, 1, "test");
  payload.append(event.begin(), event.end());
  std::promise<bool> durable;
  auto journal = persistence::journal::open(
      persistence::real_files(), directory, 0, {},
      [&](std::span<const std::uint64_t>, const result<void>& is) { durable.set_value(is.has_value()); });
  REQUIRE(journal);
  const persistence::append_request request{payload, 1};
  (*journal)->append({&request, 1});
  REQUIRE(durable.get_future().get());
}

}  // namespace

TEST_CASE("who erases does not wait until a backlog is in the history") {
  temporary_directory directory;
  auto& files = persistence::real_files();
  const auto journal = directory.path() + "/journal";
  REQUIRE(files.make_directory(journal));
  add_segment(journal, "ada", "m-1");
  add_segment(journal, "bob", "m-2");
  add_segment(journal, "ada", "m-3");
  persistence::store_options options;
  options.now_ms = [] { return start_ms; };
  auto store = persistence::store::open(files, directory.path() + "/store", std::move(options));
  REQUIRE(store);

  std::thread erasing;
  bool asks = false;
  actors::history_feeder* feeds = nullptr;
  // Asked for within feed(), before a segment is read.
  const auto durable_end = [&](unsigned) {
    if (std::exchange(asks, false)) {
      erasing = std::thread([&] {
        feeds->leave_out(
            std::make_shared<const persistence::erased_addresses>(persistence::erased_addresses{address_of("bob")}));
      });
      REQUIRE(eventually([&] { return feeds->is_wanted(); }));
    }
    return persistence::journal_position{UINT64_MAX, 0};
  };
  actors::history_feeder feeder(files, journal, **store, durable_end, nullptr, {});
  feeds = &feeder;
  REQUIRE(feeder.start());
  constexpr std::uint64_t all = 1 << 30;
  asks = true;
  const auto interrupted = feeder.feed(all);
  erasing.join();
  REQUIRE(interrupted);
  CHECK_FALSE(interrupted->caught_up);
  CHECK((*store)->read_history(address_of("ada"), {})->items.size() == 1);

  const auto rest = feeder.feed(all);
  REQUIRE(rest);
  CHECK(rest->caught_up);
  CHECK((*store)->read_history(address_of("ada"), {})->items.size() == 2);
  CHECK((*store)->read_history(address_of("bob"), {})->items.empty());
}
