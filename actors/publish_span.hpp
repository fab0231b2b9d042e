// The span of a batch that was published, whichever way it came.
#pragma once

#include "actors/service.hpp"
#include "actors/tracing.hpp"

namespace kith::actors {

/// Notes how many events were applied, duplicate and rejected, or the error, and ends the span.
void end_publish(open_span& made, const result<publish_outcome>& outcome);

}  // namespace kith::actors
