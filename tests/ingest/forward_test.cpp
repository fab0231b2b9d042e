// A forwarder's way from the edges to the store: the spooler, and the sender against a real protocol server.
#include <atomic>
#include <boost/asio/post.hpp>
#include <filesystem>
#include <future>
#include <nlohmann/json.hpp>
#include <set>

#include "actors/clock.hpp"
#include "ingest/forward/sender.hpp"
#include "ingest/forward/spooler.hpp"
#include "net/server.hpp"
#include "net/thread_loops.hpp"
#include "persistence/simulated_files.hpp"
#include "profile/msgpack.hpp"
#include "tests/catch.hpp"
#include "tests/net/support/certificates.hpp"
#include "tests/net/support/fake_service.hpp"

using namespace kith;
using namespace kith::ingest::forward;
using namespace std::chrono_literals;
using nlohmann::json;
using persistence::lane;
using test::eventually;

namespace {

json event(const std::string& id, const std::string& user = "ada") {
  return {{"type", "track"}, {"event", "Paid"}, {"messageId", id}, {"userId", user}};
}

std::string encoded(const json& value) {
  const auto bytes = json::to_msgpack(value);
  return {bytes.begin(), bytes.end()};
}

struct temporary_directory {
  temporary_directory() {
    std::string pattern = (std::filesystem::temp_directory_path() / "kith-forward-XXXXXX").string();
    path = ::mkdtemp(pattern.data());
  }
  ~temporary_directory() { std::filesystem::remove_all(path); }
  temporary_directory(const temporary_directory&) = delete;
  temporary_directory& operator=(const temporary_directory&) = delete;
  std::string path;
};

/// A forwarder without its HTTPS: its disk is in memory.
struct forwarder {
  forwarder() {
    persistence::spool_options options;
    options.progress_interval = 0ms;
    spool = persistence::spool::open(disk, "/spool", options).value();
    into = std::make_unique<spooler>(loops, *spool, limits::event{}, [this] { return ++clock; });
    persistence::dead_letter_options kept;
    kept.now_ms = actors::wall_clock_ms;
    letters = persistence::dead_letters::open(persistence::real_files(), directory.path, kept).value();
  }
  ~forwarder() {
    link.reset();
    letters.reset();
    spool.reset();
    loops.stop();
  }
  forwarder(const forwarder&) = delete;
  forwarder& operator=(const forwarder&) = delete;

  /// As one request would; waits until it is answered.
  result<actors::publish_outcome> take(const std::vector<json>& events) { return take_value(events); }
  result<actors::publish_outcome> take_value(const json& events) {
    std::promise<result<actors::publish_outcome>> answer;
    boost::asio::post(loops.io(0), [&] {
      into->publish(0, encoded(events), "web", {}, [&](result<actors::publish_outcome> is) { answer.set_value(is); });
    });
    return answer.get_future().get();
  }
  void send_to(std::vector<net::client_options> servers) {
    link = sender::start(*spool, *letters, link_to(std::move(servers)),
                         {actors::wall_clock_ms, [](std::string_view, std::string_view) {}})
               .value();
  }
  static store_link link_to(std::vector<net::client_options> servers) {
    store_link to;
    to.servers = std::move(servers);
    to.retry_first = 1ms;
    to.retry_most = 20ms;
    return to;
  }
  bool drained() {
    return eventually([&] {
      const auto backlog = spool->status().backlog;
      return backlog[0] == 0 && backlog[1] == 0;
    });
  }
  std::vector<persistence::dead_letter> dead() {
    persistence::dead_letter_query query;
    query.newest_first = false;
    return letters->list(query).value().letters;
  }

  persistence::simulated_files disk;
  temporary_directory directory;
  std::atomic<std::int64_t> clock{1'700'000'000'000};
  net::thread_loops loops{1};
  std::unique_ptr<persistence::dead_letters> letters;
  std::unique_ptr<persistence::spool> spool;
  std::unique_ptr<spooler> into;
  std::unique_ptr<sender> link;
};

net::credential_config forwards(double events_per_second = 0) {
  return {"edge", "token", {}, {}, {}, true, false, false, events_per_second, true};
}

/// A store whose runtime does what a test says.
struct store {
  explicit store(net::credential_config by = forwards(), limits::connection bounds = {}) {
    net::server_options options;
    options.port = 0;
    options.limits = bounds;
    tls = net::reloadable_tls::load(authority.server_options()).value();
    known = net::credential_store::make({std::move(by)}, std::nullopt).value();
    running = net::server::start(service, tls, known, options).value();
  }
  net::client_options options() const {
    net::client_options made;
    made.port = running->port();
    made.ca_file = authority.path("ca.pem");
    made.token = "token";
    return made;
  }
  /// Of each batch that was taken, in order: its events' ids.
  std::vector<std::string> ids() const {
    std::vector<std::string> all;
    for (const auto& each : service.batches()) {
      for (const auto& one : json::from_msgpack(each.events)) all.push_back(one.at("messageId"));
    }
    return all;
  }

