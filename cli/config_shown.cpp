#include "cli/config_shown.hpp"

#include <algorithm>
#include <array>
#include <nlohmann/json.hpp>

#include "cli/config_edges.hpp"
#include "cli/service_process.hpp"

namespace kith::cli {

namespace {

using nlohmann::json;

constexpr std::size_t longest_quantity = 16;

/// Names of keys whose texts are no secrets: names, paths of files, addresses, words.
bool is_open(std::string_view key) {
  constexpr std::array<std::string_view, 48> keys = {"data",          "node",          "address",
                                                     "protocol",      "ingest",        "admin",
                                                     "certificate",   "client_ca",     "ca",
                                                     "common_name",   "name",          "source",
                                                     "rights",        "role",          "level",
                                                     "format",        "directory",     "service",
                                                     "expression",    "description",   "owner",
                                                     "fields",        "segments",      "priority",
                                                     "crawlers",      "crawlers_file", "mode",
                                                     "default",       "compatibility", "scheme",
                                                     "preset",        "traits",        "properties",
                                                     "context",       "ids",           "audience",
                                                     "issuer",        "algorithms",    "allow_hosts",
                                                     "allow_private", "servers",       "server_name",
                                                     "headers_file",  "token_file",    "client_secret_file",
                                                     "secret_files",  "event",         "type"};
  return std::find(keys.begin(), keys.end(), key) != keys.end();
}

/// "64MiB", "10m", "forever"
bool is_quantity(std::string_view text) {
  if (text == "forever") return true;
  const auto unit = text.find_first_not_of("0123456789.");
  constexpr std::string_view letters = "smhdBKMGiT";
  return unit != std::string_view::npos && unit > 0 && text.size() <= longest_quantity && text.size() - unit <= 3 &&
         text.find_first_not_of(letters, unit) == std::string_view::npos;
}

json shown(std::string_view key, const toml::node& node) {
  if (const auto* table = node.as_table()) {
    auto made = json::object();
    for (const auto& [name, inner] : *table) made[std::string(name.str())] = shown(name.str(), inner);
    return made;
  }
  if (const auto* list = node.as_array()) {
    auto made = json::array();
    for (const auto& each : *list) made.push_back(shown(key, each));
    return made;
  }
  if (const auto* text = node.as_string()) {
    if (key == "url" || key == "endpoint") return net::shown_url(text->get());
    return is_open(key) || is_quantity(text->get()) ? text->get() : "(hidden)";
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
