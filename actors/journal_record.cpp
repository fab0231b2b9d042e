#include "actors/journal_record.hpp"

#include <algorithm>
#include <deque>

#include "profile/bytes.hpp"

namespace kith::actors {

namespace {

constexpr char usual_batch = 1;
constexpr char batch_with_primaries = 2;
constexpr char unmerge = 3;
constexpr std::size_t fixed_bytes = 1 + 8 + 4 + 1;

void put_little_endian(std::string& out, std::uint64_t value, int bytes) {
  for (int i = 0; i < bytes; ++i) out.push_back(static_cast<char>((value >> (8 * i)) & 0xff));
}

std::uint64_t get_little_endian(const char* at, int bytes) {
  std::uint64_t value = 0;
  for (int i = bytes - 1; i >= 0; --i) value = (value << 8) | static_cast<unsigned char>(at[i]);
  return value;
}

void begin(std::string& out, char version, std::int64_t received_ms, std::uint32_t count, std::string_view source) {
  source = source.substr(0, std::min<std::size_t>(source.size(), 255));
  out.push_back(version);
  put_little_endian(out, static_cast<std::uint64_t>(received_ms), 8);
  put_little_endian(out, count, 4);
  out.push_back(static_cast<char>(source.size()));
  out.append(source);
}

void put_identifier(std::string& out, const profile::identifier& id) {
  profile::put(out, static_cast<unsigned char>(id.kind));
  profile::put_text<std::uint8_t>(out, id.type);
  profile::put_text<std::uint16_t>(out, id.value);
}

profile::identifier take_identifier(profile::taker& in) {
  profile::identifier id;
  id.kind = static_cast<profile::id_kind>(in.number<unsigned char>());
  id.type = in.text<std::uint8_t>();
  id.value = in.text<std::uint16_t>();
  return id;
}

std::shared_ptr<const unmerge_order> parse_order(std::string_view bytes, std::int64_t time_ms) {
  auto made = std::make_shared<unmerge_order>();
  made->time_ms = time_ms;
  profile::taker in(bytes);
  for (auto& side : made->sides) {
    for (auto left = in.number<std::uint32_t>(); left > 0 && !in.failed(); --left) {
      side.push_back(take_identifier(in));
    }
  }
  return in.failed() || !in.done() ? nullptr : made;
}

}  // namespace

void begin_record(std::string& out, std::int64_t received_ms, std::uint32_t count, std::string_view source,
                  std::string_view primaries) {
  begin(out, primaries.empty() ? usual_batch : batch_with_primaries, received_ms, count, source);
  out.append(primaries);
}

std::string order_record(const unmerge_order& order, std::string_view source) {
  std::string out;
  begin(out, unmerge, order.time_ms, 0, source);
  for (const auto& side : order.sides) {
    profile::put(out, static_cast<std::uint32_t>(side.size()));
    for (const auto& id : side) put_identifier(out, id);
  }
  return out;
}

void seal_record(std::string_view record, const std::vector<profile::event_view>& events, const unmerge_order* order,
                 persistence::record_sealer& by, std::string& to) {
  const auto head = record.substr(0, fixed_bytes + static_cast<unsigned char>(record[fixed_bytes - 1]));
  std::vector<persistence::record_piece> pieces;
  if (order == nullptr) {
    pieces.reserve(events.size());
    for (const auto& each : events) pieces.push_back({each.address, each.primary, each.encoded});
    return by.seal(head, pieces, to);
  }
  std::deque<std::string> texts;
  for (unsigned char side = 0; side < 2; ++side) {
    for (const auto& id : order->sides[side]) {
      profile::hash128 address;
      if (!profile::address_of(id, address)) continue;  // it names nobody
      put_identifier(texts.emplace_back(), id);
      pieces.push_back({address, side, texts.back()});
    }
  }
  by.seal(head, pieces, to);
}

namespace {

std::string plain_batch(const record_view& head, char version, const persistence::opened_record& opened) {
  std::string primaries;
  std::string made;
  for (const auto& each : opened.pieces) {
    if (!each.destroyed && version == batch_with_primaries) primaries.push_back(static_cast<char>(each.note));
  }
  made.reserve(opened.bytes.size() + primaries.size());
  begin_record(made, head.received_ms, static_cast<std::uint32_t>(opened.pieces.size() - opened.destroyed), head.source,
               primaries);
  for (const auto& each : opened.pieces) made.append(each.bytes);
  return made;
}

result<std::string> plain_order(const record_view& head, const persistence::opened_record& opened) {
  unmerge_order order;
  order.time_ms = head.received_ms;
  for (const auto& each : opened.pieces) {
    if (each.note > 1) return fail(errc::internal, "journal record: an unmerge is damaged");
    auto& side = order.sides[each.note];
    if (each.destroyed) {
      side.push_back({profile::id_kind::profile, {}, profile::to_hex(each.address)});
      continue;
    }
    profile::taker in(each.bytes);
    side.push_back(take_identifier(in));
    if (in.failed() || !in.done()) return fail(errc::internal, "journal record: an unmerge is damaged");
  }
  return order_record(order, head.source);
}

}  // namespace

result<plain_record> open_record(std::string_view payload, persistence::record_opener* by) {
  if (!persistence::is_sealed(payload)) return plain_record{std::string(payload), 0};
  if (by == nullptr) {
    return fail(errc::internal,
                "journal record: it is encrypted, and there is no key ring; bring DATA/keys back from a backup");
  }
  persistence::opened_record opened;
  if (auto done = by->open(payload, opened); !done) return tl::make_unexpected(done.error());
  if (opened.head.empty() || opened.head[0] < usual_batch || opened.head[0] > unmerge) {
    return fail(errc::internal, "journal record: of a later version; use the program that wrote it");
  }
  const char version = opened.head[0];
  auto as_batch = std::string(opened.head);
  as_batch[0] = usual_batch;
  const auto head = parse_record(as_batch);
  if (!head) return tl::make_unexpected(head.error());
  if (version != unmerge) return plain_record{plain_batch(*head, version, opened), opened.destroyed};
  auto order = plain_order(*head, opened);
  if (!order) return tl::make_unexpected(order.error());
  return plain_record{std::move(*order), 0};
}

result<record_view> parse_record(std::string_view payload) {
  if (payload.size() < fixed_bytes) return fail(errc::internal, "journal record: too short for its head");
  const char version = payload[0];
  if (version < usual_batch || version > unmerge) {
    return fail(errc::internal, "journal record: format version " + std::to_string(int{version}) +
                                    "; this program reads versions 1 to 4, use the program that wrote it");
  }
  const std::size_t source_bytes = static_cast<unsigned char>(payload[13]);
  if (payload.size() < fixed_bytes + source_bytes) return fail(errc::internal, "journal record: source cut off");
  record_view made{static_cast<std::int64_t>(get_little_endian(payload.data() + 1, 8)),
                   static_cast<std::uint32_t>(get_little_endian(payload.data() + 9, 4)),
                   payload.substr(fixed_bytes, source_bytes),
                   payload.substr(fixed_bytes + source_bytes),
                   {},
                   nullptr};
  if (version == batch_with_primaries) {
    if (made.events.size() < made.count) return fail(errc::internal, "journal record: primaries cut off");
    made.primaries = made.events.substr(0, made.count);
    made.events.remove_prefix(made.count);
  } else if (version == unmerge) {
    made.order = parse_order(made.events, made.received_ms);
    made.events = {};
    if (!made.order) return fail(errc::internal, "journal record: an unmerge is damaged");
  }
  return made;
}

}  // namespace kith::actors
