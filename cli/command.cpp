#include "cli/command.hpp"

#include <cstdio>
#include <filesystem>

#include "cli/exit_codes.hpp"

namespace kith::cli {

void client_flags::add_to(CLI::App& app) {
  app.add_option("--addr", addr, "the server's host:port")->envname("KITH_ADDR")->capture_default_str();
  app.add_option("--ca", ca, "PEM file of the CA that signed the server's certificate")->envname("KITH_CA");
  app.add_option("--cert", cert, "PEM file of the client's certificate")->envname("KITH_CERT");
  app.add_option("--key", key, "PEM file of its key")->envname("KITH_KEY");
  app.add_option("--token", token, "a token, instead of a client certificate")->envname("KITH_TOKEN");
  app.add_option("--dev", dev, "data directory of a `kith serve --dev`: takes its certificates")->envname("KITH_DEV");
}

result<net::client_options> client_flags::options() const {
  net::client_options options;
  const auto colon = addr.rfind(':');
  const auto port = colon == std::string::npos ? std::string() : addr.substr(colon + 1);
  if (port.empty() || port.size() > 5 || port.find_first_not_of("0123456789") != std::string::npos ||
      std::stoi(port) > 65535) {
    return fail(errc::invalid_argument, "--addr: \"" + addr + "\" is not host:port");
  }
  options.host = addr.substr(0, colon);
  if (options.host.size() > 2 && options.host.front() == '[')
    options.host = options.host.substr(1, options.host.size() - 2);
  options.port = static_cast<unsigned short>(std::stoi(port));
  options.ca_file = ca;
  options.cert_file = cert;
  options.key_file = key;
  options.token = token;
  if (!dev.empty()) {
    auto directory = dev;
    if (std::filesystem::exists(directory + "/dev/ca.pem")) directory += "/dev";
    if (options.ca_file.empty()) options.ca_file = directory + "/ca.pem";
    if (options.cert_file.empty() && options.token.empty()) {
      options.cert_file = directory + "/client.pem";
      options.key_file = directory + "/client.key";
    }
  }
  options.agent = "kith-cli";
  return options;
}

profile::identifier parse_identifier(const std::string& text) {
  const auto colon = text.find(':');
  if (colon == std::string::npos) return {profile::id_kind::user, {}, text};
  const auto kind = text.substr(0, colon);
  const auto value = text.substr(colon + 1);
  if (kind == "user") return {profile::id_kind::user, {}, value};
  if (kind == "anonymous") return {profile::id_kind::anonymous, {}, value};
  if (kind == "profile") return {profile::id_kind::profile, {}, value};
  return {profile::id_kind::external, kind, value};
}

int report(std::string_view command, const error& why) {
  std::fprintf(stderr, "kith %.*s: %s\n", static_cast<int>(command.size()), command.data(), why.message.c_str());
  return exit_code_of(why.code);
}

}  // namespace kith::cli
