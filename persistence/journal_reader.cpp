// Reading segments back: what is whole, what was torn, what is damaged.
#include <algorithm>
#include <cstdio>

#include "persistence/journal.hpp"
#include "persistence/journal_format.hpp"

namespace kith::persistence {

namespace {

constexpr std::size_t piece_bytes = 1024 * 1024;

/// A window onto a file that grows and slides as it is read.
class sliding_window {
 public:
  sliding_window(const file& source, std::uint64_t start) : source_(source), start_(start) {}

  /// At least `wanted` bytes from the front on, or all that the file has.
  result<void> fill(std::size_t wanted) {
    if (bytes_.size() - front_ >= wanted || ended_) return {};
    start_ += front_;
    bytes_.erase(0, front_);
    front_ = 0;
    std::string more;
    const auto ask = std::max(wanted - bytes_.size(), piece_bytes);
    if (auto read = source_.read_at(start_ + bytes_.size(), ask, more); !read) return read;
    ended_ = more.size() < ask;
    bytes_ += more;
    return {};
  }
  std::string_view view() const noexcept { return std::string_view(bytes_).substr(front_); }
  void advance(std::size_t bytes) noexcept { front_ += bytes; }
  std::uint64_t offset() const noexcept { return start_ + front_; }

 private:
  const file& source_;
  std::uint64_t start_;
  std::string bytes_;
  std::size_t front_ = 0;
  bool ended_ = false;
};

/// Puts a whole record at the window's front, if one with a sequence from `expected` on is there.
result<bool> record_at_front(sliding_window& window, std::uint64_t expected, format::record_head& head) {
  if (auto filled = window.fill(format::record_head_bytes); !filled) return tl::make_unexpected(filled.error());
  if (window.view().size() < format::record_head_bytes) return false;
  head = format::decode(window.view().data());
  constexpr std::uint64_t plausible = 1ULL << 40;  // spares computing checksums of garbage
  if (head.length > format::max_payload_bytes || head.sequence - expected > plausible) return false;
  if (auto filled = window.fill(format::record_head_bytes + head.length); !filled)
    return tl::make_unexpected(filled.error());
  return format::is_record(window.view(), head);
}

/// Does any record behind `offset` know that `sequence` was durable?
result<bool> proven_durable(const file& source, std::uint64_t offset, std::uint64_t size, std::uint64_t sequence) {
  sliding_window window(source, offset);
  while (window.offset() < size) {
    format::record_head head;
    const auto whole = record_at_front(window, sequence, head);
    if (!whole) return whole;
    if (*whole && head.synced >= sequence) return true;
    window.advance(*whole ? format::record_head_bytes + head.length : 1);
  }
  return false;
}

}  // namespace

result<std::vector<segment_file>> list_segments(file_system& files, const std::string& directory) {
  const auto names = files.list(directory);
  if (!names) return tl::make_unexpected(names.error());
  std::vector<segment_file> segments;
  for (const auto& name : *names) {
    unsigned shard = 0;
    unsigned long long segment = 0;
    if (std::sscanf(name.c_str(), "journal-%u-%llu.log", &shard, &segment) != 2) continue;
    if (name != format::file_name(shard, segment)) continue;
    const auto path = directory + "/" + name;
    const auto opened = files.open(path, open_mode::read);
    if (!opened && opened.error().code == errc::not_found) continue;  // removed meanwhile
    if (!opened) return tl::make_unexpected(opened.error());
    const auto size = (*opened)->size();
    if (!size) return tl::make_unexpected(size.error());
    segments.push_back({path, shard, segment, *size});
  }
  std::sort(segments.begin(), segments.end(),
            [](const auto& a, const auto& b) { return std::pair(a.shard, a.segment) < std::pair(b.shard, b.segment); });
  return segments;
}

result<segment_report> read_segment(file_system& files, const segment_file& segment, bool last, std::uint64_t from,
                                    const std::function<bool(std::string_view payload, std::uint64_t end)>& record) {
  segment_report report;
  report.shard = segment.shard;
  report.segment = segment.segment;
  const auto opened = files.open(segment.path, open_mode::read);
  if (!opened) return tl::make_unexpected(opened.error());
  const auto size = (*opened)->size();
  if (!size) return tl::make_unexpected(size.error());

  std::string head_bytes;
  if (auto read = (*opened)->read_at(0, format::segment_head_bytes, head_bytes); !read)
    return tl::make_unexpected(read.error());
  format::segment_head segment_head;
  if (!format::decode(head_bytes, segment_head)) {
    // A segment is used only after its head is durable, so in a crash only the last one's can be missing.
    if (last) {
      report.torn_bytes = *size;
    } else {
      report.damages.push_back({0, *size, "the segment's head is not readable"});
    }
    return report;
  }
  report.first_sequence = segment_head.first_sequence;
  report.last_sequence = segment_head.first_sequence - 1;
  report.bytes = format::segment_head_bytes;

  sliding_window window(**opened, std::max<std::uint64_t>(from, format::segment_head_bytes));
  bool expects = from <= format::segment_head_bytes;  // in the middle the next sequence is not known
  std::uint64_t bad_from = 0;
  bool in_bad = false;
  while (window.offset() < *size) {
    format::record_head head;
    const auto expected = report.last_sequence + 1;
    const auto whole = record_at_front(window, expected, head);
    if (!whole) return tl::make_unexpected(whole.error());
    if (!*whole) {
      if (!in_bad) bad_from = window.offset();
      in_bad = true;
      window.advance(1);
      continue;
    }
    if (in_bad || (expects && head.sequence != expected)) {
      const auto start = in_bad ? bad_from : window.offset();
      // Only what a later record knows to have been durable is damage; the rest was never acknowledged.
      const auto durable = last ? proven_durable(**opened, window.offset(), *size, expected) : result<bool>(true);
      if (!durable) return tl::make_unexpected(durable.error());
      if (*durable) {
        report.damages.push_back({start, window.offset() - start,
                                  "records " + std::to_string(expected) + " to " + std::to_string(head.sequence - 1) +
                                      " are missing or fail their checksum"});
      } else {
        report.torn_bytes = *size - start;
        return report;
      }
    }
    in_bad = false;
    expects = true;
    report.last_sequence = head.sequence;
    const auto payload = window.view().substr(format::record_head_bytes, head.length);
    const auto end = window.offset() + format::record_head_bytes + head.length;
    ++report.records;
    report.bytes += format::record_head_bytes + head.length;
    if (!record(payload, end)) return report;
    window.advance(format::record_head_bytes + head.length);
  }
  if (in_bad) {
    if (last) {
      report.torn_bytes = *size - bad_from;
    } else {
      report.damages.push_back({bad_from, *size - bad_from, "the segment's end fails its checksum"});
    }
  }
  return report;
}

result<std::vector<segment_report>> repair_journal(file_system& files, const std::string& directory) {
  auto segments = list_segments(files, directory);
  if (!segments) return tl::make_unexpected(segments.error());
  std::vector<segment_report> reports;
  for (std::size_t i = 0; i < segments->size(); ++i) {
    const auto& segment = (*segments)[i];
    const bool last = i + 1 == segments->size() || (*segments)[i + 1].shard != segment.shard;
    auto report = read_segment(files, segment, last, 0, [](std::string_view, std::uint64_t) { return true; });
    if (!report) return tl::make_unexpected(report.error());
    if (report->torn_bytes > 0) {
      auto opened = files.open(segment.path, open_mode::append);
      if (!opened) return tl::make_unexpected(opened.error());
      const auto keep = segment.bytes - report->torn_bytes;
      if (keep == 0) {
        if (auto removed = files.remove(segment.path); !removed) return tl::make_unexpected(removed.error());
      } else {
        if (auto cut = (*opened)->truncate(keep); !cut) return tl::make_unexpected(cut.error());
        if (auto synced = (*opened)->sync(); !synced) return tl::make_unexpected(synced.error());
      }
    }
    for (const auto& damage : report->damages) {
      const auto folder = directory + "/quarantine";
      const auto copy =
          folder + "/" + format::file_name(segment.shard, segment.segment) + "." + std::to_string(damage.offset);
      const auto there = files.exists(copy);
      if (!there) return tl::make_unexpected(there.error());
      if (*there || damage.bytes == 0) continue;
      if (auto made = files.make_directory(folder); !made) return tl::make_unexpected(made.error());
      auto opened = files.open(segment.path, open_mode::read);
      if (!opened) return tl::make_unexpected(opened.error());
      std::string bytes;
      if (auto read = (*opened)->read_at(damage.offset, damage.bytes, bytes); !read)
        return tl::make_unexpected(read.error());
      auto out = files.open(copy, open_mode::create);
      if (!out) return tl::make_unexpected(out.error());
      const std::array<std::string_view, 1> pieces{bytes};
      if (auto written = (*out)->append(pieces); !written) return tl::make_unexpected(written.error());
      if (auto synced = (*out)->sync(); !synced) return tl::make_unexpected(synced.error());
    }
    reports.push_back(std::move(*report));
  }
  return reports;
}

}  // namespace kith::persistence
