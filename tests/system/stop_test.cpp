// SIGTERM while the history is behind: the server ends in time, and what it left is made up for at the next start.
#include <algorithm>
#include <array>
#include <atomic>
#include <fstream>
#include <map>
#include <set>
#include <thread>

#include "persistence/journal.hpp"
#include "persistence/store.hpp"
#include "tests/admin/support/https_client.cpp"  // this executable's own copy
#include "tests/catch.hpp"
#include "tests/system/support/server.hpp"

using namespace kith;
using namespace kith::tests;

namespace {

constexpr std::size_t writers = 2;
constexpr std::size_t users_of_each = 20;
constexpr std::size_t batch_events = 500;
constexpr std::uint64_t segment_bytes = 256 * 1024;
constexpr std::chrono::seconds stop_deadline{30};  // that of `kith serve`

// Small, so that segments are sealed, fed and removed many times a second.
const std::string small_journal =
    "[journal]\nsegment = \"256KiB\"\ncheckpoint_bytes = \"2MiB\"\n[history]\nlag = \"8MiB\"\n";

std::string user_of(std::size_t writer, std::size_t number) {
  return "s" + std::to_string(writer) + "-" + std::to_string(number % users_of_each);
}
std::string id_of(std::size_t writer, std::size_t number) {
  return "m" + std::to_string(writer) + "-" + std::to_string(number);
}

/// Clients that publish, each to users of its own, until the server is gone.
class load {
 public:
  explicit load(const server& at) {
    for (std::size_t i = 0; i < writers; ++i) {
      threads_.emplace_back([this, i, client = std::shared_ptr(at.client(1))] { write(i, *client); });
    }
  }
  ~load() { join(); }
  void join() {
    for (auto& thread : threads_) {
      if (thread.joinable()) thread.join();
    }
  }
  /// Events of this writer: all before it were acknowledged, in their order.
  std::size_t acknowledged(std::size_t writer) const { return acknowledged_[writer]; }
  std::size_t acknowledged() const { return acknowledged_[0] + acknowledged_[1]; }
  bool saw_rejections() const { return rejected_; }

 private:
  void write(std::size_t writer, net::client& to) {
    std::size_t number = 0;
    for (;;) {
      std::vector<std::string> events;
      while (events.size() < batch_events) events.push_back(make(writer, number++));
      const auto outcome = to.publish(events);
      if (!outcome) return;
      if (outcome->applied != events.size()) rejected_ = true;
      acknowledged_[writer] = number;
    }
  }
  static std::string make(std::size_t writer, std::size_t number) {
    const auto bytes = nlohmann::json::to_msgpack({{"type", "track"},
                                                   {"event", "Seen"},
                                                   {"messageId", id_of(writer, number)},
                                                   {"userId", user_of(writer, number)},
                                                   {"timestamp", 1'700'000'000'000 + number},
                                                   {"properties", {{"page", std::string(200, 'p')}}}});
    return {bytes.begin(), bytes.end()};
  }

