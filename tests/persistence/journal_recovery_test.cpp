// What is read back of segments that were cut, flipped, overwritten or lost.
#include <algorithm>
#include <array>
#include <numeric>

#include "persistence/journal_format.hpp"
#include "tests/catch.hpp"
#include "tests/persistence/support/journal_rig.hpp"

using namespace kith;
using namespace kith::persistence;
using namespace kith::tests;

namespace {

std::vector<std::uint64_t> all_but(std::uint64_t last, std::initializer_list<std::uint64_t> missing) {
  std::vector<std::uint64_t> made;
  for (std::uint64_t tag = 1; tag <= last; ++tag) {
    if (std::find(missing.begin(), missing.end(), tag) == missing.end()) made.push_back(tag);
  }
  return made;
}

segment_report scan_one(file_system& files, bool last) {
  auto segment = list_segments(files, journal_directory)->at(0);
  return *read_segment(files, segment, last, 0, [](std::string_view, std::uint64_t) { return true; });
}

std::string flipped(std::string bytes, std::uint64_t at, int bit) {
  bytes[at] = static_cast<char>(static_cast<unsigned char>(bytes[at]) ^ (1U << bit));
  return bytes;
}

std::string quarantined(const simulated_files& disk, const std::string& path, std::uint64_t offset) {
  const auto name = path.substr(path.rfind('/'));
  return disk.contents(journal_directory + "/quarantine" + name + "." + std::to_string(offset));
}

std::string record_of(std::string_view payload, std::uint64_t sequence, std::uint64_t synced) {
  std::string bytes(format::record_head_bytes, '\0');
  format::encode(payload, sequence, synced, bytes.data());
  return bytes.append(payload);
}

/// As an encrypted journal writes it: what it begins with tells that it is encrypted, the rest does not matter here.
std::string sealed_of(std::uint64_t sequence, std::uint64_t synced) {
  return record_of("\x04 of " + std::to_string(sequence), sequence, synced);
}

std::string sealed_segment(std::uint64_t segment, std::uint64_t first) {
  return format::encode(format::segment_head{0, segment, first, format::sealed_version});
}

struct found_records {
  segment_report report;
  std::vector<std::string> payloads;
};

found_records read_all(file_system& files, bool last) {
  found_records found;
  const auto segment = list_segments(files, journal_directory)->at(0);
  auto read = read_segment(files, segment, last, 0, [&](std::string_view payload, std::uint64_t) {
    found.payloads.emplace_back(payload);
    return true;
  });
  REQUIRE(read);
  found.report = std::move(*read);
  return found;
}

}  // namespace

TEST_CASE("a tail torn at any byte of the last record is cut, and all before it stays", "[journal]") {
  const auto made = make_segment(5);
  const auto whole = made.disk->contents(made.path);
  for (auto size = made.ends[3]; size < made.ends[4]; ++size) {
    simulated_files disk;
    disk.put(made.path, whole.substr(0, size));
    const auto reports = repair_journal(disk, journal_directory);
    REQUIRE(reports);
    REQUIRE(reports->size() == 1);
    REQUIRE(reports->front().torn_bytes == size - made.ends[3]);
    REQUIRE(reports->front().damages.empty());
    REQUIRE(reports->front().records == 4);
    REQUIRE(disk.contents(made.path) == whole.substr(0, made.ends[3]));
    REQUIRE(repair_journal(disk, journal_directory)->front().torn_bytes == 0);
    REQUIRE(read_tags(disk) == all_but(4, {}));

    outcomes seen(disk);
    const auto next = open_journal(disk, seen);
    append(*next, {6});
    REQUIRE(seen.reach(1));
    REQUIRE(read_tags(disk) == std::vector<std::uint64_t>{1, 2, 3, 4, 6});
    REQUIRE(scan_journal(disk, journal_directory)->back().first_sequence == 5);
  }
}

TEST_CASE("a segment whose head was never written whole is removed", "[journal]") {
  const auto made = make_segment(1);
  const auto whole = made.disk->contents(made.path);
  for (std::size_t size = 0; size <= format::segment_head_bytes; ++size) {
    simulated_files disk;
    auto torn = whole.substr(0, size);
    if (size == format::segment_head_bytes) torn.assign(size, '\0');
    disk.put(made.path, torn);
    REQUIRE(repair_journal(disk, journal_directory)->front().damages.empty());
    REQUIRE(list_segments(disk, journal_directory)->empty());
    outcomes seen(disk);
    const auto next = open_journal(disk, seen);
    append(*next, {1});
    REQUIRE(seen.reach(1));
    REQUIRE(read_tags(disk) == std::vector<std::uint64_t>{1});
  }
}

