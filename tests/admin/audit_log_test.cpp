#include "admin/audit_log.hpp"

#include <algorithm>
#include <thread>

#include "admin/audit_check.hpp"
#include "persistence/simulated_files.hpp"
#include "tests/catch.hpp"

using namespace kith;
using nlohmann::json;
using persistence::simulated_files;

namespace {

const std::string directory = "/data/audit";

/// A log on a disk in memory, with a clock that a test moves.
struct archive {
  simulated_files files;
  std::int64_t now_ms = 1'714'557'600'000;
  std::uint64_t file_bytes = 8 * 1024 * 1024;
  std::vector<std::string> told;

  std::unique_ptr<admin::audit_log> open_on(simulated_files& on) {
    admin::audit_options options;
    options.file_bytes = file_bytes;
    options.now_ms = [this] { return now_ms; };
    options.log = [this](std::string_view level, std::string_view message) {
      told.push_back(std::string(level) + ": " + std::string(message));
    };
    return admin::audit_log::open(on, directory, options).value();
  }
  std::unique_ptr<admin::audit_log> open() { return open_on(files); }
  /// Some records, and the log closed behind them.
  void write(int records) {
    const auto log = open();
    for (int i = 0; i < records; ++i) REQUIRE(log->append({{"method", "PUT"}, {"n", i}}));
  }
  std::string file(int number) const { return directory + "/audit-00000" + std::to_string(number) + ".log"; }
  admin::audit_report check(admin::audit_check_options options = {}) {
    return admin::check_audit_log(files, directory, options).value();
  }
};

std::vector<std::uint64_t> sequences(const admin::audit_page& page) {
  std::vector<std::uint64_t> made;
  for (const auto& each : page.records) made.push_back(each.at("sequence").get<std::uint64_t>());
  return made;
}

/// The lines of a file, exchanged by `change`.
template <class Change>
void change_lines(simulated_files& files, const std::string& path, Change change) {
  std::vector<std::string> lines;
  std::string text = files.contents(path);
  for (auto end = text.find('\n'); end != std::string::npos; end = text.find('\n')) {
    lines.push_back(text.substr(0, end + 1));
    text.erase(0, end + 1);
  }
  change(lines);
  std::string made;
  for (const auto& each : lines) made += each;
  files.put(path, made);
}

}  // namespace

TEST_CASE("records are chained, and go on where they ended") {
  archive at;
  at.write(3);
  at.now_ms += 1000;
  const auto log = at.open();
  const auto added = log->append({{"method", "DELETE"}}).value();
  REQUIRE(added.sequence == 4);
  REQUIRE(log->head() == added);
  const auto page = log->list({}).value();
  REQUIRE(sequences(page) == std::vector<std::uint64_t>{4, 3, 2, 1});
  REQUIRE(page.next == 0);
  REQUIRE(page.records[0]["prev"] == page.records[1]["hash"]);
  REQUIRE(page.records[3]["prev"] == std::string(64, '0'));
  REQUIRE(page.records[0]["time"] == "2024-05-01T10:00:01.000Z");
  REQUIRE(at.check().sound());
  REQUIRE(at.check().last == added);
  REQUIRE(at.told.empty());
}

TEST_CASE("pages of the audit log hold each record once, in both orders, over several files") {
  archive at;
  at.file_bytes = 600;
  at.write(40);
  const auto log = at.open();
  REQUIRE(at.check().files > admin::audit_log::files_a_page);
  for (const bool newest_first : {true, false}) {
    CAPTURE(newest_first);
    std::vector<std::uint64_t> seen;
    admin::audit_query query;
    query.newest_first = newest_first;
    query.limit = 3;
    query.wanted = [](const json& record) { return record.at("n") != 7; };
    int pages = 0;
    do {
      const auto page = log->list(query).value();
      for (const auto each : sequences(page)) seen.push_back(each);
      query.behind = page.next;
      REQUIRE(++pages < 60);
    } while (query.behind != 0);
    std::vector<std::uint64_t> all;
    for (std::uint64_t i = 1; i <= 40; ++i) {
      if (i != 8) all.push_back(i);
    }
    if (newest_first) std::reverse(all.begin(), all.end());
    REQUIRE(seen == all);
  }
}

TEST_CASE("verification finds every changed byte") {
  archive at;
  at.write(4);
  const auto text = at.files.contents(at.file(1));
  for (std::size_t i = 0; i + 1 < text.size(); ++i) {
    auto changed = text;
    changed[i] = static_cast<char>(changed[i] ^ 1);
    at.files.put(at.file(1), changed);
    CAPTURE(i, changed);
    REQUIRE_FALSE(at.check().sound());
  }
  at.files.put(at.file(1), text);
  REQUIRE(at.check().sound());
}

