#include "persistence/check.hpp"

#include "persistence/dead_letters.hpp"
#include "persistence/directory_lock.hpp"
#include "persistence/missing_segments.hpp"
#include "persistence/sealed_record.hpp"
#include "persistence/store.hpp"
#include "profile/identity/kin.hpp"
#include "profile/profile.hpp"

namespace kith::persistence {

namespace {

constexpr std::size_t keys_kept_bytes = 4UL * 1024 * 1024;

/// Looks into encrypted records.
class record_check {
 public:
  record_check(file_system& files, const std::string& directory, const encryption_settings& keys)
      : ring_(key_ring::look(files, directory, keys)) {
    if (ring_) opener_.emplace(**ring_, keys_kept_bytes);
  }

  /// What is wrong with it; empty: nothing, or it cannot be told.
  std::string fault_of(std::string_view payload, check_report& report) {
    if (!is_sealed(payload)) return {};
    ++report.encrypted;
    if (!ring_ && ring_.error().code == errc::invalid_argument) {
      report.unopened = ring_.error().message;
      return {};
    }
    if (!ring_) return ring_.error().message;
    const auto opened = opener_->open(payload, record_);
    if (!opened) return opened.error().message;
    report.unreadable += record_.destroyed;
    return {};
  }

 private:
  const result<std::unique_ptr<key_ring>> ring_;
  std::optional<record_opener> opener_;
  opened_record record_;
};

result<void> check_journal(file_system& files, const std::vector<segment_file>& segments, record_check& inside,
                           check_report& report, const progress_report& progress) {
  std::uint64_t total = 0;
  for (const auto& segment : segments) total += segment.bytes;
  for (std::size_t i = 0; i < segments.size(); ++i) {
    const auto& segment = segments[i];
    const bool last = i + 1 == segments.size() || segments[i + 1].shard != segment.shard;
    std::string fault;  // one of a segment is told: where keys are missing, they are for each record
    const auto read = read_segment(files, segment, last, 0, [&](std::string_view payload, std::uint64_t end) {
      progress("journal", report.journal_bytes + end, total);
      const auto wrong = inside.fault_of(payload, report);
      if (fault.empty() && !wrong.empty()) fault = "before byte " + std::to_string(end) + ": " + wrong;
      return true;
    });
    if (!read) return tl::make_unexpected(read.error());
    ++report.segments;
    report.records += read->records;
    report.journal_bytes += segment.bytes;
    report.torn_bytes += read->torn_bytes;
    if (!fault.empty()) {
      report.findings.push_back({segment.path, fault,
                                 "bring the journal, or the directory of its keys, back from a backup; the next start "
                                 "passes over what it cannot read and says so in its log"});
    }
    for (const auto& damage : read->damages) {
      report.findings.push_back({segment.path + " at byte " + std::to_string(damage.offset), damage.what,
                                 "these events may be lost unless their senders send them again; the next start copies "
                                 "the bytes to journal/quarantine and goes on with the rest"});
    }
  }
  return {};
}

void check_extent(const std::string& directory, const journal_extent& journal, check_report& report) {
  for (const auto& missing : find_missing(journal)) {
    report.findings.push_back({directory, missing.what(),
                               "bring the files back from a backup; kith serve --accept-missing-journal gives up what "
                               "they held"});
  }
}

/// The log of what watchers were told, if one is kept.
result<void> check_changes(file_system& files, const std::string& directory, check_report& report) {
  const auto kept = files.exists(directory + "/log");
  if (!kept) return tl::make_unexpected(kept.error());
  if (!*kept) return {};
  const auto scanned = scan_journal(files, directory);
  if (!scanned) return tl::make_unexpected(scanned.error());
  for (const auto& each : *scanned) {
    for (const auto& damage : each.damages) {
      report.findings.push_back({directory + ", segment " + std::to_string(each.segment) + " of shard " +
                                     std::to_string(each.shard) + " at byte " + std::to_string(damage.offset),
                                 damage.what,
                                 "the next start gives the log up: watches cannot go on from cursors of before"});
    }
  }
  return {};
}

result<void> check_dead_letters(file_system& files, const std::string& directory, check_report& report,
                                const progress_report& progress) {
  const auto damages = dead_letters::verify(files, directory, progress, report.dead_letters);
  if (!damages) return tl::make_unexpected(damages.error());
  for (const auto& damage : *damages) {
    report.findings.push_back({directory, damage,
                               "restore the directory from a backup, or drop the letters that are damaged; profiles "
                               "are not concerned"});
  }
  return {};
}

result<void> check_store(file_system& files, const std::string& directory, journal_extent& journal,
                         check_report& report, const progress_report& progress) {
  store_options options;
  options.read_only = true;
  options.now_ms = [] { return std::int64_t{0}; };
  auto opened = store::open(files, directory, std::move(options));
  if (!opened) {
    report.findings.push_back({directory, opened.error().message, "restore the directory from a backup"});
    return {};
  }
  auto fed = (*opened)->fed();
  if (!fed) return tl::make_unexpected(fed.error());
  journal.fed = std::move(*fed);
  const auto damages = (*opened)->verify(progress);
  if (!damages) return tl::make_unexpected(damages.error());
  for (const auto& damage : *damages) {
    report.findings.push_back({directory, damage, "restore the directory from a backup"});
  }
  auto identities = (*opened)->for_each_identity([&](profile::hash128 address, std::string_view bytes) {
    if (const auto decoded = profile::identity::kin::decode(bytes); !decoded) {
      report.findings.push_back(
          {"identifier " + to_hex(address), decoded.error().message, "restore the directory from a backup"});
    }
    return true;
  });
  if (!identities) return identities;
  const auto about = (*opened)->estimated_snapshots();
  return (*opened)->for_each_snapshot([&](profile::hash128 address, std::string_view state) {
    progress("profiles", ++report.snapshots, about);
    if (const auto decoded = profile::profile::decode(state); !decoded) {
      report.findings.push_back(
          {"profile " + to_hex(address), decoded.error().message, "restore the directory from a backup"});
    }
    return true;
  });
}

}  // namespace

result<check_report> check_directory(file_system& files, const std::string& directory, const progress_report& progress,
                                     const encryption_settings& keys) {
  const auto there = files.exists(directory + "/journal");
  if (!there) return tl::make_unexpected(there.error());
  if (!*there) return fail(errc::not_found, directory + ": is no data directory of kith (it has no journal/)");
  const auto lock = lock_for_reading(directory);
  if (!lock) return tl::make_unexpected(lock.error());
  check_report report;
  journal_extent journal;
  auto marks = read_checkpoint(files, directory);
  if (marks) {
    journal.marks = std::move(*marks);
  } else if (marks.error().code == errc::internal) {
    report.findings.push_back({directory + "/checkpoint", "is damaged",
                               "bring it back from a backup; without it the next start replays the whole journal, and "
                               "refuses if segments were deleted before"});
  } else if (marks.error().code != errc::not_found) {
    return tl::make_unexpected(marks.error());
  }
  auto segments = list_segments(files, directory + "/journal");
  if (!segments) return tl::make_unexpected(segments.error());
  journal.present = std::move(*segments);
  record_check inside(files, directory + "/keys", keys);
  if (auto checked = check_journal(files, journal.present, inside, report, progress); !checked)
    return tl::make_unexpected(checked.error());
  if (auto checked = check_store(files, directory + "/store", journal, report, progress); !checked)
    return tl::make_unexpected(checked.error());
  check_extent(directory + "/journal", journal, report);
  if (auto checked = check_changes(files, directory + "/changes", report); !checked)
    return tl::make_unexpected(checked.error());
  if (auto checked = check_dead_letters(files, directory + "/dead-letters", report, progress); !checked)
    return tl::make_unexpected(checked.error());
  return report;
}

}  // namespace kith::persistence
