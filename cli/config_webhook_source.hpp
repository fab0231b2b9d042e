// The keys of incoming webhooks within [sources.NAME].
#pragma once

#include <utility>
#include <optional>
#include <string>
#include <vector>

#include "cli/config_reader.hpp"
#include "ingest/webhook/mapping.hpp"
#include "ingest/webhook/settings.hpp"

namespace kith::cli {

/// What was read of the keys, which depend on one another.
struct webhook_source_keys {
  struct secret {
    const toml::node* at;
    std::string where;
    std::string text;
  };
  std::optional<ingest::webhook::scheme> scheme;
  ingest::webhook::scheme_settings settings;
  std::vector<secret> secrets;
  std::vector<ingest::webhook::rule> rules;  ///< of the preset, then [[sources.NAME.map]]
};

/// Adds the keys `scheme`, `secrets`, `secret_files`, `secret_env`, `tolerance`, `header`, `algorithm`, `encoding`,
/// `prefix`, `signed`, `timestamp_header`, `delivery_header`, `mapping` and `map`. `into` must live until it was read.
void describe_webhook_source(table_reader& reader, webhook_source_keys& into);

/// Behind reader.read(table). Nothing: the source takes no webhooks. Throws bad_config: what is missing, or does not go
/// together.
std::optional<ingest::webhook::settings> made_webhook_source(const table_reader& reader, const std::string& name,
                                                             const toml::table& table, webhook_source_keys& keys);

}  // namespace kith::cli
