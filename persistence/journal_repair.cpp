// Looks at all segments of a journal, and mends what a crash has left.
#include <algorithm>
#include <array>

#include "persistence/journal.hpp"
#include "persistence/journal_format.hpp"

namespace kith::persistence {

namespace {

constexpr std::size_t piece_bytes = 1024 * 1024;

struct scanned {
  segment_file segment;
  segment_report report;
  bool last = false;  ///< of its shard
};

bool reaches_the_end(const scanned& at) {
  return !at.report.damages.empty() &&
         at.report.damages.back().offset + at.report.damages.back().bytes >= at.segment.bytes;
}

result<std::vector<scanned>> scan(file_system& files, const std::string& directory) {
  auto segments = list_segments(files, directory);
  if (!segments) return tl::make_unexpected(segments.error());
  std::vector<scanned> all;
  for (std::size_t i = 0; i < segments->size(); ++i) {
    auto& segment = (*segments)[i];
    const bool last = i + 1 == segments->size() || (*segments)[i + 1].shard != segment.shard;
    auto report = read_segment(files, segment, last, 0, [](std::string_view, std::uint64_t) { return true; });
    if (!report) return tl::make_unexpected(report.error());
    if (!all.empty() && all.back().report.shard == report->shard && !reaches_the_end(all.back())) {
      auto& before = all.back().report;
      if (before.last_sequence > 0 && report->first_sequence > before.last_sequence + 1) {
        before.damages.push_back({all.back().segment.bytes, 0,
                                  "records " + std::to_string(before.last_sequence + 1) + " to " +
                                      std::to_string(report->first_sequence - 1) + " are missing behind its end"});
      }
    }
    all.push_back({std::move(segment), std::move(*report), last});
  }
  return all;
}

/// Writes a copy of a range of a file, which has its name only once it is whole and durable.
result<void> copy(file_system& files, const std::string& from, std::uint64_t offset, std::uint64_t bytes,
                  const std::string& to) {
  const auto unfinished = to + ".unfinished";
  const auto left_over = files.exists(unfinished);
  if (!left_over) return tl::make_unexpected(left_over.error());
  if (*left_over) {
    if (auto removed = files.remove(unfinished); !removed) return removed;
  }
  const auto in = files.open(from, open_mode::read);
  if (!in) return tl::make_unexpected(in.error());
  const auto out = files.open(unfinished, open_mode::create);
  if (!out) return tl::make_unexpected(out.error());
  std::string piece;
  for (const auto end = offset + bytes; offset < end; offset += piece.size()) {
    const auto wanted = static_cast<std::size_t>(std::min<std::uint64_t>(end - offset, piece_bytes));
    if (auto read = (*in)->read_at(offset, wanted, piece); !read) return read;
    if (piece.empty()) return fail(errc::unavailable, from + ": ended while it was copied");
    const std::array<std::string_view, 1> pieces{piece};
    if (auto written = (*out)->append(pieces); !written) return written;
  }
  if (auto synced = (*out)->sync(); !synced) return synced;
  if (auto renamed = files.rename(unfinished, to); !renamed) return renamed;
  return files.sync_directory(to.substr(0, to.rfind('/')));
}

result<void> quarantine(file_system& files, const std::string& directory, const scanned& at) {
  const auto folder = directory + "/quarantine";
  for (const auto& damage : at.report.damages) {
    if (damage.bytes == 0) continue;
    const auto to =
        folder + "/" + format::file_name(at.segment.shard, at.segment.segment) + "." + std::to_string(damage.offset);
    const auto there = files.exists(to);
    if (!there) return tl::make_unexpected(there.error());
    if (*there) continue;
    if (auto made = files.make_directory(folder); !made) return made;
    if (auto copied = copy(files, at.segment.path, damage.offset, damage.bytes, to); !copied) return copied;
  }
  return {};
}

result<void> cut(file_system& files, const scanned& at, std::uint64_t keep) {
  if (keep == 0) return files.remove(at.segment.path);
  const auto opened = files.open(at.segment.path, open_mode::append);
  if (!opened) return tl::make_unexpected(opened.error());
  if (keep < at.segment.bytes) {
    if (auto done = (*opened)->truncate(keep); !done) return done;
  }
  return (*opened)->sync();
}

/// What is readable may be in the page cache only: after a failed sync, no later one writes it. A copy is durable.
result<void> renew(file_system& files, const scanned& at, std::uint64_t keep) {
  auto copied = copy(files, at.segment.path, 0, keep, at.segment.path);
  // A full disk is no reason not to start: what never met a failed sync, cut() has synced.
  if (copied || copied.error().code != errc::resource_exhausted) return copied;
  const auto removed = files.remove(at.segment.path + ".unfinished");
  return removed || removed.error().code == errc::not_found ? result<void>() : removed;
}

}  // namespace

result<std::vector<segment_report>> scan_journal(file_system& files, const std::string& directory) {
  auto all = scan(files, directory);
  if (!all) return tl::make_unexpected(all.error());
  std::vector<segment_report> reports;
  for (auto& each : *all) reports.push_back(std::move(each.report));
  return reports;
}

result<std::vector<segment_report>> repair_journal(file_system& files, const std::string& directory) {
  auto all = scan(files, directory);
  if (!all) return tl::make_unexpected(all.error());
  std::vector<segment_report> reports;
  for (auto& each : *all) {
    if (auto kept = quarantine(files, directory, each); !kept) return tl::make_unexpected(kept.error());
    // A damaged file stays as it is: what is behind its durable records may be what proves that they were.
    const auto keep = each.segment.bytes - (each.report.damages.empty() ? each.report.torn_bytes : 0);
    if (each.last) {
      if (auto done = cut(files, each, keep); !done) return tl::make_unexpected(done.error());
      if (keep > each.report.proven_bytes) {
        if (auto done = renew(files, each, keep); !done) return tl::make_unexpected(done.error());
      }
    }
    reports.push_back(std::move(each.report));
  }
  if (auto synced = files.sync_directory(directory); !synced) return tl::make_unexpected(synced.error());
  return reports;
}

}  // namespace kith::persistence
