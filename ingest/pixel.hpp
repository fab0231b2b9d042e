// Segment's pixel tracking API: an event in the address of an image, for mails and pages without scripts.
//
// Thread safety: all of it.
#pragma once

#include <string>
#include <string_view>

#include "net/http_message.hpp"
#include "profile/result.hpp"

namespace kith::ingest {

/// The JSON of the event that a query holds: `data=` in base64 (either alphabet, padded or not) or as it is; without
/// it each parameter is a field, `properties.subject=` one inside another, with a text as its value.
/// Errors: invalid_argument.
result<std::string> pixel_event(std::string_view query);

/// A transparent image of one pixel that no browser keeps: what is shown whatever became of the event.
net::http_response pixel_answer();

}  // namespace kith::ingest
