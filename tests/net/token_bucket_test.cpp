#include "net/token_bucket.hpp"

#include "tests/catch.hpp"

using namespace std::chrono_literals;

TEST_CASE("a bucket grants a second's worth at once, then its rate") {
  kith::net::token_bucket bucket(100);
  auto now = kith::net::token_bucket::time_point{} + 1h;
  REQUIRE(bucket.take(100, now) == 0);
  const auto wait = bucket.take(10, now);
  REQUIRE(wait == 100);
  REQUIRE(bucket.take(10, now + 99ms) > 0);
  REQUIRE(bucket.take(10, now + 100ms) == 0);
  REQUIRE(bucket.take(1, now + 100ms) == 10);
}

TEST_CASE("more than a second's worth is granted from a full bucket and paid back") {
  kith::net::token_bucket bucket(100);
  auto now = kith::net::token_bucket::time_point{} + 1h;
  REQUIRE(bucket.take(300, now) == 0);
  REQUIRE(bucket.take(1, now) == 2010);
  REQUIRE(bucket.take(1, now + 2010ms) == 0);
}

TEST_CASE("no rate grants everything") {
  kith::net::token_bucket bucket(0);
  REQUIRE(bucket.take(1e12, {}) == 0);
}