TEST_CASE("verification finds records that are missing, moved, repeated, exchanged or cut off") {
  archive at;
  at.write(6);
  const auto last = at.check().last;
  const auto found = [&](auto change) {
    const auto before = at.files.contents(at.file(1));
    change_lines(at.files, at.file(1), change);
    const auto report = at.check();
    at.files.put(at.file(1), before);
    REQUIRE_FALSE(report.sound());
    return report.findings[0].what;
  };
  using lines = std::vector<std::string>;
  CHECK(found([](lines& all) { all.erase(all.begin() + 2); }) == "record 3 is missing before it");
  CHECK(found([](lines& all) { all.erase(all.begin(), all.begin() + 2); }) == "records 1 to 2 are missing before it");
  CHECK(found([](lines& all) { std::swap(all[2], all[3]); }) == "record 3 is missing before it");
  CHECK(found([](lines& all) { all.insert(all.begin() + 3, all[2]); }).find("moved or repeated") != std::string::npos);
  // The end: the file `head` knows what was there.
  CHECK(found([](lines& all) { all.pop_back(); }).find("the end is cut off: record 6:") != std::string::npos);
  CHECK(found([](lines& all) { all.clear(); }).find("the end is cut off") != std::string::npos);
  // A record that was written anew with its hash: the next one does not name it.
  CHECK(found([&](lines& all) {
          simulated_files other;
          admin::audit_options options;
          options.now_ms = [] { return 1; };
          const auto forged = admin::audit_log::open(other, directory, options).value();
          REQUIRE(forged->append({{"method", "GET"}}));
          all[0] = other.contents(directory + "/audit-000001.log");
        }).find("does not name the record before it") != std::string::npos);
  REQUIRE(at.check({{}, {last}}).sound());
}

TEST_CASE("a log that was written anew as a whole is found by a head that was noted elsewhere") {
  archive at;
  at.write(3);
  const auto noted = at.check().last;
  archive forged;
  forged.now_ms += 1;
  forged.write(5);
  REQUIRE(forged.check().sound());
  REQUIRE_FALSE(forged.check({{}, {noted}}).sound());
  REQUIRE(admin::parse_audit_place(admin::text_of(noted)) == noted);
  for (const auto* wrong : {"", "3", "3:ab", ":", "x:"}) REQUIRE_FALSE(admin::parse_audit_place(wrong));
}

TEST_CASE("the chain goes on over files, and an archived beginning is said to be so") {
  archive at;
  at.file_bytes = 500;
  at.write(9);
  const auto whole = at.check();
  REQUIRE(whole.files >= 3);
  REQUIRE(whole.records == 9);
  REQUIRE(whole.sound());
  // The first file goes to an archive.
  const auto log = at.open();
  std::uint64_t in_first = 0;
  change_lines(at.files, at.file(1), [&](std::vector<std::string>& all) { in_first = all.size(); });
  const auto records = log->list({{}, 0, false, 100}).value().records;
  const admin::audit_place archived{in_first, records[in_first - 1]["hash"].get<std::string>()};
  REQUIRE(at.files.remove(at.file(1)));
  REQUIRE_FALSE(at.check().sound());
  REQUIRE(at.check({archived, {}}).sound());
  REQUIRE_FALSE(at.check({admin::audit_place{in_first, std::string(64, 'a')}, {}}).sound());
  // And one from the middle is missed.
  REQUIRE(at.files.remove(at.file(2)));
  REQUIRE_FALSE(at.check({archived, {}}).sound());
}

TEST_CASE("a start that finds the end cut off says so for good, and goes on") {
  archive at;
  at.write(4);
  change_lines(at.files, at.file(1), [](auto& all) { all.pop_back(); });
  const auto log = at.open();
  REQUIRE(log->counts().damaged);
  REQUIRE(at.told.size() == 1);
  REQUIRE(at.told[0].find("records 4 to 4 are missing") != std::string::npos);
  REQUIRE(log->append({{"method", "PUT"}}));
  REQUIRE(log->keep_head());
  const auto report = at.check();
  REQUIRE(report.findings.size() == 1);
  REQUIRE(report.findings[0].what.find("the server found damage when it started") != std::string::npos);
}

