// kith bench: load on pipelined connections, from one thread, latencies by HdrHistogram.
#include <utility>
#include <boost/asio/steady_timer.hpp>
#include <chrono>
#include <cstdio>
#include <nlohmann/json.hpp>
#include <optional>
#include <random>
#include <sys/resource.h>

#include "actors/histogram.hpp"
#include "cli/bench_load.hpp"
#include "cli/command.hpp"
#include "cli/exit_codes.hpp"
#include "cli/progress.hpp"
#include "net/client_connection.hpp"
#include "net/requests.hpp"

namespace kith::cli {

namespace {

using clock = std::chrono::steady_clock;

struct bench_flags {
  client_flags client;
  std::string what = "publish";
  std::uint64_t events = 100'000;
  std::uint64_t profiles = 10'000;
  std::size_t connections = 16;
  std::size_t batch = 128;
  std::size_t pipeline = 1;
  double rate = 0;
  double zipf = 0;
  bool in_turn = false;
  std::string durability = "fsync";
  std::uint64_t seed = 0;
  bool json = false;
};

class bench {
 public:
  bench(const bench_flags& flags, net::client_options options)
      : flags_(flags),
        options_(std::move(options)),
        timer_(io_),
        bar_(flags.events),
        random_(flags.seed != 0 ? flags.seed : std::random_device{}()),
        event_(static_cast<std::uint32_t>(random_())) {
    if (flags.zipf > 0) zipf_.emplace(flags.profiles, flags.zipf);
    publish_.wait_for = flags.durability == "memory" ? actors::durability::memory : actors::durability::fsync;
  }

  int run();

 private:
  using connection = net::client_connection;

  result<void> connect_all();
  void fill();
  bool due(clock::time_point now) const;
  void send(std::size_t at);
  void send_publish(connection& to, std::size_t count, clock::time_point intended);
  void send_get(connection& to, std::size_t count, clock::time_point intended);
  void answered(std::size_t count, clock::time_point intended);
  std::uint64_t pick_user(std::uint64_t number);
  int summary() const;

  const bench_flags& flags_;
  net::client_options options_;
  boost::asio::io_context io_{1};
  boost::asio::steady_timer timer_;
  std::vector<std::unique_ptr<connection>> connections_;
  progress bar_;
  std::mt19937_64 random_;
  event_template event_;
  std::optional<zipf_sampler> zipf_;
  actors::publish_options publish_;

