#include "admin/http.hpp"

#include <algorithm>

#include "admin/json.hpp"
#include "net/http_status.hpp"
#include "profile/encoding.hpp"
#include "profile/identifier.hpp"

namespace kith::admin {

using nlohmann::json;

std::string_view name_of(known_by how) noexcept {
  switch (how) {
    case known_by::nothing: return "nothing";
    case known_by::token: return "token";
    case known_by::certificate: return "certificate";
    case known_by::oauth: return "oauth";
    case known_by::session: return "session";
    case known_by::openid: return "openid";
  }
  return "nothing";
}

std::optional<response> refusal_of(const request& asked, net::role needed) {
  if (!asked.forged.empty()) return problem(403, "forbidden", "the request is not taken: " + asked.forged);
  if (needed == net::role::none) return std::nullopt;
  if (!asked.who) {
    auto refused = problem(401, "unauthenticated", asked.why_unknown);
    refused.headers["WWW-Authenticate"] = "Bearer";
    return refused;
  }
  const auto has = net::role_of(asked.who->rights);
  if (net::allows(has, needed)) return std::nullopt;
  return problem(403, "forbidden",
                 "credential " + asked.who->rights.name + " has the role " + std::string(net::name_of(has)) +
                     "; this needs " + std::string(net::name_of(needed)));
}

response ok(const json& body) { return {200, "application/json", dump(body), {}}; }

response problem(unsigned status, std::string_view code, std::string detail, const json& more) {
  json body = {{"type", "about:blank"},
               {"title", net::reason_of(status)},
               {"status", status},
               {"code", code},
               {"detail", std::move(detail)}};
  body.update(more);
  return {status, "application/problem+json", dump(body), {}};
}

response problem_of(const error& why) {
  switch (why.code) {
    case errc::invalid_argument: return problem(400, name_of(why.code), why.message);
    case errc::not_found: return problem(404, name_of(why.code), why.message);
    case errc::unavailable: return problem(503, name_of(why.code), why.message);
    case errc::resource_exhausted: return problem(507, name_of(why.code), why.message);
    default: return problem(500, name_of(why.code), why.message);
  }
}

std::vector<std::string_view> split(std::string_view text, char at) {
  std::vector<std::string_view> parts;
  for (;;) {
    const auto end = text.find(at);
    parts.push_back(text.substr(0, end));
    if (end == std::string_view::npos) return parts;
    text.remove_prefix(end + 1);
  }
}

std::optional<response> unknown_parameter(const parsed_target& target, std::initializer_list<std::string_view> known) {
  for (const auto& [name, value] : target.query) {
    if (std::find(known.begin(), known.end(), name) == known.end()) {
      std::string allowed;
      for (const auto each : known) allowed += (allowed.empty() ? "" : ", ") + std::string(each);
      return problem(400, "invalid_argument",
                     "query parameter " + name + ": is not known here; " +
                         (allowed.empty() ? "there are none" : "allowed: " + allowed));
    }
  }
  return std::nullopt;
}

bool is_matched(std::string_view listed, std::string_view etag, comparison how) {
  for (auto each : split(listed, ',')) {
    each.remove_prefix(std::min(each.find_first_not_of(" \t"), each.size()));
    each = each.substr(0, each.find_last_not_of(" \t") + 1);
    if (how == comparison::weak && each.starts_with("W/")) each.remove_prefix(2);
    if (each == "*" || each == etag) return true;
  }
  return false;
}

bool may_change(const request& asked, std::string_view etag) {
  const bool there = !etag.empty();
  if (!asked.if_match.empty() && !(there && is_matched(asked.if_match, etag))) return false;
  return asked.if_none_match.empty() || !(there && is_matched(asked.if_none_match, etag, comparison::weak));
}

result<std::size_t> limit_in(const parsed_target& target, std::size_t without, std::size_t most) {
  const auto found = target.query.find("limit");
  if (found == target.query.end()) return without;
  const auto& value = found->second;
  const bool digits = !value.empty() && value.size() <= 4 && value.find_first_not_of("0123456789") == std::string::npos;
  const std::size_t limit = digits ? std::stoul(value) : 0;
  if (limit != 0 && limit <= most) return limit;
  return fail(errc::invalid_argument, "query parameter limit: must be 1 to " + std::to_string(most));
}

profile::identifier identifier_named(const std::string& kind, const std::string& id) {
  if (kind == "user") return {profile::id_kind::user, {}, id};
  if (kind == "anonymous") return {profile::id_kind::anonymous, {}, id};
  if (kind == "profile") return {profile::id_kind::profile, {}, id};
  return {profile::id_kind::external, kind, id};
}

result<profile::hash128> address_in(const parsed_target& target) {
  const auto& id = target.path[3];
  profile::hash128 address;
  if (id.empty() || !address_of(identifier_named(target.path[2], id), address)) {
    return fail(errc::invalid_argument,
                "path: \"" + id + "\" is no id of a profile; 32 lower-case hexadecimal digits are");
  }
  return address;
}

std::optional<parsed_target> parse_target(std::string_view target) {
  parsed_target parsed;
  const auto question = target.find('?');
  const auto path = target.substr(0, question);
  if (path.empty() || path.front() != '/') return std::nullopt;
  for (const auto part : split(path.substr(1), '/')) {
    auto decoded = profile::percent_decoded(part);
    if (!decoded) return std::nullopt;
    parsed.path.push_back(std::move(*decoded));
  }
  if (question == std::string_view::npos) return parsed;
  for (const auto pair : split(target.substr(question + 1), '&')) {
    if (pair.empty()) continue;
    const auto equals = pair.find('=');
    auto name = profile::percent_decoded(pair.substr(0, equals), true);
    auto value = profile::percent_decoded(equals == std::string_view::npos ? "" : pair.substr(equals + 1), true);
    if (!name || !value) return std::nullopt;
    parsed.query[*name] = std::move(*value);
  }
  return parsed;
}

}  // namespace kith::admin
