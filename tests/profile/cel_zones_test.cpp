// Named time zones from TZif bytes.
#include "profile/cel/zone_table.hpp"
#include "tests/catch.hpp"
#include "tests/profile/support/cel.hpp"

using namespace kith::tests;

namespace {

std::string big_endian(std::uint64_t number, int bytes) {
  std::string out;
  for (int i = bytes - 1; i >= 0; --i) out += static_cast<char>(number >> (8 * i) & 0xffU);
  return out;
}

std::string head(std::uint64_t changes, std::uint64_t types, std::uint64_t name_bytes) {
  std::string out = "TZif2" + std::string(15, '\0');
  for (const auto count : {std::uint64_t{0}, std::uint64_t{0}, std::uint64_t{0}, changes, types, name_bytes})
    out += big_endian(count, 4);
  return out;
}

/// One hour east, two from 2009-03-29T01:00:00Z to 2009-10-25T01:00:00Z.
std::string summer_zone() {
  const auto type = [](std::int64_t offset) {
    return big_endian(static_cast<std::uint64_t>(offset), 4) + std::string(2, '\0');
  };
  return head(0, 0, 0) + head(2, 2, 1) + big_endian(1238288400, 8) + big_endian(1256432400, 8) +
         std::string("\x01\x00", 2) + type(3600) + type(7200) + std::string(1, '\0') + "\nCET-1CEST\n";
}

}  // namespace

TEST_CASE("a CEL time zone has the offset of the moment") {
  cel::zone_table zones;
  REQUIRE(zones.add("Europe/Somewhere", summer_zone()));
  CHECK(zones.offset_at("Europe/Somewhere", 0) == 3600);
  CHECK(zones.offset_at("Europe/Somewhere", 1238288399) == 3600);
  CHECK(zones.offset_at("Europe/Somewhere", 1238288400) == 7200);
  CHECK(zones.offset_at("Europe/Somewhere", 1256432399) == 7200);
  CHECK(zones.offset_at("Europe/Somewhere", 1256432400) == 3600);
  CHECK_FALSE(zones.offset_at("Europe/Elsewhere", 0));

  fixed_activation nothing;
  const cel::evaluation with{1000, &zones};
  CHECK(evaluated("timestamp('2009-07-01T10:00:00Z').getHours('Europe/Somewhere')", {}, nothing, with) == "12");
  CHECK(evaluated("timestamp('2009-12-31T23:00:00Z').getFullYear('Europe/Somewhere')", {}, nothing, with) == "2010");
  CHECK_THAT(evaluated("timestamp(0).getHours('Mars')", {}, nothing, with), Contains("no such time zone"));
}

TEST_CASE("a CEL time zone's bytes that end early or lie are refused") {
  const auto whole = summer_zone();
  const auto needed = whole.size() - std::string_view("\nCET-1CEST\n").size();
  cel::zone_table zones;
  for (std::size_t size = 0; size < needed; ++size) CHECK_FALSE(zones.add("x", whole.substr(0, size)));
  CHECK(zones.add("x", whole.substr(0, needed)));
  CHECK_FALSE(zones.add("x", head(0, 0, 0) + head(0xffffffff, 1, 0)));
  CHECK_FALSE(zones.add("x", head(0, 0, 0) + head(0, 0, 0)));
  CHECK(zones.size() == 1);
}