TEST_CASE("a flipped bit anywhere in a durable record is damage, and the later records still come", "[journal]") {
  const auto made = make_segment(5);
  const auto whole = made.disk->contents(made.path);
  for (auto at = made.ends[1]; at < made.ends[2]; ++at) {
    simulated_files disk;
    const auto bytes = flipped(whole, at, static_cast<int>(at % 8));
    disk.put(made.path, bytes);
    const auto reports = repair_journal(disk, journal_directory);
    REQUIRE(reports);
    const auto& report = reports->front();
    REQUIRE(report.torn_bytes == 0);
    REQUIRE(report.damages.size() == 1);
    REQUIRE(report.damages[0].offset == made.ends[1]);
    REQUIRE(report.damages[0].bytes == made.ends[2] - made.ends[1]);
    REQUIRE(report.damages[0].what.find("records 3 to 3") != std::string::npos);
    REQUIRE(read_tags(disk) == all_but(5, {3}));
    REQUIRE(disk.contents(made.path) == bytes);
    const auto kept = bytes.substr(made.ends[1], made.ends[2] - made.ends[1]);
    REQUIRE(quarantined(disk, made.path, made.ends[1]) == kept);
    // Again: the same report, nothing new.
    REQUIRE(repair_journal(disk, journal_directory)->front().damages.size() == 1);
    REQUIRE(disk.list(journal_directory + "/quarantine")->size() == 1);
    REQUIRE(disk.contents(made.path) == bytes);
  }
}

TEST_CASE("in a segment that is not the last, every bad byte is damage", "[journal]") {
  const auto made = make_segment(3);
  const auto whole = made.disk->contents(made.path);
  for (std::uint64_t at = 0; at < whole.size(); ++at) {
    simulated_files disk;
    disk.put(made.path, flipped(whole, at, static_cast<int>(at % 8)));
    const auto report = scan_one(disk, false);
    REQUIRE(report.torn_bytes == 0);
    REQUIRE(report.damages.size() == 1);
    const auto& damage = report.damages[0];
    REQUIRE(damage.offset <= at);
    REQUIRE(at < damage.offset + damage.bytes);
    REQUIRE(report.records == (at < format::segment_head_bytes ? 3U : 2U));
  }
}

TEST_CASE("a damaged head of the last segment costs none of its records", "[journal]") {
  const auto made = make_segment(4);
  for (std::uint64_t at = 0; at < format::segment_head_bytes; ++at) {
    simulated_files disk;
    disk.put(made.path, flipped(made.disk->contents(made.path), at, 5));
    const auto reports = repair_journal(disk, journal_directory);
    REQUIRE(reports);
    REQUIRE(reports->front().damages.size() == 1);
    REQUIRE(reports->front().torn_bytes == 0);
    REQUIRE(read_tags(disk) == all_but(4, {}));
    outcomes seen(disk);
    open_journal(disk, seen).reset();
    REQUIRE(scan_journal(disk, journal_directory)->back().first_sequence == 5);
  }
}

TEST_CASE("records lost between two others are damage though every byte is sound", "[journal]") {
  const auto made = make_segment(5);
  simulated_files disk;
  auto bytes = made.disk->contents(made.path);
  bytes.erase(made.ends[1], made.ends[3] - made.ends[1]);
  disk.put(made.path, bytes);
  const auto report = scan_one(disk, true);
  REQUIRE(report.damages.size() == 1);
  CHECK(report.damages[0].what.find("records 3 to 4") != std::string::npos);
  CHECK(read_tags(disk) == all_but(5, {3, 4}));
}

TEST_CASE("records lost from a segment's end or with a whole segment are damage", "[journal]") {
  simulated_files disk;
  REQUIRE(disk.make_directory(journal_directory));
  outcomes seen(disk);
  {
    const auto journal = open_journal(disk, seen, {format::segment_head_bytes + 1, 1});
    for (std::uint64_t tag = 1; tag <= 5; ++tag) append(*journal, {tag});
    REQUIRE(seen.reach(5));
  }
  const auto segments = *list_segments(disk, journal_directory);
  REQUIRE(segments.size() == 5);
  REQUIRE(disk.remove(segments[2].path));
  auto reports = *scan_journal(disk, journal_directory);
  REQUIRE(reports.size() == 4);
  REQUIRE(reports[1].damages.size() == 1);
  CHECK(reports[1].damages[0].what == "records 3 to 3 are missing behind its end");
  CHECK(reports[1].damages[0].offset == segments[1].bytes);
  REQUIRE(repair_journal(disk, journal_directory));
  CHECK_FALSE(*disk.exists(journal_directory + "/quarantine"));  // there is nothing to keep
}

