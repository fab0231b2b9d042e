// CloudEvents 1.0.2 over HTTP (github.com/cloudevents/spec: spec.md, bindings/http-protocol-binding.md,
// formats/json-format.md) as events about people.
//
// What one becomes: if its data is an event of Kith's own shape (`type` track, identify, ..., and an id), that event.
// Else a track event named by the CloudEvent's `type`, with its data as properties; data.userId or data.anonymousId say
// whose it is, or else `subject`. `time` is its timestamp. Its messageId is made of `source` and `id`, which the
// specification keeps unique together, so that repetitions count once; an event in the data keeps its own. A mapping,
// if one is handed in, decides all of that instead; its `body` is the CloudEvent as in structured mode, whatever the
// mode, with what data_base64 held as `data` if it is JSON or text, and `delivery` is the id that was made.
//
// Thread safety: all of it.
#pragma once

#include <cstdint>
#include <string_view>

#include "ingest/webhook/mapping.hpp"
#include "net/http_message.hpp"
#include "profile/result.hpp"

namespace kith::ingest {

enum class cloud_event_mode : std::uint8_t {
  none,         ///< the request is no CloudEvent
  binary,       ///< ce-* headers
  structured,   ///< application/cloudevents+json
  batched,      ///< application/cloudevents-batch+json
  unsupported,  ///< another format of CloudEvents: answer 415
};
cloud_event_mode mode_of(const net::http_request& request);

/// `source`: the name in [sources.NAME]; `map`: null: as above. The request's body is not compressed any more.
/// Errors: invalid_argument: no CloudEvent, an attribute is missing or wrong ("id: missing; ..."), the body is no JSON;
/// too_large: more than bounds of webhooks allow. In a batch, an event with wrong attributes is skipped, the others go
/// on.
result<webhook::mapped> read_cloud_events(const net::http_request& request, std::string_view source,
                                          const webhook::mapping* map, std::int64_t now_ms);

}  // namespace kith::ingest