  test::certificates authority;
  test::fake_service service;
  std::shared_ptr<net::reloadable_tls> tls;
  std::shared_ptr<net::credential_store> known;
  std::unique_ptr<net::server> running;
};

std::uint32_t count_of(const test::fake_service::published& batch) {
  return profile::msgpack::reader(batch.events).next().size;
}

actors::publish_outcome all_applied(const test::fake_service::published& batch) {
  actors::publish_outcome made;
  made.applied = count_of(batch);
  return made;
}

}  // namespace

TEST_CASE("what is no event is rejected, the rest is spooled by lane", "[forward]") {
  forwarder edge;
  auto urgent = event("m-2");
  urgent["priority"] = "critical";
  auto nameless = event("m-3");
  nameless.erase("messageId");
  const auto outcome = edge.take({event("m-1"), urgent, nameless, event("m-4")});
  REQUIRE(outcome);
  CHECK(outcome->applied == 3);
  REQUIRE(outcome->rejected.size() == 1);
  CHECK(outcome->rejected[0].index == 2);
  CHECK(outcome->rejected[0].code == errc::invalid_argument);
  CHECK_THAT(outcome->rejected[0].message, tests::Contains("messageId: missing"));
  CHECK(json::from_msgpack(outcome->rejected[0].encoded) == nameless);
  CHECK(edge.into->spooled() == 3);
  CHECK(edge.spool->status().backlog[0] > 0);

  store kith;
  edge.send_to({kith.options()});
  REQUIRE(edge.drained());
  CHECK(kith.ids() == std::vector<std::string>{"m-2", "m-1", "m-4"});
  const auto batches = kith.service.batches();
  CHECK(batches[0].source == "web");
  CHECK(batches[0].options.received_ms == 1'700'000'000'001);
  CHECK(batches[0].options.wait_for == actors::durability::fsync);
  CHECK(edge.link->stats().applied == 3);

  // Of one request nothing is an event, or the request is none.
  CHECK(edge.take({nameless})->rejected.size() == 1);
  CHECK(edge.take_value("no array").error().code == errc::invalid_argument);
}

TEST_CASE("the critical lane goes first, and each lane in order", "[forward]") {
  forwarder edge;
  for (int i = 0; i < 20; ++i) {
    auto one = event("m-" + std::to_string(i));
    if (i % 2 == 1) one["priority"] = "critical";
    REQUIRE(edge.take({one}));
  }
  store kith;
  edge.send_to({kith.options()});
  REQUIRE(edge.drained());
  std::vector<std::string> expected;
  for (int i = 1; i < 20; i += 2) expected.push_back("m-" + std::to_string(i));
  for (int i = 0; i < 20; i += 2) expected.push_back("m-" + std::to_string(i));
  CHECK(kith.ids() == expected);
}

TEST_CASE("nothing overtakes a batch that was refused", "[forward]") {
  forwarder edge;
  store kith(forwards(100));  // a small batch would fit in where a large one does not
  std::vector<std::string> sent;
  for (int i = 0; i < 16; ++i) {
    std::vector<json> large;
    for (int j = 0; j < 12; ++j) large.push_back(event(sent.emplace_back("m-" + std::to_string(sent.size()))));
    REQUIRE(edge.take(large));
    REQUIRE(edge.take({event(sent.emplace_back("m-" + std::to_string(sent.size())))}));
  }
  edge.send_to({kith.options()});
  REQUIRE(edge.drained());
  CHECK(edge.link->stats().retries > 0);
  // An answer that was lost with the connection makes a batch come again; the first time of each counts.
  std::vector<std::string> first_times;
  std::set<std::string> known;
  for (const auto& each : kith.ids()) {
    if (known.insert(each).second) first_times.push_back(each);
  }
  CHECK(first_times == sent);
}

