#include "admin/routes.hpp"

#include <algorithm>
#include <boost/asio/post.hpp>
#include <future>

#include "actors/clock.hpp"
#include "admin/json.hpp"
#include "admin/metrics.hpp"

namespace kith::admin {

namespace {

using nlohmann::json;

constexpr std::size_t most_events_a_page = 1000;
constexpr std::chrono::seconds read_patience{10};

response ok(const json& body) { return {200, "application/json", dump(body), {}}; }

response problem_of(const error& why) {
  switch (why.code) {
    case errc::invalid_argument: return problem(400, name_of(why.code), why.message);
    case errc::not_found: return problem(404, name_of(why.code), why.message);
    case errc::unavailable: return problem(503, name_of(why.code), why.message);
    case errc::resource_exhausted: return problem(507, name_of(why.code), why.message);
    default: return problem(500, name_of(why.code), why.message);
  }
}

std::string_view reason_of(unsigned status) {
  switch (status) {
    case 400: return "Bad Request";
    case 401: return "Unauthorized";
    case 403: return "Forbidden";
    case 404: return "Not Found";
    case 405: return "Method Not Allowed";
    case 413: return "Content Too Large";
    case 431: return "Request Header Fields Too Large";
    case 503: return "Service Unavailable";
    case 507: return "Insufficient Storage";
    default: return "Internal Server Error";
  }
}

int hex_digit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

std::optional<std::string> percent_decoded(std::string_view text, bool form) {
  std::string out;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '+' && form) {
      out.push_back(' ');
    } else if (text[i] != '%') {
      out.push_back(text[i]);
    } else {
      if (i + 2 >= text.size() || hex_digit(text[i + 1]) < 0 || hex_digit(text[i + 2]) < 0) return std::nullopt;
      out.push_back(static_cast<char>(hex_digit(text[i + 1]) * 16 + hex_digit(text[i + 2])));
      i += 2;
    }
  }
  return out;
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

/// A query parameter that the URL does not know is a mistake worth telling.
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

result<profile::hash128> address_in(const parsed_target& target) {
  const auto& kind = target.path[2];
  const auto& id = target.path[3];
  profile::identifier identifier;
  identifier.value = id;
  if (kind == "user") {
    identifier.kind = profile::id_kind::user;
  } else if (kind == "anonymous") {
    identifier.kind = profile::id_kind::anonymous;
  } else if (kind == "profile") {
    identifier.kind = profile::id_kind::profile;
  } else {
    identifier.kind = profile::id_kind::external;
    identifier.type = kind;
  }
  profile::hash128 address;
  if (id.empty() || !address_of(identifier, address)) {
    return fail(errc::invalid_argument,
                "path: \"" + id + "\" is no id of a profile; 32 lower-case hexadecimal digits are");
  }
  return address;
}

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
  for (const auto& [name, value] : target.query) {
    if (name == "limit") {
      const bool digits =
          !value.empty() && value.size() <= 4 && value.find_first_not_of("0123456789") == std::string::npos;
      query.limit = digits ? std::stoul(value) : 0;
      if (query.limit == 0 || query.limit > most_events_a_page) {
        return fail(errc::invalid_argument,
                    "query parameter limit: must be 1 to " + std::to_string(most_events_a_page));
      }
    } else if (name == "order") {
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

std::string_view name_of_phase(actors::phase phase) {
  switch (phase) {
    case actors::phase::recovering: return "recovering";
    case actors::phase::ready: return "ready";
    case actors::phase::failed: return "failed";
    case actors::phase::stopping: return "stopping";
  }
  return "failed";
}

}  // namespace

response problem(unsigned status, std::string_view code, std::string detail) {
  const json body = {{"type", "about:blank"},
                     {"title", reason_of(status)},
                     {"status", status},
                     {"code", code},
                     {"detail", std::move(detail)}};
  return {status, "application/problem+json", dump(body), {}};
}

std::optional<parsed_target> parse_target(std::string_view target) {
  parsed_target parsed;
  const auto question = target.find('?');
  const auto path = target.substr(0, question);
  if (path.empty() || path.front() != '/') return std::nullopt;
  for (const auto part : split(path.substr(1), '/')) {
    auto decoded = percent_decoded(part, false);
    if (!decoded) return std::nullopt;
    parsed.path.push_back(std::move(*decoded));
  }
  if (question == std::string_view::npos) return parsed;
  for (const auto pair : split(target.substr(question + 1), '&')) {
    if (pair.empty()) continue;
    const auto equals = pair.find('=');
    auto name = percent_decoded(pair.substr(0, equals), true);
    auto value = percent_decoded(equals == std::string_view::npos ? "" : pair.substr(equals + 1), true);
    if (!name || !value) return std::nullopt;
    parsed.query[*name] = std::move(*value);
  }
  return parsed;
}

/// `{}` in a pattern stands for any one part.
struct routes::route {
  std::string_view method;
  std::vector<std::string_view> pattern;
  enum class needs : std::uint8_t { nothing, read, admin } needs;
  response (routes::*handler)(const parsed_target&);

  bool matches(const std::vector<std::string>& path) const {
    return std::equal(pattern.begin(), pattern.end(), path.begin(), path.end(),
                      [](std::string_view want, const std::string& have) { return want == "{}" || want == have; });
  }
};

const std::vector<routes::route>& routes::table() {
  using needs = enum route::needs;
  static const std::vector<route> routes = {
      {"GET", {"healthz"}, needs::nothing, &routes::healthz},
      {"GET", {"readyz"}, needs::nothing, &routes::readyz},
      {"GET", {"metrics"}, needs::read, &routes::metrics},
      {"GET", {"v1", "openapi.json"}, needs::nothing, &routes::openapi},
      {"GET", {"v1", "profiles", "{}", "{}"}, needs::read, &routes::profile},
      {"GET", {"v1", "profiles", "{}", "{}", "events"}, needs::read, &routes::events},
      {"GET", {"v1", "stats"}, needs::read, &routes::stats},
      {"GET", {"v1", "latency"}, needs::read, &routes::latency},
      {"POST", {"v1", "snapshot"}, needs::admin, &routes::snapshot},
  };
  return routes;
}

std::vector<std::pair<std::string, std::string>> routes::listed() {
  std::vector<std::pair<std::string, std::string>> all;
  for (const auto& each : table()) {
    std::string path;
    for (const auto part : each.pattern) path.append("/").append(part);
    all.emplace_back(each.method, path);
  }
  return all;
}

response routes::handle(const request& asked) {
  const auto target = parse_target(asked.target);
  if (!target) return problem(400, "invalid_argument", "the URL's path or query is not well-formed percent-encoding");
  const auto method = asked.method == "HEAD" ? std::string("GET") : asked.method;
  std::string allowed;
  for (const auto& each : table()) {
    if (!each.matches(target->path)) continue;
    if (each.method != method) {
      allowed += (allowed.empty() ? "" : ", ") + std::string(each.method) + (each.method == "GET" ? ", HEAD" : "");
      continue;
    }
    if (each.needs != route::needs::nothing) {
      if (!asked.who) {
        auto refused = problem(401, "unauthenticated", asked.why_unknown);
        refused.headers["WWW-Authenticate"] = "Bearer";
        return refused;
      }
      const auto& rights = asked.who->rights;
      if (each.needs == route::needs::admin ? !rights.can_admin : !(rights.can_read || rights.can_admin)) {
        return problem(403, "forbidden", "credential " + rights.name + " has not the right to do this");
      }
    }
    return (this->*each.handler)(*target);
  }
  if (allowed.empty()) return problem(404, "not_found", "there is nothing at this URL; see /v1/openapi.json");
  auto refused = problem(405, "invalid_argument", "this URL takes " + allowed);
  refused.headers["Allow"] = allowed;
  return refused;
}

response routes::healthz(const parsed_target&) { return ok({{"status", "ok"}}); }

response routes::readyz(const parsed_target&) {
  const auto state = service_.state();
  auto answer = ok({{"status", name_of_phase(state.now)},
                    {"reason", state.reason},
                    {"replayedBytes", state.replayed_bytes},
                    {"replayBytes", state.replay_bytes}});
  answer.status = state.now == actors::phase::ready ? 200 : 503;
  return answer;
}

response routes::metrics(const parsed_target&) {
  return {200, "text/plain; version=0.0.4; charset=utf-8", metrics_text(service_, protocol_), {}};
}

response routes::openapi(const parsed_target&) {
  return {200, "application/json", std::string(openapi_document()), {}};
}

response routes::profile(const parsed_target& target) {
  if (auto unknown = unknown_parameter(target, {"fields", "view"})) return *unknown;
  if (const auto view = target.query.find("view"); view != target.query.end()) {
    return problem(404, "not_found", "query parameter view: there is no view named \"" + view->second + "\"");
  }
  const auto address = address_in(target);
  if (!address) return problem_of(address.error());
  const auto fields = fields_in(target);
  if (!fields) return problem_of(fields.error());
  using found = result<actors::found_profiles>;
  auto promise = std::make_shared<std::promise<found>>();
  auto answer = promise->get_future();
  // The service, for these routes may be gone when the shard comes to it.
  boost::asio::post(service_.io(0), [&service = service_, promise, address = *address, fields = *fields] {
    service.read(0, {address}, fields, [promise](const found& profiles) { promise->set_value(profiles); });
  });
  if (answer.wait_for(read_patience) != std::future_status::ready) {
    return problem(503, "unavailable", "the profile could not be read in time; see /readyz");
  }
  const auto profiles = answer.get();
  if (!profiles) return problem_of(profiles.error());
  const auto map = profiles->at(0);
  if (!map) return problem(404, "not_found", "there is no such profile");
  return ok(to_json(*map));
}

response routes::events(const parsed_target& target) {
  if (auto unknown = unknown_parameter(target, {"limit", "cursor", "order", "from", "to"})) return *unknown;
  const auto address = address_in(target);
  if (!address) return problem_of(address.error());
  const auto query = query_in(target);
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

response routes::stats(const parsed_target& target) {
  if (auto unknown = unknown_parameter(target, {})) return *unknown;
  auto body = json::object();
  for (const auto& each : counters_of(service_.stats())) {
    const auto whole = static_cast<std::uint64_t>(each.value);
    body[each.field] = each.value == static_cast<double>(whole) ? json(whole) : json(each.value);
  }
  if (protocol_ != nullptr) {
    body["connectionsOpen"] = protocol_->connections_open.load();
    body["connectionsTotal"] = protocol_->connections_total.load();
  }
  return ok(body);
}

response routes::latency(const parsed_target& target) {
  if (auto unknown = unknown_parameter(target, {})) return *unknown;
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

response routes::snapshot(const parsed_target&) {
  const auto started = actors::now();
  if (const auto saved = service_.checkpoint(); !saved) return problem_of(saved.error());
  return ok({{"status", "saved"}, {"seconds", std::chrono::duration<double>(actors::now() - started).count()}});
}

}  // namespace kith::admin
