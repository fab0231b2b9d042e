// The server's configuration: TOML, every key with a default.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "actors/runtime.hpp"
#include "admin/access.hpp"
#include "admin/backups.hpp"
#include "admin/deadlines.hpp"
#include "admin/definition_store.hpp"
#include "admin/openid_settings.hpp"
#include "admin/personal.hpp"
#include "cli/encryption_keys.hpp"
#include "cli/log.hpp"
#include "ingest/crawlers.hpp"
#include "ingest/oauth/settings.hpp"
#include "ingest/schema/modes.hpp"
#include "ingest/source.hpp"
#include "net/credentials.hpp"
#include "net/outgoing_url.hpp"
#include "net/span_exporter.hpp"
#include "net/tls_context.hpp"
#include "persistence/dead_letters.hpp"
#include "profile/limits.hpp"
#include "profile/privacy_rules.hpp"
#include "webhooks/endpoint.hpp"

namespace kith::cli {

struct listen_address {
  std::string address;
  unsigned short port = 0;
};

struct audit_settings {
  std::size_t file_bytes = 8UL * 1024 * 1024;  ///< of one of its files
  bool reads = true;                           ///< records answers that hold personal data, too
};

struct config {
  std::string data = "data";
  std::string node = "kith-1";
  std::string address = "127.0.0.1";
  unsigned short port_base = 7440;         ///< protocol; +1: ingest HTTPS; +2: admin HTTPS
  std::optional<listen_address> protocol;  ///< instead of address and port_base
  std::optional<listen_address> ingest;
  std::optional<listen_address> admin;
  net::tls_files tls;
  bool require_client_certificate = false;
  actors::runtime_options runtime;
  limits::connection connection;
  std::vector<net::credential_config> credentials;
  std::vector<admin::configured_definition> definitions;  ///< [computed.NAME], then [segments.NAME]
  std::vector<webhooks::endpoint> webhooks;               ///< [webhooks.NAME]
  /// [consent] and [retention]; never null
  std::shared_ptr<const profile::privacy_rules> privacy = std::make_shared<const profile::privacy_rules>();
  persistence::dead_letter_options dead_letters;
  std::vector<ingest::source_settings> sources;                                             ///< [sources.NAME]
  std::shared_ptr<const ingest::crawler_list> crawlers = ingest::crawler_list::built_in();  ///< crawlers_file
  ingest::oauth::settings oauth;                                                            ///< [oauth]
  net::outgoing_rules outgoing;       ///< [outgoing]: whom webhooks and [oauth] may ask
  ingest::schema::settings schemas;   ///< [schemas]
  admin::access_settings access;      ///< [admin]
  admin::openid_settings openid;      ///< [oidc]
  admin::backup_settings backup;      ///< [backup]
  audit_settings audit;               ///< [audit]
  admin::personal_settings personal;  ///< [pii]
  admin::request_settings requests;   ///< [privacy]
  net::tracing_settings tracing;      ///< [tracing]
  encryption_keys keys;               ///< [encryption]: where what wraps the journal's keys comes from
  /// May certificates that our CA signed and no credential names do everything? Not said: only with --dev, whose CA is
  /// its own.
  std::optional<bool> unlisted_certificates;
  log_level log_at_least = log_level::info;
  log_format log_as = log_format::automatic;

  listen_address protocol_address() const { return protocol.value_or(listen_address{address, port_base}); }
  listen_address ingest_address() const {
    return ingest.value_or(listen_address{address, static_cast<unsigned short>(port_base + 1)});
  }
  listen_address admin_address() const {
    return admin.value_or(listen_address{address, static_cast<unsigned short>(port_base + 2)});
  }
};

/// Errors: invalid_argument with file:line:column, what is wrong and what is allowed.
result<config> parse_config(std::string_view toml, const std::string& file_name);
/// Errors: as above; not_found.
result<config> load_config(const std::string& file_name);

}  // namespace kith::cli
