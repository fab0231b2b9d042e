// One thread of `kith bench` with its connections and its share of the events.
//
// Invariants
//   - `free_` holds exactly the open lanes that have less than `pipeline` requests in flight, so that the next one is
//     found in constant time however many connections there are.
// Thread safety: run() on the worker's thread; `done` is shared; the rest before and after.
#pragma once

#include <utility>
#include <atomic>
#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>
#include <chrono>
#include <deque>
#include <memory>
#include <optional>
#include <random>
#include <string>
#include <vector>

#include "actors/histogram.hpp"
#include "cli/bench_load.hpp"
#include "cli/progress.hpp"
#include "net/client_connection.hpp"
#include "profile/identifier.hpp"

namespace kith::cli {

enum class bench_kind : unsigned char { publish, get, mixed };

/// What all workers together are to do.
struct bench_plan {
  bench_kind what = bench_kind::publish;
  std::uint64_t events = 100'000;
  std::uint64_t profiles = 10'000;
  std::size_t connections = 16;
  std::size_t batch = 128;
  std::size_t pipeline = 1;
  double rate = 0;  ///< 0: as many as go
  double zipf = 0;  ///< 0: uniform
  bool in_turn = false;
  bool now = false;            ///< events of the time when they are sent; else of one that is the same in each run
  bool steady_traits = false;  ///< the same in each event of a profile
  bool two_ids = false;        ///< an event names an anonymousId beside its userId
  bool memory = false;         ///< durability
  std::uint64_t seed = 1;
  std::string id_prefix = "u-";
  std::vector<std::string> fields;  ///< keys of the profiles read; empty: all
  std::string view;                 ///< in place of them; empty: none
  unsigned threads = 1;
};

struct bench_result {
  using time_point = std::chrono::steady_clock::time_point;
  std::uint64_t events = 0;  ///< answered; events or reads
  std::uint64_t applied = 0;
  std::uint64_t duplicate = 0;
  std::uint64_t rejected = 0;
  std::uint64_t found = 0;
  std::uint64_t missing = 0;
  std::uint64_t errors = 0;
  std::string last_error;
  actors::histogram latency;  ///< microseconds a request
  time_point started = time_point::max();
  time_point ended = time_point::min();

  void add(const bench_result& other);
};

class bench_worker {
 public:
  /// `index`: among the plan's threads. `done`: the events of all workers; `bar`: null but for one of them.
  bench_worker(const bench_plan& plan, unsigned index, net::client_options options, std::atomic<std::uint64_t>& done,
               progress* bar);

  /// Opens this worker's connections.
  result<void> connect();
  void run();
  const bench_result& outcome() const noexcept { return result_; }

 private:
  using clock = std::chrono::steady_clock;
  using lane_number = std::uint32_t;
  struct lane {
    std::unique_ptr<net::client_connection> connection;
    std::size_t in_flight = 0;
  };

  void fill();
  bool due(clock::time_point now) const;
  void send(lane_number at);
  void send_publish(lane_number at, std::size_t count, clock::time_point intended);
  void send_get(lane_number at, std::size_t count, clock::time_point intended);
  void count_failure(std::size_t count, const std::string& why);
  void answered(lane_number at, std::size_t count, clock::time_point intended);
  void tick();
  std::uint64_t pick_user(std::uint64_t number);

  const bench_plan& plan_;
  const net::client_options options_;
  const std::uint64_t first_;   ///< number of this worker's first event
  const std::uint64_t events_;  ///< its share
  const std::size_t connections_;
  const double rate_;
  std::atomic<std::uint64_t>& done_;
  progress* const bar_;

  boost::asio::io_context io_{1};
  boost::asio::steady_timer timer_{io_};
  std::vector<lane> lanes_;
  std::deque<lane_number> free_;
  std::mt19937_64 random_;
  event_template event_;
  std::optional<zipf_sampler> zipf_;
  rank_spreader spread_;

  std::string payload_;  ///< buffers that keep their memory
  std::string frame_;
  std::vector<profile::identifier> ids_;
  std::uint64_t issued_ = 0;
  std::uint64_t requests_ = 0;
  std::size_t in_flight_ = 0;  ///< requests
  bench_result result_;
};

}  // namespace kith::cli
