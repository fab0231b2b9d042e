// The routes of schemas: what events are declared to hold, and what they were seen to hold.
#include <algorithm>

#include "actors/clock.hpp"
#include "admin/json.hpp"
#include "admin/routes.hpp"
#include "ingest/schema/document.hpp"
#include "ingest/schema/files.hpp"
#include "ingest/schema/gate.hpp"
#include "ingest/schema/proposal.hpp"
#include "ingest/schema/report.hpp"
#include "ingest/schema/store.hpp"

namespace kith::admin {

namespace {

using ingest::schema::event_schemas;
using ingest::schema::known_schema;
using nlohmann::json;

constexpr std::size_t usual_page = 100;
constexpr std::size_t most_a_page = 1000;

response no_schemas() { return problem(404, "not_found", "this server keeps no schemas"); }

response not_there(const std::string& event) {
  return problem(404, "not_found", "there is no schema of \"" + event + "\"; GET /v1/schemas lists them");
}

json schema_json(const event_schemas& all, const known_schema& one) {
  auto versions = json::array();
  for (const auto& each : all.versions) versions.push_back(each.what->version());
  return {{"event", one.what->event()},
          {"version", one.what->version()},
          {"versions", std::move(versions)},
          {"description", one.what->description()},
          {"owner", one.what->owner()},
          {"source", one.from_directory ? "directory" : "api"},
          {"created", one.created_ms == 0 ? json(nullptr) : json(profile::format_time(one.created_ms))}};
}

std::string etag_of(const known_schema& one) { return '"' + std::to_string(one.what->version()) + '"'; }

response schema_answer(const event_schemas& all, const known_schema& one) {
  auto body = schema_json(all, one);
  body["schema"] = one.what->document();
  auto answer = ok(body);
  answer.headers["ETag"] = etag_of(one);
  return answer;
}

json reasons_json(const std::vector<ingest::schema::incompatibility>& all) {
  auto list = json::array();
  for (const auto& each : all) {
    list.push_back({{"of", name_of(each.of)}, {"pointer", each.pointer}, {"reason", each.reason}});
  }
  return list;
}

json violations_json(const std::vector<ingest::schema::violation>& all) {
  auto list = json::array();
  for (const auto& each : all) {
    list.push_back(
        {{"pointer", each.pointer}, {"rule", each.rule}, {"expected", each.expected}, {"found", each.found}});
  }
  return list;
}

response problem_of(const ingest::schema::refusal& refused) {
  auto more = json::object();
  if (!refused.reasons.empty()) more["incompatibilities"] = reasons_json(refused.reasons);
  return problem(refused.status, name_of(refused.why.code), refused.why.message, more);
}

/// What the headers If-Match and If-None-Match ask for. It is not to outlive the call.
ingest::schema::store::precondition precondition_in(const call& asked) {
  return [&sent = asked.sent](const known_schema* there) {
    return may_change(sent, there != nullptr ? etag_of(*there) : std::string());
  };
}

/// Nothing: it is not said. Errors: invalid_argument.
result<std::optional<ingest::schema::compatibility>> compatibility_of(const std::string& said) {
  const auto kind = ingest::schema::parse_compatibility(said);
  if (kind) return std::optional(*kind);
  return fail(errc::invalid_argument, "compatibility: must be none, backward, forward or full");
}

/// The names of a list behind the cursor, at most `limit`; `next`: the cursor of the next page, or null.
std::vector<std::string> page_of(const std::vector<std::string>& all, const parsed_target& target, std::size_t limit,
                                 json& next) {
  auto from = all.begin();
  if (const auto cursor = target.query.find("cursor"); cursor != target.query.end()) {
    from = std::upper_bound(from, all.end(), cursor->second);
  }
  const auto to = from + std::min(all.end() - from, static_cast<std::ptrdiff_t>(limit));
  next = to == all.end() ? json(nullptr) : json(*(to - 1));
  return {from, to};
}

}  // namespace

response routes::list_schemas(const call& asked) {
  if (auto unknown = unknown_parameter(asked.target, {"limit", "cursor"})) return *unknown;
  const auto limit = limit_in(asked.target, usual_page, most_a_page);
  if (!limit) return admin::problem_of(limit.error());
  json body = {{"items", json::array()}, {"next", nullptr}};
  if (with_.schemas == nullptr) return ok(body);
  const auto now = with_.schemas->schemas().current();
  for (const auto& event : page_of(now->events(), asked.target, *limit, body["next"])) {
    const auto& all = *now->find(event);
    body["items"].push_back(schema_json(all, all.newest()));
  }
  return ok(body);
}

response routes::schema(const call& asked) {
  if (auto unknown = unknown_parameter(asked.target, {"version"})) return *unknown;
  if (with_.schemas == nullptr) return no_schemas();
  const auto& event = asked.target.path[2];
  const auto now = with_.schemas->schemas().current();
  const auto* all = now->find(event);
  if (all == nullptr) return not_there(event);
  const auto wanted = asked.target.query.find("version");
  if (wanted == asked.target.query.end()) return schema_answer(*all, all->newest());
  const auto& digits = wanted->second;
  const bool number = !digits.empty() && digits.size() <= 9 && digits.find_first_not_of("0123456789") == digits.npos;
  if (!number) return problem(400, "invalid_argument", "query parameter version: must be a whole number from 1 on");
  const auto* one = all->find(static_cast<std::uint32_t>(std::stoul(digits)));
  if (one != nullptr) return schema_answer(*all, *one);
  return problem(404, "not_found",
                 "there is no version " + digits + " of \"" + event + "\"; the newest is " +
                     std::to_string(all->newest().what->version()));
}

response routes::put_schema(const call& asked) {
  if (auto unknown = unknown_parameter(asked.target, {"compatibility"})) return *unknown;
  if (with_.schemas == nullptr) return no_schemas();
  std::optional<ingest::schema::compatibility> instead;
  if (const auto said = asked.target.query.find("compatibility"); said != asked.target.query.end()) {
    auto kind = compatibility_of(said->second);
    if (!kind) return problem(400, name_of(kind.error().code), "query parameter " + kind.error().message);
    instead = *kind;
  }
  const auto& event = asked.target.path[2];
  // Before If-Match is looked at: of what cannot be an event there is no version.
  if (const auto good = ingest::schema::check_event_name(event); !good) return admin::problem_of(good.error());
  const auto made = with_.schemas->put(event, asked.sent.body, instead, precondition_in(asked));
  if (!made) return problem_of(made.error());
  // By now there may be a newer one, or none.
  const auto now = with_.schemas->schemas().current();
  const auto* all = now->find(event);
  auto answer = schema_answer(all != nullptr ? *all : event_schemas{{made->now}}, made->now);
  answer.status = made->created ? 201 : 200;
  return answer;
}

response routes::remove_schema(const call& asked) {
  if (auto unknown = unknown_parameter(asked.target, {})) return *unknown;
  if (with_.schemas == nullptr) return no_schemas();
  const auto removed = with_.schemas->remove(asked.target.path[2], precondition_in(asked));
  if (!removed) return problem_of(removed.error());
  return {204, {}, {}, {}};
}

namespace {

/// What /v1/schemas:check was asked.
struct check_question {
  json event;  ///< a whole event; or
  std::string source;
  std::string name;            ///< of an event: its schema is looked up, or
  json schema;                 ///< judged as its next version
  std::optional<json> sample;  ///< what it would hold, which may be null
  std::optional<ingest::schema::compatibility> instead;
};

result<check_question> question_in(const std::string& text) {
  const auto refuse = [](const std::string& why) { return fail(errc::invalid_argument, "body: " + why); };
  if (ingest::schema::nesting_of(text) > ingest::schema::bounds::document_nesting) {
    return refuse("nests over " + std::to_string(ingest::schema::bounds::document_nesting) + " levels");
  }
  const auto parsed = parse_body(text);
  if (!parsed) return tl::make_unexpected(parsed.error());
  const auto& body = *parsed;
  if (!body.is_object()) return refuse("must be a JSON object");
  check_question asked;
  for (const auto& [key, value] : body.items()) {
    const bool is_text = key == "source" || key == "name" || key == "compatibility";
    if (is_text && !value.is_string()) return refuse(key + ": must be a string");
    if (key == "event") {
      if (!value.is_object()) return refuse("event: must be an object");
      asked.event = value;
    } else if (key == "source") {
      asked.source = value.get<std::string>();
    } else if (key == "name") {
      asked.name = value.get<std::string>();
    } else if (key == "schema") {
      asked.schema = value;
    } else if (key == "sample") {
      asked.sample = value;
    } else if (key == "compatibility") {
      auto kind = compatibility_of(value.get<std::string>());
      if (!kind) return refuse(kind.error().message);
      asked.instead = *kind;
    } else {
      return refuse(std::string("unknown key \"")
                        .append(key)
                        .append("\"; allowed are event, source; or name, schema, sample, compatibility"));
    }
  }
  if (asked.event.is_null() == asked.name.empty()) return refuse("needs either event, or name");
  if (!asked.name.empty() && asked.schema.is_null() && !asked.sample) {
    return refuse("needs schema, or sample, or both beside name");
  }
  return asked;
}

/// What is said of a whole event; ids that it has not are made up.
response judge_event(const ingest::schema::store& store, check_question asked) {
  for (const auto* id : {"messageId", "anonymousId"}) {
    if (!asked.event.contains(id)) asked.event[id] = "check";
  }
  const auto bytes = ingest::schema::encoded(asked.event);
  const auto event = profile::parse_event(bytes, {actors::wall_clock_ms()});
  if (!event) return problem(400, name_of(event.error().code), "body: event: " + event.error().message);
  const auto verdict = judge_by(*store.schemas().current(), asked.source, *event);
  return ok({{"valid", verdict.violations.empty()},
             {"declared", verdict.declared},
             {"version", verdict.version == 0 ? json(nullptr) : json(verdict.version)},
             {"outcome", name_of(verdict.outcome)},
             {"violations", violations_json(verdict.violations)}});
}

}  // namespace

response routes::check_schema(const call& asked) {
  if (auto unknown = unknown_parameter(asked.target, {})) return *unknown;
  if (with_.schemas == nullptr) return no_schemas();
  auto question = question_in(asked.sent.body);
  if (!question) return admin::problem_of(question.error());
  if (!question->event.is_null()) return judge_event(*with_.schemas, std::move(*question));
  std::shared_ptr<const ingest::schema::schema> judged;
  json body = {{"event", question->name}};
  if (question->schema.is_null()) {
    const auto now = with_.schemas->schemas().current();
    const auto* all = now->find(question->name);
    if (all == nullptr) return not_there(question->name);
    judged = all->newest().what;
  } else {
    const auto text = dump(question->schema);
    auto checked = with_.schemas->check(question->name, text, question->instead);
    if (!checked && checked.error().reasons.empty()) return problem_of(checked.error());
    body["compatible"] = checked.has_value();
    body["incompatibilities"] = checked ? json::array() : reasons_json(checked.error().reasons);
    if (!checked) checked = with_.schemas->check(question->name, text, ingest::schema::compatibility::none);
    if (!checked) return problem_of(checked.error());
    judged = checked->now.what;
  }
  body["version"] = judged->version();
  if (question->sample) {
    const auto found = judged->validate(ingest::schema::encoded(*question->sample));
    body["valid"] = found.empty();
    body["violations"] = violations_json(found);
  }
  return ok(body);
}

response routes::report_schemas(const call& asked) {
  if (auto unknown = unknown_parameter(asked.target, {"limit", "cursor"})) return *unknown;
  const auto limit = limit_in(asked.target, usual_page, most_a_page);
  if (!limit) return admin::problem_of(limit.error());
  static const std::map<std::string, ingest::schema::observed_event, std::less<>> never_seen;
  const auto declared = with_.schemas == nullptr ? std::make_shared<const ingest::schema::schema_set>()
                                                 : with_.schemas->schemas().current();
  const auto seen = with_.gate == nullptr ? ingest::schema::observations() : with_.gate->observed();
  json body = {{"items", json::array()}, {"next", nullptr}, {"unlisted", seen.unlisted}};
  const auto all = reported_events(*declared, seen);
  for (const auto& event : page_of(all, asked.target, *limit, body["next"])) {
    const auto found = seen.events.find(event);
    body["items"].push_back(
        report_of(event, declared->find(event), found == seen.events.end() ? never_seen : found->second));
  }
  return ok(body);
}

response routes::propose_schema(const call& asked) {
  if (auto unknown = unknown_parameter(asked.target, {})) return *unknown;
  const auto& event = asked.target.path[2];
  const auto seen = with_.gate == nullptr ? ingest::schema::observations() : with_.gate->observed();
  const auto found = seen.events.find(event);
  if (found == seen.events.end()) {
    return problem(404, "not_found", "\"" + event + "\" was not seen since the server started");
  }
  return ok(ingest::schema::propose(event, found->second));
}

}  // namespace kith::admin
