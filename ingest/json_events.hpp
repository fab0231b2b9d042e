// The JSON of Segment's HTTP tracking API as events in MessagePack.
//
// What senders leave to the server is filled in here: the type of the endpoint, a messageId, the batch's sentAt and
// context. Events that say nothing wrong but in one field keep all others as they are.
//
// Thread safety: none; a thread has its own json_events.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "ingest/refused_event.hpp"
#include "profile/result.hpp"

namespace kith::ingest {

struct json_events_options {
  std::string_view type;       ///< of the one event that the body is; empty: the body holds a batch
  bool historical = false;     ///< times are as they were: sentAt corrects none
  bool opted_out = false;      ///< the browser sent Sec-GPC: 1; kept as context.globalPrivacyControl
  std::string_view context{};  ///< of one event: a MessagePack map with what its own does not say; empty: nothing
  std::size_t most_events = 2500;
  std::size_t nesting = 32;
};

struct converted_events {
  std::string events;                  ///< a MessagePack array of maps; those that were refused are missing
  std::uint32_t count = 0;             ///< of them
  std::uint32_t sent = 0;              ///< of all
  std::vector<std::uint32_t> indexes;  ///< of `events` in the body; empty: all are there
  std::vector<refused_event> refused;
  std::string write_key;  ///< that the body names; empty: none
};

class json_events {
 public:
  /// A simdjson parser reads so many bytes behind the text.
  static constexpr std::size_t padding = 64;

  json_events();
  ~json_events();
  json_events(const json_events&) = delete;
  json_events& operator=(const json_events&) = delete;

  /// `body`: has `padding` bytes of capacity behind its end. Errors, of the whole body: invalid_argument (no JSON, with
  /// the byte; no batch), too_large (too many events).
  result<converted_events> convert(const std::string& body, const json_events_options& options);

 private:
  struct impl;
  std::unique_ptr<impl> impl_;
};

/// A messageId for an event that has none: of its bytes, if they say when it happened, so that a repetition counts
/// once; else a new one.
std::string message_id_for(std::string_view event, bool has_time);

}  // namespace kith::ingest
