#include "admin/routes.hpp"

#include <algorithm>

#include "actors/clock.hpp"
#include "admin/asking.hpp"
#include "admin/json.hpp"
#include "admin/metrics.hpp"
#include "admin/route.hpp"

namespace kith::admin {

namespace {

using nlohmann::json;

constexpr std::size_t most_events_a_page = 1000;

result<profile::field_set> fields_in(const parsed_target& target) {
  const auto found = target.query.find("fields");
  if (found == target.query.end()) return profile::field_set{};
  profile::field_set fields{0};
  for (const auto name : split(found->second, ',')) {
    unsigned field = 0;
    if (!profile::field_index(name, field)) {
      return fail(errc::invalid_argument,
                  "query parameter fields: \"" + std::string(name) + "\" is no key of a profile");
    }
    fields.bits |= 1U << field;
  }
  return fields;
}

result<persistence::history_query> query_in(const parsed_target& target) {
  persistence::history_query query;
  const auto limit = limit_in(target, query.limit, most_events_a_page);
  if (!limit) return tl::make_unexpected(limit.error());
  query.limit = *limit;
  for (const auto& [name, value] : target.query) {
    if (name == "limit") continue;
    if (name == "order") {
      if (value != "asc" && value != "desc")
        return fail(errc::invalid_argument, "query parameter order: must be asc or desc");
      query.newest_first = value == "desc";
    } else if (name == "cursor") {
      query.cursor = value;
    } else if (!profile::parse_time(value, name == "from" ? query.from_ms : query.to_ms)) {
      return fail(errc::invalid_argument, "query parameter " + name + ": must be an RFC 3339 time");
    }
  }
  return query;
}

json percentiles_of(const actors::histogram& of) {
  return {{"p50", of.percentile(50)},    {"p90", of.percentile(90)}, {"p99", of.percentile(99)},
          {"p999", of.percentile(99.9)}, {"max", of.max()},          {"count", of.count()}};
}

}  // namespace

const std::vector<routes::route>& routes::table() {
  constexpr auto anybody = net::role::none;
  constexpr auto viewer = net::role::viewer;
  constexpr auto operations = net::role::operations;
  constexpr auto privacy = net::role::privacy;
  constexpr auto admin = net::role::admin;
  constexpr auto reads = effect::reads;
  constexpr auto changes = effect::changes;
  constexpr auto open = personal::none;
  constexpr auto masked = personal::masked;
  constexpr auto refused = personal::refused;
  static const std::vector<route> routes = {
      {"GET", {""}, anybody, reads, open, &routes::console_page},
      {"GET", {"assets", "{}"}, anybody, reads, open, &routes::console_file_of},
      {"GET", {"healthz"}, anybody, reads, open, &routes::healthz},
      {"GET", {"readyz"}, anybody, reads, open, &routes::readyz},
      {"GET", {"metrics"}, viewer, reads, open, &routes::metrics},
      {"GET", {"v1", "openapi.json"}, anybody, reads, open, &routes::openapi},
      {"GET", {"v1", "audit"}, privacy, reads, open, &routes::audit},
      {"GET", {"v1", "audit:head"}, privacy, reads, open, &routes::audit_head},
      {"POST", {"v1", "session"}, anybody, changes, open, &routes::open_session},
      {"GET", {"v1", "session"}, viewer, reads, open, &routes::session},
      {"DELETE", {"v1", "session"}, anybody, changes, open, &routes::close_session},
      {"GET", {"v1", "session", "methods"}, anybody, reads, open, &routes::ways_to_sign_in},
      {"GET", {"v1", "session", "login"}, anybody, reads, open, &routes::begin_sign_in},
      {"GET", {"v1", "session", "callback"}, anybody, changes, open, &routes::finish_sign_in},
      {"GET", {"v1", "tokens"}, admin, reads, open, &routes::list_tokens},
      {"PUT", {"v1", "tokens"}, admin, changes, open, &routes::put_token},
      {"GET", {"v1", "tokens", "{}"}, admin, reads, open, &routes::token},
      {"DELETE", {"v1", "tokens", "{}"}, admin, changes, open, &routes::remove_token},
      {"POST", {"v1", "tokens", "{}", "rotate"}, admin, changes, open, &routes::rotate_token},
      {"GET", {"v1", "profiles", "{}", "{}"}, viewer, reads, masked, &routes::profile},
      {"GET", {"v1", "profiles", "{}", "{}", "traits"}, viewer, reads, refused, &routes::trait_sources},
      {"GET", {"v1", "profiles", "{}", "{}", "events"}, viewer, reads, masked, &routes::events},
      {"GET", {"v1", "profiles", "{}", "{}", "segments"}, viewer, reads, open, &routes::profile_segments},
      {"GET", {"v1", "profiles", "{}", "{}", "explain", "{}"}, viewer, reads, masked, &routes::explain},
      {"GET", {"v1", "profiles", "{}", "{}", "identity"}, viewer, reads, masked, &routes::identity},
      {"POST", {"v1", "profiles", "{}", "{}", "unmerge"}, operations, changes, masked, &routes::unmerge},
      {"DELETE", {"v1", "profiles", "{}", "{}"}, privacy, changes, open, &routes::erase_profile},
      {"GET", {"v1", "profiles", "{}", "{}", "export"}, privacy, reads, refused, &routes::export_person},
      {"GET", {"v1", "privacy", "requests"}, privacy, reads, refused, &routes::privacy_request_list},
      {"POST", {"v1", "privacy", "requests"}, privacy, changes, refused, &routes::new_privacy_request},
      {"GET", {"v1", "privacy", "requests", "{}"}, privacy, reads, refused, &routes::privacy_request_of},
      {"POST", {"v1", "privacy", "requests", "{}", "steps"}, privacy, changes, refused, &routes::step_privacy_request},
      {"GET", {"v1", "privacy", "requests", "{}", "exports", "{}"}, privacy, reads, refused, &routes::kept_export},
      {"GET", {"v1", "privacy", "rules"}, viewer, reads, open, &routes::privacy_rules},
      {"GET", {"v1", "privacy", "keys"}, anybody, reads, open, &routes::receipt_keys},
      {"GET", {"v1", "privacy", "suppressions"}, privacy, reads, open, &routes::suppressions},
      {"POST", {"v1", "privacy", "suppressions:lookup"}, privacy, reads, refused, &routes::look_up_suppression},
      {"DELETE", {"v1", "privacy", "suppressions", "{}"}, privacy, changes, open, &routes::lift_suppression},
      {"GET", {"v1", "views"}, viewer, reads, open, &routes::views},
      {"GET", {"v1", "identity", "ignored"}, viewer, reads, masked, &routes::ignored_identifiers},
      {"GET", {"v1", "webhooks"}, viewer, reads, open, &routes::list_webhooks},
      {"GET", {"v1", "dead-letters"}, viewer, reads, masked, &routes::dead_letters},
      {"POST", {"v1", "dead-letters"}, operations, changes, open, &routes::decide_dead_letters},
      {"GET", {"v1", "dead-letters:counts"}, viewer, reads, open, &routes::count_dead_letters},
      {"GET", {"v1", "dead-letters:export"}, viewer, reads, masked, &routes::export_dead_letters},
      {"GET", {"v1", "dead-letters", "{}"}, viewer, reads, masked, &routes::dead_letter},
      {"GET", {"v1", "segments"}, viewer, reads, open, &routes::definitions},
      {"POST", {"v1", "segments"}, operations, changes, open, &routes::add_definition},
      {"POST", {"v1", "segments:preview"}, viewer, reads, refused, &routes::preview},
      {"GET", {"v1", "segments", "{}"}, viewer, reads, open, &routes::definition},
      {"PUT", {"v1", "segments", "{}"}, operations, changes, open, &routes::put_definition},
      {"DELETE", {"v1", "segments", "{}"}, operations, changes, open, &routes::remove_definition},
      {"POST", {"v1", "segments", "{}", "enable"}, operations, changes, open, &routes::enable_definition},
      {"GET", {"v1", "segments", "{}", "members"}, viewer, reads, masked, &routes::members},
      {"GET", {"v1", "segments", "{}", "counts"}, viewer, reads, open, &routes::member_counts},
      {"GET", {"v1", "backfill"}, viewer, reads, open, &routes::backfill},
      {"POST", {"v1", "backfill:cancel"}, operations, changes, open, &routes::cancel_backfill},
      {"POST", {"v1", "backfill:resume"}, operations, changes, open, &routes::resume_backfill},
      {"GET", {"v1", "computed"}, viewer, reads, open, &routes::definitions},
      {"POST", {"v1", "computed"}, operations, changes, open, &routes::add_definition},
      {"GET", {"v1", "computed", "{}"}, viewer, reads, open, &routes::definition},
      {"PUT", {"v1", "computed", "{}"}, operations, changes, open, &routes::put_definition},
      {"DELETE", {"v1", "computed", "{}"}, operations, changes, open, &routes::remove_definition},
      {"POST", {"v1", "computed", "{}", "enable"}, operations, changes, open, &routes::enable_definition},
      {"GET", {"v1", "schemas"}, viewer, reads, open, &routes::list_schemas},
      {"POST", {"v1", "schemas:check"}, viewer, reads, open, &routes::check_schema},
      {"GET", {"v1", "schemas:report"}, viewer, reads, masked, &routes::report_schemas},
      {"GET", {"v1", "schemas", "{}"}, viewer, reads, open, &routes::schema},
      {"PUT", {"v1", "schemas", "{}"}, operations, changes, open, &routes::put_schema},
      {"DELETE", {"v1", "schemas", "{}"}, operations, changes, open, &routes::remove_schema},
      {"GET", {"v1", "schemas", "{}", "proposal"}, viewer, reads, masked, &routes::propose_schema},
      {"GET", {"v1", "stats"}, viewer, reads, open, &routes::stats},
      {"GET", {"v1", "live"}, viewer, reads, open, &routes::live_events},
      {"GET", {"v1", "latency"}, viewer, reads, open, &routes::latency},
      {"GET", {"debug", "shards"}, admin, reads, open, &routes::debug_shards},
      {"GET", {"debug", "slowest"}, admin, reads, open, &routes::debug_slowest},
      {"GET", {"debug", "memory"}, admin, reads, open, &routes::debug_memory},
      {"GET", {"debug", "build"}, admin, reads, open, &routes::debug_build},
      {"GET", {"debug", "config"}, admin, reads, open, &routes::debug_config},
      {"POST", {"v1", "snapshot"}, operations, changes, open, &routes::snapshot},
      {"GET", {"v1", "backups"}, operations, reads, open, &routes::list_backups},
      {"POST", {"v1", "backups"}, admin, changes, open, &routes::begin_backup},
  };
  return routes;
}

response routes::healthz(const call&) {
  const auto silence = pulse_.silence(actors::now());
  if (silence < with_.shard_patience) return ok({{"status", "ok"}});
  const auto seconds = std::chrono::duration_cast<std::chrono::seconds>(silence).count();
  auto answer =
      ok({{"status", "stalled"}, {"reason", "a shard has not answered for " + std::to_string(seconds) + " s"}});
  answer.status = 503;
  return answer;
}

response routes::readyz(const call&) {
  const auto state = service_.state();
  auto answer = ok({{"status", name_of(state.now)},
                    {"reason", state.reason},
                    {"replayedBytes", state.replayed_bytes},
                    {"replayBytes", state.replay_bytes}});
  answer.status = state.now == actors::phase::ready ? 200 : 503;
  return answer;
}

response routes::metrics(const call& asked) {
  return metrics_answer(service_, definitions_, with_, auditor_.unrecorded(), asked.sent.accept);
}

response routes::openapi(const call&) { return {200, "application/json", std::string(openapi_document()), {}}; }

/// What a shard answers about one profile, as JSON in this shape.
response routes::answer_of(profile_question question, const std::function<json(json)>& shape) {
  const auto told = ask_profile(service_, std::move(question));
  if (!told) return problem_of(told.error());
  if (!*told) return problem(404, "not_found", "there is no such profile");
  return ok(shape ? shape(to_json(**told)) : to_json(**told));
}

response routes::profile(const call& asked) {
  if (auto unknown = unknown_parameter(asked.target, {"fields", "view"})) return *unknown;
  const auto address = address_in(asked.target);
  if (!address) return problem_of(address.error());
  if (const auto view = asked.target.query.find("view"); view != asked.target.query.end()) {
    if (asked.target.query.contains("fields")) {
      return problem(400, "invalid_argument",
                     "query parameters view and fields: give one of them, since a view says which fields");
    }
    return answer_of([address = *address, name = view->second](actors::service& service, actors::read_done done) {
      service.read_view(0, {address}, name, std::move(done));
    });
  }
  const auto fields = fields_in(asked.target);
  if (!fields) return problem_of(fields.error());
  return answer_of([address = *address, fields = *fields](actors::service& service, actors::read_done done) {
    service.read(0, {address}, fields, std::move(done));
  });
}

response routes::trait_sources(const call& asked) {
  if (auto unknown = unknown_parameter(asked.target, {})) return *unknown;
  const auto address = address_in(asked.target);
  if (!address) return problem_of(address.error());
  return answer_of(
      [address = *address](actors::service& service, actors::read_done done) {
        service.read_trait_sources(0, address, std::move(done));
      },
      [](json items) {
        return json{{"items", std::move(items)}, {"next", nullptr}};
      });
}

response routes::views(const call& asked) {
  if (auto unknown = unknown_parameter(asked.target, {})) return *unknown;
  auto items = json::array();
  for (const auto& each : service_.views()->all()) {
    auto fields = json::array();
    for (const auto& path : each.paths()) {
      const bool dotted =
          std::any_of(path.begin(), path.end(), [](const auto& key) { return key.find('.') != key.npos; });
      fields.push_back(dotted ? json(path) : json(profile::path_text(path)));
    }
    items.push_back({{"name", each.name()},
                     {"description", each.description()},
                     {"fields", std::move(fields)},
                     {"purpose", each.purpose().empty() ? json(nullptr) : json(each.purpose())}});
  }
  return ok({{"items", std::move(items)}, {"next", nullptr}});
}

response routes::events(const call& asked) {
  if (auto unknown = unknown_parameter(asked.target, {"limit", "cursor", "order", "from", "to"})) return *unknown;
  const auto address = address_in(asked.target);
  if (!address) return problem_of(address.error());
  const auto query = query_in(asked.target);
  if (!query) return problem_of(query.error());
  const auto page = service_.history(*address, *query);
  if (!page) return problem_of(page.error());
  auto items = json::array();
  for (const auto& item : page->items) {
    auto event = to_json(item.encoded);
    event["time"] = profile::format_time(item.time_ms);
    event["receivedAt"] = profile::format_time(item.received_ms);
    event["source"] = item.source;
    items.push_back(std::move(event));
  }
  return ok({{"items", std::move(items)}, {"next", page->next.empty() ? json(nullptr) : json(page->next)}});
}

response routes::stats(const call& asked) {
  if (auto unknown = unknown_parameter(asked.target, {})) return *unknown;
  auto body = stats_json(service_.stats());
  body["definitionsDisabled"] = definitions_.count_disabled();
  if (with_.protocol != nullptr) {
    body["connectionsOpen"] = with_.protocol->connections_open.load();
    body["connectionsTotal"] = with_.protocol->connections_total.load();
  }
  return ok(body);
}

response routes::latency(const call& asked) {
  if (auto unknown = unknown_parameter(asked.target, {})) return *unknown;
  constexpr std::pair<std::string_view, actors::window> windows[] = {
      {"1m", actors::window::minute}, {"5m", actors::window::five_minutes}, {"1h", actors::window::hour}};
  auto body = json::object();
  for (std::size_t i = 0; i < actors::stage_count; ++i) {
    const auto stage = static_cast<actors::stage>(i);
    for (const auto& [name, window] : windows) {
      body[std::string(name_of(stage))][std::string(name)] =
          percentiles_of(service_.latency().snapshot(stage, window, actors::now()));
    }
  }
  return ok({{"unit", "microseconds"}, {"stages", body}});
}

response routes::snapshot(const call& asked) {
  if (auto unknown = unknown_parameter(asked.target, {})) return *unknown;
  const auto started = actors::now();
  if (const auto saved = service_.checkpoint(); !saved) return problem_of(saved.error());
  return ok({{"status", "saved"}, {"seconds", std::chrono::duration<double>(actors::now() - started).count()}});
}

}  // namespace kith::admin
