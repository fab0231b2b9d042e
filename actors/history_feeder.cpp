#include "actors/history_feeder.hpp"

#include <algorithm>
#include <deque>

#include "actors/journal_record.hpp"
#include "profile/accepted_event.hpp"
#include "profile/msgpack.hpp"

namespace kith::actors {

namespace {

constexpr std::uint64_t bytes_a_feed = 2 * 1024 * 1024;

/// Journal records that wait to be fed together, and views of their events.
struct pending_feed {
  const persistence::erased_addresses* left_out = nullptr;
  persistence::record_opener* opener = nullptr;
  std::uint64_t destroyed = 0;
  std::deque<std::string> payloads;
  std::vector<persistence::history_event> events;
  std::uint64_t bytes = 0;
  std::uint64_t end = 0;

  void add(std::string_view payload, std::uint64_t record_end) {
    end = record_end;
    bytes += payload.size();
    auto opened = open_record(payload, opener);
    if (!opened) return;  // what cannot be read is reported by recovery and `kith check`
    destroyed += opened->destroyed;
    const auto& kept = payloads.emplace_back(std::move(opened->payload));
    const auto record = parse_record(kept);
    if (!record) return;
    const auto received = profile::reception_of_accepted(record->received_ms, kept.size());
    profile::msgpack::reader reader(record->events);
    for (std::uint32_t i = 0; i < record->count; ++i) {
      auto parsed = profile::parse_event(reader.skip(), received);
      if (!parsed) continue;
      if (!record->primaries.empty()) set_primary(*parsed, static_cast<std::uint8_t>(record->primaries[i]));
      if (left_out != nullptr && left_out->contains(parsed->address)) continue;
      events.push_back(
          {parsed->address, parsed->id, parsed->time_ms, record->received_ms, record->source, parsed->encoded});
    }
  }
  void clear() {
    payloads.clear();
    events.clear();
    bytes = 0;
  }
};

}  // namespace

history_feeder::history_feeder(persistence::file_system& files, std::string journal_directory,
                               persistence::store& store, durable_end_of durable_end,
                               std::unique_ptr<persistence::record_opener> opener, damage_found found)
    : files_(files),
      directory_(std::move(journal_directory)),
      store_(store),
      durable_end_(std::move(durable_end)),
      opener_(std::move(opener)),
      found_(std::move(found)) {}

result<void> history_feeder::start() {
  const std::lock_guard lock(mutex_);
  auto fed = store_.fed();
  if (!fed) return tl::make_unexpected(fed.error());
  for (const auto& [shard, position] : *fed) fed_[shard] = position;
  const auto segments = persistence::list_segments(files_, directory_);
  if (!segments) return tl::make_unexpected(segments.error());
  for (const auto& segment : *segments) told_[segment.shard] = durable_end_(segment.shard);
  return {};
}

std::unique_lock<std::mutex> history_feeder::take_turn() {
  const std::lock_guard turn(turn_);
  return std::unique_lock(mutex_);
}

void history_feeder::leave_out(std::shared_ptr<const persistence::erased_addresses> erased) {
  const std::lock_guard turn(turn_);
  wanted_ = true;
  const std::lock_guard lock(mutex_);
  wanted_ = false;
  left_out_ = std::move(erased);
}

result<history_feeder::progress> history_feeder::feed(std::uint64_t most) {
  const auto lock = take_turn();
  const auto segments = persistence::list_segments(files_, directory_);
  if (!segments) return tl::make_unexpected(segments.error());
  std::map<unsigned, std::uint64_t> fed;  // by shard
  for (const auto& segment : *segments) fed[segment.shard] = 0;
  progress sum;
  const auto share = most / std::max<std::size_t>(1, fed.size());
  for (const auto& segment : *segments) {
    if (canceled_) break;
    if (wanted_) {
      sum.caught_up = false;
      break;
    }
    if (segment.segment < fed_[segment.shard].segment) continue;
    auto& of_shard = fed[segment.shard];
    if (of_shard >= share) {
      sum.caught_up = false;
      continue;
    }
    auto more = feed_segment(segment, share - of_shard);
    if (!more) return more;
    of_shard += more->bytes;
    sum.bytes += more->bytes;
    sum.caught_up = sum.caught_up && more->caught_up;
  }
  lag_bytes_.store(unfed_bytes(*segments), std::memory_order_relaxed);
  return sum;
}

result<void> history_feeder::measure() {
  const std::lock_guard lock(mutex_);
  const auto segments = persistence::list_segments(files_, directory_);
  if (!segments) return tl::make_unexpected(segments.error());
  lag_bytes_.store(unfed_bytes(*segments), std::memory_order_relaxed);
  return {};
}

result<history_feeder::progress> history_feeder::feed_segment(const persistence::segment_file& segment,
                                                              std::uint64_t most) {
  auto& position = fed_[segment.shard];
  if (position.segment < segment.segment) position = {segment.segment, 0};
  const auto durable = durable_end_(segment.shard);
  if (durable <= position) return progress{};
  pending_feed pending;
  pending.left_out = left_out_.get();
  pending.opener = opener_.get();
  result<void> outcome;
  progress fed;
  const auto flush = [&] {
    outcome = store_.feed(pending.events, segment.shard, {segment.segment, pending.end});
    if (outcome) position.offset = pending.end;
    fed.bytes += pending.bytes;
    pending.clear();
    return outcome.has_value();
  };
  const auto report = persistence::read_segment(files_, segment, true, position.offset,
                                                [&](std::string_view payload, std::uint64_t end) {
                                                  if (durable < persistence::journal_position{segment.segment, end})
                                                    return false;
                                                  pending.add(payload, end);
                                                  if (pending.bytes < bytes_a_feed) return true;
                                                  fed.caught_up = flush() && fed.bytes < most && !canceled_ && !wanted_;
                                                  return fed.caught_up;
                                                });
  if (!report) return tl::make_unexpected(report.error());
  tell_damages(*report);
  if (pending.bytes > 0 && outcome) flush();
  destroyed_.fetch_add(pending.destroyed, std::memory_order_relaxed);
  if (!outcome) return tl::make_unexpected(outcome.error());
  return fed;
}

/// What is fed later reads the same bytes again.
void history_feeder::tell_damages(const persistence::segment_report& in) {
  auto& told = told_[in.shard];
  for (const auto& each : in.damages) {
    const persistence::journal_position at{in.segment, each.offset};
    if (at < told) continue;
    told = {in.segment, each.offset + 1};
    found_(in, each);
  }
}

std::uint64_t history_feeder::unfed_bytes(const std::vector<persistence::segment_file>& segments) const {
  std::uint64_t bytes = 0;
  for (const auto& segment : segments) {
    const auto fed = fed_.find(segment.shard);
    if (fed == fed_.end() || segment.segment > fed->second.segment) {
      bytes += segment.bytes;
    } else if (segment.segment == fed->second.segment) {
      bytes += segment.bytes - std::min(segment.bytes, fed->second.offset);
    }
  }
  return bytes;
}

std::uint64_t history_feeder::fed_through(unsigned shard) {
  const std::lock_guard lock(mutex_);
  const auto fed = fed_.find(shard);
  return fed == fed_.end() || fed->second.segment == 0 ? 0 : fed->second.segment - 1;
}

}  // namespace kith::actors
