// The routes of segments and computed traits.
#include <algorithm>
#include <map>

#include "actors/clock.hpp"
#include "admin/asking.hpp"
#include "admin/json.hpp"
#include "admin/routes.hpp"
#include "profile/accepted_event.hpp"
#include "profile/segments/bounds.hpp"
#include "profile/segments/standing.hpp"

namespace kith::admin {

namespace {

using nlohmann::json;
using profile::segments::definition;

constexpr std::size_t usual_page = 100;
constexpr std::size_t most_a_page = 1000;
constexpr std::size_t most_events_named = 100;  ///< in one explanation
constexpr std::size_t most_sampled = 100;       ///< members named by a preview

definition_kind kind_in(const call& asked) {
  return asked.target.path[1] == "computed" ? definition_kind::computed : definition_kind::segment;
}

json problem_json(const profile::segments::problem& one) {
  return {{"kind", name_of(one.kind)},
          {"name", one.name},
          {"line", one.line},
          {"column", one.column},
          {"message", one.message}};
}

/// The problem of the definition that was sent goes first, if it has one.
response problem_of(const refusal& refused, const std::string& name = {}) {
  if (refused.problems.empty()) return problem(refused.status, name_of(refused.why.code), refused.why.message);
  auto problems = refused.problems;
  std::stable_partition(problems.begin(), problems.end(), [&](const auto& each) { return each.name == name; });
  auto all = json::array();
  for (const auto& each : problems) all.push_back(problem_json(each));
  const auto& first = problems.front();
  return problem(refused.status, name_of(refused.why.code), first.message,
                 {{"name", first.name}, {"line", first.line}, {"column", first.column}, {"problems", std::move(all)}});
}

response not_there(const call& asked) {
  return problem(404, "not_found",
                 "there is no " + std::string(name_of(kind_in(asked))) + " \"" + asked.target.path[2] + "\"; GET /v1/" +
                     asked.target.path[1] + " lists them");
}

std::string etag_of(const kept_definition& one) { return '"' + std::to_string(one.what.version) + '"'; }

/// What the headers If-Match and If-None-Match ask for. It is not to outlive the call.
definition_store::precondition precondition_in(const call& asked) {
  return [&sent = asked.sent](const kept_definition* there) {
    return may_change(sent, there != nullptr ? etag_of(*there) : std::string());
  };
}

std::string what_is_taken(std::string_view key) {
  if (key == "sample") return "a whole number from 0 to " + std::to_string(most_sampled);
  if (key == "check") return "true or false";
  return key == "kind" ? R"("segment" or "computed")" : "a string";
}

bool take_text(const json& value, std::string& into) {
  if (!value.is_string()) return false;
  into = value.get<std::string>();
  return true;
}

/// The body: an object. `known` members are handed to `take`, which says whether they are what_is_taken(); `ignored`
/// ones may be there, as what is read may be sent back.
std::optional<response> read_body(const call& asked, std::initializer_list<std::string_view> known,
                                  std::initializer_list<std::string_view> ignored,
                                  const std::function<bool(const std::string& key, const json& value)>& take) {
  const auto refuse = [](std::string why) { return problem(400, "invalid_argument", std::move(why)); };
  const auto parsed = parse_body(asked.sent.body);
  if (!parsed) return refuse(parsed.error().message);
  const auto& body = *parsed;
  if (!body.is_object()) return refuse("body: must be a JSON object");
  for (const auto& [key, value] : body.items()) {
    if (std::find(ignored.begin(), ignored.end(), key) != ignored.end()) continue;
    if (std::find(known.begin(), known.end(), key) == known.end()) {
      std::string allowed;
      for (const auto each : known) allowed += (allowed.empty() ? "" : ", ") + std::string(each);
      return refuse(std::string("body: unknown key \"").append(key).append("\"; allowed are ").append(allowed));
    }
    if (!take(key, value)) return refuse("body: " + key + ": must be " + what_is_taken(key));
  }
  return std::nullopt;
}

/// The definition in the body. In a PUT the path names it.
std::optional<response> read_definition(const call& asked, definition& into) {
  into.kind = kind_in(asked);
  bool named_in_body = false;
  auto refused = read_body(asked, {"name", "expression", "description", "owner", "purpose"},
                           {"kind", "version", "created", "updated", "source", "members", "backfill", "disabled"},
                           [&](const std::string& key, const json& value) {
                             named_in_body |= key == "name";
                             if (key == "purpose" && value.is_null()) return true;
                             return take_text(value, key == "name"         ? into.name
                                                     : key == "expression" ? into.expression
                                                     : key == "owner"      ? into.owner
                                                     : key == "purpose"    ? into.purpose
                                                                           : into.description);
                           });
  if (refused) return refused;
  if (asked.target.path.size() > 2) {
    const auto& named = asked.target.path[2];
    if (named_in_body && into.name != named) {
      return problem(
          400, "invalid_argument",
          "body: name: is \"" + into.name + "\", but the URL names \"" + named + "\"; a definition cannot be renamed");
    }
    into.name = named;
  }
  if (into.name.empty()) return problem(400, "invalid_argument", "body: name: missing");
  if (into.expression.empty()) return problem(400, "invalid_argument", "body: expression: missing");
  return std::nullopt;
}

}  // namespace

response routes::profile_segments(const call& asked) {
  if (auto unknown = unknown_parameter(asked.target, {})) return *unknown;
  const auto address = address_in(asked.target);
  if (!address) return admin::problem_of(address.error());
  return answer_of([address = *address](actors::service& service,
                                        actors::read_done done) { service.read_segments(0, address, std::move(done)); },
                   [](json list) {
                     return json{{"items", std::move(list)}, {"next", nullptr}};
                   });
}

/// Profiles know events by a hash of the message id; the history knows the message id too.
json routes::with_message_ids(profile::hash128 address, json explanation) {
  add_counted_events(address, explanation);
  std::size_t left = most_events_named;
  for (auto& part : explanation["parts"]) {
    if (!part.contains("events")) continue;
    for (auto& event : part["events"]) {
      if (event.contains("messageId")) continue;
      persistence::history_query query;
      if (left == 0 || !profile::parse_time(event.at("time").get<std::string>(), query.from_ms)) return explanation;
      --left;
      query.to_ms = query.from_ms + 1;
      query.limit = most_a_page;
      const auto page = service_.history(address, query);
      if (!page) return explanation;
      const auto id = event.at("id").get<std::string>();
      for (const auto& item : page->items) {
        if (profile::to_hex(item.id).compare(0, id.size(), id) == 0) {
          event["messageId"] = to_json(item.encoded).value("messageId", "");
        }
      }
    }
  }
  return explanation;
}

/// Of what is counted only, profiles keep no event: the newest of the history stand for them.
void routes::add_counted_events(profile::hash128 address, json& explanation) {
  std::map<std::string, std::vector<json>> found;  // by name, the newest first
  for (const auto& part : explanation["parts"]) {
    if (!part.contains("eventNames")) continue;
    for (const auto& name : part["eventNames"]) found[name.get<std::string>()];
  }
  if (found.empty()) return;
  persistence::history_query query;
  query.limit = most_a_page;
  const auto page = service_.history(address, query);
  if (!page) return;
  for (const auto& item : page->items) {
    const auto event =
        profile::parse_event(item.encoded, profile::reception_of_accepted(item.received_ms, item.encoded.size()));
    if (!event) continue;
    const auto of = found.find(std::string(event->name));
    if (of == found.end() || of->second.size() >= profile::segments::bounds::shown_events) continue;
    of->second.push_back({{"id", profile::to_hex(item.id).substr(0, 16)},
                          {"time", profile::format_time(item.time_ms)},
                          {"messageId", to_json(item.encoded).value("messageId", "")}});
  }
  for (auto& part : explanation["parts"]) {
    if (!part.contains("eventNames")) continue;
    auto events = part.value("events", std::vector<json>());
    for (const auto& name : part["eventNames"]) {
      const auto& newest = found[name.get<std::string>()];
      events.insert(events.end(), newest.begin(), newest.end());
    }
    std::stable_sort(events.begin(), events.end(), [](const json& left, const json& right) {
      return left.at("time").get_ref<const std::string&>() > right.at("time").get_ref<const std::string&>();
    });
    if (events.size() > profile::segments::bounds::shown_events) events.resize(profile::segments::bounds::shown_events);
    if (!events.empty()) part["events"] = std::move(events);
  }
}

response routes::explain(const call& asked) {
  if (auto unknown = unknown_parameter(asked.target, {})) return *unknown;
  const auto address = address_in(asked.target);
  if (!address) return admin::problem_of(address.error());
  return answer_of(
      [address = *address, segment = asked.target.path[5]](actors::service& service, actors::read_done done) {
        service.explain(0, address, segment, std::move(done));
      },
      [&](json told) { return with_message_ids(*address, std::move(told)); });
}

/// `counts`: null: not known now.
json routes::described(const kept_definition& one, const std::unordered_map<std::uint64_t, std::uint64_t>* counts) {
  const auto& what = one.what;
  json made = {{"kind", name_of(what.kind)},
               {"name", what.name},
               {"expression", what.expression},
               {"description", what.description},
               {"owner", what.owner},
               {"purpose", what.purpose.empty() ? json(nullptr) : json(what.purpose)},
               {"version", what.version},
               {"created", profile::format_time(what.created_ms)},
               {"updated", profile::format_time(what.updated_ms)},
               {"source", one.from_config ? "config" : "api"}};
  made["backfill"] = told(service_.backfilling());
  made["disabled"] = one.disabled ? to_json(*one.disabled) : json(nullptr);
  if (what.kind != definition_kind::segment) return made;
  made["members"] = nullptr;
  if (counts != nullptr) {
    const auto found = counts->find(profile::segments::segment_key(what.name));
    made["members"] = found == counts->end() ? 0 : found->second;
  }
  return made;
}

response routes::definitions(const call& asked) {
  if (auto unknown = unknown_parameter(asked.target, {"limit", "cursor"})) return *unknown;
  const auto limit = limit_in(asked.target, usual_page, most_a_page);
  if (!limit) return admin::problem_of(limit.error());
  const auto all = definitions_.list(kind_in(asked));
  auto from = all.begin();
  if (const auto cursor = asked.target.query.find("cursor"); cursor != asked.target.query.end()) {
    from = std::find_if(from, all.end(), [&](const auto& each) { return each.what.name > cursor->second; });
  }
  const auto to = from + std::min(all.end() - from, static_cast<std::ptrdiff_t>(*limit));
  const auto counts = kind_in(asked) == definition_kind::segment && from != to
                          ? service_.member_counts()
                          : fail(errc::unavailable, "not asked for");
  if (kind_in(asked) == definition_kind::segment) member_history_.noticed(actors::wall_clock_ms());
  auto items = json::array();
  for (auto each = from; each != to; ++each) items.push_back(described(*each, counts ? &*counts : nullptr));
  return ok({{"items", std::move(items)}, {"next", to == all.end() ? json(nullptr) : json((to - 1)->what.name)}});
}

/// One, as it is now.
response routes::answer_with(const kept_definition& one) {
  const auto counts =
      one.what.kind == definition_kind::segment ? service_.member_counts() : fail(errc::unavailable, "not asked for");
  auto answer = ok(described(one, counts ? &*counts : nullptr));
  answer.headers["ETag"] = etag_of(one);
  return answer;
}

response routes::definition(const call& asked) {
  if (auto unknown = unknown_parameter(asked.target, {})) return *unknown;
  const auto found = definitions_.find(kind_in(asked), asked.target.path[2]);
  return found ? answer_with(*found) : not_there(asked);
}

response routes::add_definition(const call& asked) {
  if (auto unknown = unknown_parameter(asked.target, {})) return *unknown;
  profile::segments::definition wanted;
  if (auto refused = read_definition(asked, wanted)) return *refused;
  const auto name = wanted.name;
  const auto made = definitions_.create(std::move(wanted));
  if (!made) return problem_of(made.error(), name);
  auto answer = answer_with(*made);
  answer.status = 201;
  answer.headers["Location"] = "/v1/" + asked.target.path[1] + "/" + name;
  answer.noted = {{"name", name}};
  return answer;
}

response routes::put_definition(const call& asked) {
  if (auto unknown = unknown_parameter(asked.target, {})) return *unknown;
  profile::segments::definition wanted;
  if (auto refused = read_definition(asked, wanted)) return *refused;
  const auto name = wanted.name;
  const auto made = definitions_.put(std::move(wanted), precondition_in(asked));
  if (!made) return problem_of(made.error(), name);
  auto answer = answer_with(made->now);
  answer.status = made->created ? 201 : 200;
  return answer;
}

response routes::remove_definition(const call& asked) {
  if (auto unknown = unknown_parameter(asked.target, {})) return *unknown;
  const auto& name = asked.target.path[2];
  if (!definitions_.find(kind_in(asked), name)) return not_there(asked);
  const auto removed = definitions_.remove(kind_in(asked), name, precondition_in(asked));
  if (!removed) return problem_of(removed.error(), name);
  return {204, {}, {}, {}};
}

response routes::enable_definition(const call& asked) {
  if (auto unknown = unknown_parameter(asked.target, {})) return *unknown;
  const auto& name = asked.target.path[2];
  if (!definitions_.find(kind_in(asked), name)) return not_there(asked);
  const auto enabled = definitions_.enable(kind_in(asked), name);
  return enabled ? answer_with(*enabled) : problem_of(enabled.error(), name);
}

namespace {

constexpr std::string_view ndjson = "application/x-ndjson";

/// With what people know each by. Null: the profile has no such identifier, is gone, or cannot be read now.
json members_json(actors::service& service, const persistence::members_page& page) {
  auto items = json::array();
  std::vector<profile::hash128> addresses;
  addresses.reserve(page.items.size());
  for (const auto& each : page.items) addresses.push_back(each.address);
  const auto told = addresses.empty()
                        ? result<told_profiles>(told_profiles())
                        : ask_profiles(service, [addresses](actors::service& from, actors::read_done done) {
                            from.read_names(0, addresses, std::move(done));
                          });
  for (std::size_t i = 0; i < page.items.size(); ++i) {
    const auto& one = page.items[i];
    const auto known = told && told->at(i) ? readable_identifier(to_json(*told->at(i))) : std::nullopt;
    items.push_back({{"profile", profile::to_hex(one.address)},
                     {"identifier", known ? identifier_json(*known) : json(nullptr)},
                     {"since", profile::format_time(one.since_ms)}});
  }
  return items;
}

std::string lines_of(actors::service& service, const persistence::members_page& page) {
  std::string lines;
  for (const auto& each : members_json(service, page)) lines += dump(each) + '\n';
  return lines;
}

/// Nothing: `format` is none that there is.
std::optional<bool> wants_lines(const call& asked) {
  const auto format = asked.target.query.find("format");
  if (format == asked.target.query.end()) return asked.sent.accept == ndjson;
  if (format->second == "ndjson") return true;
  if (format->second == "json") return false;
  return std::nullopt;
}

}  // namespace

/// All of them, a line each.
response routes::member_lines(const std::string& name, std::optional<profile::hash128> behind) {
  const bool complete = service_.backfilling().complete;
  auto first = service_.members(name, behind, most_a_page);
  if (!first) return admin::problem_of(first.error());
  response answer{
      200, std::string(ndjson), lines_of(service_, *first), {{"Kith-Complete", complete ? "true" : "false"}}};
  answer.more = [&service = service_, name, next = first->next]() mutable -> result<std::string> {
    if (!next) return std::string();
    const auto page = service.members(name, next, most_a_page);
    if (!page) return tl::make_unexpected(page.error());
    next = page->next;
    return lines_of(service, *page);
  };
  return answer;
}

response routes::members(const call& asked) {
  if (auto unknown = unknown_parameter(asked.target, {"limit", "cursor", "format"})) return *unknown;
  const auto as_lines = wants_lines(asked);
  if (!as_lines) return problem(400, "invalid_argument", "query parameter format: must be json or ndjson");
  const auto limit = limit_in(asked.target, usual_page, most_a_page);
  if (!limit) return admin::problem_of(limit.error());
  std::optional<profile::hash128> behind;
  if (const auto cursor = asked.target.query.find("cursor"); cursor != asked.target.query.end()) {
    if (!profile::from_hex(cursor->second, behind.emplace())) {
      return problem(400, "invalid_argument", "query parameter cursor: give `next` of the page before");
    }
  }
  const auto& name = asked.target.path[2];
  if (!definitions_.find(definition_kind::segment, name)) return not_there(asked);
  if (*as_lines) return member_lines(name, behind);
  const bool complete = service_.backfilling().complete;
  const auto page = service_.members(name, behind, *limit);
  if (!page) return admin::problem_of(page.error());
  return ok({{"items", members_json(service_, *page)},
             {"next", page->next ? json(profile::to_hex(*page->next)) : json(nullptr)},
             {"complete", complete}});
}

/// With a name, the expression is judged as that segment's next one, by its purpose if none is said; else as a new
/// segment's.
response routes::preview(const call& asked) {
  if (auto unknown = unknown_parameter(asked.target, {})) return *unknown;
  profile::segments::definition wanted;
  actors::preview_question question;
  bool only_check = false;
  bool says_purpose = false;
  const auto take = [&](const std::string& key, const json& value) {
    if (key == "check") {
      if (value.is_boolean()) only_check = value.get<bool>();
      return value.is_boolean();
    }
    if (key == "kind") {
      if (value == "computed") wanted.kind = definition_kind::computed;
      return value == "segment" || value == "computed";
    }
    if (key == "purpose") {
      says_purpose = true;
      return value.is_null() || take_text(value, wanted.purpose);
    }
    if (key != "sample") return take_text(value, key == "name" ? wanted.name : wanted.expression);
    const auto sample = whole_number(value, most_sampled);
    if (sample) question.sample = static_cast<std::size_t>(*sample);
    return sample.has_value();
  };
  if (auto refused = read_body(asked, {"expression", "name", "purpose", "sample", "check", "kind"}, {}, take))
    return *refused;
  if (wanted.expression.empty()) return problem(400, "invalid_argument", "body: expression: missing");
  if (wanted.name.empty()) {
    wanted.name = "preview";
    while (definitions_.find(wanted.kind, wanted.name)) wanted.name += '_';
  } else if (const auto kept = definitions_.find(wanted.kind, wanted.name); kept && !says_purpose) {
    wanted.purpose = kept->what.purpose;
  }
  const auto all = definitions_.check(wanted);
  if (!all) return problem_of(all.error(), wanted.name);
  if (only_check) return ok({{"valid", true}});
  if (wanted.kind != definition_kind::segment) {
    return problem(400, "invalid_argument", "body: kind: a computed trait has no members; give \"check\": true");
  }
  question.segment = wanted.name;
  question.definitions = (*all)->needed_by(*(*all)->find(definition_kind::segment, wanted.name));
  const auto found = service_.preview(question);
  if (!found && found.error().code == errc::resource_exhausted) {
    auto busy = problem(429, name_of(found.error().code), found.error().message);
    busy.headers["Retry-After"] = "1";
    return busy;
  }
  if (!found) return admin::problem_of(found.error());
  auto sample = json::array();
  for (const auto& each : found->sample) sample.push_back(to_json(each));
  json body = {{"valid", true},
               {"members", found->members},
               {"profiles", found->profiles},
               {"errors", found->errors},
               {"complete", found->complete},
               {"seconds", found->seconds},
               {"sample", std::move(sample)}};
  if (found->errors > 0) body["error"] = found->first_error;
  return ok(body);
}

response routes::member_counts(const call& asked) {
  if (auto unknown = unknown_parameter(asked.target, {"over"})) return *unknown;
  const auto over = asked.target.query.find("over");
  auto span_ms = member_history::kept.count();
  if (over != asked.target.query.end() && over->second != "1h") {
    if (over->second != "10m") return problem(400, "invalid_argument", "query parameter over: must be 10m or 1h");
    span_ms = std::chrono::milliseconds(std::chrono::minutes(10)).count();
  }
  const auto& name = asked.target.path[2];
  if (!definitions_.find(definition_kind::segment, name)) return not_there(asked);
  const auto now_ms = actors::wall_clock_ms();
  member_history_.noticed(now_ms);
  auto points = json::array();
  for (const auto& each : member_history_.of(name, now_ms - span_ms)) {
    points.push_back({{"t", each.at_ms}, {"members", each.members}});
  }
  return ok({{"name", name}, {"points", std::move(points)}});
}

}  // namespace kith::admin
