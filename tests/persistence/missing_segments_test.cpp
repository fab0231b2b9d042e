// Which segments a directory must have, and what is put in the place of those that it has not.
#include "persistence/missing_segments.hpp"

#include "persistence/journal_format.hpp"
#include "persistence/whole_file.hpp"
#include "tests/catch.hpp"
#include "tests/persistence/support/journal_rig.hpp"

using namespace kith;
using namespace kith::persistence;
using namespace kith::tests;

namespace {

using numbers = std::vector<std::uint64_t>;

journal_extent extent(const numbers& present, checkpoint_marks marks = {},
                      std::vector<std::pair<unsigned, journal_position>> fed = {}) {
  journal_extent made{{}, std::move(marks), std::move(fed)};
  for (const auto segment : present) made.present.push_back({format::file_name(0, segment), 0, segment, 100});
  return made;
}

/// The segments that are missing, those first that the snapshots lack.
std::pair<numbers, numbers> missing_in(const journal_extent& journal) {
  numbers lost;
  numbers saved;
  for (const auto& gap : find_missing(journal)) {
    for (auto at = gap.first; at <= gap.last; ++at) (gap.saved ? saved : lost).push_back(at);
  }
  return {lost, saved};
}

using both = std::pair<numbers, numbers>;

}  // namespace

TEST_CASE("without a checkpoint every segment from the first on must be there", "[missing_segments]") {
  CHECK(missing_in(extent({})) == both());
  CHECK(missing_in(extent({1, 2, 3})) == both());
  CHECK(missing_in(extent({2, 3})) == both({1}, {}));
  CHECK(missing_in(extent({1, 4})) == both({2, 3}, {}));
}

TEST_CASE("behind a checkpoint the segments are there from the last deleted one to that behind the last saved",
          "[missing_segments]") {
  const checkpoint_marks marks{{0, {7, 4}}};
  CHECK(missing_in(extent({5, 6, 7, 8}, marks)) == both());
  CHECK(missing_in(extent({3, 4, 5, 6, 7, 8, 9}, marks)) == both());  // the deleting was cut short
  CHECK(missing_in(extent({6, 7, 8}, marks)) == both({}, {5}));
  CHECK(missing_in(extent({9}, marks)) == both({8}, {5, 6, 7}));
  CHECK(missing_in(extent({5, 6, 7}, marks)) == both({8}, {}));
  CHECK(missing_in(extent({3, 5, 6, 7, 8}, marks)) == both({}, {4}));
  CHECK(missing_in(extent({}, marks)) == both({8}, {5, 6, 7}));
}

TEST_CASE("where the history has read, there is a segment", "[missing_segments]") {
  CHECK(missing_in(extent({1, 2}, {}, {{0, {2, 100}}})) == both());
  CHECK(missing_in(extent({1}, {}, {{0, {3, 100}}})) == both({2, 3}, {}));
  CHECK(missing_in(extent({1}, {}, {{1, {2, 100}}})) == both({1, 2}, {}));  // another shard's, which has none
}

TEST_CASE("a checkpoint is read as it was written, one of version 1 too, and a damaged one is told",
          "[missing_segments]") {
  simulated_files disk;
  REQUIRE(disk.make_directory("/data"));
  CHECK(read_checkpoint(disk, "/data").error().code == errc::not_found);
  REQUIRE(write_checkpoint(disk, "/data", {{0, {7, 4}}, {3, {2, 2}}}));
  const auto read = read_checkpoint(disk, "/data");
  REQUIRE(read);
  REQUIRE(read->size() == 2);
  CHECK(read->at(0).saved == 7);
  CHECK(read->at(0).removed == 4);
  CHECK(read->at(3).saved == 2);

  const auto whole = disk.contents("/data/checkpoint");
  for (std::size_t at = 0; at < whole.size(); ++at) {
    auto text = whole;
    text[at] = static_cast<char>(text[at] ^ 1);
    REQUIRE(replace_file(disk, "/data", "checkpoint", text));
    INFO(text);
    CHECK(read_checkpoint(disk, "/data").error().code == errc::internal);
  }
  const auto with_crc = [&](const std::string& body) {
    REQUIRE(replace_file(disk, "/data", "checkpoint", body + "crc " + std::to_string(crc32c(body)) + "\n"));
    return read_checkpoint(disk, "/data");
  };
  const auto first = with_crc("kith checkpoint 1\n0 7\n1 5\n");
  REQUIRE(first);
  CHECK(first->at(0).saved == 7);
  CHECK(first->at(0).removed == 7);
  CHECK(first->at(1).saved == 5);
  CHECK(with_crc("kith checkpoint 3\n0 7\n").error().code == errc::unavailable);
}

TEST_CASE("empty segments take the place of missing ones, and what is left is read in order", "[missing_segments]") {
  simulated_files disk;
  REQUIRE(disk.make_directory(journal_directory));
  journal_options options;
  options.segment_bytes = 40;  // one record each
  {
    outcomes seen(disk);
    const auto journal = open_journal(disk, seen, options);
    for (std::uint64_t tag = 1; tag <= 6; ++tag) {
      append(*journal, {tag});
      REQUIRE(seen.reach(tag));
    }
  }
  const auto name = [](std::uint64_t segment) { return journal_directory + "/" + format::file_name(0, segment); };
  for (const auto segment : {1, 2, 4, 6}) REQUIRE(disk.remove(name(segment)));
  const auto now = [&] { return journal_extent{list_segments(disk, journal_directory).value(), {}, {{0, {7, 40}}}}; };
  CHECK(missing_in(now()) == both({1, 2, 4, 6, 7}, {}));
  REQUIRE(fill_missing(disk, journal_directory, now()));
  CHECK(find_missing(now()).empty());
  CHECK(read_tags(disk) == numbers{3, 5});

  const auto crashed = disk.crash_at(disk.operation_count(), 0);
  CHECK(list_segments(*crashed, journal_directory).value().size() == 7);
  REQUIRE(repair_journal(disk, journal_directory));
  outcomes seen(disk);
  {
    const auto journal = open_journal(disk, seen);
    append(*journal, {8});
    REQUIRE(seen.reach(1));
    CHECK(journal->durable_end().segment == 8);
  }
  CHECK(read_tags(disk) == numbers{3, 5, 8});
}
