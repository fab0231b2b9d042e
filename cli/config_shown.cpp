#include "cli/config_shown.hpp"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <set>
#include <vector>

#include "cli/config_edges.hpp"
#include "cli/service_process.hpp"

namespace kith::cli {

namespace {

using nlohmann::json;

constexpr std::size_t longest_quantity = 16;

/// The keys whose texts are no secrets: names, paths of files, words, expressions. All that the configuration has but
/// `token`, `token_sha256`, `secrets`, commands (an argument may be a secret), names of environment variables (the
/// secret itself may stand there by mistake) and `blocked` values, which may be somebody's. A key that is not known is
/// hidden, for it may be one of those with a slip.
bool is_open(std::string_view key) {
  static const std::set<std::string_view> keys = {"address",
                                                  "admin",
                                                  "algorithm",
                                                  "algorithms",
                                                  "allow_hosts",
                                                  "allow_private",
                                                  "anonymousId",
                                                  "audience",
                                                  "base",
                                                  "basis",
                                                  "ca",
                                                  "certificate",
                                                  "classes",
                                                  "client_ca",
                                                  "client_id",
                                                  "common_name",
                                                  "compatibility",
                                                  "context",
                                                  "crawlers",
                                                  "crawlers_file",
                                                  "data",
                                                  "default",
                                                  "delivery_header",
                                                  "description",
                                                  "directory",
                                                  "drop",
                                                  "each",
                                                  "encoding",
                                                  "event",
                                                  "expression",
                                                  "externalIds",
                                                  "fields",
                                                  "format",
                                                  "header",
                                                  "headers_file",
                                                  "hosts",
                                                  "ids",
                                                  "ingest",
                                                  "issuer",
                                                  "key",
                                                  "key_file",
                                                  "level",
                                                  "map",
                                                  "mapping",
                                                  "messageId",
                                                  "mode",
                                                  "name",
                                                  "name_claim",
                                                  "node",
                                                  "old_key_file",
                                                  "owner",
                                                  "prefix",
                                                  "preset",
                                                  "previousId",
                                                  "priority",
                                                  "properties",
                                                  "protocol",
                                                  "purpose",
                                                  "rights",
                                                  "role",
                                                  "role_claim",
                                                  "scheme",
                                                  "scopes",
                                                  "secret_files",
                                                  "segments",
                                                  "server_name",
                                                  "servers",
                                                  "service",
                                                  "signed",
                                                  "source",
                                                  "source_claim",
                                                  "timestamp",
                                                  "timestamp_header",
                                                  "token_file",
                                                  "client_secret_file",
                                                  "traits",
                                                  "type",
                                                  "unknown",
                                                  "userId",
                                                  "when"};
  return keys.contains(key);
}

bool is_url(std::string_view key) {
  static const std::set<std::string_view> keys = {"url", "endpoint", "introspection_endpoint", "jwks_uri", "resource"};
  return keys.contains(key);
}

using path = std::vector<std::string_view>;  ///< of keys; a list of tables adds nothing

/// Tables whose keys are names that somebody chose, and whose texts are words or expressions. By the whole path: a
/// source may have any name.
bool has_open_texts(const path& of) {
  const auto is = [&](std::initializer_list<std::string_view> wanted) {
    return std::equal(of.begin(), of.end(), wanted.begin(), wanted.end());
  };
  const bool maps = of.size() == 4 && of[0] == "sources" && of[2] == "map" && is_open(of[3]);
  return maps || is({"oidc", "roles"}) || is({"oauth", "issuers", "scopes"}) || is({"pii", "classes"}) ||
         is({"schemas", "events"});
}

/// "64MiB", "10m", "forever"
bool is_quantity(std::string_view text) {
  if (text == "forever") return true;
  const auto unit = text.find_first_not_of("0123456789.");
  constexpr std::string_view letters = "smhdBKMGiT";
  return unit != std::string_view::npos && unit > 0 && text.size() <= longest_quantity && text.size() - unit <= 3 &&
         text.find_first_not_of(letters, unit) == std::string_view::npos;
}

json shown(const path& at, const toml::node& node) {
  if (const auto* table = node.as_table()) {
    auto made = json::object();
    for (const auto& [name, inner] : *table) {
      auto below = at;
      below.push_back(name.str());
      made[std::string(name.str())] = shown(below, inner);
    }
    return made;
  }
  if (const auto* list = node.as_array()) {
    auto made = json::array();
    for (const auto& each : *list) made.push_back(shown(at, each));
    return made;
  }
  if (const auto* text = node.as_string()) {
    if (is_url(at.back())) return net::shown_url(text->get());
    const bool open = is_open(at.back()) || has_open_texts(path(at.begin(), at.end() - 1));
    const bool one_line =
        text->get().find('\n') == std::string::npos;  // else it is a file's content in place of its path
    return (open && one_line) || is_quantity(text->get()) ? text->get() : "(hidden)";
  }
  if (const auto* number = node.as_integer()) return number->get();
  if (const auto* real = node.as_floating_point()) return real->get();
  if (const auto* flag = node.as_boolean()) return flag->get();
  return "(hidden)";
}

json effective(const config& of) {
  const auto at = [](const listen_address& one) { return address_text(one.address, one.port); };
  return {{"data", of.data},
          {"node", of.node},
          {"protocol", at(of.protocol_address())},
          {"ingest", at(of.ingest_address())},
          {"admin", at(of.admin_address())},
          {"shards", of.runtime.shards},
          {"memoryBytes", of.runtime.memory_bytes},
          {"inFlightBytes", of.runtime.in_flight_bytes},
          {"checkpointBytes", of.runtime.checkpoint_bytes},
          {"historyLagBytes", of.runtime.history_lag_bytes},
          {"eventBytes", of.runtime.event.bytes},
          {"credentials", of.credentials.size()},
          {"sources", of.sources.size()},
          {"webhooks", of.webhooks.size()},
          {"definitions", of.definitions.size()},
          {"tracing", of.tracing.endpoint.empty() ? json(nullptr) : json(net::shown_url(of.tracing.endpoint))},
          {"tracingSample", of.tracing.sample}};
}

}  // namespace

result<json> shown_config(const config& of, const std::string& file) {
  json made = {{"effective", effective(of)}, {"file", nullptr}, {"settings", json::object()}};
  if (file.empty()) return made;
  const auto text = text_of_config(file);
  if (!text) return tl::make_unexpected(text.error());
  auto settings = read_toml<json>(*text, file, [](const toml::table& table) -> json { return shown({}, table); });
  if (!settings) return settings;
  made["file"] = file;
  made["settings"] = std::move(*settings);
  return made;
}

}  // namespace kith::cli
