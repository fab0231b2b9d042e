// The routes of who is who: which identifiers make a profile, and taking them apart.
#include <algorithm>
#include <boost/asio/post.hpp>
#include <future>

#include "admin/json.hpp"
#include "admin/routes.hpp"
#include "profile/identity/kin.hpp"

namespace kith::admin {

namespace {

using nlohmann::json;

constexpr std::chrono::seconds patience{30};

/// The identifiers in the body; without a body the one that the URL names.
result<std::vector<profile::identifier>> identifiers_in(const call& asked) {
  const auto& path = asked.target.path;
  if (asked.sent.body.empty()) {
    if (path[2] != "profile") return std::vector{identifier_named(path[2], path[3])};
    return fail(errc::invalid_argument,
                "body: missing; name the identifiers that are to leave: {\"identifiers\": [{\"kind\": \"user\", "
                "\"id\": \"…\"}]}");
  }
  const auto refuse = [](const std::string& why) { return fail(errc::invalid_argument, "body: " + why); };
  const auto parsed = parse_body(asked.sent.body);
  if (!parsed) return tl::make_unexpected(parsed.error());
  const auto& body = *parsed;
  if (!body.is_object()) return refuse("must be a JSON object");
  for (const auto& [key, value] : body.items()) {
    if (key != "identifiers") return refuse("unknown key \"" + key + "\"; allowed is identifiers");
  }
  auto found = admin::identifiers_in(body.value("identifiers", json()), "identifiers");
  return found ? found : refuse(found.error().message);
}

}  // namespace

result<std::vector<profile::identifier>> identifiers_in(const json& list, const std::string& name, bool or_profiles) {
  const auto refuse = [](const std::string& why) { return fail(errc::invalid_argument, why); };
  if (!list.is_array() || list.empty()) return refuse(name + ": must be an array of at least one");
  std::vector<profile::identifier> found;
  for (std::size_t i = 0; i < list.size(); ++i) {
    const auto where = name + "[" + std::to_string(i) + "]";
    const auto& each = list[i];
    if (!each.is_object()) return refuse(where + ": must be {kind, id} or {kind: \"external\", type, id}");
    for (const auto& [key, value] : each.items()) {
      if (key != "kind" && key != "type" && key != "id") {
        return refuse(std::string(where).append(": unknown key \"").append(key).append("\""));
      }
      if (!value.is_string()) return refuse(std::string(where).append(".").append(key).append(": must be a string"));
    }
    const auto kind = each.value("kind", "");
    const auto type = each.value("type", "");
    const auto id = each.value("id", "");
    const bool of_profile = or_profiles && kind == "profile";
    if (kind != "user" && kind != "anonymous" && kind != "external" && !of_profile) {
      return refuse(where + ".kind: must be \"user\", \"anonymous\" or \"external\"" +
                    (or_profiles ? ", or \"profile\"" : ""));
    }
    if (id.empty() || (kind == "external") == type.empty()) {
      return refuse(where + ": needs an id, and a type if it is external");
    }
    found.push_back(identifier_named(kind == "external" ? type : kind, id));
    if (kind == "external") found.back().kind = profile::id_kind::external, found.back().type = type;
    profile::hash128 address;
    if (!profile::address_of(found.back(), address)) return refuse(where + ".id: must be 32 hexadecimal digits");
  }
  return found;
}

response routes::identity_of(profile::hash128 address) {
  return answer_of([address](actors::service& service, actors::read_done done) {
    service.read_identity(0, address, std::move(done));
  });
}

response routes::identity(const call& asked) {
  if (auto unknown = unknown_parameter(asked.target, {})) return *unknown;
  const auto address = address_in(asked.target);
  if (!address) return problem_of(address.error());
  return identity_of(*address);
}

/// Answers with the profiles that there are now.
response routes::unmerge(const call& asked) {
  if (auto unknown = unknown_parameter(asked.target, {})) return *unknown;
  const auto address = address_in(asked.target);
  if (!address) return problem_of(address.error());
  const auto out = identifiers_in(asked);
  if (!out) return problem_of(out.error());
  auto before = identity_of(*address);
  if (before.status != 200) return before;
  auto promise = std::make_shared<std::promise<result<void>>>();
  auto answer = promise->get_future();
  boost::asio::post(service_.io(0), [&service = service_, promise, address = *address, out = *out,
                                     source = asked.sent.who->rights.name] {
    service.unmerge(0, address, out, source,
                    [promise](result<void> outcome) { promise->set_value(std::move(outcome)); });
  });
  if (answer.wait_for(patience) != std::future_status::ready) {
    return problem(503, "unavailable",
                   "the unmerge takes long; look at the profile's identity, and try again if need be");
  }
  if (const auto outcome = answer.get(); !outcome) return problem_of(outcome.error());
  auto profiles = json::array();
  const auto were = json::parse(before.body).at("identifiers");
  for (const auto& each : were) {
    profile::hash128 member;
    profile::from_hex(each.at("profile").get<std::string>(), member);
    auto now = identity_of(member);
    if (now.status != 200) return now;
    auto told = json::parse(now.body);
    const bool known = std::any_of(profiles.begin(), profiles.end(),
                                   [&](const json& one) { return one.at("profile") == told.at("profile"); });
    if (!known) profiles.push_back(std::move(told));
  }
  return ok({{"profiles", std::move(profiles)}});
}

response routes::ignored_identifiers(const call& asked) {
  if (auto unknown = unknown_parameter(asked.target, {})) return *unknown;
  auto items = json::array();
  for (const auto& each : service_.ignored_identifiers()) {
    std::string encoded;
    profile::msgpack::writer out(encoded);
    profile::identity::write_identifier(out, each.who);
    auto item = to_json(encoded);
    item["reason"] = name_of(each.reason);
    item["times"] = each.times;
    item["lastAt"] = profile::format_time(each.last_ms);
    items.push_back(std::move(item));
  }
  return ok({{"items", std::move(items)}, {"next", nullptr}});
}

}  // namespace kith::admin
