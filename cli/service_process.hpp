// What the commands share that serve until they are told to end.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "cli/config.hpp"
#include "ingest/oauth/authorizer.hpp"
#include "net/credentials.hpp"

namespace kith::cli {

/// Files that are made are the user's alone; as many may be open as allowed; signals are taken by next_signal() alone. Before any thread is made.
void prepare_service();
/// SIGTERM, SIGINT or SIGHUP; another number if none came within a second.
int next_signal();

/// What a failed start ends with.
int exit_code_of_start(const error& why) noexcept;

/// N for the protocol, N + 1 for ingest, N + 2 for admin, those that the configuration names too.
void move_ports(config& of, unsigned short base);

/// Null: no issuers are configured.
std::shared_ptr<ingest::oauth::authorizer> authorizer_of(const config& settings);

/// The tokens that make_dev_files() made in there. Errors: unavailable.
result<std::vector<net::credential_config>> dev_credentials(const std::string& directory);

/// "host:port" or "[v6 address]:port"
std::string address_text(const std::string& address, unsigned short port);

}  // namespace kith::cli