TEST_CASE("two damaged ranges are two findings", "[journal]") {
  const auto made = make_segment(6);
  simulated_files disk;
  disk.put(made.path, flipped(flipped(made.disk->contents(made.path), made.ends[0] + 9, 1), made.ends[3] + 9, 1));
  CHECK(repair_journal(disk, journal_directory)->front().damages.size() == 2);
  CHECK(disk.list(journal_directory + "/quarantine")->size() == 2);
  CHECK(read_tags(disk) == all_but(6, {2, 5}));
}

TEST_CASE("a hole in a write that was never synced is torn, not damage", "[journal]") {
  // Two records of one write: neither knows that the other was durable.
  simulated_files disk;
  REQUIRE(disk.make_directory(journal_directory));
  outcomes seen(disk);
  {
    const auto journal = open_journal(disk, seen);
    append(*journal, {1});
    REQUIRE(seen.reach(1));
    append(*journal, {2, 3});
    REQUIRE(seen.reach(3));
  }
  const auto segment = list_segments(disk, journal_directory)->at(0);
  const auto third = format::record_head_bytes + payload_of(3).size();
  const auto second = format::record_head_bytes + payload_of(2).size();
  auto bytes = disk.contents(segment.path);
  bytes.replace(bytes.size() - third - second, second, std::string(second, '\0'));
  disk.put(segment.path, bytes);
  const auto report = scan_one(disk, true);
  CHECK(report.damages.empty());
  CHECK(report.torn_bytes == second + third);
  CHECK(report.last_sequence == 1);
}

TEST_CASE("a segment of another format version is refused, not taken for damage", "[journal]") {
  const auto made = make_segment(2);
  auto bytes = made.disk->contents(made.path);
  bytes[7] = '3';
  format::put<std::uint32_t>(bytes.data() + 12, 0);
  format::put<std::uint32_t>(bytes.data() + 12, crc32c(std::string_view(bytes).substr(0, format::segment_head_bytes)));
  simulated_files disk;
  disk.put(made.path, bytes);
  const auto repaired = repair_journal(disk, journal_directory);
  REQUIRE_FALSE(repaired);
  CHECK(repaired.error().code == errc::unavailable);
  CHECK(repaired.error().message.find("format version 3") != std::string::npos);
  CHECK(disk.contents(made.path) == bytes);
}

TEST_CASE("files of other names are nobody's segments", "[journal]") {
  simulated_files disk;
  for (const auto* name : {"journal-1-2.log", "journal-000-000000000001.log.unfinished", "x", "journal-000-x.log"}) {
    disk.put(journal_directory + "/" + name, "x");
  }
  CHECK(list_segments(disk, journal_directory)->empty());
  CHECK(list_segments(disk, "/nowhere").error().code == errc::not_found);
}

TEST_CASE("a copy to quarantine that was cut short is made anew", "[journal]") {
  const auto made = make_segment(4);
  const auto bytes = flipped(made.disk->contents(made.path), made.ends[1] + 3, 2);
  simulated_files clean;
  clean.put(made.path, bytes);
  REQUIRE(repair_journal(clean, journal_directory));
  for (std::size_t n = 0; n <= clean.operation_count(); ++n) {
    for (std::uint64_t seed = 0; seed < 6; ++seed) {
      const auto disk = clean.crash_at(n, seed);
      if (n < 2) continue;  // before the segment is there
      REQUIRE(repair_journal(*disk, journal_directory)->front().damages.size() == 1);
      REQUIRE(quarantined(*disk, made.path, made.ends[1]) == bytes.substr(made.ends[1], made.ends[2] - made.ends[1]));
      REQUIRE(read_tags(*disk) == all_but(4, {3}));
      REQUIRE(disk->contents(made.path) == bytes);
    }
  }
}

