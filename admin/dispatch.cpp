// From a request to its handler: is there such a route, may this caller use it, and what is told of it.
#include <algorithm>

#include "actors/clock.hpp"
#include "admin/json.hpp"
#include "admin/personal.hpp"
#include "admin/probe.hpp"
#include "admin/route.hpp"
#include "ingest/schema/document.hpp"

namespace kith::admin {

namespace {

constexpr std::size_t most_nesting = 128;  ///< of a body: handlers copy and write JSON level by level, on the stack

response refuse_method(const std::string& allowed) {
  auto refused = problem(405, "invalid_argument", "this URL takes " + allowed);
  refused.headers["Allow"] = allowed;
  return refused;
}

}  // namespace

routes::routes(actors::service& service, definition_store& definitions, parts with)
    : service_(service),
      definitions_(definitions),
      with_(std::move(with)),
      live_(std::make_shared<live>(service_, with_)),
      member_history_(service_),
      auditor_(with_.audit),
      repeated_(actors::wall_clock_ms) {}

void routes::count_members() { member_history_.look(actors::wall_clock_ms()); }

std::vector<routes::declaration> routes::listed() {
  std::vector<declaration> all;
  for (const auto& each : table()) {
    all.push_back({std::string(each.method), each.path(), each.needs, each.effect, each.personal});
  }
  return all;
}

/// The methods that a URL takes, as the header Allow has them; empty: there is no such URL.
std::string routes::allowed_at(const std::vector<std::string>& path) {
  std::string allowed;
  for (const auto& each : table()) {
    if (!each.matches(path)) continue;
    allowed += (allowed.empty() ? "" : ", ") + std::string(each.method) + (each.method == "GET" ? ", HEAD" : "");
  }
  return allowed.empty() ? allowed : allowed + ", OPTIONS";
}

std::optional<response> routes::refuse(const route& chosen, const call& asked) const {
  const auto& sent = asked.sent;
  auto refused = refusal_of(sent, chosen.needs);
  if (!refused && chosen.needs != net::role::none && !net::sees_personal(sent.who->rights) &&
      (chosen.personal == personal::refused ||
       (chosen.personal == personal::masked && asked.target.query.contains("q")))) {
    refused = problem(403, "forbidden",
                      "credential " + sent.who->rights.name +
                          " may not see personal data, which this tells of, or what is searched for would");
  }
  if (refused && with_.counts != nullptr) {
    auto& counts = *with_.counts;
    probe::add_one(!sent.forged.empty()     ? counts.forged
                   : refused->status == 401 ? counts.unauthenticated
                                            : counts.forbidden);
  }
  return refused;
}

/// What those get who may not see personal data.
void routes::mask(response& answer) const {
  static const auto usual = std::make_shared<const personal_rules>();
  const auto rules = with_.personal != nullptr ? with_.personal->current() : usual;
  if (answer.content_type == "application/x-ndjson") {
    answer.body = rules->mask_lines(answer.body);
    if (!answer.more) return;
    answer.more = [rules, more = std::move(answer.more)]() -> result<std::string> {
      auto lines = more();
      if (!lines) return lines;
      return rules->mask_lines(*lines);
    };
    return;
  }
  auto body = nlohmann::json::parse(answer.body, nullptr, false);
  rules->mask_answer(body);
  answer.body = dump(body);
}

response routes::answer(const route& chosen, const call& asked) {
  if (ingest::schema::nesting_of(asked.sent.body) > most_nesting) {
    return problem(400, "invalid_argument", "body: nests over " + std::to_string(most_nesting) + " levels");
  }
  const auto handle = [&] { return answered([&] { return (this->*chosen.handler)(asked); }); };
  response made;
  // What tells of people is not kept: whoever is erased would be told again. What only reads is done anew.
  const bool of_people = chosen.personal == personal::refused;
  const bool has_key = asked.sent.method == "POST" && asked.sent.who && !asked.sent.idempotency_key.empty();
  if (has_key && of_people && chosen.effect == effect::reads) {
    const auto refused = idempotent_answers::refusal_of(asked.sent.idempotency_key);
    made = refused ? *refused : handle();
  } else if (has_key) {
    auto outcome = repeated_.answer(asked.sent, handle, !of_people);
    made = std::move(outcome.answer);
    if (outcome.repeated && of_people && made.status < 300) show_request_as_it_is(made);
    if (outcome.repeated) made.noted["repeated"] = true;
    if (outcome.repeated && with_.counts != nullptr) probe::add_one(with_.counts->idempotent_replays);
  } else {
    made = handle();
  }
  const auto etag = made.headers.find("ETag");
  if (made.status == 200 && asked.sent.is_safe() && etag != made.headers.end() && !asked.sent.if_none_match.empty() &&
      is_matched(asked.sent.if_none_match, etag->second, comparison::weak)) {
    return {304, {}, {}, {{"ETag", etag->second}}};
  }
  const bool hidden = asked.sent.who && !net::sees_personal(asked.sent.who->rights);
  if (hidden && chosen.personal == personal::masked && made.status < 300) mask(made);
  return made;
}

/// All that changes something, whatever came of it, and answers that told somebody of people.
bool routes::is_recorded(const route& chosen, const request& asked, const response& answer) const {
  if (!asked.who && !answer.done_by) return false;
  if (chosen.effect == effect::changes) return true;
  return with_.audit_reads && chosen.personal != personal::none && answer.status == 200 && asked.method != "HEAD" &&
         net::sees_personal(asked.who->rights);
}

/// Of a request to the API; pages, health and metrics are asked for too often to be worth it, unless the caller traces.
actors::open_span routes::begin_span(const route& chosen, const request& sent) const {
  if (with_.traces == nullptr) return {};
  // Who is not known has no say in what is recorded.
  const auto traceparent = sent.who ? std::string_view(sent.traceparent) : std::string_view();
  if (traceparent.empty() && (chosen.needs == net::role::none || chosen.pattern.front() != "v1")) return {};
  actors::open_span made(with_.traces, with_.traces->begin(traceparent), actors::span_kind::server, "admin");
  if (!made.on()) return made;
  made.note("http.request.method", sent.method);
  made.note("http.route", chosen.path());  // a path names people, and is not told
  made.note("url.scheme", "https");
  return made;
}

response routes::dispatch(const route& chosen, const call& asked) {
  auto span = begin_span(chosen, asked.sent);
  auto made = carry_out(chosen, asked);
  span.note("http.response.status_code", std::int64_t{made.status});
  if (made.status >= 500) span.fail("answered with " + std::to_string(made.status));
  span.end();
  return chosen.handler == &routes::begin_sign_in || chosen.handler == &routes::finish_sign_in
             ? for_browser(std::move(made))
             : made;
}

response routes::carry_out(const route& chosen, const call& asked) {
  const auto path = chosen.path();
  const audited_request what{asked, path, chosen.pattern};
  if (auto refused = refuse(chosen, asked)) {
    auditor_.record_refused(what, *refused);
    return std::move(*refused);
  }
  if (chosen.effect == effect::changes) {
    if (auto good = auditor_.ready(); !good) {
      return problem(503, "unavailable", "nothing is changed while it cannot be recorded: " + good.error().message);
    }
  }
  auto made = answer(chosen, asked);
  if (made.status == 401 || made.status == 403) {
    auditor_.record_refused(what, made);
  } else if (is_recorded(chosen, asked.sent, made)) {
    // An fsync for each look at somebody would hold up the journal's.
    const auto when = chosen.effect == effect::changes ? fsynced::now : fsynced::soon;
    if (auto recorded = auditor_.record(what, made, when); !recorded) {
      return problem(503, "unavailable",
                     std::string(chosen.effect == effect::changes ? "it may have been done, but could not be recorded: "
                                                                  : "what cannot be recorded is not shown: ") +
                         recorded.error().message);
    }
  }
  return made;
}

response routes::handle(const request& asked) {
  const auto target = parse_target(asked.target);
  if (!target) return problem(400, "invalid_argument", "the URL's path or query is not well-formed percent-encoding");
  const auto allowed = allowed_at(target->path);
  if (allowed.empty()) return problem(404, "not_found", "there is nothing at this URL; see /v1/openapi.json");
  if (asked.method == "OPTIONS") return {204, {}, {}, {{"Allow", allowed}}};
  const auto method = asked.method == "HEAD" ? std::string_view("GET") : std::string_view(asked.method);
  const auto& all = table();
  const auto chosen = std::find_if(
      all.begin(), all.end(), [&](const route& each) { return each.method == method && each.matches(target->path); });
  if (chosen == all.end()) return refuse_method(allowed);
  return dispatch(*chosen, {*target, asked});
}

}  // namespace kith::admin
