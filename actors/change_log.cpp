#include "actors/change_log.hpp"

#include <algorithm>
#include <sstream>

#include "persistence/whole_file.hpp"
#include "profile/bytes.hpp"
#include "profile/segments/standing.hpp"

namespace kith::actors {

using profile::hash128;

namespace {

constexpr unsigned char record_version = 1;
constexpr const char* head_file = "log";
constexpr std::string_view title = "kith changes ";
constexpr unsigned head_version = 1;
constexpr std::size_t page_bytes = 1024 * 1024;

void put(std::string& out, hash128 value) {
  profile::put(out, value.high);
  profile::put(out, value.low);
}

hash128 take_hash(profile::taker& in) {
  const auto high = in.number<std::uint64_t>();
  return {high, in.number<std::uint64_t>()};
}

void put_names(std::string& out, const std::vector<std::string>& names) {
  profile::put(out, static_cast<std::uint16_t>(names.size()));
  for (const auto& name : names) profile::put_text<std::uint8_t>(out, name);
}

std::vector<std::string> take_names(profile::taker& in) {
  std::vector<std::string> names;
  for (auto left = in.number<std::uint16_t>(); left > 0 && !in.failed(); --left) {
    names.emplace_back(in.text<std::uint8_t>());
  }
  return names;
}

/// Errors: not_found; internal (damaged); unavailable (of a later version, or not readable).
result<change_log_head> read_head(persistence::file_system& files, const std::string& directory) {
  const auto path = directory + "/" + head_file;
  const auto text = persistence::read_file(files, path);
  if (!text) return tl::make_unexpected(text.error());
  const auto damaged = [&] { return fail(errc::internal, path + ": is damaged"); };
  const auto body_end = text->rfind("crc ");
  if (body_end == std::string::npos || !text->starts_with(title)) return damaged();
  const auto body = text->substr(0, body_end);
  if (text->substr(body_end) != "crc " + std::to_string(persistence::crc32c(body)) + "\n") return damaged();
  std::istringstream words(body.substr(title.size()));
  unsigned version = 0;
  change_log_head head;
  if (!(words >> version)) return damaged();
  if (version != head_version) {
    return fail(errc::unavailable, path + ": format version " + std::to_string(version) +
                                       "; this program knows version 1, use the program that wrote it");
  }
  if (!(words >> head.id) || head.id == 0) return damaged();
  unsigned shard = 0;
  change_log_head::mark mark;
  while (words >> shard >> mark.saved >> mark.next) head.at[shard] = mark;
  return head;
}

/// Why the log cannot be gone on with; empty: it can.
std::string fault_of(const std::vector<persistence::segment_report>& reports, unsigned shards) {
  std::vector<bool> present(shards);
  for (const auto& each : reports) {
    if (!each.damages.empty()) {
      return "segment " + std::to_string(each.segment) + " of shard " + std::to_string(each.shard) + ": " +
             each.damages.front().what;
    }
    if (each.shard >= shards) return "it is of more shards";
    present[each.shard] = true;
  }
  return std::find(present.begin(), present.end(), false) == present.end() ? "" : "it is of fewer shards";
}

/// What is told of since the last checkpoint.
result<void> read_tail(persistence::file_system& files, const std::string& directory, found_changes& found) {
  const auto segments = persistence::list_segments(files, directory);
  if (!segments) return tl::make_unexpected(segments.error());
  for (const auto& segment : *segments) {
    if (segment.segment <= found.head.at[segment.shard].saved) continue;
    result<void> outcome;
    const auto read = persistence::read_segment(files, segment, true, 0, [&](std::string_view payload, std::uint64_t) {
      const auto made = sequenced_change::decode(payload);
      if (!made) return outcome = tl::make_unexpected(made.error()), false;
      const auto& what = made->what;
      found.next[segment.shard] = made->sequence + 1;
      if (what.event != hash128()) found.events.push_back(what.event);
      if (!what.memberships) return true;
      const auto tell = [&](const std::vector<std::string>& names, bool member) {
        for (const auto& name : names) {
          found.memberships[segment.shard].tell(what.profile, profile::segments::segment_key(name), member);
        }
      };
      tell(what.memberships->left, false);
      tell(what.memberships->entered, true);
      return true;
    });
    if (!read) return tl::make_unexpected(read.error());
    if (!outcome) return outcome;
  }
  std::sort(found.events.begin(), found.events.end());
  return {};
}

/// Where the change of that sequence is, or one of the same segment before it.
result<persistence::journal_position> find_segment(persistence::file_system& files,
                                                   const std::vector<persistence::segment_file>& segments,
                                                   std::uint64_t sequence) {
  for (auto at = segments.rbegin(); at != segments.rend(); ++at) {
    std::uint64_t first = 0;
    const auto read = persistence::read_segment(files, *at, true, 0, [&](std::string_view payload, std::uint64_t) {
      if (const auto made = sequenced_change::decode(payload)) first = made->sequence;
      return false;
    });
    if (!read) return tl::make_unexpected(read.error());
    if (first > 0 && first <= sequence) return persistence::journal_position{at->segment, 0};
  }
  return fail(errc::not_found, "not kept");
}

}  // namespace

std::string sequenced_change::encode() const {
  std::string out(1, static_cast<char>(record_version));
  profile::put(out, sequence);
  put(out, what.profile);
  put(out, what.event);
  profile::put(out, what.version);
  profile::put_text<std::uint32_t>(out, what.traits ? std::string_view(*what.traits) : std::string_view());
  profile::put(out, static_cast<std::uint32_t>(what.addresses ? what.addresses->size() : 0));
  if (what.addresses) {
    for (const auto address : *what.addresses) put(out, address);
  }
  put_names(out, what.memberships ? what.memberships->entered : std::vector<std::string>());
  put_names(out, what.memberships ? what.memberships->left : std::vector<std::string>());
  return out;
}

result<sequenced_change> sequenced_change::decode(std::string_view bytes) {
  profile::taker in(bytes);
  const auto format = in.number<unsigned char>();
  if (format != record_version) {
    return fail(errc::internal, "changes: format version " + std::to_string(format) +
                                    "; this program reads version 1, use the program that wrote it");
  }
  sequenced_change made;
  made.sequence = in.number<std::uint64_t>();
  auto& what = made.what;
  what.profile = take_hash(in);
  what.event = take_hash(in);
  what.version = in.number<std::uint64_t>();
  if (const auto traits = in.text<std::uint32_t>(); !traits.empty()) {
    what.traits = std::make_shared<const std::string>(traits);
  }
  std::vector<hash128> addresses;
  for (auto left = in.number<std::uint32_t>(); left > 0 && !in.failed(); --left) addresses.push_back(take_hash(in));
  if (!addresses.empty()) what.addresses = std::make_shared<const std::vector<hash128>>(std::move(addresses));
  membership_change memberships;
  memberships.entered = take_names(in);
  memberships.left = take_names(in);
  if (in.failed() || !in.done()) return fail(errc::internal, "changes: a record is damaged");
  if (!memberships.entered.empty() || !memberships.left.empty()) {
    what.memberships = std::make_shared<const membership_change>(std::move(memberships));
  }
  return made;
}

result<void> write_head(persistence::file_system& files, const std::string& directory, const change_log_head& head) {
  std::ostringstream text;
  text << title << head_version << '\n' << head.id << '\n';
  for (const auto& [shard, mark] : head.at) text << shard << ' ' << mark.saved << ' ' << mark.next << '\n';
  const auto body = text.str();
  return persistence::replace_file(files, directory, head_file,
                                   body + "crc " + std::to_string(persistence::crc32c(body)) + "\n");
}

result<void> remove_head(persistence::file_system& files, const std::string& directory) {
  if (auto gone = files.remove(directory + "/" + head_file); !gone && gone.error().code != errc::not_found) return gone;
  return files.sync_directory(directory);
}

result<void> remove_segments(persistence::file_system& files, const std::string& directory) {
  const auto segments = persistence::list_segments(files, directory);
  if (!segments) return tl::make_unexpected(segments.error());
  for (const auto& each : *segments) {
    if (auto gone = files.remove(each.path); !gone) return gone;
  }
  return files.sync_directory(directory);
}

result<found_changes> find_changes(persistence::file_system& files, const std::string& directory, unsigned shards,
                                   const std::function<void(std::string_view, const std::string&)>& log) {
  const auto give_up = [&](const std::string& why) -> result<found_changes> {
    log("error", directory + ": " + why + "; cursors of watches from before are refused");
    if (auto gone = remove_head(files, directory); !gone) return tl::make_unexpected(gone.error());
    return found_changes{};
  };
  auto head = read_head(files, directory);
  if (!head && head.error().code == errc::not_found) return found_changes{};
  if (!head && head.error().code == errc::internal) return give_up("the file `log` is damaged");
  if (!head) return tl::make_unexpected(head.error());
  const auto reports = persistence::repair_journal(files, directory);
  if (!reports) return tl::make_unexpected(reports.error());
  if (const auto fault = fault_of(*reports, shards); !fault.empty()) return give_up(fault);
  found_changes found{std::move(*head), {}, {}, std::vector<told_memberships>(shards)};
  for (unsigned shard = 0; shard < shards; ++shard) found.next.push_back(found.head.at[shard].next);
  if (auto read = read_tail(files, directory, found); !read) {
    if (read.error().code == errc::internal) return give_up(read.error().message);
    return tl::make_unexpected(read.error());
  }
  return found;
}

result<changes_page> read_changes(persistence::file_system& files, const std::string& directory, unsigned shard,
                                  changes_page page, std::uint64_t end,
                                  const std::function<bool(const watched_change&)>& wanted) {
  auto segments = persistence::list_segments(files, directory);
  if (!segments) return tl::make_unexpected(segments.error());
  std::erase_if(*segments, [&](const auto& each) { return each.shard != shard; });
  if (page.at.segment == 0) {
    const auto found = find_segment(files, *segments, page.next);
    if (!found) return tl::make_unexpected(found.error());
    page.at = *found;
  }
  std::size_t bytes = 0;
  for (const auto& segment : *segments) {
    if (segment.segment < page.at.segment || page.next >= end || bytes >= page_bytes) continue;
    result<void> outcome;
    const auto from = segment.segment == page.at.segment ? page.at.offset : 0;
    const auto read =
        persistence::read_segment(files, segment, true, from, [&](std::string_view payload, std::uint64_t behind) {
          auto made = sequenced_change::decode(payload);
          if (!made) return outcome = tl::make_unexpected(made.error()), false;
          page.at = {segment.segment, behind};
          if (made->sequence < page.next) return true;
          if (made->sequence > page.next) return outcome = fail(errc::not_found, "not kept"), false;
          ++page.next;
          bytes += payload.size();
          if (wanted(made->what)) page.changes.push_back(std::move(*made));
          return page.next < end && bytes < page_bytes;
        });
    if (!read) return tl::make_unexpected(read.error());
    if (!outcome) return tl::make_unexpected(outcome.error());
  }
  if (bytes == 0) return fail(errc::not_found, "not kept");
  return page;
}

}  // namespace kith::actors