TEST_CASE("a torn tail behind damage is not cut, since it may prove the damage", "[journal]") {
  simulated_files disk;
  REQUIRE(disk.make_directory(journal_directory));
  outcomes seen(disk);
  {
    const auto journal = open_journal(disk, seen);
    append(*journal, {1});
    REQUIRE(seen.reach(1));
    append(*journal, {2});
    REQUIRE(seen.reach(2));
    append(*journal, {3, 4});
    REQUIRE(seen.reach(4));
  }
  const auto segment = list_segments(disk, journal_directory)->at(0);
  const auto fourth = format::record_head_bytes + payload_of(4).size();
  const auto third = format::record_head_bytes + payload_of(3).size();
  auto bytes = flipped(disk.contents(segment.path), format::segment_head_bytes + 9, 0);
  bytes.replace(bytes.size() - fourth - third, third, std::string(third, '\0'));
  disk.put(segment.path, bytes);
  for (int i = 0; i < 3; ++i) {
    const auto report = repair_journal(disk, journal_directory)->front();
    REQUIRE(report.damages.size() == 1);
    REQUIRE(report.torn_bytes == third + fourth);
    REQUIRE(read_tags(disk) == std::vector<std::uint64_t>{2});
    REQUIRE(disk.contents(segment.path) == bytes);
  }
}

TEST_CASE("a plain record that was slipped into an encrypted segment is damage, and all others come", "[journal]") {
  // The second and the third were written together, so that nothing proves the second but the fourth.
  const std::vector<std::string> ours = {sealed_of(1, 0), sealed_of(2, 1), sealed_of(3, 1), sealed_of(4, 3)};
  const auto path = journal_directory + "/" + format::file_name(0, 1);
  for (const bool last : {true, false}) {
    for (std::size_t place = 0; place <= ours.size(); ++place) {
      for (const bool replaces : {true, false}) {
        if (replaces && place == ours.size()) continue;
        INFO("at " << place << (replaces ? ", in its place" : ", before it") << (last ? ", last" : ""));
        const auto slipped_in = record_of("\x01 of nobody", place + 1, place);
        auto bytes = sealed_segment(1, 1);
        std::size_t offset = 0;
        std::vector<std::string> expected;
        for (std::size_t i = 0; i <= ours.size(); ++i) {
          if (i == place) {
            offset = bytes.size();
            bytes += slipped_in;
          }
          if (i == ours.size() || (i == place && replaces)) continue;
          bytes += ours[i];
          expected.push_back(ours[i].substr(format::record_head_bytes));
        }
        simulated_files disk;
        disk.put(path, bytes);
        if (!last) disk.put(journal_directory + "/" + format::file_name(0, 2), sealed_segment(2, 5));
        const auto found = read_all(disk, last);
        CHECK(found.payloads == expected);
        CHECK(found.report.torn_bytes == 0);
        REQUIRE(found.report.damages.size() == 1);
        const auto& damage = found.report.damages[0];
        CHECK(damage.offset == offset);
        CHECK(damage.bytes == slipped_in.size());
        CHECK(damage.what.find("not encrypted") != std::string::npos);
        const bool missed = replaces && place + 1 < ours.size();
        CHECK((damage.what.find("records " + std::to_string(place + 1)) != std::string::npos) == missed);
        // It is kept for whoever looks into it, and a journal goes on behind what was its own.
        REQUIRE(repair_journal(disk, journal_directory));
        CHECK(quarantined(disk, path, offset) == slipped_in);
        CHECK(read_all(disk, last).payloads == expected);
      }
    }
  }
}

TEST_CASE("a plain record in a plain segment is none the worse, and neither is an encrypted one", "[journal]") {
  simulated_files disk;
  disk.put(journal_directory + "/" + format::file_name(0, 1),
           format::encode(format::segment_head{0, 1, 1}) + record_of("\x01 plain", 1, 0) + sealed_of(2, 1));
  const auto found = read_all(disk, true);
  CHECK(found.payloads.size() == 2);
  CHECK(found.report.damages.empty());
}

TEST_CASE("a torn tail of an encrypted segment is no damage", "[journal]") {
  simulated_files disk;
  const auto whole = sealed_segment(1, 1) + sealed_of(1, 0);
  disk.put(journal_directory + "/" + format::file_name(0, 1), whole + sealed_of(2, 1).substr(0, 27));
  const auto found = read_all(disk, true);
  CHECK(found.payloads.size() == 1);
  CHECK(found.report.damages.empty());
  CHECK(found.report.torn_bytes == 27);
}
