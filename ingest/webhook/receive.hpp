// A webhook from request to events: is it genuine, what does it become, and what is kept of one that is refused.
//
// Invariants: nothing of a request is parsed, but its headers, before its signature held.
// Thread safety: all of it.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "ingest/webhook/mapping.hpp"
#include "ingest/webhook/settings.hpp"
#include "ingest/webhook/signature.hpp"

namespace kith::ingest::webhook {

/// Is a dead letter kept of it?
enum class letter : std::uint8_t {
  none,
  /// Anybody could have sent it: of each source bounds::unsigned_letters_an_hour are kept, with
  /// bounds::unsigned_letter_bytes of the body; past that they are counted only.
  limited,
  /// It is genuine and whole: it is always kept, so that it can be replayed once the mapping is mended.
  kept,
};

struct refusal {
  unsigned status = 400;
  error why;
  std::string_view reason;  ///< of the dead letter: "signature", "mapping", "invalid_argument"
  letter keep = letter::none;
};

struct received {
  mapped events;
  std::string delivery_id;
  /// Some events of it were not made: the others go on and the sender is told that all is well, since a repetition
  /// would fail the same way; the request is a dead letter of reason "mapping" (letter::kept). If that cannot be
  /// written, answer 503: what is sent again counts once.
  bool needs_letter() const noexcept { return !events.skipped_events.empty(); }
};

/// REQUIRES: a POST. The refusals:
/// 401 signature (limited): missing, wrong, or out of its time.
/// 415 invalid_argument (kept): a form, or a body with a Content-Encoding: signatures are over the bytes as they are
/// sent. 400 invalid_argument (kept): no JSON, nested too deep, an id of the delivery that is no text. 413 mapping
/// (kept): becomes more events or bytes than bounds allow.
tl::expected<received, refusal> receive(const settings& of, const net::http_request& request, std::int64_t now_ms);

/// The same behind the signature, e.g. when a dead letter is replayed.
tl::expected<received, refusal> map_request(const settings& of, const net::http_request& request,
                                            std::string delivery_id, std::int64_t now_ms);

/// Of the dead letter of a request: the same for each repetition, so that a sender's retries make one letter.
std::string letter_id(const settings& of, const net::http_request& request);

}  // namespace kith::ingest::webhook
