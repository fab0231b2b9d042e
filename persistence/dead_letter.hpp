// A dead letter: something that came in and was refused, quarantined or could not be delivered, with all that is needed
// to look at it, and to try it again once what was wrong is mended.
//
// Thread safety: none; a letter belongs to one thread.
#pragma once

#include <utility>
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "profile/result.hpp"

namespace kith::persistence {

inline constexpr std::size_t letter_message_bytes = 4096;       ///< longer messages are cut
inline constexpr std::size_t letter_text_bytes = 1024;          ///< of each other text: longer ones are cut
inline constexpr std::size_t letter_headers_bytes = 16 * 1024;  ///< names and values together
inline constexpr std::size_t letter_search_bytes = 256;         ///< of a text to look for

struct dead_letter {
  using header = std::pair<std::string, std::string>;

  std::string id;            ///< 16 hexadecimal digits that sort by arrival; given by the store
  std::int64_t at_ms = 0;    ///< when the store took it, milliseconds since 1970; given by the store
  std::string source;        ///< whose it is: the name that the events would have got
  std::string edge;          ///< where it came in: "protocol", "tracking", "webhook", "cloudevents", "forward"
  std::string code;          ///< why: short words in snake case, as "invalid_argument", "too_late", "schema", "mapping"
  std::string message;       ///< the same for people
  std::string ids;           ///< of whom it speaks, if that is known: "user:ada anonymous:a-17"
  std::string event;         ///< its name, if that is known
  std::string message_id;    ///< if that is known
  std::string content_type;  ///< of the bytes; "application/msgpack": one event as a map
  std::vector<header> headers;   ///< those that a replay needs. Never credentials: letters are listed and exported.
  std::string bytes;             ///< as they came, up to the store's `letter_bytes`
  std::uint64_t size = 0;        ///< of what came; given by the store
  std::uint64_t kept = 0;        ///< of it, as bytes; given by the store
  bool truncated = false;        ///< bytes or headers were cut: it can be looked at, not replayed
  std::uint32_t attempts = 0;    ///< replays that were refused again
  std::int64_t replayed_ms = 0;  ///< the last of them; 0: none
};

/// Which letters are meant; what is empty lets all through.
struct dead_letter_filter {
  std::string source;
  std::string edge;
  std::string code;
  std::string event;
  std::string
      text;  ///< in message, ids, messageId, event or bytes, whatever its case (ASCII). At most letter_search_bytes
  std::int64_t from_ms = INT64_MIN;   ///< inclusive
  std::int64_t until_ms = INT64_MAX;  ///< exclusive
};

/// All but the text.
bool matches_head(const dead_letter_filter& filter, const dead_letter& letter);
bool mentions(const dead_letter& letter, std::string_view text);

/// Is one of these in it, as a word or as a whole text of JSON, MessagePack or a form?
bool names_any(const dead_letter& letter, const std::vector<std::string>& values);

/// What became of a letter that was tried again. A letter may hold several events.
struct replay_outcome {
  std::uint32_t applied = 0;
  std::uint32_t duplicate = 0;
  std::uint32_t again_rejected = 0;  ///< if any, the letter stays
  std::string code;                  ///< why, then; empty: as before
  std::string message;
};

/// Tries a letter again, at the edge that it came in by; blocks for a bounded time. It may be called twice for one
/// letter, and for one that was applied before a crash: the events' messageIds see to it that nothing counts twice.
/// Keeps no letters. Errors: unavailable, resource_exhausted (not now: nothing more is tried), any other (this one
/// cannot be tried).
using replayer = std::function<result<replay_outcome>(const dead_letter&)>;

namespace letters {

/// A letter without id and bytes, as it is kept.
std::string encode_head(const dead_letter& letter);
/// Errors: internal (damaged, or of a version that is not known).
result<dead_letter> decode_head(std::string_view bytes);

/// Makes its texts fit their limits.
void cut_texts(dead_letter& letter);
/// Makes all of it fit the limits. False: bytes or headers were cut, and it is marked as truncated.
bool cut_to_fit(dead_letter& letter, std::size_t most_bytes);

/// 16 lower-case hexadecimal digits.
std::string id_of(std::uint64_t number);
bool parse_id(std::string_view id, std::uint64_t& number);

}  // namespace letters

}  // namespace kith::persistence
