// Arbitrary bytes as an event: it is refused, or everything that is done with an event works on it, and the state it
// leaves survives encoding and joining.
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>
#include <vector>

#include "profile/profile.hpp"

namespace {

using namespace kith::profile;

void check(bool holds) {
  if (!holds) std::abort();
}

std::string map_of(const profile& state) {
  std::string bytes;
  msgpack::writer out(bytes);
  state.write_map(out, {1, 2});
  check(msgpack::reader(bytes).skip() == bytes);
  return bytes;
}

/// Whatever bytes decode takes for a state can be read and lived with. An older format's state is written in today's.
void try_as_state(std::string_view bytes) {
  auto decoded = profile::decode(bytes);
  if (!decoded) return;
  const auto encoded = decoded->encode();
  check(bytes.front() != encoded.front() || encoded == bytes);
  const auto again = profile::decode(encoded);
  check(again && again->encode() == encoded);
  map_of(*decoded);
  profile joined;
  std::vector<spilled_id> spilled;
  joined.join(*decoded, spilled);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
  try_as_state(bytes);
  const auto event = parse_event(bytes, {1'700'000'000'000, 0, {}});
  if (!event) {
    check(!event.error().message.empty());
    return 0;
  }
  profile state;
  std::vector<spilled_id> spilled;
  check(state.check(*event) == seen::fresh);
  state.apply(*event, spilled);
  check(state.check(*event) == seen::duplicate && spilled.empty() && state.version() == 1);

  const auto encoded = state.encode();
  const auto decoded = profile::decode(encoded);
  check(decoded.has_value() && decoded->encode() == encoded && map_of(*decoded) == map_of(state));
  profile joined;
  joined.join(state, spilled);
  check(joined.encode() == encoded);

  // The same bytes damaged, as a disk might give them back.
  auto damaged = encoded;
  damaged[size % damaged.size()] ^= static_cast<char>(1U << (data[size / 2] & 7U));
  try_as_state(damaged);
  return 0;
}
