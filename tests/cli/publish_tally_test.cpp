#include "cli/publish_tally.hpp"

#include "tests/catch.hpp"

using namespace kith;

namespace {

struct recorded {
  std::vector<std::pair<std::uint64_t, std::string>> rejected;
  cli::publish_tally tally;

  explicit recorded(std::size_t publishers)
      : tally(publishers,
              [this](std::uint64_t line, errc, const std::string& message) { rejected.emplace_back(line, message); }) {}
};

actors::publish_outcome outcome(std::uint32_t applied, std::vector<std::uint32_t> refused = {}) {
  actors::publish_outcome made;
  made.applied = applied;
  for (const auto index : refused) made.rejected.push_back({index, errc::invalid_argument, "no"});
  return made;
}

}  // namespace

TEST_CASE("a refused event leads to its line, in whatever order batches are answered") {
  recorded lines(2);
  // Lines 1, 3, 5, … go to publisher 1, the others to 0; batches of two.
  for (std::uint64_t line = 1; line <= 12; ++line) lines.tally.sent(line % 2, line);
  lines.tally.answered(1, 4, 2, outcome(1, {1}));  // lines 9, 11
  lines.tally.answered(1, 0, 2, outcome(1, {0}));  // lines 1, 3
  lines.tally.answered(0, 0, 2, outcome(2));
  lines.tally.answered(1, 2, 2, outcome(0, {0, 1}));  // lines 5, 7
  lines.tally.answered(0, 2, 4, outcome(3, {3}));     // lines 6, 8, 10, 12
  REQUIRE(lines.rejected ==
          std::vector<std::pair<std::uint64_t, std::string>>{{11, "no"}, {1, "no"}, {5, "no"}, {7, "no"}, {12, "no"}});
  const auto counts = lines.tally.so_far();
  REQUIRE(counts.events == 12);
  REQUIRE(counts.applied == 7);
  REQUIRE(counts.rejected == 5);
  REQUIRE(counts.done() == 12);
  REQUIRE_FALSE(lines.tally.failure());
}

TEST_CASE("a line that is no event is a rejected one") {
  recorded lines(1);
  lines.tally.refused(4, {errc::invalid_argument, "not JSON"});
  REQUIRE(lines.rejected.front() == std::pair<std::uint64_t, std::string>{4, "not JSON"});
  REQUIRE(lines.tally.so_far().events == 1);
  REQUIRE(lines.tally.so_far().rejected == 1);
}

TEST_CASE("a batch that is refused as a whole rejects its lines; one that is lost fails") {
  recorded lines(1);
  for (std::uint64_t line = 1; line <= 4; ++line) lines.tally.sent(0, line);
  lines.tally.answered(0, 0, 2, fail(errc::too_large, "too large"));
  REQUIRE_FALSE(lines.tally.failure());
  REQUIRE(lines.rejected.size() == 2);
  lines.tally.answered(0, 2, 2, fail(errc::unavailable, "gone"));
  REQUIRE(lines.tally.failure()->message == "gone");
  REQUIRE(lines.tally.so_far().failed == 2);
}
