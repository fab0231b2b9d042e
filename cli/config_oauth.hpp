// The tables [oauth], [oidc] and [outgoing] of the configuration.
#pragma once

#include <string>
#include <toml++/toml.h>

#include "cli/config_reader.hpp"
#include "ingest/oauth/settings.hpp"
#include "net/outgoing_url.hpp"

namespace kith::cli {

void describe_outgoing(table_reader& outgoing, net::outgoing_rules& into);
void describe_oauth(table_reader& oauth, ingest::oauth::settings& into);
/// [oidc]. Throws bad_config.
void read_openid(const table_reader& root, const toml::node& node, const std::string& where,
                 admin::openid_settings& into);

/// Are all URLs of the configuration among those that `[outgoing]` allows? Once all of it is read. Throws bad_config.
void check_outgoing(const std::string& file_name, const config& made);

}  // namespace kith::cli
