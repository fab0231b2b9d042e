#include "admin/forward_routes.hpp"

#include "admin/dead_letter_routes.hpp"
#include "admin/metrics.hpp"
#include "profile/event.hpp"

namespace kith::admin {

namespace {

using nlohmann::json;

json time_or_null(std::int64_t ms) { return ms == 0 ? json(nullptr) : json(profile::format_time(ms)); }

/// What waits, and where it goes.
json standing_of(const forward_parts& with) {
  const auto spool = with.spool.status();
  const auto link = with.sender.status();
  auto lanes = json::object();
  for (std::size_t i = 0; i < persistence::lane_count; ++i) {
    lanes[std::string(name_of(static_cast<persistence::lane>(i)))] = {{"backlogBytes", spool.backlog[i]},
                                                                      {"oldest", time_or_null(link.oldest_ms[i])}};
  }
  const auto reason = !spool.failed.empty() ? spool.failed : std::string(spool.full ? "the spool is full" : "");
  return {{"status", with.into.takes_events() ? "ready" : (spool.failed.empty() ? "full" : "failed")},
          {"reason", reason},
          {"spool", {{"bytes", spool.bytes}, {"limitBytes", spool.limit}, {"lanes", std::move(lanes)}}},
          {"store", {{"connected", link.connected}, {"server", link.server}, {"reason", link.why}}}};
}

response healthz(const forward_parts&, const call&) { return ok({{"status", "ok"}}); }

/// A store that does not answer is what the spool is for: events are taken all the same.
response readyz(const forward_parts& with, const call&) {
  auto answer = ok(standing_of(with));
  answer.status = with.into.takes_events() ? 200 : 503;
  return answer;
}

response metrics(const forward_parts& with, const call& asked) { return metrics_answer(with, asked.sent.accept); }

struct route {
  std::string_view method;
  std::string_view path;  ///< its last part may be `{}`: any
  net::role needs;
  response (*handler)(const forward_parts&, const call&);
};

/// Letters hold events as they came, and nothing is masked here.
template <response (*Handler)(const parts&, const call&)>
response personal(const forward_parts& with, const call& asked) {
  const auto& rights = asked.sent.who->rights;
  if (net::sees_personal(rights)) return Handler(with.edges, asked);
  return problem(403, "forbidden", "credential " + rights.name + " may not see personal data");
}

template <response (*Handler)(const parts&, const call&)>
response of_edges(const forward_parts& with, const call& asked) {
  return Handler(with.edges, asked);
}

constexpr route routes_of_forward[] = {
    {"GET", "healthz", net::role::none, healthz},
    {"GET", "readyz", net::role::none, readyz},
    {"GET", "metrics", net::role::viewer, metrics},
    {"GET", "v1/dead-letters", net::role::operations, personal<list_letters>},
    {"POST", "v1/dead-letters", net::role::operations, of_edges<decide_letters>},
    {"GET", "v1/dead-letters:counts", net::role::viewer, of_edges<count_letters>},
    {"GET", "v1/dead-letters:export", net::role::operations, personal<export_letters>},
    {"GET", "v1/dead-letters/{}", net::role::operations, personal<show_letter>},
};

bool matches(std::string_view pattern, const std::vector<std::string>& path) {
  const auto wanted = split(pattern, '/');
  return std::equal(wanted.begin(), wanted.end(), path.begin(), path.end(),
                    [](std::string_view want, const std::string& have) { return want == "{}" || want == have; });
}

}  // namespace

response handle_forward(const forward_parts& with, const request& asked) {
  const auto target = parse_target(asked.target);
  if (!target) return problem(400, "invalid_argument", "the URL's path or query is not well-formed percent-encoding");
  const auto method = asked.method == "HEAD" ? std::string_view("GET") : std::string_view(asked.method);
  bool known = false;
  for (const auto& each : routes_of_forward) {
    if (!matches(each.path, target->path)) continue;
    known = true;
    if (each.method != method) continue;
    if (auto refused = refusal_of(asked, each.needs)) return std::move(*refused);
    return each.handler(with, {*target, asked});
  }
  if (known) return problem(405, "invalid_argument", "this URL does not take " + asked.method);
  return problem(404, "not_found", "a forwarder has /healthz, /readyz, /metrics and /v1/dead-letters");
}

}  // namespace kith::admin
