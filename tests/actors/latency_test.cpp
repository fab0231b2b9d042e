// Latencies: what was recorded in between, and that a look at all of them misses none.
#include "actors/latency.hpp"

#include <atomic>
#include <memory>
#include <thread>

#include "tests/catch.hpp"

using namespace kith::actors;
using namespace std::chrono_literals;

TEST_CASE("what a histogram recorded since a copy of it was made is told apart") {
  const auto all = std::make_unique<histogram>();
  for (std::uint64_t i = 1; i <= 1000; ++i) all->record(i * 1000);
  const auto before = std::make_unique<histogram>(*all);
  CHECK(all->since(*before).count() == 0);
  CHECK(all->since(*before).percentile(99) == 0);
  for (std::uint64_t i = 1; i <= 100; ++i) all->record(i);
  const auto fresh = std::make_unique<histogram>(all->since(*before));
  CHECK(fresh->count() == 100);
  CHECK(fresh->percentile(50) == 50);
  CHECK(fresh->percentile(99) == 99);
  CHECK(fresh->max() == 100);
  CHECK(fresh->min() == 1);
  CHECK(fresh->mean() == 50.5);
}

TEST_CASE("who looks at all latencies while slices begin sees each sample once") {
  latency_recorder recorder(1);
  constexpr std::uint64_t samples = 2000;
  std::atomic<bool> done{false};
  std::thread rotating([&] {
    while (!done) recorder.rotate({});
  });
  std::uint64_t seen = 0;
  bool shrank = false;
  for (std::uint64_t i = 0; i < samples; ++i) {
    recorder.record(0, stage::read, 5us);
    const auto now = recorder.snapshot(stage::read, window::ever, {}).count();
    shrank = shrank || now < seen || now != i + 1;
    seen = now;
  }
  done = true;
  rotating.join();
  CHECK_FALSE(shrank);
}
