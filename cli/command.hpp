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
command_body add_publish(CLI::App& app);
command_body add_get(CLI::App& app);
command_body add_watch(CLI::App& app);
command_body add_bench(CLI::App& app);
command_body add_check(CLI::App& app);
command_body add_export(CLI::App& app);
command_body add_completion(CLI::App& app);

/// --addr --ca --cert --key --token --dev, each also from the environment.
struct client_flags {
  std::string addr = "127.0.0.1:7440";
  std::string ca;
  std::string cert;
  std::string key;
  std::string token;
  std::string dev;

  void add_to(CLI::App& app);
  /// Errors: invalid_argument.
  result<net::client_options> options() const;
};

/// "user:ada", "anonymous:a-1", "profile:<hex>", "email:ada@example.com" (an external id) or a bare userId.
profile::identifier parse_identifier(const std::string& text);

/// Prints "kith COMMAND: MESSAGE" to stderr; the exit code.
int report(std::string_view command, const error& why);

}  // namespace kith::cli
