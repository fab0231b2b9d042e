// A definition that came in the moment between "ready" and the begin of the start's own backfill ended the process:
// two backfills ran into each other.
#include "tests/actors/support/harness.hpp"
#include "tests/catch.hpp"

using namespace kith;
using namespace kith::tests;
using profile::segments::catalog;
using profile::segments::definition;

namespace {

std::shared_ptr<const catalog> catalog_of(const std::string& name, const std::string& expression) {
  definition made;
  made.name = name;
  made.expression = expression;
  const auto compiled = catalog::make({made});
  if (!compiled) throw std::runtime_error(compiled.error().front().message);
  return *compiled;
}

}  // namespace

TEST_CASE("a definition may come as soon as the server is ready, while the start's own are filled in") {
  const temporary_directory directory;
  {
    running before(options_for(directory.path()));
    before.publish({track("ada", "m-1", "2024-05-01T10:00:00Z")});
    before.stop();
  }
  auto options = options_for(directory.path());
  options.definitions = catalog_of("buyers", "events(\"Order Completed\").any()");
  const auto later = catalog_of("once", "events(\"Order Completed\").count() == 1");
  std::atomic<actors::runtime*> at{nullptr};
  std::atomic<bool> defined{false};
  options.log = [&](std::string_view, std::string_view message) {
    if (!message.starts_with("ready")) return;
    eventually([&] { return at.load() != nullptr; });
    defined = at.load()->define(later).has_value();
  };
  const auto kith = std::move(actors::runtime::start(options, persistence::real_files()).value());
  at = kith.get();
  CHECK(eventually([&] {
    if (!defined) return false;
    const auto members = kith->members("once", {}, 10);
    return members && members->items.size() == 1;
  }));
  kith->stop(std::chrono::seconds(30));
}