  std::array<std::atomic<std::size_t>, writers> acknowledged_{};
  std::atomic<bool> rejected_{false};
  std::vector<std::thread> threads_;
};

std::vector<persistence::segment_file> segments_of(const server& of) {
  // While the server runs one may go between being listed and looked at: then there are none.
  return persistence::list_segments(persistence::real_files(), of.data() + "/journal")
      .value_or(std::vector<persistence::segment_file>{});
}

/// The oldest segment of each shard is past `first`.
bool all_retired(const server& of, std::uint64_t first) {
  const auto segments = segments_of(of);
  return !segments.empty() &&
         std::none_of(segments.begin(), segments.end(), [&](const auto& each) { return each.segment <= first; });
}

/// Bytes of the journal that are not in the history. No server may run.
std::uint64_t unfed_bytes(const server& of) {
  persistence::store_options options;
  options.read_only = true;
  options.now_ms = [] { return std::int64_t{0}; };  // nothing is dropped
  const auto store = persistence::store::open(persistence::real_files(), of.data() + "/store", options).value();
  std::map<unsigned, persistence::journal_position> fed;
  const auto positions = store->fed().value();
  for (const auto& [shard, position] : positions) fed[shard] = position;
  std::uint64_t bytes = 0;
  for (const auto& each : segments_of(of)) {
    const auto& at = fed[each.shard];
    if (each.segment > at.segment) bytes += each.bytes;
    if (each.segment == at.segment) bytes += each.bytes - std::min(each.bytes, at.offset);
  }
  return bytes;
}

/// Reads histories as an operator would.
class history_reader {
 public:
  explicit history_reader(const server& of) {
    const auto dev = of.data() + "/dev/";
    std::ifstream(dev + "admin.token") >> token_;
    std::string address;
    std::ifstream(dev + "address") >> address;
    const auto port = std::stoi(address.substr(address.rfind(':') + 1)) + 2;
    client_ = std::make_unique<test::https_client>(static_cast<unsigned short>(port));
    REQUIRE(client_->handshake({{}, {}, dev + "ca.pem"}));
  }

  /// The messageIds; each must be there once.
  std::set<std::string> ids(const std::string& user) {
    std::set<std::string> found;
    std::string cursor;
    do {
      const auto page = get("/v1/profiles/user/" + user + "/events?limit=1000" + cursor);
      for (const auto& item : page.at("items")) REQUIRE(found.insert(item.at("messageId")).second);
      cursor = page.at("next").is_null() ? "" : "&cursor=" + page.at("next").get<std::string>();
    } while (!cursor.empty());
    return found;
  }

 private:
  nlohmann::json get(const std::string& target) {
    REQUIRE(client_->send("GET " + target + " HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer " + token_ +
                          "\r\n\r\n"));
    const auto got = client_->receive();
    REQUIRE(got);
    CAPTURE(got->body());
    REQUIRE(got->result_int() == 200);
    return nlohmann::json::parse(got->body());
  }

  std::string token_;
  std::unique_ptr<test::https_client> client_;
};

void check_profiles_and_histories(const server& running, const load& sent) {
  const auto client = running.client();
  history_reader history(running);
  for (std::size_t writer = 0; writer < writers; ++writer) {
    std::map<std::string, std::set<std::string>> acknowledged;
    for (std::size_t i = 0; i < sent.acknowledged(writer); ++i) {
      acknowledged[user_of(writer, i)].insert(id_of(writer, i));
    }
    for (const auto& [user, ids] : acknowledged) {
      CAPTURE(user);
      const auto version = read_tallies(*client, {user})[user].version;
      // The batch that was cut off may be there too.
      REQUIRE(version >= ids.size());
      REQUIRE(version <= ids.size() + batch_events / users_of_each);
      std::set<std::string> kept;
      REQUIRE(eventually([&, &name = user] { return (kept = history.ids(name)).size() == version; }));
      REQUIRE(std::includes(kept.begin(), kept.end(), ids.begin(), ids.end()));
    }
  }
}

}  // namespace

TEST_CASE("SIGTERM does not wait for a history that is behind, and nothing of it is lost") {
  const scratch room;
  server running(room, small_journal);
  const auto first = segments_of(running);
  REQUIRE_FALSE(first.empty());
  load clients(running);
  REQUIRE(eventually([&] { return all_retired(running, first.back().segment) || clients.saw_rejections(); }));
  const auto acknowledged = clients.acknowledged();
  REQUIRE(eventually([&] { return clients.acknowledged() > acknowledged + 20 * batch_events; }));
  REQUIRE(running.stop(stop_deadline) == 0);
  clients.join();
  REQUIRE_FALSE(clients.saw_rejections());
  // It did not end by feeding all that was left.
  const auto unfed = unfed_bytes(running);
  REQUIRE(unfed > segment_bytes);
  running.start();
  check_profiles_and_histories(running, clients);
  REQUIRE(running.stop(stop_deadline) == 0);
}
