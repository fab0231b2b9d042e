// Reading again what was accepted once, from the journal or the history.
#pragma once

#include <cstddef>
#include <cstdint>

#include "profile/event.hpp"

namespace kith::profile {

/// As reception::retention_ms: the event was accepted before, so no rule that came since refuses it. A consent that
/// cannot be read by today's rules counts as not said.
inline constexpr std::int64_t accepted_before = -1;

/// For an event of up to `bytes` that was accepted at `received_ms`.
inline reception reception_of_accepted(std::int64_t received_ms, std::size_t bytes) {
  reception made;
  made.received_ms = received_ms;
  made.retention_ms = accepted_before;
  made.bounds.bytes = bytes;
  return made;
}

}  // namespace kith::profile
