// What the commands that go to the admin HTTPS port share.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>

#include "cli/command.hpp"
#include "net/https_client.hpp"

namespace kith::cli {

/// The flags of a client, and where the admin port is.
struct admin_flags {
  client_flags client;
  std::string admin;

  void add_to(CLI::App& app);
  /// Errors: invalid_argument.
  result<net::client_options> options() const;
};

/// The admin API, asked for JSON. Thread safety: none.
class admin_client {
 public:
  /// Errors: as of https_client::connect.
  static result<admin_client> connect(const net::client_options& options);

  /// A problem document is an error with its detail. `problem`: if not null, gets the whole document then.
  result<nlohmann::json> ask(const std::string& method, const std::string& target, const nlohmann::json& body = nullptr,
                             nlohmann::json* problem = nullptr);
  /// GET; the body goes to `take` as it comes. Errors: as of ask(), and what `take` says.
  result<void> download(const std::string& target, const std::function<result<void>(std::string_view)>& take);

 private:
  explicit admin_client(std::unique_ptr<net::https_client> link) : link_(std::move(link)) {}
  std::unique_ptr<net::https_client> link_;
};

/// Runs with a connection to the admin port; the exit code.
template <class Use>
int with_admin(std::string_view command, const admin_flags& server, Use use) {
  const auto options = server.options();
  if (!options) return report_unreached(command, options.error());
  auto admin = admin_client::connect(*options);
  if (!admin) return report_unreached(command, admin.error(), *options);
  return use(*admin);
}

/// All items of a list, up to `most`; `last`: if not null, gets the last page.
result<nlohmann::json> read_list(admin_client& admin, const std::string& path, std::size_t most = SIZE_MAX,
                                 nlohmann::json* last = nullptr);

}  // namespace kith::cli
