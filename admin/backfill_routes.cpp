// The routes of bringing profiles up to date with the definitions of segments and computed traits.
#include <cmath>

#include "admin/routes.hpp"

namespace kith::admin {

using nlohmann::json;

json routes::told(const actors::backfill_progress& of) {
  return {{"running", of.running},
          {"cancelled", of.cancelled},
          {"complete", of.complete},
          {"done", of.done},
          {"of", of.of},
          {"perSecond", std::round(of.per_second * 10) / 10},
          {"limit", of.limit > 0 ? json(of.limit) : json(nullptr)},
          {"secondsLeft", of.seconds_left ? json(std::ceil(*of.seconds_left)) : json(nullptr)}};
}

response routes::backfill(const call& asked) {
  if (auto unknown = unknown_parameter(asked.target, {})) return *unknown;
  return ok(told(service_.backfilling()));
}

response routes::cancel_backfill(const call& asked) {
  if (auto unknown = unknown_parameter(asked.target, {})) return *unknown;
  return after(service_.cancel_backfill());
}

response routes::resume_backfill(const call& asked) {
  if (auto unknown = unknown_parameter(asked.target, {})) return *unknown;
  return after(service_.resume_backfill());
}

/// Where it stands now, or why it could not be changed.
response routes::after(const result<void>& changed) {
  if (changed) return ok(told(service_.backfilling()));
  if (changed.error().code != errc::invalid_argument) return problem_of(changed.error());
  return problem(409, name_of(changed.error().code),
                 changed.error().message + "; GET /v1/backfill tells how it stands");
}

}  // namespace kith::admin