  std::string events_;
  std::string frame_;
  std::size_t next_connection_ = 0;
  std::uint64_t issued_ = 0;  ///< events or reads
  std::uint64_t requests_ = 0;
  std::uint64_t done_ = 0;
  std::uint64_t applied_ = 0;
  std::uint64_t duplicate_ = 0;
  std::uint64_t rejected_ = 0;
  std::uint64_t found_ = 0;
  std::uint64_t missing_ = 0;
  std::uint64_t failed_ = 0;
  std::string failure_;
  actors::histogram latency_;
  clock::time_point started_;
  clock::time_point ended_;
};

std::uint64_t bench::pick_user(std::uint64_t number) {
  if (flags_.in_turn) return number % flags_.profiles;
  if (zipf_) {
    // Neighbouring ranks are spread over the key space, as in real life.
    return ((*zipf_)(random_)*0x9e3779b97f4a7c15ULL) % flags_.profiles;
  }
  return random_() % flags_.profiles;
}

result<void> bench::connect_all() {
  auto tls = net::make_client_context(options_);
  if (!tls) return tl::make_unexpected(tls.error());
  constexpr std::size_t at_once = 64;
  std::size_t open = 0;
  std::size_t asked = 0;
  std::optional<error> failure;
  std::function<void()> more = [&] {
    while (!failure && asked < flags_.connections && asked - open < at_once) {
      ++asked;
      connections_.push_back(std::make_unique<connection>(io_, *tls, options_));
      connections_.back()->connect([&](const result<void>& outcome) {
        if (!outcome) failure = outcome.error();
        ++open;
        more();
      });
    }
  };
  more();
  while (open < flags_.connections && !failure) io_.run_one();
  if (failure) return tl::make_unexpected(*failure);
  return {};
}

bool bench::due(clock::time_point now) const {
  if (issued_ >= flags_.events) return false;
  if (flags_.rate <= 0) return true;
  const auto elapsed = std::chrono::duration<double>(now - started_).count();
  return static_cast<double>(issued_) <= elapsed * flags_.rate;
}

void bench::fill() {
  const auto now = clock::now();
  std::size_t full = 0;
  while (full < connections_.size() && due(now)) {
    const auto at = next_connection_++ % connections_.size();
    if (connections_[at]->in_flight() >= flags_.pipeline) {
      ++full;
    } else {
      full = 0;
      send(at);
    }
  }
}

void bench::send(std::size_t at) {
  const auto count = std::min<std::uint64_t>(flags_.batch, flags_.events - issued_);
  // With a rate, latency counts from when the request should have left: a slow server cannot hide its queue.
  auto intended = clock::now();
  if (flags_.rate > 0) {
    intended = started_ + std::chrono::duration_cast<clock::duration>(
                              std::chrono::duration<double>(static_cast<double>(issued_) / flags_.rate));
  }
  const bool publishes = flags_.what == "publish" || (flags_.what == "mixed" && requests_ % 2 == 0);
  ++requests_;
  if (publishes) {
    send_publish(*connections_[at], count, intended);
  } else {
    send_get(*connections_[at], count, intended);
  }
  issued_ += count;
}

void bench::send_publish(connection& to, std::size_t count, clock::time_point intended) {
  events_.clear();
  for (std::size_t i = 0; i < count; ++i) {
    const auto number = issued_ + i;
    event_.append(events_, number, pick_user(number),
                  1'700'000'000'000 + static_cast<std::int64_t>(number % 604'800'000));
  }
  const auto msgid = to.next_msgid();
  frame_.clear();
  net::write_publish(frame_, msgid, events_, count, publish_);
  to.send(frame_, msgid, [this, count, intended](const net::reply& reply) {
    if (!reply) {
      failed_ += count;
      failure_ = reply.error().message;
    } else if (const auto outcome = net::parse_publish_outcome(*reply)) {
      applied_ += outcome->applied;
      duplicate_ += outcome->duplicate;
      rejected_ += outcome->rejected.size();
    }
    answered(count, intended);
  });
}

void bench::send_get(connection& to, std::size_t count, clock::time_point intended) {
  const auto msgid = to.next_msgid();
  frame_.clear();
  if (count == 1) {
    net::write_get(frame_, msgid, {profile::id_kind::user, {}, bench_user(pick_user(issued_))});
  } else {
    std::vector<profile::identifier> ids(count);
    for (std::size_t i = 0; i < count; ++i) ids[i].value = bench_user(pick_user(issued_ + i));
    net::write_get_many(frame_, msgid, ids);
  }
  to.send(frame_, msgid, [this, count, intended](const net::reply& reply) {
    if (!reply) {
      if (reply.error().code == errc::not_found) {
        ++missing_;
      } else {
        failed_ += count;
        failure_ = reply.error().message;
      }
    } else if (count == 1) {
      ++found_;
    } else {
      profile::msgpack::reader in(*reply);
      for (auto left = in.next().size; left > 0; --left) ++(in.skip().front() == '\xc0' ? missing_ : found_);
    }
    answered(count, intended);
  });
}

void bench::answered(std::size_t count, clock::time_point intended) {
  ended_ = clock::now();
  latency_.record(
      static_cast<std::uint64_t>(std::chrono::duration_cast<std::chrono::microseconds>(ended_ - intended).count()));
  done_ += count;
  bar_.update(done_, done_);
  fill();
}

int bench::run() {
  rlimit files{};
  getrlimit(RLIMIT_NOFILE, &files);
  files.rlim_cur = files.rlim_max;
  setrlimit(RLIMIT_NOFILE, &files);
  if (auto connected = connect_all(); !connected) return report("bench", connected.error());
  started_ = ended_ = clock::now();
  fill();
  std::function<void()> tick = [&] {
    timer_.expires_after(std::chrono::microseconds(200));
    timer_.async_wait([&](const boost::system::error_code&) {
      fill();
      tick();
    });
  };
  if (flags_.rate > 0) tick();
  while (done_ < flags_.events) io_.run_one();
  bar_.finish(done_);
  return summary();
}

int bench::summary() const {
  const auto seconds = std::chrono::duration<double>(ended_ - started_).count();
  nlohmann::json out = {{"what", flags_.what},
                        {"events", done_},
                        {"seconds", seconds},
                        {"events_per_s", static_cast<double>(done_) / seconds},
                        {"applied", applied_},
                        {"duplicate", duplicate_},
                        {"rejected", rejected_},
                        {"errors", failed_},
                        {"connections", flags_.connections},
                        {"batch", flags_.batch},
                        {"pipeline", flags_.pipeline},
                        {"durability", flags_.durability},
                        {"latency_us",
                         {{"p50", latency_.percentile(50)},
                          {"p90", latency_.percentile(90)},
                          {"p99", latency_.percentile(99)},
                          {"p999", latency_.percentile(99.9)},
                          {"max", latency_.max()}}}};
  if (flags_.what != "publish") {
    out["found"] = found_;
    out["missing"] = missing_;
  }
  if (flags_.json) {
    std::puts(out.dump().c_str());
  } else {
    std::printf("%llu events in %.2f s: %.0f/s; applied %llu, duplicate %llu, rejected %llu, errors %llu\n",
                static_cast<unsigned long long>(done_), seconds, static_cast<double>(done_) / seconds,
                static_cast<unsigned long long>(applied_), static_cast<unsigned long long>(duplicate_),
                static_cast<unsigned long long>(rejected_), static_cast<unsigned long long>(failed_));
    if (flags_.what != "publish") {
      std::printf("reads: %llu found, %llu missing\n", static_cast<unsigned long long>(found_),
                  static_cast<unsigned long long>(missing_));
    }
    std::printf("latency of a request, µs: p50 %llu, p90 %llu, p99 %llu, p99.9 %llu, max %llu\n",
                static_cast<unsigned long long>(latency_.percentile(50)),
                static_cast<unsigned long long>(latency_.percentile(90)),
                static_cast<unsigned long long>(latency_.percentile(99)),
                static_cast<unsigned long long>(latency_.percentile(99.9)),
                static_cast<unsigned long long>(latency_.max()));
  }
  if (failed_ > 0)
    std::fprintf(stderr, "kith bench: %llu failed, the last: %s\n", static_cast<unsigned long long>(failed_),
                 failure_.c_str());
  return failed_ > 0 ? exit_unavailable : rejected_ > 0 ? exit_data : exit_ok;
}

}  // namespace

command_body add_bench(CLI::App& app) {
  auto flags = std::make_shared<bench_flags>();
  flags->client.add_to(app);
  app.add_option("WHAT", flags->what, "publish, get or mixed (half of each)")
      ->check(CLI::IsMember({"publish", "get", "mixed"}))
      ->capture_default_str();
  app.add_option("--events", flags->events, "events (or reads) in all")
      ->check(CLI::PositiveNumber)
      ->capture_default_str();
  app.add_option("--profiles", flags->profiles, "profiles they are spread over")
      ->check(CLI::PositiveNumber)
      ->capture_default_str();
  app.add_option("--connections", flags->connections, "connections")
      ->check(CLI::Range(1, 100000))
      ->capture_default_str();
  app.add_option("--batch", flags->batch, "events (or ids) in a request")
      ->check(CLI::Range(1, 65536))
      ->capture_default_str();
  app.add_option("--pipeline", flags->pipeline, "requests in flight, a connection")
      ->check(CLI::Range(1, 65536))
      ->capture_default_str();
  app.add_option("--rate", flags->rate, "events a second offered, over all connections; 0: as many as go");
  app.add_option("--zipf", flags->zipf, "exponent of a Zipf distribution over the profiles; 0: uniform");
  app.add_flag("--in-turn", flags->in_turn, "one profile after the other, instead of at random");
  app.add_option("--durability", flags->durability, "fsync or memory")
      ->check(CLI::IsMember({"fsync", "memory"}))
      ->capture_default_str();
  app.add_option("--seed", flags->seed, "of the random choices; 0: another one each time");
  app.add_flag("--json", flags->json, "print one JSON object");
  return [flags] {
    const auto options = flags->client.options();
    if (!options) return report("bench", options.error());
    return bench(*flags, *options).run();
  };
}

}  // namespace kith::cli