TEST_CASE("whenever the power is cut, what was acknowledged is there and verifies") {
  archive at;
  at.file_bytes = 400;
  std::vector<std::size_t> acknowledged;  // operations when record i was
  {
    const auto log = at.open();
    std::size_t soon = 0;  // acknowledged, and not promised yet
    for (int i = 0; i < 12; ++i) {
      const auto when = i % 3 == 0 ? admin::fsynced::now : admin::fsynced::soon;
      REQUIRE(log->append({{"n", i}}, when));
      if (i % 5 == 4) REQUIRE(log->keep_head());
      ++soon;
      if (log->head().sequence == static_cast<std::uint64_t>(i) + 1) {
        acknowledged.insert(acknowledged.end(), std::exchange(soon, 0), at.files.operation_count());
      }
    }
    REQUIRE(log->head().sequence == acknowledged.size());
  }
  for (std::size_t cut = 0; cut <= at.files.operation_count(); ++cut) {
    for (std::uint64_t seed = 0; seed < 6; ++seed) {
      CAPTURE(cut, seed);
      const auto left = at.files.crash_at(cut, seed);
      at.told.clear();
      const auto log = at.open_on(*left);
      REQUIRE_FALSE(log->counts().damaged);
      const auto promised = static_cast<std::uint64_t>(
          std::count_if(acknowledged.begin(), acknowledged.end(), [&](auto when) { return when <= cut; }));
      REQUIRE(log->head().sequence >= promised);
      REQUIRE(log->append({{"n", "after"}}));
      REQUIRE(admin::check_audit_log(*left, directory, {})->sound());
    }
  }
}

TEST_CASE("a record that may be fsynced soon is written at once, and fsynced by what comes behind it") {
  archive at;
  const auto log = at.open();
  REQUIRE(log->append({{"n", 1}}));
  const auto calls = at.files.calls();
  REQUIRE(log->append({{"n", 2}}, admin::fsynced::soon));
  CHECK(at.files.calls() == calls + 1);
  CHECK(at.files.contents(at.file(1)).find("\"n\":2") != std::string::npos);
  CHECK(log->list({})->records.size() == 2);
  CHECK(log->counts().records == 2);
  CHECK(log->head().sequence == 1);
  SECTION("the next record") { REQUIRE(log->append({{"n", 3}})); }
  SECTION("the next second") { REQUIRE(log->keep_head()); }
  CHECK(log->head().sequence >= 2);
  CHECK(at.check().sound());
}

TEST_CASE("whichever call to the disk fails, a record is there exactly if it was acknowledged") {
  using fault = simulated_files::fault;
  const auto when = GENERATE(admin::fsynced::now, admin::fsynced::soon);
  for (const auto how : {fault::io_error, fault::no_space, fault::short_write}) {
    for (std::uint64_t nth = 0; nth < 48; ++nth) {
      CAPTURE(static_cast<int>(how), nth, static_cast<int>(when));
      archive at;
      at.file_bytes = 300;
      const auto log = at.open();
      at.files.fail(at.files.calls() + nth, how);
      std::vector<json> there;
      for (int i = 0; i < 5; ++i) {
        if (log->append({{"n", i}}, i == 3 ? admin::fsynced::now : when)) there.push_back(i);
        at.now_ms += 2000;  // the disk is tried again
        static_cast<void>(log->keep_head());
        at.now_ms += 2000;
      }
      at.files.heal();
      REQUIRE(log->keep_head());
      REQUIRE(there.size() >= 4);
      std::vector<json> found;
      const auto page = log->list({{}, 0, false, 100}).value();
      for (const auto& each : page.records) found.push_back(each.at("n"));
      REQUIRE(found == there);
      REQUIRE(at.check().sound());
      // What could not be fsynced soon is a failure, and no record less.
      const bool none_failed = log->counts().failures == 0;
      if (when == admin::fsynced::now) REQUIRE(none_failed == (there.size() == 5));
      REQUIRE((!none_failed || there.size() == 5));
    }
  }
}

TEST_CASE("while the disk fails nothing is promised, and it is tried once a second") {
  archive at;
  const auto log = at.open();
  at.files.fail(at.files.calls(), simulated_files::fault::io_error, true);
  REQUIRE(log->usable());
  REQUIRE_FALSE(log->append({{"n", 1}}));
  const auto calls = at.files.calls();
  REQUIRE_FALSE(log->usable());
  REQUIRE_FALSE(log->append({{"n", 2}}));
  REQUIRE(at.files.calls() == calls);
  REQUIRE(log->counts().failed);
  at.files.heal();
  at.now_ms += 1000;
  REQUIRE(log->append({{"n", 3}})->sequence == 1);
  REQUIRE_FALSE(log->counts().failed);
}

TEST_CASE("records that come together are each written once") {
  archive at;
  const auto log = at.open();
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([&, t] {
      for (int i = 0; i < 50; ++i) {
        if (!log->append({{"n", t * 50 + i}}, i % 2 == t % 2 ? admin::fsynced::soon : admin::fsynced::now))
          std::abort();
        if (i % 10 == 0 && !log->keep_head()) std::abort();
      }
    });
  }
  for (auto& each : threads) each.join();
  REQUIRE(log->keep_head());
  const auto report = at.check();
  REQUIRE(report.records == 200);
  REQUIRE(report.sound());
  REQUIRE(log->counts().records == 200);
}
