// The web console as an operator uses it, in headless Chromium, against the real executable.
#include <fstream>

#include "tests/catch.hpp"
#include "tests/ingest/support/authorization_server.hpp"
#include "tests/system/support/server.hpp"

using namespace kith;
using namespace kith::tests;

namespace {

// Nobody listens at the webhook's address, and it is given up soon.
constexpr const char* config = R"([segments.loyal]
expression = 'events("Order Completed").within("365d").count() >= 3 && has(traits.name)'
description = "three orders or more in a year, and known by name"
owner = "crm"
[segments.whale]
expression = 'computed.revenue > 10000.0'

[consent.purposes.marketing]
basis = "consent"

[computed.revenue]
expression = 'events("Order Completed").sum("properties.total")'

[schemas]
mode = "quarantine"

[webhooks.crm]
url = "https://127.0.0.1:9/hooks/kith"
secrets = ["whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"]
segments = ["loyal"]
retry_for = "1s"

[privacy]
purge_after = "1s"

[outgoing]
allow_private = ["127.0.0.1"]
)";

std::string first_word_of(const std::string& path) {
  std::string word;
  std::ifstream(path) >> word;
  return word;
}

}  // namespace

TEST_CASE("an operator works with the web console") {
  const scratch room;
  server running(room, config);
  const auto port = running.client_options().port;
  const auto url = [&](int offset) { return "https://localhost:" + std::to_string(port + offset); };
  const std::string folder = KITH_SOURCE "/tests/system/console/";
  std::vector<std::string> command = {"/usr/bin/env",
                                      "NODE_EXTRA_CA_CERTS=" + running.data() + "/dev/ca.pem",
                                      "node",
                                      folder + "console.mjs",
                                      url(2),
                                      url(1),
                                      first_word_of(running.data() + "/dev/ingest.token"),
                                      first_word_of(running.data() + "/dev/admin.token")};
  if (const auto* shots = std::getenv("KITH_CONSOLE_SHOTS"); shots != nullptr) command.emplace_back(shots);
  process console(command, room.path("console.log"));
  const auto code = console.wait(std::chrono::seconds(240));
  INFO(console.output());
  REQUIRE(code == 0);
}

TEST_CASE("people sign in to the web console at an OpenID provider") {
  authorization_server provider;
  const scratch room;
  const std::string folder = KITH_SOURCE "/tests/system/console/";
  room.write("secret", secret_of("console"));
  server running(room, "node = \"kith-test\"\n");
  const auto admin = "127.0.0.1:" + std::to_string(running.client_options().port + 2);
  provider.send_people_to("https://" + admin + "/v1/session/callback");
  room.write("kith.toml", "[oidc]\nissuer = \"" + provider.issuer() + "\"\nname = \"the test provider\"\nclient_id = " +
                              "\"console\"\nclient_secret_file = \"" + room.path("secret") + "\"\nca = \"" +
                              provider.ca() + "\"\nscopes = [\"openid\", \"profile\", \"groups\"]\nhosts = [\"" +
                              admin + "\"]\nroles = {\"kith-operators\" = \"operator\"}\n");
  running.send(SIGHUP);
  std::vector<std::string> command = {"/usr/bin/env", "node", folder + "sign_in.mjs", "https://" + admin,
                                      provider.issuer()};
  if (const auto* shots = std::getenv("KITH_CONSOLE_SHOTS"); shots != nullptr) command.emplace_back(shots);
  process browser(command, room.path("console.log"));
  const auto code = browser.wait(std::chrono::seconds(120));
  INFO(browser.output());
  INFO(running.log());
  REQUIRE(code);
  CHECK(*code == 0);
  CHECK(browser.output().find("ok      who signs out") != std::string::npos);
  CHECK(running.stop() == 0);
}
