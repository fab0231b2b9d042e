// From a request to its handler: is there such a route, may this caller use it, and what is told of it.
#include <algorithm>

#include "admin/probe.hpp"
#include "admin/route.hpp"

namespace kith::admin {

namespace {

response refuse_stranger(const request& asked) {
  auto refused = problem(401, "unauthenticated", asked.why_unknown);
  refused.headers["WWW-Authenticate"] = "Bearer";
  return refused;
}

response refuse_method(const std::string& allowed) {
  auto refused = problem(405, "invalid_argument", "this URL takes " + allowed);
  refused.headers["Allow"] = allowed;
  return refused;
}

}  // namespace

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

std::optional<response> routes::refuse(const route& chosen, const request& asked) const {
  if (!asked.forged.empty()) {
    if (with_.counts != nullptr) probe::add_one(with_.counts->forged);
    return problem(403, "forbidden", "the request is not taken: " + asked.forged);
  }
  if (chosen.needs == net::role::none) return std::nullopt;
  if (!asked.who) return refuse_stranger(asked);
  const auto& rights = asked.who->rights;
  const auto has = net::role_of(rights);
  if (!net::allows(has, chosen.needs)) {
    return problem(403, "forbidden",
                   "credential " + rights.name + " has the role " + std::string(net::name_of(has)) + "; this needs " +
                       std::string(net::name_of(chosen.needs)));
  }
  if (chosen.personal == personal::refused && !net::sees_personal(rights)) {
    return problem(
        403, "forbidden",
        "credential " + rights.name + " may not see personal data, and this would tell of people by their traits");
  }
  return std::nullopt;
}

response routes::answer(const route& chosen, const call& asked) {
  auto made = (this->*chosen.handler)(asked);
  const auto etag = made.headers.find("ETag");
  if (made.status == 200 && asked.sent.is_safe() && etag != made.headers.end() && !asked.sent.if_none_match.empty() &&
      is_matched(asked.sent.if_none_match, etag->second)) {
    return {304, {}, {}, {{"ETag", etag->second}}};
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
  if (auto refused = refuse(*chosen, asked)) return *refused;
  return answer(*chosen, {*target, asked});
}

}  // namespace kith::admin
