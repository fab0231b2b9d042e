// Reading segments back: what is whole, what was torn, what is damaged.
#include <algorithm>
#include <cstdio>

#include "persistence/journal.hpp"
#include "persistence/journal_format.hpp"
#include "persistence/sealed_record.hpp"

namespace kith::persistence {

namespace {

constexpr std::size_t piece_bytes = 1024 * 1024;

/// A window onto a file that grows and slides as it is read.
class sliding_window {
 public:
  /// `size`: of the file, so that a small rest is not read as a whole piece.
  sliding_window(const file& source, std::uint64_t start, std::uint64_t size)
      : source_(source), start_(start), size_(size) {}

  /// At least `wanted` bytes from the front on, or all that the file has.
  result<void> fill(std::size_t wanted) {
    if (bytes_.size() - front_ >= wanted || ended_) return {};
    start_ += front_;
    bytes_.erase(0, front_);
    front_ = 0;
    std::string more;
    const auto at = start_ + bytes_.size();
    const auto left = static_cast<std::size_t>(std::min<std::uint64_t>(size_ - std::min(size_, at), piece_bytes));
    const auto ask = std::max(wanted - bytes_.size(), left);
    if (auto read = source_.read_at(at, ask, more); !read) return read;
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
  std::uint64_t size_;
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

/// Bytes between two good records, or behind the last one.
struct bad_range {
  std::uint64_t from = 0;
  bool open = false;
  bool foreign = false;  ///< holds a whole record that no journal wrote there

  void begin(std::uint64_t at) noexcept {
    if (!open) from = at;
    open = true;
  }
};

/// A segment of an encrypted journal holds nothing else. Its head, which says so, is of the file too: what keeps others
/// from making segments of their own is who may write in the directory.
bool is_foreign(const format::segment_head& segment, std::string_view payload) noexcept {
  return segment.version == format::sealed_version && !is_sealed(payload);
}

/// `expected`: the sequence of the first bad record; 0: not known. `next`: that of the good one behind; 0: none came.
std::string describe(const bad_range& bad, std::uint64_t expected, std::uint64_t next) {
  std::string what;
  if (bad.foreign) what = "a record that is not encrypted where all are, so somebody else put it there, is passed over";
  if (next == 0) return bad.foreign ? what : "the segment's end fails its checksum";
  if (bad.foreign && (expected == 0 || next <= expected)) return what;
  if (expected == 0) return "records before " + std::to_string(next) + " are missing or fail their checksum";
  return what + (bad.foreign ? "; " : "") + "records " + std::to_string(expected) + " to " + std::to_string(next - 1) +
         " are missing or fail their checksum";
}

/// Does any record behind `offset` know that `sequence` was durable?
result<bool> proven_durable(const file& source, std::uint64_t offset, std::uint64_t size, std::uint64_t sequence) {
  sliding_window window(source, offset, size);
  while (window.offset() < size) {
    format::record_head head;
    auto whole = record_at_front(window, sequence, head);
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
    auto path = directory;
    path.append("/").append(name);
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
  const bool has_head = format::decode(head_bytes, segment_head);
  if (has_head) {
    report.first_sequence = segment_head.first_sequence;
    report.last_sequence = segment_head.first_sequence - 1;
    report.bytes = format::segment_head_bytes;
  } else if (format::is_of_another_version(head_bytes)) {
    return fail(errc::unavailable, segment.path + ": format version " + head_bytes[format::magic.size() - 1] +
                                       "; this program knows versions " + format::plain_version + " and " +
                                       format::sealed_version + ", use the program that wrote it");
  } else if (last && *size <= format::segment_head_bytes) {
    report.torn_bytes = *size;  // records follow only a head that is durable
    return report;
  } else {
    report.damages.push_back(
        {0, std::min<std::uint64_t>(*size, format::segment_head_bytes), "the segment's head is not readable"});
  }

  sliding_window window(**opened, std::max<std::uint64_t>(from, format::segment_head_bytes), *size);
  bool expects = has_head && from <= format::segment_head_bytes;  // in the middle the next sequence is not known
  bad_range bad;
  while (window.offset() < *size) {
    format::record_head head;
    const auto expected = report.last_sequence + 1;
    const auto whole = record_at_front(window, expected, head);
    if (!whole) return tl::make_unexpected(whole.error());
    if (!*whole) {
      bad.begin(window.offset());
      window.advance(1);
      continue;
    }
    if (is_foreign(segment_head, window.view().substr(format::record_head_bytes, head.length))) {
      bad.begin(window.offset());
      bad.foreign = true;
      window.advance(format::record_head_bytes + head.length);
      continue;
    }
    if (bad.open || (expects && head.sequence != expected)) {
      bad.begin(window.offset());
      // Only what a later record knows to have been durable is damage; the rest was never acknowledged. No crash
      // leaves a record of somebody else.
      const auto durable =
          last && !bad.foreign ? proven_durable(**opened, window.offset(), *size, expected) : result<bool>(true);
      if (!durable) return tl::make_unexpected(durable.error());
      if (!*durable) {
        report.torn_bytes = *size - bad.from;
        return report;
      }
      report.damages.push_back(
          {bad.from, window.offset() - bad.from, describe(bad, expects ? expected : 0, head.sequence)});
    }
    bad = {};
    expects = true;
    report.last_sequence = head.sequence;
    if (head.synced + 1 == head.sequence) report.proven_bytes = window.offset();  // the first of its write
    const auto payload = window.view().substr(format::record_head_bytes, head.length);
    const auto end = window.offset() + format::record_head_bytes + head.length;
    ++report.records;
    report.bytes += format::record_head_bytes + head.length;
    if (!record(payload, end)) return report;
    window.advance(format::record_head_bytes + head.length);
  }
  if (bad.open && last && !bad.foreign) {
    report.torn_bytes = *size - bad.from;
  } else if (bad.open) {
    report.damages.push_back({bad.from, *size - bad.from, describe(bad, report.last_sequence + 1, 0)});
  }
  return report;
}

}  // namespace kith::persistence
