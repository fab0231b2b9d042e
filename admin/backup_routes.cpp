// The routes of backups.
#include "admin/backups.hpp"
#include "admin/routes.hpp"
#include "profile/event.hpp"

namespace kith::admin {

namespace {

using nlohmann::json;

response no_backups() { return problem(404, "not_found", "this server makes no backups"); }

json name_or_null(const std::string& name) { return name.empty() ? json(nullptr) : json(name); }

}  // namespace

response routes::list_backups(const call& asked) {
  if (auto unknown = unknown_parameter(asked.target, {})) return *unknown;
  if (with_.backups == nullptr) return no_backups();
  const auto state = with_.backups->state();
  if (!state) return problem_of(state.error());
  auto items = json::array();
  for (const auto& each : state->items) {
    items.push_back({{"name", each.name}, {"taken", profile::format_time(each.taken_ms)}, {"bytes", each.bytes}});
  }
  auto failed = json(nullptr);
  if (!state->failed.empty()) failed = {{"name", state->failed}, {"error", state->error}};
  return ok({{"directory", name_or_null(with_.backups->directory())},
             {"running", name_or_null(state->running)},
             {"failed", std::move(failed)},
             {"items", std::move(items)}});
}

response routes::begin_backup(const call& asked) {
  if (auto unknown = unknown_parameter(asked.target, {})) return *unknown;
  if (with_.backups == nullptr) return no_backups();
  const auto name = with_.backups->begin();
  if (!name) {
    return name.error().code == errc::invalid_argument ? problem(409, "not_configured", name.error().message)
                                                       : problem(409, "running", name.error().message);
  }
  auto answer = ok({{"name", *name}, {"running", true}});
  answer.status = 202;
  answer.headers["Location"] = "/v1/backups";
  return answer;
}

}  // namespace kith::admin
