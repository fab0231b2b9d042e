// The load of `kith bench`, for Redis: the same events, the same choice of profiles, the same JSON as the result.
//
// One event is one EVALSHA of one of the scripts below. A group of --pipeline commands is sent on each connection at
// once, and the next group when all of it was answered; a command's latency ends with its own reply, so that Redis is
// not charged for the rest of the group.
#include <utility>
#include <CLI/CLI.hpp>
#include <boost/asio/connect.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/steady_timer.hpp>
#include <chrono>
#include <cstdio>
#include <functional>
#include <memory>
#include <nlohmann/json.hpp>
#include <optional>
#include <poll.h>
#include <random>
#include <sys/resource.h>
#include <vector>

#include "actors/clock.hpp"
#include "actors/histogram.hpp"
#include "benchmarks/redis/resp.hpp"
#include "cli/bench_load.hpp"
#include "net/tls_stream.hpp"

namespace {

using namespace kith;
using benchmarks::reply_finder;
using benchmarks::write_command;
using clock_type = std::chrono::steady_clock;
using tcp = boost::asio::ip::tcp;

// The dedup key, three last-writer-wins fields with their times, three counters: nine fields in the profile's hash.
constexpr std::string_view publish_script = R"lua(
if not redis.call('SET', KEYS[2], '1', 'NX', 'EX', 604800) then return 0 end
local at = redis.call('HMGET', KEYS[1], 'plan_at', 'country_at', 'score_at')
local now = tonumber(ARGV[1])
local set = {}
if not at[1] or now >= tonumber(at[1]) then set[1] = 'plan' set[2] = ARGV[2] set[3] = 'plan_at' set[4] = ARGV[1] end
if not at[2] or now >= tonumber(at[2]) then
  set[#set + 1] = 'country' set[#set + 1] = ARGV[3] set[#set + 1] = 'country_at' set[#set + 1] = ARGV[1]
end
if not at[3] or now >= tonumber(at[3]) then
  set[#set + 1] = 'score' set[#set + 1] = ARGV[4] set[#set + 1] = 'score_at' set[#set + 1] = ARGV[1]
end
if #set > 0 then redis.call('HSET', KEYS[1], unpack(set)) end
redis.call('HINCRBY', KEYS[1], 'count', 1)
redis.call('HINCRBY', KEYS[1], 'quantity', ARGV[5])
redis.call('HINCRBY', KEYS[1], 'cents', ARGV[6])
return 1
)lua";

// Ten windowed segments, the same as those of benchmarks/segments: days, then how many events make a member. The dedup
// key, the user's events by time without those that left the longest window, a count for each of the five windows; the
// memberships as ten characters, and the users in each segment as a set, touched only by who enters or leaves.
constexpr std::string_view segments_script = R"lua(
if not redis.call('SET', KEYS[2], '1', 'NX', 'EX', 604800) then return 0 end
local day = 86400000
local wanted = {1, {2, 5}, 7, {3, 8}, 14, {4, 10}, 30, {5, 12}, 90, {6, 15}}
local now = tonumber(ARGV[1])
local events, memberships = KEYS[1] .. ':events', KEYS[1] .. ':in'
redis.call('ZADD', events, ARGV[1], KEYS[2])
redis.call('ZREMRANGEBYSCORE', events, '-inf', string.format('%.0f', now - 90 * day))
local before = redis.call('GET', memberships) or '0000000000'
local after = {}
for i = 1, #wanted, 2 do
  local count = redis.call('ZCOUNT', events, string.format('(%.0f', now - wanted[i] * day), '+inf')
  for _, least in ipairs(wanted[i + 1]) do after[#after + 1] = count >= least and '1' or '0' end
end
local joined = table.concat(after)
if joined == before then return 1 end
redis.call('SET', memberships, joined)
for i = 1, #after do
  if after[i] ~= before:sub(i, i) then redis.call(after[i] == '1' and 'SADD' or 'SREM', 'segment:' .. i, KEYS[1]) end
end
return 1
)lua";

struct bench_flags {
  std::string what = "publish";
  std::string script = "profile";
  std::string host = "127.0.0.1";
  unsigned short port = 6379;
  std::string ca;
  std::uint64_t events = 100'000;
  std::uint64_t profiles = 10'000;
  std::size_t connections = 16;
  std::size_t pipeline = 1;
  double rate = 0;
  double zipf = 0;
  bool in_turn = false;
  std::uint64_t seed = 0;
  bool json = false;
};

[[noreturn]] void die(const std::string& why) {
  std::fprintf(stderr, "redis_bench: %s\n", why.c_str());
  std::exit(69);
}

/// One TLS connection. Thread safety: none. Errors end the program: a benchmark that lost a connection is void.
class connection {
 public:
  using replied = std::function<void(const reply_finder::reply&)>;

  connection(tcp::socket socket, std::shared_ptr<net::tls_context> tls, const std::string& host)
      : stream_(std::move(socket), std::move(tls), net::tls_role::client, host) {}

  void handshake() {
    for (;;) {
      const auto step = stream_.handshake();
      if (step.is == net::tls_step::kind::done) break;
      if (step.is == net::tls_step::kind::failed || step.is == net::tls_step::kind::closed) die(stream_.failure());
      pollfd waits{stream_.socket().native_handle(),
                   static_cast<short>(step.is == net::tls_step::kind::want_read ? POLLIN : POLLOUT), 0};
      ::poll(&waits, 1, -1);
      stream_.readable();
    }
  }
  void start(replied done) {
    done_ = std::move(done);
    read();
  }

  std::string& outbound() { return out_; }
  void flush() {
    if (writing_) return;
    while (sent_ < out_.size()) {
      const auto step = stream_.write(out_.data() + sent_, out_.size() - sent_);
      if (step.is == net::tls_step::kind::done) {
        sent_ += step.bytes;
      } else if (step.is == net::tls_step::kind::want_write) {
        writing_ = true;
        stream_.socket().async_wait(tcp::socket::wait_write, [this](const boost::system::error_code&) {
          writing_ = false;
          flush();
        });
        return;
      } else {
        die("write: " + stream_.failure());
      }
    }
    out_.clear();
    sent_ = 0;
  }

  std::size_t in_flight = 0;
  clock_type::time_point intended;  ///< when the group in flight should have left

 private:
  void read() {
    for (;;) {
      const auto used = in_.size();
      in_.resize(used + read_bytes);
      const auto step = stream_.read(in_.data() + used, read_bytes);
      in_.resize(used + (step.is == net::tls_step::kind::done ? step.bytes : 0));
      if (step.is == net::tls_step::kind::want_read) break;
      if (step.is != net::tls_step::kind::done) die("read: " + stream_.failure());
      in_.erase(0, finder_.feed(in_, done_));
    }
    stream_.socket().async_wait(tcp::socket::wait_read, [this](const boost::system::error_code& ec) {
      if (ec) return;
      stream_.readable();
      read();
    });
  }

  static constexpr std::size_t read_bytes = 64 * 1024;
  net::tls_stream stream_;
  std::string out_;
  std::size_t sent_ = 0;
  bool writing_ = false;
  std::string in_;
  reply_finder finder_;
  replied done_;
};

class bench {
 public:
  explicit bench(const bench_flags& flags)
      : flags_(flags),
        timer_(io_),
        random_(flags.seed != 0 ? flags.seed : std::random_device{}()),
        run_(static_cast<std::uint32_t>(random_())),
        spread_(flags.profiles) {
    if (flags.zipf > 0) zipf_.emplace(flags.profiles, flags.zipf);
  }

  int run();

 private:
  void connect_all();
  void load_script();
  void fill();
  void send(connection& to);
  void write_event(std::string& out);
  void replied(connection& from, const reply_finder::reply& reply);
  std::uint64_t pick_user();
  int summary() const;

  const bench_flags& flags_;
  boost::asio::io_context io_{1};
  boost::asio::steady_timer timer_;
  std::vector<std::unique_ptr<connection>> connections_;
  std::mt19937_64 random_;
  std::uint32_t run_;
  std::optional<cli::zipf_sampler> zipf_;
  cli::rank_spreader spread_;
  std::string sha_;
  std::size_t next_connection_ = 0;
  std::uint64_t issued_ = 0;
  std::uint64_t written_ = 0;
  std::uint64_t done_ = 0;
  std::uint64_t applied_ = 0;
  std::uint64_t duplicate_ = 0;
  std::uint64_t found_ = 0;
  std::uint64_t missing_ = 0;
  std::uint64_t failed_ = 0;
  std::string failure_;
  actors::histogram latency_;
  clock_type::time_point started_;
  clock_type::time_point ended_;
};

std::uint64_t bench::pick_user() {
  if (flags_.in_turn) return written_ % flags_.profiles;
  if (zipf_) return spread_((*zipf_)(random_));
  return random_() % flags_.profiles;
}

void bench::connect_all() {
  const auto tls = net::make_client_context(net::tls_files{{}, {}, flags_.ca}, "");
  if (!tls) die(tls.error().message);
  for (std::size_t i = 0; i < flags_.connections; ++i) {
    tcp::socket socket(io_);
    boost::system::error_code ec;
    socket.connect({boost::asio::ip::make_address(flags_.host), flags_.port}, ec);
    if (ec) die(flags_.host + ":" + std::to_string(flags_.port) + ": " + ec.message());
    socket.set_option(tcp::no_delay(true));
    socket.non_blocking(true);
    connections_.push_back(std::make_unique<connection>(std::move(socket), *tls, flags_.host));
    auto& made = *connections_.back();
    made.handshake();
    made.start([this, &made](const reply_finder::reply& reply) { replied(made, reply); });
  }
}

void bench::load_script() {
  write_command(connections_[0]->outbound(),
                {"SCRIPT", "LOAD", flags_.script == "segments" ? segments_script : publish_script});
  connections_[0]->flush();
  while (sha_.empty()) io_.run_one();
}

void bench::write_event(std::string& out) {
  const auto number = written_;
  const auto user = cli::bench_user(pick_user());
  if (flags_.what == "get") {
    write_command(out, {"HGETALL", user});
  } else {
    char id[40];
    std::snprintf(id, sizeof id, "d:%08x-%011llu", run_, static_cast<unsigned long long>(number));
    if (flags_.script == "segments") {
      write_command(out, {"EVALSHA", sha_, "2", user, id, std::to_string(actors::wall_clock_ms())});
      ++written_;
      return;
    }
    const auto time = std::to_string(1'700'000'000'000 + static_cast<std::int64_t>(number % 604'800'000));
    const char country[] = {static_cast<char>('A' + number % 26), 'E'};
    const auto score = std::to_string(10'000 + number % 256);
    write_command(out, {"EVALSHA", sha_, "2", user, id, time, "gold", {country, 2}, score, "2", "2950"});
  }
  ++written_;
}

void bench::send(connection& to) {
  const auto count = std::min<std::uint64_t>(flags_.pipeline, flags_.events - issued_);
  to.intended = clock_type::now();
  if (flags_.rate > 0) {
    to.intended = started_ + std::chrono::duration_cast<clock_type::duration>(
                                 std::chrono::duration<double>(static_cast<double>(issued_) / flags_.rate));
  }
  for (std::uint64_t i = 0; i < count; ++i) write_event(to.outbound());
  issued_ += count;
  to.in_flight = count;
  to.flush();
}

void bench::fill() {
  const auto elapsed = std::chrono::duration<double>(clock_type::now() - started_).count();
  const auto due = [&] {
    return issued_ < flags_.events && (flags_.rate <= 0 || static_cast<double>(issued_) <= elapsed * flags_.rate);
  };
  for (std::size_t busy = 0; busy < connections_.size() && due();) {
    auto& to = *connections_[next_connection_++ % connections_.size()];
    if (to.in_flight > 0) {
      ++busy;
    } else {
      busy = 0;
      send(to);
    }
  }
}

void bench::replied(connection& from, const reply_finder::reply& reply) {
  if (sha_.empty()) {
    if (reply.kind != '$') die("SCRIPT LOAD: " + std::string(reply.text));
    sha_ = reply.text;
    return;
  }
  ended_ = clock_type::now();
  latency_.record(static_cast<std::uint64_t>(
      std::chrono::duration_cast<std::chrono::microseconds>(ended_ - from.intended).count()));
  if (reply.kind == '-') {
    ++failed_;
    failure_ = reply.text;
  } else if (flags_.what == "get") {
    ++(reply.number > 0 ? found_ : missing_);
  } else {
    ++(reply.number == 1 ? applied_ : duplicate_);
  }
  ++done_;
  if (--from.in_flight == 0) fill();
}

int bench::run() {
  rlimit files{};
  getrlimit(RLIMIT_NOFILE, &files);
  files.rlim_cur = files.rlim_max;
  setrlimit(RLIMIT_NOFILE, &files);
  connect_all();
  load_script();
  started_ = ended_ = clock_type::now();
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
                        {"rejected", 0},
                        {"errors", failed_},
                        {"connections", flags_.connections},
                        {"batch", 1},
                        {"pipeline", flags_.pipeline},
                        {"latency_us",
                         {{"p50", latency_.percentile(50)},
                          {"p90", latency_.percentile(90)},
                          {"p99", latency_.percentile(99)},
                          {"p999", latency_.percentile(99.9)},
                          {"max", latency_.max()}}}};
  if (flags_.what == "get") {
    out["found"] = found_;
    out["missing"] = missing_;
  }
  if (flags_.json) {
    std::puts(out.dump().c_str());
  } else {
    std::printf("%llu in %.2f s: %.0f/s; p50 %llu, p99 %llu us\n", static_cast<unsigned long long>(done_), seconds,
                static_cast<double>(done_) / seconds, static_cast<unsigned long long>(latency_.percentile(50)),
                static_cast<unsigned long long>(latency_.percentile(99)));
  }
  if (failed_ > 0) {
    std::fprintf(stderr, "redis_bench: %llu errors, the last: %s\n", static_cast<unsigned long long>(failed_),
                 failure_.c_str());
  }
  return failed_ > 0 ? 69 : 0;
}

}  // namespace

int main(int argc, char** argv) {
  bench_flags flags;
  CLI::App app{"The load of kith bench, for Redis"};
  app.add_option("WHAT", flags.what, "publish or get")->check(CLI::IsMember({"publish", "get"}));
  app.add_option("--script", flags.script, "what an event does: traits and counters of a profile, or ten segments")
      ->check(CLI::IsMember({"profile", "segments"}));
  app.add_option("--host", flags.host, "an IP address");
  app.add_option("--port", flags.port, "its TLS port");
  app.add_option("--ca", flags.ca, "PEM file")->required();
  app.add_option("--events", flags.events, "events (or reads) in all")->check(CLI::PositiveNumber);
  app.add_option("--profiles", flags.profiles, "profiles they are spread over")->check(CLI::PositiveNumber);
  app.add_option("--connections", flags.connections, "connections")->check(CLI::Range(1, 100000));
  app.add_option("--pipeline", flags.pipeline, "commands sent at once, a connection")->check(CLI::Range(1, 65536));
  app.add_option("--rate", flags.rate, "events a second offered, over all connections; 0: as many as go");
  app.add_option("--zipf", flags.zipf, "exponent of a Zipf distribution over the profiles; 0: uniform");
  app.add_flag("--in-turn", flags.in_turn, "one profile after the other, instead of at random");
  app.add_option("--seed", flags.seed, "of the random choices; 0: another one each time");
  app.add_flag("--json", flags.json, "print one JSON object");
  CLI11_PARSE(app, argc, argv);
  return bench(flags).run();
}
