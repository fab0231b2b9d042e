#include "cli/command.hpp"

#include <cstdio>
#include <filesystem>
#include <fstream>

#include "cli/exit_codes.hpp"

namespace kith::cli {

namespace {

constexpr const char* default_address = "127.0.0.1:7440";

/// --dev names a data directory, or the dev/ inside one.
std::string data_of(const std::string& dev) {
  std::error_code ignored;
  const bool inside =
      !std::filesystem::exists(dev + "/dev/ca.pem", ignored) && std::filesystem::exists(dev + "/ca.pem", ignored);
  return inside ? dev + "/.." : dev;
}

std::string address_of(const std::string& dev) {
  std::string line;
  std::ifstream in(dev_address_file(data_of(dev)));
  return std::getline(in, line) ? line : default_address;
}

std::string check_address(const std::string& text) {
  const auto parsed = parse_address(text);
  return parsed ? std::string() : parsed.error().message;
}

}  // namespace

std::string dev_address_file(const std::string& data) { return data + "/dev/address"; }

std::string dev_directory(const std::string& dev) { return data_of(dev) + "/dev"; }

result<host_and_port> parse_address(const std::string& text) {
  const auto colon = text.rfind(':');
  const auto port = colon == std::string::npos ? std::string() : text.substr(colon + 1);
  auto host = text.substr(0, colon);
  const bool bracketed = host.size() > 2 && host.front() == '[' && host.back() == ']';
  if (bracketed) host = host.substr(1, host.size() - 2);
  if (host.empty() || (!bracketed && host.find(':') != std::string::npos) || port.empty() || port.size() > 5 ||
      port.find_first_not_of("0123456789") != std::string::npos || std::stoi(port) > 65535) {
    return fail(errc::invalid_argument, "\"" + text + "\" is not host:port, for example 127.0.0.1:7440 or [::1]:7440");
  }
  return host_and_port{host, static_cast<unsigned short>(std::stoi(port))};
}

void client_flags::add_to(CLI::App& app) {
  const CLI::Validator is_address(check_address, "HOST:PORT");
  app.add_option("--addr", addr, std::string("the server (default: that of --dev, else ") + default_address + ")")
      ->envname("KITH_ADDR")
      ->check(is_address);
  app.add_option("--ca", ca, "PEM file of the CA that signed the server's certificate")->envname("KITH_CA");
  app.add_option("--cert", cert, "PEM file of the client's certificate")->envname("KITH_CERT");
  app.add_option("--key", key, "PEM file of its key")->envname("KITH_KEY");
  app.add_option("--token", token, "a token, instead of a client certificate")->envname("KITH_TOKEN");
  app.add_option("--dev", dev, "data directory of a `kith serve --dev`: takes its address and certificates")
      ->envname("KITH_DEV");
}

result<net::client_options> client_flags::options() const {
  const auto at = parse_address(!addr.empty() ? addr : !dev.empty() ? address_of(dev) : default_address);
  if (!at) return tl::make_unexpected(at.error());
  net::client_options options;
  options.host = at->host;
  options.port = at->port;
  options.ca_file = ca;
  options.cert_file = cert;
  options.key_file = key;
  options.token = token;
  if (cert.empty() != key.empty()) return fail(errc::invalid_argument, "--cert and --key: one needs the other");
  if (!dev.empty()) {
    const auto directory = dev_directory(dev);
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

int report_unreached(std::string_view command, const error& why) {
  const int code = report(command, why);
  return why.code == errc::invalid_argument ? exit_config : code;
}

int report_unreached(std::string_view command, error why, const net::client_options& with) {
  if (with.ca_file.empty() && why.message.find("certificate verify failed") != std::string::npos) {
    why.message +=
        "; name the CA that signed it with --ca FILE, or the data directory of a `kith serve --dev` with --dev";
  }
  if (why.code == errc::unauthenticated && !with.cert_file.empty() && with.token.empty()) {
    why.message += "; the certificate " + with.cert_file +
                   " is not listed by the server: give its common name to a [[credentials]] entry of the server's "
                   "configuration (common_name), or use a token";
  }
  return report_unreached(command, why);
}

}  // namespace kith::cli
