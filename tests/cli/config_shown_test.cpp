#include "cli/config_shown.hpp"

#include <cstdio>
#include <fstream>
#include <functional>
#include <nlohmann/json.hpp>
#include <set>
#include <unistd.h>

#include "tests/catch.hpp"

using namespace kith;
using namespace kith::cli;

TEST_CASE("the configuration is shown without what may be secret") {
  const auto path = "/tmp/kith-shown-" + std::to_string(::getpid()) + ".toml";
  std::ofstream(path) << R"(
data = "elsewhere"
[memory]
profiles = "2GiB"
[[credentials]]
name = "shop"
token = "S3CRET-token"
[webhooks.crm]
url = "https://user:S3CRET@crm.example/hooks/S3CRET"
secrets = ["whsec_S3CRETKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"]
concurrency = 4
[tracing]
endpoint = "http://127.0.0.1:4318"
sample = 0.5
)";
  auto settings = load_config(path);
  REQUIRE(settings);
  const auto got = shown_config(*settings, path);
  std::remove(path.c_str());
  REQUIRE(got);
  CHECK(got->dump().find("S3CRET") == std::string::npos);
  const auto& told = got->at("settings");
  CHECK(told.at("data") == "elsewhere");
  CHECK(told.at("memory").at("profiles") == "2GiB");
  CHECK(told.at("credentials").at(0).at("name") == "shop");
  CHECK(told.at("credentials").at(0).at("token") == "(hidden)");
  CHECK(told.at("webhooks").at("crm").at("url") == "https://crm.example/…");
  CHECK(told.at("webhooks").at("crm").at("secrets").at(0) == "(hidden)");
  CHECK(told.at("webhooks").at("crm").at("concurrency") == 4);
  CHECK(got->at("effective").at("tracingSample") == 0.5);
  CHECK(got->at("effective").at("ingest") == "127.0.0.1:7441");
  CHECK(shown_config(config{}, {})->at("file").is_null());
}

TEST_CASE("harmless words of the configuration were hidden beside its secrets") {
  const auto path = "/tmp/kith-open-" + std::to_string(::getpid()) + ".toml";
  std::ofstream(path, std::ios::trunc) << R"(
[[credentials]]
name = "shop"
token_sha256 = "S3CRETS3CRET"
tokken = "S3CRET-with-a-slip"
[encryption]
key_file = "kith.key"
old_key_command = ["vault", "S3CRET"]
[tls]
key = """-----BEGIN PRIVATE KEY-----
S3CRET"""
[oidc]
issuer = "https://login.example"
client_id = "kith"
role_claim = "groups"
roles = {"kith-operators" = "operator"}
client_secret_env = "S3CRET"
[[oauth.issuers]]
introspection_endpoint = "https://user:S3CRET@login.example/introspect"
scopes = {"events:write" = ["publish"]}
[schemas.events]
"Order Completed" = "quarantine"
[sources.scopes]
mapping = "shopify"
drop = ["event.event == 'Heartbeat'"]
secrets = "S3CRET"
whatever = "S3CRET"
[[sources.scopes.map]]
userId = "body.customer.id"
traits = {email = "body.email"}
[identity.types.phone]
blocked = ["S3CRET-somebody"]
)";
  const auto got = shown_config(config{}, path);
  std::remove(path.c_str());
  REQUIRE(got);
  CHECK(got->dump().find("S3CRET") == std::string::npos);
  const auto& told = got->at("settings");
  CHECK(told.at("encryption").at("key_file") == "kith.key");
  CHECK(told.at("encryption").at("old_key_command") == nlohmann::json{"(hidden)", "(hidden)"});
  const auto& oidc = told.at("oidc");
  CHECK(oidc.at("client_id") == "kith");
  CHECK(oidc.at("role_claim") == "groups");
  CHECK(oidc.at("roles").at("kith-operators") == "operator");
  CHECK(told.at("oauth").at("issuers").at(0).at("scopes").at("events:write") == nlohmann::json::array({"publish"}));
  CHECK(told.at("schemas").at("events").at("Order Completed") == "quarantine");
  const auto& source = told.at("sources").at("scopes");
  CHECK(source.at("mapping") == "shopify");
  CHECK(source.at("drop").at(0) == "event.event == 'Heartbeat'");
  CHECK(source.at("map").at(0).at("userId") == "body.customer.id");
  CHECK(source.at("map").at(0).at("traits").at("email") == "body.email");
}

TEST_CASE("of the documented configuration nothing is hidden but its secrets") {
  std::ifstream in(KITH_SOURCE "/docs/configuration.md");
  const auto path = "/tmp/kith-documented-" + std::to_string(::getpid()) + ".toml";
  {
    std::ofstream out(path, std::ios::trunc);
    bool inside = false;
    for (std::string line; std::getline(in, line);) {
      if (line.rfind("```", 0) == 0) {
        inside = line == "```toml";
      } else if (inside) {
        out << line << "\n";
      }
    }
  }
  const auto got = shown_config(config{}, path);
  std::remove(path.c_str());
  REQUIRE(got);
  REQUIRE(got->at("settings").size() > 10);
  std::set<std::string> hidden;
  const std::function<void(const std::string&, const nlohmann::json&)> look = [&](const std::string& key,
                                                                                  const nlohmann::json& value) {
    if (value == "(hidden)") hidden.insert(key);
    if (value.is_array()) {
      for (const auto& each : value) look(key, each);
    }
    if (value.is_object()) {
      for (const auto& [name, each] : value.items()) look(name, each);
    }
  };
  look({}, got->at("settings"));
  CHECK(hidden == std::set<std::string>{"secrets"});
}
