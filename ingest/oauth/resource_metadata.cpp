#include "ingest/oauth/resource_metadata.hpp"

#include <nlohmann/json.hpp>
#include <set>

#include "net/outgoing_url.hpp"

namespace kith::ingest::oauth {

std::string resource_metadata(const settings& of) {
  std::set<std::string> scopes;
  auto servers = nlohmann::ordered_json::array();
  for (const auto& each : of.issuers) {
    servers.push_back(each.issuer);
    for (const auto& [scope, allows] : each.scopes) scopes.insert(scope);
  }
  return nlohmann::ordered_json{{"resource", of.resource},
                                {"authorization_servers", std::move(servers)},
                                {"scopes_supported", scopes},
                                {"bearer_methods_supported", {"header"}},
                                {"resource_name", "Kith"}}
      .dump(-1, ' ', false, nlohmann::ordered_json::error_handler_t::replace);
}

std::string well_known_url(std::string_view identifier, std::string_view well_known) {
  const auto host = identifier.find("://") + 3;
  const auto path = std::min(identifier.find('/', host), identifier.size());
  auto rest = identifier.substr(path);
  if (rest == "/") rest = {};
  return std::string(identifier.substr(0, path)).append(well_known).append(rest);
}

std::string metadata_url(std::string_view resource) {
  return resource.empty() ? std::string() : well_known_url(resource, metadata_path);
}

result<void> check_identifier(std::string_view url) {
  if (url.find_first_of("?#") != std::string_view::npos) {
    return fail(errc::invalid_argument, "must be a URL without query and fragment");
  }
  auto checked = net::check_outgoing_url(url, {});
  if (!checked && checked.error().code == errc::forbidden) return {};  // an address, which nobody asks anything yet
  return checked;
}

}  // namespace kith::ingest::oauth
