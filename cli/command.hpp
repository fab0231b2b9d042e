// What the commands of `kith` share.
#pragma once

#include <CLI/CLI.hpp>
#include <functional>
#include <memory>
#include <string>

#include "net/client_connection.hpp"
#include "profile/identifier.hpp"

namespace kith::cli {

/// A command adds its options to the app and says what to run once they are parsed; `run` gives the exit code.
using command_body = std::function<int()>;
using add_command = command_body (*)(CLI::App& app);

command_body add_serve(CLI::App& app);
command_body add_forward(CLI::App& app);
command_body add_publish(CLI::App& app);
command_body add_get(CLI::App& app);
command_body add_watch(CLI::App& app);
command_body add_top(CLI::App& app);
command_body add_segments(CLI::App& app);
command_body add_dead_letters(CLI::App& app);
command_body add_schemas(CLI::App& app);
command_body add_identity(CLI::App& app);
command_body add_ingest(CLI::App& app);
command_body add_unmerge(CLI::App& app);
command_body add_bench(CLI::App& app);
command_body add_check(CLI::App& app);
command_body add_backup(CLI::App& app);
command_body add_restore(CLI::App& app);
command_body add_audit(CLI::App& app);
command_body add_privacy(CLI::App& app);
command_body add_export(CLI::App& app);
command_body add_completion(CLI::App& app);

/// Where a `serve --dev` on this data directory says what it listens on, for clients' `--dev`.
std::string dev_address_file(const std::string& data);

/// What a `--dev` of a client names: where the certificates and tokens are.
std::string dev_directory(const std::string& dev);

/// "host:port" or "[v6 address]:port". Errors: invalid_argument.
struct host_and_port {
  std::string host;
  unsigned short port = 0;
};
result<host_and_port> parse_address(const std::string& text);

/// --addr --ca --cert --key --token --dev, each also from the environment.
struct client_flags {
  std::string addr;
  std::string ca;
  std::string cert;
  std::string key;
  std::string token;
  std::string dev;

  void add_to(CLI::App& app);
  /// What is not given comes from --dev's directory, then from defaults. Errors: invalid_argument.
  result<net::client_options> options() const;
};

/// "user:ada", "anonymous:a-1", "profile:<hex>", "email:ada@example.com" (an external id) or a bare userId.
profile::identifier parse_identifier(const std::string& text);

/// Prints "kith COMMAND: MESSAGE" to stderr; the exit code.
int report(std::string_view command, const error& why);
/// The same for what kept us from reaching the server: bad settings of ours are a configuration error.
int report_unreached(std::string_view command, const error& why);
/// The same, when a connection with these settings failed: says what makes a certificate known.
int report_unreached(std::string_view command, error why, const net::client_options& with);

}  // namespace kith::cli
