// The routes of privacy requests, and of the document of all that is kept of one person.
#include <algorithm>

#include "actors/clock.hpp"
#include "admin/auditor.hpp"
#include "admin/json.hpp"
#include "admin/person_export.hpp"
#include "admin/privacy_request_json.hpp"
#include "admin/privacy_requests.hpp"
#include "admin/routes.hpp"
#include "persistence/file.hpp"
#include "profile/privacy_rules.hpp"

namespace kith::admin {

namespace {

using nlohmann::json;

constexpr std::size_t usual_page = 100;
constexpr std::size_t most_a_page = 1000;
constexpr std::size_t piece_bytes = 256 * 1024;

response not_kept() { return problem(503, "unavailable", "this server keeps no privacy requests"); }

response problem_of(const refusal& refused) {
  return problem(refused.status, name_of(refused.why.code), refused.why.message);
}

response refuse_body(const std::string& why) { return problem(400, "invalid_argument", "body: " + why); }

std::string etag_of(const privacy_request& one) { return "\"" + std::to_string(one.version) + "\""; }

response shown(const privacy_requests& all, const privacy_request& one, unsigned status = 200) {
  auto answer = ok(to_json(one, all.now_ms(), all.settings().soon_ms));
  answer.status = status;
  answer.headers["ETag"] = etag_of(one);
  return answer;
}

/// Of a document that a browser is to save, not to show.
response document(std::string first, const std::string& name) {
  response answer;
  answer.body = std::move(first);
  answer.headers["Content-Disposition"] = "attachment; filename=\"" + name + "\"";
  answer.headers["Cache-Control"] = "no-store";
  return answer;
}

/// `body`: an object with these keys only. Nothing: it is.
std::optional<response> refuse_keys(const json& body, std::initializer_list<std::string_view> known) {
  if (!body.is_object()) return refuse_body("must be a JSON object");
  for (const auto& [key, value] : body.items()) {
    if (std::find(known.begin(), known.end(), std::string_view(key)) != known.end()) continue;
    std::string all;
    for (const auto each : known) all.append(all.empty() ? "" : ", ").append(each);
    return refuse_body(std::string("unknown key \"").append(key).append("\"; allowed are ").append(all));
  }
  return std::nullopt;
}

result<request_wanted> wanted_in(const json& body) {
  const auto refuse = [](const std::string& why) { return fail(errc::invalid_argument, "body: " + why); };
  request_wanted made;
  const auto text = [&](const char* key) {
    const auto value = body.value(key, json());
    return value.is_string() ? value.get<std::string>() : std::string();
  };
  const auto kind = parse_request_kind(text("kind"));
  if (!kind) return refuse(std::string("kind: must be ") + request_kind_list);
  made.kind = *kind;
  const auto by = parse_regulation(text("regulation"));
  if (!by) return refuse("regulation: must be \"gdpr\" or \"ccpa\"");
  made.by = *by;
  auto subject = identifiers_in(body.value("subject", json()), "subject", true);
  if (!subject) return refuse(subject.error().message);
  for (auto& each : *subject) made.subject.push_back({std::move(each), {}});
  made.traits = body.value("traits", json());
  const auto purposes = body.value("purposes", json::array());
  const bool are_texts = purposes.is_array() && std::all_of(purposes.begin(), purposes.end(),
                                                            [](const json& each) { return each.is_string(); });
  if (!are_texts) return refuse("purposes: must be an array of their names");
  for (auto& each : purposes.get<std::vector<std::string>>()) {
    const bool again = std::find(made.purposes.begin(), made.purposes.end(), each) != made.purposes.end();
    if (!again) made.purposes.push_back(std::move(each));
    if (made.purposes.size() > limits::purposes) {
      return refuse("purposes: must be at most " + std::to_string(limits::purposes));
    }
  }
  if (body.contains("note") && !body["note"].is_string()) return refuse("note: must be a string");
  made.note = text("note");
  if (body.contains("receivedAt") && !profile::parse_time(text("receivedAt"), made.received_ms)) {
    return refuse("receivedAt: must be an RFC 3339 time");
  }
  const auto run = body.value("run", json(false));
  if (!run.is_boolean()) return refuse("run: must be true or false");
  made.run = run.get<bool>();
  return made;
}

/// What the law means where a request names no purpose: opting out is of sale and sharing, which is what a signal of
/// Global Privacy Control denies, too; objecting is to what is not done by consent, and to direct marketing.
bool is_meant(request_kind kind, const profile::purpose& one) {
  const auto& name = one.name;
  if (kind == request_kind::opt_out) return one.gpc || name == "sale" || name == "share" || name == "sharing";
  return name == "marketing" || one.basis == profile::legal_basis::legitimate_interests ||
         one.basis == profile::legal_basis::public_task;
}

/// Sees to it that an opt-out or an objection is about purposes that are enforced.
result<void> settle_purposes(request_wanted& of, const profile::privacy_rules& rules) {
  if (of.kind != request_kind::opt_out && of.kind != request_kind::objection) return {};
  const auto configured = rules.purposes().empty() ? std::string("none is configured; see [consent.purposes.NAME]")
                                                   : "configured are " + rules.purpose_list();
  for (const auto& each : of.purposes) {
    if (rules.find(each) != nullptr) continue;
    std::string why = "body: purposes: there is no \"";
    return fail(errc::invalid_argument, why.append(each).append("\"; ").append(configured));
  }
  if (!of.purposes.empty()) return {};
  for (const auto& each : rules.purposes()) {
    if (is_meant(of.kind, each)) of.purposes.push_back(each.name);
  }
  if (!of.purposes.empty()) return {};
  return fail(
      errc::invalid_argument,
      "body: purposes: say which it is about, since none that is configured is one that the law means; " + configured);
}

std::optional<request_action> action_named(std::string_view name) {
  constexpr std::pair<std::string_view, request_action> all[] = {{"confirm", request_action::confirm},
                                                                 {"verify", request_action::verify},
                                                                 {"extend", request_action::extend},
                                                                 {"run", request_action::run},
                                                                 {"refuse", request_action::refuse}};
  for (const auto& [each, action] : all) {
    if (each == name) return action;
  }
  return std::nullopt;
}

}  // namespace

response routes::export_person(const call& asked) {
  if (auto unknown = unknown_parameter(asked.target, {})) return *unknown;
  if (const auto address = address_in(asked.target); !address) return admin::problem_of(address.error());
  const auto& path = asked.target.path;
  auto made = person_export::begin(service_, with_, identifier_named(path[2], path[3]), actors::wall_clock_ms);
  if (!made) return admin::problem_of(made.error());
  auto first = (*made)->next();
  if (!first) return admin::problem_of(first.error());
  auto answer = document(std::move(*first), "person.json");
  answer.more = [whole = std::shared_ptr<person_export>(std::move(*made))] { return whole->next(); };
  return answer;
}

response routes::privacy_request_list(const call& asked) {
  if (auto unknown = unknown_parameter(asked.target, {"kind", "status", "due", "limit", "cursor"})) return *unknown;
  if (with_.requests == nullptr) return not_kept();
  const auto limit = limit_in(asked.target, usual_page, most_a_page);
  if (!limit) return admin::problem_of(limit.error());
  request_filter filter;
  std::string behind;
  for (const auto& [name, value] : asked.target.query) {
    const auto refuse = [&, of = name](const std::string& allowed) {
      return problem(400, "invalid_argument",
                     std::string("query parameter ").append(of).append(": must be ") + allowed);
    };
    if (name == "kind" && !(filter.kind = parse_request_kind(value))) return refuse(request_kind_list);
    if (name == "status") {
      filter.only_open = value == "open";
      filter.status = parse_request_status(value);
      if (!filter.status && !filter.only_open) return refuse("open, received, verified, running, done or refused");
    }
    if (name == "due") {
      filter.only_overdue = value == "overdue";
      if (!filter.only_overdue) return refuse("overdue");
    }
    if (name == "cursor") behind = value;
  }
  const auto page = with_.requests->list(filter, behind, *limit);
  auto items = json::array();
  for (const auto& each : page.items) {
    items.push_back(to_json(each, with_.requests->now_ms(), with_.requests->settings().soon_ms));
  }
  return ok({{"items", std::move(items)}, {"next", page.next.empty() ? json(nullptr) : json(page.next)}});
}

response routes::new_privacy_request(const call& asked) {
  if (auto unknown = unknown_parameter(asked.target, {})) return *unknown;
  if (with_.requests == nullptr) return not_kept();
  const auto body = json::parse(asked.sent.body, nullptr, false);
  if (auto refused =
          refuse_keys(body, {"kind", "regulation", "subject", "traits", "purposes", "note", "receivedAt", "run"})) {
    return *refused;
  }
  auto wanted = wanted_in(body);
  if (!wanted) return admin::problem_of(wanted.error());
  if (auto settled = settle_purposes(*wanted, service_.definitions()->rules()); !settled) {
    return admin::problem_of(settled.error());
  }
  const auto salted = service_.suppressed();
  for (auto& each : wanted->subject) {
    profile::hash128 address;
    if (profile::address_of(each.id, address)) each.hash = persistence::to_hex(salted->hash_of(address));
  }
  const auto made = with_.requests->create(*wanted, asked.sent.who->rights.name);
  if (!made) return problem_of(made.error());
  auto answer = shown(*with_.requests, *made, 201);
  answer.headers["Location"] = "/v1/privacy/requests/" + made->id;
  answer.noted = {
      {"request", made->id},        {"kind", name_of(made->kind)}, {"regulation", name_of(made->by)},
      {"purposes", made->purposes}, {"run", wanted->run},          {"subjects", audit_names_of(made->subject)}};
  return answer;
}

response routes::privacy_request_of(const call& asked) {
  if (auto unknown = unknown_parameter(asked.target, {})) return *unknown;
  if (with_.requests == nullptr) return not_kept();
  const auto found = with_.requests->get(asked.target.path[3]);
  if (!found) return problem(404, "not_found", "there is no such request; GET /v1/privacy/requests lists them");
  auto answer = shown(*with_.requests, *found);
  answer.noted["subjects"] = audit_names_of(found->subject);
  return answer;
}

response routes::step_privacy_request(const call& asked) {
  if (auto unknown = unknown_parameter(asked.target, {})) return *unknown;
  if (with_.requests == nullptr) return not_kept();
  const auto body = json::parse(asked.sent.body, nullptr, false);
  if (auto refused = refuse_keys(body, {"action", "reason"})) return *refused;
  for (const auto& [key, value] : body.items()) {
    if (!value.is_string()) return refuse_body(std::string(key).append(": must be a string"));
  }
  const auto name = body.value("action", "");
  const auto action = action_named(name);
  if (!action) return refuse_body("action: must be \"confirm\", \"verify\", \"extend\", \"run\" or \"refuse\"");
  const auto only_if = [&](const privacy_request& now) { return may_change(asked.sent, etag_of(now)); };
  const auto done = with_.requests->step(asked.target.path[3], *action, asked.sent.who->rights.name,
                                         body.value("reason", ""), only_if);
  auto answer = done ? shown(*with_.requests, *done) : problem_of(done.error());
  answer.noted = {{"request", asked.target.path[3]}, {"action", name}};
  if (done) answer.noted["subjects"] = audit_names_of(done->subject);
  return answer;
}

/// The body of an answer that is given again without: of who was erased since it has hashes only.
void routes::show_request_as_it_is(response& again) const {
  const auto now = with_.requests->get(again.noted.value("request", ""));
  if (!now) {
    again = problem(404, "not_found", "what this was answered with is not kept any more");
    return;
  }
  auto whole = shown(*with_.requests, *now, again.status);
  again.body = std::move(whole.body);
  again.headers["ETag"] = etag_of(*now);
  again.noted["subjects"] = audit_names_of(now->subject);
}

/// A document that was made for a request, as long as it is kept.
response routes::kept_export(const call& asked) {
  if (auto unknown = unknown_parameter(asked.target, {})) return *unknown;
  if (with_.requests == nullptr) return not_kept();
  const auto& id = asked.target.path[3];
  const auto& number = asked.target.path[5];
  const auto found = with_.requests->get(id);
  const auto which = number.size() == 1 && number[0] >= '1' && number[0] <= '9'
                         ? static_cast<std::size_t>(number[0] - '0')
                         : (number == "10" ? 10U : 0U);
  if (!found || which == 0 || which > found->result.exports.size()) {
    return problem(404, "not_found", "the request has no such document");
  }
  const auto gone = [] {
    return problem(410, "not_found", "the document was deleted: it is kept for privacy.export_keep only");
  };
  if (found->result.exports[which - 1].gone) return gone();
  auto opened = with_.requests->open_export(id, which);
  if (!opened) return opened.error().code == errc::not_found ? gone() : admin::problem_of(opened.error());
  auto file = std::shared_ptr<persistence::file>(std::move(*opened));
  auto answer = document({}, "request-" + id + "." + number + ".json");
  answer.noted["subjects"] = audit_names_of(found->subject);
  answer.more = [file, at = std::uint64_t{0}]() mutable -> result<std::string> {
    std::string piece;
    if (auto read = file->read_at(at, piece_bytes, piece); !read) return tl::make_unexpected(read.error());
    at += piece.size();
    return piece;
  };
  return answer;
}

}  // namespace kith::admin
