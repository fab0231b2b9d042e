#include "persistence/missing_segments.hpp"

#include <algorithm>
#include <array>
#include <set>

#include "persistence/journal_format.hpp"

namespace kith::persistence {

namespace {

constexpr std::uint64_t most_filled = 1'000'000;

std::set<unsigned> shards_of(const journal_extent& journal) {
  std::set<unsigned> shards;
  for (const auto& segment : journal.present) shards.insert(segment.shard);
  for (const auto& [shard, mark] : journal.marks) shards.insert(shard);
  for (const auto& [shard, position] : journal.fed) shards.insert(shard);
  return shards;
}

/// Adds the range, in two where the snapshots have a part of it.
void add(std::vector<missing_segments>& to, unsigned shard, std::uint64_t first, std::uint64_t last,
         std::uint64_t saved) {
  if (first <= saved) to.push_back({shard, first, std::min(last, saved), true});
  if (last > saved) to.push_back({shard, std::max(first, saved + 1), last, false});
}

/// Whose head to give to a segment that holds nothing: its records would have begun where the next ones do.
result<std::uint64_t> sequence_at(file_system& files, const journal_extent& journal, const missing_segments& gap) {
  const segment_file* before = nullptr;
  for (const auto& segment : journal.present) {
    if (segment.shard != gap.shard) continue;
    if (segment.segment < gap.first) before = &segment;
    if (segment.segment <= gap.last) continue;
    const auto behind = read_segment(files, segment, true, 0, [](std::string_view, std::uint64_t) { return false; });
    if (!behind) return tl::make_unexpected(behind.error());
    if (behind->first_sequence > 0) return behind->first_sequence;
  }
  if (before == nullptr) return 1;
  const auto read = read_segment(files, *before, true, 0, [](std::string_view, std::uint64_t) { return true; });
  if (!read) return tl::make_unexpected(read.error());
  return read->last_sequence + 1;
}

result<void> create_empty(file_system& files, const std::string& directory, const format::segment_head& head) {
  const auto path = directory + "/" + format::file_name(head.shard, head.segment);
  auto made = files.open(path, open_mode::create);
  if (!made) return tl::make_unexpected(made.error());
  const auto bytes = format::encode(head);
  const std::array<std::string_view, 1> pieces{bytes};
  if (auto written = (*made)->append(pieces); !written) return written;
  return (*made)->sync();
}

}  // namespace

std::string missing_segments::what() const {
  const auto name = format::file_name(shard, first);
  const bool one = first == last;
  return (one ? name + " is missing" : name + " to " + format::file_name(shard, last) + " are missing") +
         (saved ? ": profiles have the events in there, the history lacks some of them"
                : ": events that were acknowledged are lost without " + std::string(one ? "it" : "them"));
}

std::vector<missing_segments> find_missing(const journal_extent& journal) {
  std::vector<missing_segments> missing;
  for (const auto shard : shards_of(journal)) {
    const auto marked = journal.marks.find(shard);
    const auto mark = marked == journal.marks.end() ? checkpoint_mark{} : marked->second;
    // A start makes the first segment, a checkpoint the one behind the last that it saved.
    auto last = marked == journal.marks.end() ? 0 : mark.saved + 1;
    for (const auto& [of, position] : journal.fed) {
      if (of == shard) last = std::max(last, position.segment);
    }
    std::set<std::uint64_t> present;
    for (const auto& segment : journal.present) {
      if (segment.shard == shard) present.insert(segment.segment);
    }
    auto next = mark.removed + 1;
    // Deleting goes from the oldest on: behind one that is still there, all are.
    if (!present.empty()) next = std::min(next, *present.begin());
    for (const auto segment : present) {
      if (segment > next) add(missing, shard, next, segment - 1, mark.saved);
      next = segment + 1;
    }
    if (last >= next) add(missing, shard, next, last, mark.saved);
  }
  return missing;
}

result<void> fill_missing(file_system& files, const std::string& directory, const journal_extent& journal) {
  for (const auto& gap : find_missing(journal)) {
    if (gap.last - gap.first >= most_filled) {
      return fail(errc::resource_exhausted, directory + ": " + gap.what() + "; these are too many to be put in place");
    }
    const auto sequence = sequence_at(files, journal, gap);
    if (!sequence) return tl::make_unexpected(sequence.error());
    for (auto segment = gap.first; segment <= gap.last; ++segment) {
      if (auto made = create_empty(files, directory, {gap.shard, segment, *sequence}); !made) return made;
    }
  }
  return files.sync_directory(directory);
}

}  // namespace kith::persistence
