#include "actors/journal_record.hpp"

#include <algorithm>

namespace kith::actors {

namespace {

constexpr char version = 1;
constexpr std::size_t fixed_bytes = 1 + 8 + 4 + 1;

void put_little_endian(std::string& out, std::uint64_t value, int bytes) {
  for (int i = 0; i < bytes; ++i) out.push_back(static_cast<char>((value >> (8 * i)) & 0xff));
}

std::uint64_t get_little_endian(const char* at, int bytes) {
  std::uint64_t value = 0;
  for (int i = bytes - 1; i >= 0; --i) value = (value << 8) | static_cast<unsigned char>(at[i]);
  return value;
}

}  // namespace

void begin_record(std::string& out, std::int64_t received_ms, std::uint32_t count, std::string_view source) {
  source = source.substr(0, std::min<std::size_t>(source.size(), 255));
  out.push_back(version);
  put_little_endian(out, static_cast<std::uint64_t>(received_ms), 8);
  put_little_endian(out, count, 4);
  out.push_back(static_cast<char>(source.size()));
  out.append(source);
}

result<record_view> parse_record(std::string_view payload) {
  if (payload.size() < fixed_bytes) return fail(errc::internal, "journal record: too short for its head");
  if (payload[0] != version) {
    return fail(errc::internal, "journal record: format version " + std::to_string(int{payload[0]}) +
                                    "; this program reads version 1, use the program that wrote it");
  }
  const std::size_t source_bytes = static_cast<unsigned char>(payload[13]);
  if (payload.size() < fixed_bytes + source_bytes) return fail(errc::internal, "journal record: source cut off");
  return record_view{static_cast<std::int64_t>(get_little_endian(payload.data() + 1, 8)),
                     static_cast<std::uint32_t>(get_little_endian(payload.data() + 9, 4)),
                     payload.substr(fixed_bytes, source_bytes), payload.substr(fixed_bytes + source_bytes)};
}

}  // namespace kith::actors
