#include "actors/batch.hpp"

#include <algorithm>

#include "actors/journal_record.hpp"
#include "profile/accepted_event.hpp"
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

/// Takes out what names somebody who is not to come back; neither the journal nor a dead letter gets it.
void refuse_suppressed(batch& from, const persistence::suppressed_ids& suppressed) {
  const auto any = [&](const event_view& event) { return names_suppressed(event, suppressed); };
  if (std::none_of(from.events.begin(), from.events.end(), any)) return;
  if (from.indexes.empty()) {
    for (std::uint32_t i = 0; i < from.events.size(); ++i) from.indexes.push_back(i);
  }
  std::vector<event_view> kept;
  std::vector<std::uint32_t> indexes;
  for (std::size_t i = 0; i < from.events.size(); ++i) {
    if (any(from.events[i])) {
      from.rejected.push_back({from.indexes[i],
                               errc::suppressed,
                               "it names an identifier that was erased and is suppressed; nothing of it is kept",
                               {}});
    } else {
      kept.push_back(from.events[i]);
      indexes.push_back(from.indexes[i]);
    }
  }
  from.events = std::move(kept);
  from.indexes = std::move(indexes);
  std::sort(from.rejected.begin(), from.rejected.end(), [](const auto& a, const auto& b) { return a.index < b.index; });
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

bool names_suppressed(std::string_view code, std::string_view encoded, const persistence::suppressed_ids& suppressed) {
  if (code == name_of(errc::suppressed)) return true;
  if (suppressed.all().empty()) return false;
  const auto named = [&](profile::id_kind kind, std::string_view type, std::string_view value) {
    return !value.empty() && suppressed.contains(profile::address_of(kind, type, value));
  };
  profile::msgpack::reader in(encoded);
  const auto map = in.next();
  if (!map.is_map()) return false;
  bool found = false;
  const auto list = [&](profile::msgpack::reader& at) {
    const auto ids = at.next();
    if (!ids.is_array()) return;
    for (auto left = ids.size; left > 0 && !at.done(); --left) {
      const auto each = at.next();
      if (!each.is_map()) return;
      std::string_view type;
      std::string_view id;
      for (auto fields = each.size; fields > 0 && !at.done(); --fields) {
        const auto key = at.next().bytes;
        const auto value = profile::msgpack::reader(at.rest()).next();
        if (value.is_string() && key == "type") type = value.bytes;
        if (value.is_string() && key == "id") id = value.bytes;
        at.skip();
      }
      found = found || named(profile::id_kind::external, type, id);
    }
  };
  for (auto left = map.size; left > 0 && !in.done(); --left) {
    const auto key = in.next().bytes;
    const auto here = in.skip();
    profile::msgpack::reader inside(here);
    const auto value = inside.next();
    if (value.is_string() && (key == "userId" || key == "previousId")) {
      found = found || named(profile::id_kind::user, {}, value.bytes);
    }
    if (value.is_string() && (key == "anonymousId" || key == "previousId")) {
      found = found || named(profile::id_kind::anonymous, {}, value.bytes);
    }
    if (key != "context" || !value.is_map()) continue;
    for (auto fields = value.size; fields > 0 && !inside.done(); --fields) {
      const auto field = inside.next().bytes;
      const auto what = inside.skip();
      if (field != "externalIds") continue;
      profile::msgpack::reader ids(what);
      list(ids);
    }
  }
  return found;
}

bool names_suppressed(const event_view& event, const persistence::suppressed_ids& suppressed) {
  bool found = suppressed.contains(event.address);
  if (!event.names_several || found) return found;
  for_each_identifier(event, [&](profile::id_kind kind, std::string_view type, std::string_view value) {
    found = found || suppressed.contains(profile::address_of(kind, type, value));
  });
  return found;
}

result<batch_ptr> make_batch(std::string_view events_array, std::string_view source, const reception& received,
                             std::size_t shards, const persistence::suppressed_ids* suppressed) {
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
  if (suppressed != nullptr) refuse_suppressed(*made, *suppressed);
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

result<batch_ptr> make_replay_batch(std::string_view payload, const reception& received, std::size_t shards,
                                    const persistence::erased_addresses* erased) {
  auto made = std::make_unique<batch>();
  made->record.assign(payload);
  const auto record = parse_record(made->record);
  if (!record) return tl::make_unexpected(record.error());
  // What was accepted once is accepted for ever: limits that were narrowed since do not count.
  auto then = profile::reception_of_accepted(record->received_ms, made->record.size());
  then.rules = received.rules;
  made->received = record->count;
  made->journaled = true;
  made->order = record->order;
  if (!parse_events(record->events, record->count, then, *made)) {
    return fail(errc::internal, "journal record: its events are not well-formed MessagePack");
  }
  take_primaries(*made, record->primaries);
  if (erased != nullptr) {
    std::erase_if(made->events, [&](const event_view& event) { return erased->contains(event.address); });
    made->indexes.clear();
  }
  count_shards(*made, shards);
  return made;
}

}  // namespace kith::actors
