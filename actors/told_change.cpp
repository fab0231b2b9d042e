#include "actors/told_change.hpp"

#include <algorithm>

#include "profile/bytes.hpp"

namespace kith::actors {

namespace {

constexpr unsigned char format_version = 1;

}  // namespace

bool outgoing_rule::wants(std::string_view segment) const {
  return segments.empty() || std::binary_search(segments.begin(), segments.end(), segment);
}

std::string told_change::encode() const {
  std::string out(1, static_cast<char>(format_version));
  profile::put(out, profile.high);
  profile::put(out, profile.low);
  profile::put(out, version);
  profile::put(out, at_ms);
  profile::put(out, static_cast<unsigned char>(entered));
  profile::put_text<std::uint16_t>(out, segment);
  profile::put_text<std::uint32_t>(out, who);
  profile::put(out, attempts);
  profile::put(out, next_ms);
  profile::put_text<std::uint16_t>(out, last_error);
  return out;
}

result<told_change> told_change::decode(std::string_view bytes) {
  profile::taker in(bytes);
  const auto format = in.number<unsigned char>();
  if (in.failed() || format == 0 || format > format_version) {
    return fail(errc::internal, "outgoing: format version " + std::to_string(format) +
                                    "; this program reads version 1, use the program that wrote it");
  }
  told_change made;
  made.profile.high = in.number<std::uint64_t>();
  made.profile.low = in.number<std::uint64_t>();
  made.version = in.number<std::uint64_t>();
  made.at_ms = in.number<std::int64_t>();
  made.entered = in.number<unsigned char>() != 0;
  made.segment = in.text<std::uint16_t>();
  made.who = in.text<std::uint32_t>();
  made.attempts = in.number<std::uint32_t>();
  made.next_ms = in.number<std::int64_t>();
  made.last_error = in.text<std::uint16_t>();
  if (in.failed() || !in.done()) return fail(errc::internal, "outgoing: damaged");
  return made;
}

}  // namespace kith::actors
