#include "actors/batch.hpp"

#include <algorithm>

#include "actors/journal_record.hpp"
#include "profile/msgpack.hpp"

namespace kith::actors {

namespace {

using profile::event_view;
using profile::reception;

/// Parses `count` events that stand one after another at `bytes`; false if the bytes are no such thing.
bool parse_events(std::string_view bytes, std::uint32_t count, const reception& received, batch& into) {
  into.events.reserve(count);
  for (std::uint32_t index = 0; index < count; ++index) {
    if (profile::parse_front_event(bytes, received, into.events.emplace_back())) {
      if (!into.rejected.empty()) into.indexes.push_back(index);
      continue;
    }
    into.events.pop_back();
    const auto encoded = profile::msgpack::reader(bytes).skip();
    if (encoded.empty()) return false;
    bytes.remove_prefix(encoded.size());
    auto parsed = profile::parse_event(encoded, received);
    if (into.rejected.empty()) {
      for (std::uint32_t before = 0; before < index; ++before) into.indexes.push_back(before);
    }
    into.rejected.push_back({index, parsed.error().code, std::move(parsed.error().message), std::string(encoded)});
  }
  return true;
}

/// The rules of its time said which identifier came first: they are not asked again.
void take_primaries(batch& into, std::string_view primaries) {
  for (std::size_t i = 0; i < into.events.size() && !primaries.empty(); ++i) {
    const auto index = into.indexes.empty() ? i : into.indexes[i];
    set_primary(into.events[i], static_cast<std::uint8_t>(primaries[index]));
  }
}

void count_shards(batch& into, std::size_t shards) {
  into.left.assign(shards, 0);
  for (const auto& event : into.events) ++into.left[shard_of(event.address, shards)];
  std::uint32_t touched = 0;
  for (const auto left : into.left) touched += left > 0 ? 1 : 0;
  into.shards_left.store(touched, std::memory_order_relaxed);
  into.outcomes.assign(into.events.size(), event_outcome::pending);
}

/// What tells an event's primary identifier where it is not the usual one; empty: all are usual.
std::string primaries_of(const std::vector<event_view>& events) {
  std::string primaries;
  for (const auto& event : events) primaries.push_back(static_cast<char>(event.primary));
  return primaries;
}

bool all_usual(const std::vector<event_view>& events) {
  return std::all_of(events.begin(), events.end(),
                     [](const auto& event) { return event.primary == usual_primary(event); });
}

/// Makes the record hold the accepted events only, and the views point into it.
void keep_accepted(batch& into, std::string_view source, const reception& received) {
  std::string record;
  record.reserve(into.record.size() + into.events.size());
  begin_record(record, received.received_ms, static_cast<std::uint32_t>(into.events.size()), source,
               all_usual(into.events) ? std::string() : primaries_of(into.events));
  const std::size_t head = record.size();
  for (const auto& event : into.events) record.append(event.encoded);
  into.record = std::move(record);
  profile::msgpack::reader reader(std::string_view(into.record).substr(head));
  for (auto& event : into.events) event = *profile::parse_event(reader.skip(), received);
}

}  // namespace

result<batch_ptr> make_batch(std::string_view events_array, std::string_view source, const reception& received,
                             std::size_t shards) {
  profile::msgpack::reader reader(events_array);
  const auto head = reader.next();
  if (!head.is_array()) return fail(errc::invalid_argument, "publish: params[0] must be an array of events");
  auto made = std::make_unique<batch>();
  made->received = head.size;
  made->record.reserve(events_array.size() + source.size() + 32);
  begin_record(made->record, received.received_ms, head.size, source);
  const std::size_t start = made->record.size();
  made->record.append(reader.rest());
  if (!parse_events(std::string_view(made->record).substr(start), head.size, received, *made)) {
    return fail(errc::invalid_argument, "publish: params[0] holds a value that is not well-formed MessagePack");
  }
  if (!made->rejected.empty() || !all_usual(made->events)) keep_accepted(*made, source, received);
  count_shards(*made, shards);
  return made;
}

batch_ptr make_order(std::shared_ptr<const unmerge_order> order, std::string_view source, std::size_t shards) {
  auto made = std::make_unique<batch>();
  made->record = order_record(*order, source);
  made->order = std::move(order);
  count_shards(*made, shards);
  return made;
}

result<batch_ptr> make_replay_batch(std::string_view payload, const reception& received, std::size_t shards) {
  auto made = std::make_unique<batch>();
  made->record.assign(payload);
  const auto record = parse_record(made->record);
  if (!record) return tl::make_unexpected(record.error());
  // What was accepted once is accepted for ever: limits that were narrowed since do not count.
  reception then = received;
  then.received_ms = record->received_ms;
  then.retention_ms = 0;
  then.bounds.bytes = made->record.size();
  made->received = record->count;
  made->journaled = true;
  made->order = record->order;
  if (!parse_events(record->events, record->count, then, *made)) {
    return fail(errc::internal, "journal record: its events are not well-formed MessagePack");
  }
  take_primaries(*made, record->primaries);
  count_shards(*made, shards);
  return made;
}

}  // namespace kith::actors
