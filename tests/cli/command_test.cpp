#include "cli/command.hpp"

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <unistd.h>

#include "tests/catch.hpp"

using namespace kith;

namespace {

result<net::client_options> options_of(std::vector<std::string> words) {
  CLI::App app;
  cli::client_flags flags;
  flags.add_to(app);
  std::reverse(words.begin(), words.end());
  app.parse(words);
  return flags.options();
}

struct scratch_directory {
  scratch_directory() {
    auto pattern = std::filesystem::temp_directory_path().string() + "/kith-command.XXXXXX";
    REQUIRE(::mkdtemp(pattern.data()) != nullptr);
    path = pattern;
  }
  ~scratch_directory() { std::filesystem::remove_all(path); }
  std::string path;
};

}  // namespace

TEST_CASE("addresses are host:port, with brackets around IPv6") {
  REQUIRE(cli::parse_address("localhost:7440")->host == "localhost");
  REQUIRE(cli::parse_address("[::1]:7440")->host == "::1");
  REQUIRE(cli::parse_address("[::1]:7440")->port == 7440);
  for (const auto* wrong : {"", "localhost", ":7440", "localhost:", "localhost:x", "localhost:65536", "::1:7440",
                            "localhost:123456", "localhost:-1"}) {
    CAPTURE(wrong);
    REQUIRE_FALSE(cli::parse_address(wrong));
  }
}

TEST_CASE("an identifier's kind stands in front of it") {
  using profile::id_kind;
  REQUIRE(cli::parse_identifier("ada").kind == id_kind::user);
  REQUIRE(cli::parse_identifier("user:a:b").value == "a:b");
  REQUIRE(cli::parse_identifier("anonymous:x").kind == id_kind::anonymous);
  REQUIRE(cli::parse_identifier("profile:00ff").kind == id_kind::profile);
  const auto external = cli::parse_identifier("email:ada@example.com");
  REQUIRE(external.kind == id_kind::external);
  REQUIRE(external.type == "email");
  REQUIRE(external.value == "ada@example.com");
}

TEST_CASE("a client's settings come from flags, then the environment, then --dev, then defaults") {
  for (const auto* name : {"KITH_ADDR", "KITH_CA", "KITH_CERT", "KITH_KEY", "KITH_TOKEN", "KITH_DEV"}) ::unsetenv(name);
  REQUIRE(options_of({})->host == "127.0.0.1");
  REQUIRE(options_of({})->port == 7440);

  const scratch_directory data;
  std::filesystem::create_directories(data.path + "/dev");
  std::ofstream(data.path + "/dev/ca.pem") << "-";
  std::ofstream(data.path + "/dev/address") << "127.0.0.1:9440\n";
  const auto dev = options_of({"--dev", data.path});
  REQUIRE(dev->port == 9440);
  REQUIRE(dev->ca_file == data.path + "/dev/ca.pem");
  REQUIRE(dev->cert_file == data.path + "/dev/client.pem");
  REQUIRE(options_of({"--dev", data.path + "/dev"})->port == 9440);
  REQUIRE(options_of({"--dev", data.path, "--token", "t"})->cert_file.empty());
  REQUIRE(options_of({"--dev", data.path, "--addr", "[::1]:1"})->host == "::1");

  ::setenv("KITH_ADDR", "example.com:5", 1);
  REQUIRE(options_of({"--dev", data.path})->host == "example.com");
  REQUIRE(options_of({"--addr", "127.0.0.1:6"})->port == 6);
  ::unsetenv("KITH_ADDR");
}

TEST_CASE("half a client certificate is refused") {
  REQUIRE_FALSE(options_of({"--cert", "client.pem"}));
  REQUIRE_FALSE(options_of({"--key", "client.key"}));
}

TEST_CASE("an address that is none does not parse") {
  REQUIRE_THROWS_AS(options_of({"--addr", "nope"}), CLI::ParseError);
}
