#include "persistence/check.hpp"

#include "persistence/journal.hpp"
#include "persistence/store.hpp"
#include "profile/identity/kin.hpp"
#include "profile/profile.hpp"

namespace kith::persistence {

namespace {

result<void> check_journal(file_system& files, const std::string& directory, check_report& report) {
  const auto segments = list_segments(files, directory);
  if (!segments) return tl::make_unexpected(segments.error());
  for (std::size_t i = 0; i < segments->size(); ++i) {
    const auto& segment = (*segments)[i];
    const bool last = i + 1 == segments->size() || (*segments)[i + 1].shard != segment.shard;
    const auto read = read_segment(files, segment, last, 0, [](std::string_view, std::uint64_t) { return true; });
    if (!read) return tl::make_unexpected(read.error());
    ++report.segments;
    report.records += read->records;
    report.journal_bytes += segment.bytes;
    report.torn_bytes += read->torn_bytes;
    for (const auto& damage : read->damages) {
      report.findings.push_back({segment.path + " at byte " + std::to_string(damage.offset), damage.what,
                                 "these events may be lost unless their senders send them again; the next start copies "
                                 "the bytes to journal/quarantine and goes on with the rest"});
    }
    if (i > 0 && (*segments)[i - 1].shard == segment.shard && segment.segment != (*segments)[i - 1].segment + 1) {
      report.findings.push_back(
          {segment.path, "segments between this and the one before are missing", "bring the files back from a backup"});
    }
  }
  return {};
}

result<void> check_store(file_system& files, const std::string& directory, check_report& report) {
  store_options options;
  options.read_only = true;
  options.now_ms = [] { return std::int64_t{0}; };
  auto opened = store::open(files, directory, std::move(options));
  if (!opened) {
    report.findings.push_back({directory, opened.error().message, "restore the directory from a backup"});
    return {};
  }
  const auto damages = (*opened)->verify();
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
  return (*opened)->for_each_snapshot([&](profile::hash128 address, std::string_view state) {
    ++report.snapshots;
    if (const auto decoded = profile::profile::decode(state); !decoded) {
      report.findings.push_back(
          {"profile " + to_hex(address), decoded.error().message, "restore the directory from a backup"});
    }
    return true;
  });
}

}  // namespace

result<check_report> check_directory(file_system& files, const std::string& directory) {
  const auto there = files.exists(directory + "/journal");
  if (!there) return tl::make_unexpected(there.error());
  if (!*there) return fail(errc::not_found, directory + ": is no data directory of kith (it has no journal/)");
  check_report report;
  if (auto checked = check_journal(files, directory + "/journal", report); !checked)
    return tl::make_unexpected(checked.error());
  if (auto checked = check_store(files, directory + "/store", report); !checked)
    return tl::make_unexpected(checked.error());
  return report;
}

}  // namespace kith::persistence