TEST_CASE("what the store rejects becomes a dead letter of the forwarder", "[forward]") {
  forwarder edge;
  store kith;
  kith.service.answer_with([&](const test::fake_service::published& batch) -> result<actors::publish_outcome> {
    auto made = all_applied(batch);
    --made.applied;
    made.rejected.push_back({1, errc::too_late, "older than dedup.retention", {}});
    return made;
  });
  REQUIRE(edge.take({event("m-1"), event("m-2", "bob"), event("m-3")}));
  edge.send_to({kith.options()});
  REQUIRE(edge.drained());
  const auto letters = edge.dead();
  REQUIRE(letters.size() == 1);
  CHECK(letters[0].code == "too_late");
  CHECK(letters[0].edge == "forward");
  CHECK(letters[0].source == "web");
  CHECK(letters[0].message_id == "m-2");
  CHECK(letters[0].ids == "user:bob");
  CHECK_THAT(letters[0].message, tests::Contains("the store refused it: older than"));
  CHECK(edge.link->stats().rejected == 1);
  CHECK(edge.link->stats().applied == 2);
}

TEST_CASE("retry_after_ms is waited for", "[forward]") {
  forwarder edge;
  store kith(forwards(40));  // a second's worth at once, then 40 a second
  for (int i = 0; i < 8; ++i) {
    std::vector<json> events;
    for (int j = 0; j < 10; ++j) events.push_back(event("m-" + std::to_string(i) + "-" + std::to_string(j)));
    REQUIRE(edge.take(events));
  }
  edge.send_to({kith.options()});
  REQUIRE(edge.drained());
  // With backoff alone, of 20 ms at most, there would be many more.
  CHECK(kith.running->stats().quota_refusals <= 20);
  CHECK(kith.running->stats().quota_refusals >= 1);
  const auto found = kith.ids();
  CHECK(std::set<std::string>(found.begin(), found.end()).size() == 80);
}

TEST_CASE("another server takes over, and a credential without the right is told", "[forward]") {
  forwarder edge;
  store stranger({"writer", "token", {}, {}, {}, true, false, false, 0, false});
  auto nobody = stranger.options();
  nobody.port = 1;
  REQUIRE(edge.take({event("m-1")}));
  edge.send_to({nobody, stranger.options()});
  REQUIRE(eventually([&] { return edge.link->status().why.find("right \"forward\"") != std::string::npos; }));
  CHECK_FALSE(edge.link->drain(10s));
  CHECK(stranger.service.batches().empty());
  CHECK(edge.link->status().oldest_ms[1] == 1'700'000'000'001);

  store kith;
  auto wrong = kith.options();
  wrong.ca_file = edge.directory.path + "/none.pem";
  CHECK_FALSE(edge.link->reconfigure(forwarder::link_to({wrong})));
  REQUIRE(edge.link->reconfigure(forwarder::link_to({nobody, kith.options()})));
  REQUIRE(edge.drained());
  CHECK(kith.ids() == std::vector<std::string>{"m-1"});
  CHECK(edge.link->drain(10s));
  CHECK(edge.link->status().connected);
  CHECK(edge.link->status().oldest_ms[1] == 0);
}

TEST_CASE("a batch that the store finds too large is split, an event that is, a dead letter", "[forward]") {
  forwarder edge;
  limits::connection narrow;
  narrow.frame_bytes = 8 * 1024;
  store kith(forwards(), narrow);
  std::vector<json> events;
  for (int i = 0; i < 100; ++i) events.push_back(event("m-" + std::to_string(i)));
  events[50]["properties"] = {{"note", std::string(20'000, 'x')}};
  events.push_back(event("m-last"));
  for (auto& each : events) each["context"] = {{"page", std::string(300, 'p')}};
  REQUIRE(edge.take(events));
  edge.send_to({kith.options()});
  REQUIRE(edge.drained());
  const auto letters = edge.dead();
  REQUIRE(letters.size() == 1);
  CHECK(letters[0].code == "too_large");
  CHECK(letters[0].message_id == "m-50");
  const auto found = kith.ids();
  const std::set<std::string> there(found.begin(), found.end());
  CHECK(there.size() == 100);
  CHECK_FALSE(there.contains("m-50"));
}

TEST_CASE("what was not acknowledged when the sender went is sent by the next one", "[forward]") {
  forwarder edge;
  store kith;
  kith.service.hold();
  for (int i = 0; i < 10; ++i) REQUIRE(edge.take({event("m-" + std::to_string(i))}));
  edge.send_to({kith.options()});
  REQUIRE(eventually([&] { return kith.service.held() == 1; }));  // one alone, until it is answered
  edge.link.reset();
  kith.service.release();
  CHECK(edge.spool->status().backlog[1] > 0);
  edge.send_to({kith.options()});
  REQUIRE(edge.drained());
  const auto found = kith.ids();
  CHECK(std::set<std::string>(found.begin(), found.end()).size() == 10);
}
