#include "actors/journal_record.hpp"

#include <algorithm>

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

std::shared_ptr<const unmerge_order> parse_order(std::string_view bytes, std::int64_t time_ms) {
  auto made = std::make_shared<unmerge_order>();
  made->time_ms = time_ms;
  profile::taker in(bytes);
  for (auto& side : made->sides) {
    for (auto left = in.number<std::uint32_t>(); left > 0 && !in.failed(); --left) {
      auto& id = side.emplace_back();
      id.kind = static_cast<profile::id_kind>(in.number<unsigned char>());
      id.type = in.text<std::uint8_t>();
      id.value = in.text<std::uint16_t>();
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
    for (const auto& id : side) {
      profile::put(out, static_cast<unsigned char>(id.kind));
      profile::put_text<std::uint8_t>(out, id.type);
      profile::put_text<std::uint16_t>(out, id.value);
    }
  }
  return out;
}

result<record_view> parse_record(std::string_view payload) {
  if (payload.size() < fixed_bytes) return fail(errc::internal, "journal record: too short for its head");
  const char version = payload[0];
  if (version < usual_batch || version > unmerge) {
    return fail(errc::internal, "journal record: format version " + std::to_string(int{version}) +
                                    "; this program reads versions 1 to 3, use the program that wrote it");
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
