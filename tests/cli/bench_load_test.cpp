#include "cli/bench_load.hpp"

#include <map>
#include <set>
#include <vector>

#include "profile/event.hpp"
#include "tests/catch.hpp"

using namespace kith;

namespace {

/// Pearson's statistic of `draws` samples against rank^-s; about one per degree of freedom if they fit.
double chi_squared_per_degree(std::uint64_t n, double s, std::uint64_t draws) {
  std::mt19937_64 random(42);
  cli::zipf_sampler sampler(n, s);
  std::vector<std::uint64_t> seen(n + 1);
  for (std::uint64_t i = 0; i < draws; ++i) {
    const auto rank = sampler(random);
    REQUIRE((rank >= 1 && rank <= n));
    ++seen[rank];
  }
  double norm = 0;
  for (std::uint64_t rank = 1; rank <= n; ++rank) norm += std::pow(static_cast<double>(rank), -s);
  double sum = 0;
  for (std::uint64_t rank = 1; rank <= n; ++rank) {
    const double expected = static_cast<double>(draws) * std::pow(static_cast<double>(rank), -s) / norm;
    const double off = static_cast<double>(seen[rank]) - expected;
    sum += off * off / expected;
  }
  return sum / static_cast<double>(n - 1);
}

}  // namespace

TEST_CASE("Zipf ranks are distributed as rank^-s") {
  const auto s = GENERATE(0.5, 0.99, 1.0, 1.5, 2.0);
  CAPTURE(s);
  // With 99 degrees of freedom 1.5 is more than three standard deviations off.
  const auto statistic = chi_squared_per_degree(100, s, 200'000);
  REQUIRE(statistic < 1.5);
  REQUIRE(statistic > 0.5);
}

TEST_CASE("the Zipf test would notice another exponent") {
  std::mt19937_64 random(1);
  cli::zipf_sampler sampler(1000, 1.0);
  std::uint64_t firsts = 0;
  constexpr std::uint64_t draws = 100'000;
  for (std::uint64_t i = 0; i < draws; ++i) firsts += sampler(random) == 1 ? 1 : 0;
  // 1 / H(1000) = 13.36 %
  REQUIRE(std::abs(static_cast<double>(firsts) / draws - 0.1336) < 0.004);
}

TEST_CASE("one profile leaves no choice") {
  std::mt19937_64 random(1);
  cli::zipf_sampler sampler(1, 1.0);
  for (int i = 0; i < 100; ++i) REQUIRE(sampler(random) == 1);
}

TEST_CASE("each rank has a profile of its own") {
  const auto n = GENERATE(as<std::uint64_t>{}, 1, 2, 3, 10, 617, 1000, 65536);
  const cli::rank_spreader spread(n);
  std::set<std::uint64_t> taken;
  for (std::uint64_t rank = 1; rank <= n; ++rank) {
    REQUIRE(spread(rank) < n);
    taken.insert(spread(rank));
  }
  REQUIRE(taken.size() == n);
}

TEST_CASE("the bench's events are events, each with an id of its own") {
  cli::event_template events(0xabcdef01, "load-");
  std::set<std::string> ids;
  for (const std::uint64_t number : {0ULL, 1ULL, 255ULL, 256ULL, 99'999'999'999ULL}) {
    std::string bytes;
    events.append(bytes, number, number % 7, 1'700'000'000'123 + static_cast<std::int64_t>(number % 1000), number);
    REQUIRE(bytes.size() == events.size());
    REQUIRE(bytes.size() < 220);
    const auto event = profile::parse_event(bytes, {1'800'000'000'000, 0, {}});
    if (!event) FAIL(event.error().message);
    REQUIRE(event->encoded.size() == bytes.size());
    REQUIRE(event->name == "Order Completed");
    REQUIRE(event->type == profile::event_type::track);
    REQUIRE(event->time_ms == 1'700'000'000'123 + static_cast<std::int64_t>(number % 1000));
    std::string user;
    cli::set_bench_user(user, "load-", number % 7);
    REQUIRE(event->user_id == user);
    REQUIRE_FALSE(event->traits.empty());
    ids.insert(std::string(event->message_id));
  }
  REQUIRE(ids.size() == 5);
  REQUIRE(ids.count("abcdef01-00000000255") == 1);
}

TEST_CASE("the bench's events with two ids name an anonymousId that belongs to the userId") {
  cli::event_template events(1, "load-", true);
  std::string bytes;
  events.append(bytes, 12, 7, 1'700'000'000'123, 12);
  const auto event = profile::parse_event(bytes, {1'800'000'000'000, 0, {}});
  if (!event) FAIL(event.error().message);
  REQUIRE(event->encoded.size() == bytes.size());
  REQUIRE(event->user_id == "load-0000000007");
  REQUIRE(event->anonymous_id == "load-0000000007");
}

TEST_CASE("users have names of fixed width") {
  REQUIRE(cli::bench_user(0) == "u-0000000000");
  REQUIRE(cli::bench_user(1234567890) == "u-1234567890");
}
