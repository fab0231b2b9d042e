// The last hour of a segment's members, counted on a service that answers on command.
#include "admin/member_history.hpp"

#include "admin/routes.hpp"
#include "tests/admin/support/house.hpp"

using namespace kith;
using namespace kith::tests;
using profile::segments::definition_kind;

namespace {

constexpr std::int64_t second_ms = 1000;
constexpr std::int64_t begin_ms = 1'714'557'600'000;

void define(kith::test::fake_service& service, const std::vector<std::string>& names) {
  std::vector<profile::segments::definition> all;
  for (const auto& name : names) {
    all.emplace_back();
    all.back().kind = definition_kind::segment;
    all.back().name = name;
    all.back().expression = "true";
  }
  REQUIRE(service.define(profile::segments::catalog::make(std::move(all)).value()));
}

void put(kith::test::fake_service& service, const std::string& segment, std::size_t members) {
  service.put_members(segment, std::vector<persistence::members_page::item>(members));
}

std::vector<std::uint64_t> seen(const admin::member_history& of, std::int64_t since_ms = 0) {
  std::vector<std::uint64_t> made;
  for (const auto& each : of.of("loyal", since_ms)) made.push_back(each.members);
  return made;
}

}  // namespace

TEST_CASE("members are counted every ten seconds while somebody looks, and each minute else") {
  kith::test::fake_service service;
  define(service, {"loyal"});
  admin::member_history counts(service);
  const auto at = [&](std::int64_t seconds, std::size_t members) {
    put(service, "loyal", members);
    counts.look(begin_ms + seconds * second_ms);
  };
  at(0, 1);
  at(59, 2);
  CHECK(seen(counts) == std::vector<std::uint64_t>{1});
  at(60, 3);
  counts.noticed(begin_ms + 61 * second_ms);
  at(69, 4);
  at(70, 5);
  at(80, 6);
  CHECK(seen(counts) == std::vector<std::uint64_t>{1, 3, 5, 6});
  CHECK(seen(counts, begin_ms + 70 * second_ms) == std::vector<std::uint64_t>{5, 6});
  at(181, 7);  // nobody looks any more
  at(191, 8);
  CHECK(seen(counts).back() == 7);
  CHECK(counts.of("whale", 0).empty());
}

TEST_CASE("an hour of counts is kept, and no more") {
  kith::test::fake_service service;
  define(service, {"loyal"});
  admin::member_history counts(service);
  for (std::int64_t now_ms = begin_ms; now_ms < begin_ms + 7200 * second_ms; now_ms += 10 * second_ms) {
    counts.noticed(now_ms);
    counts.look(now_ms);
  }
  const auto kept = counts.of("loyal", 0);
  CHECK(kept.size() == 360);
  CHECK(kept.front().at_ms == begin_ms + 3600 * second_ms);
  counts.look(begin_ms);  // the clock went back
  CHECK(counts.of("loyal", 0).size() == 1);
}

TEST_CASE("a segment's counts are told by its name, over ten minutes or an hour") {
  house at;
  define(at.service, {"loyal"});
  const auto ask = [&](const std::string& target) { return at.ask("GET", target, "token-viewer"); };
  REQUIRE(at.ask("POST", "/v1/segments", "token-admin", R"({"name": "loyal", "expression": "true"})").status == 201);
  put(at.service, "loyal", 3);
  at.routes.count_members();
  for (const auto* target : {"/v1/segments/loyal/counts", "/v1/segments/loyal/counts?over=10m"}) {
    const auto told = json::parse(ask(target).body);
    CHECK(told["name"] == "loyal");
    REQUIRE(told["points"].size() == 1);
    CHECK(told["points"][0]["members"] == 3);
    CHECK(told["points"][0]["t"].is_number_integer());
  }
  CHECK(ask("/v1/segments/loyal/counts?over=2h").status == 400);
  CHECK(ask("/v1/segments/loyal/counts?since=1").status == 400);
  CHECK(ask("/v1/segments/whale/counts").status == 404);
}
