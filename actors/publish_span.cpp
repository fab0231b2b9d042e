#include "actors/publish_span.hpp"

namespace kith::actors {

void end_publish(open_span& made, const result<publish_outcome>& outcome) {
  if (!made.on()) return;
  if (outcome) {
    made.note("kith.applied", std::int64_t{outcome->applied});
    made.note("kith.duplicate", std::int64_t{outcome->duplicate});
    made.note("kith.rejected", static_cast<std::int64_t>(outcome->rejected.size()));
  } else {
    made.note("error.type", name_of(outcome.error().code));
    made.fail(name_of(outcome.error().code));
  }
  made.end();
}

}  // namespace kith::actors
