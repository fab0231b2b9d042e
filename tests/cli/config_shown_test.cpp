#include "cli/config_shown.hpp"

#include <cstdio>
#include <fstream>
#include <nlohmann/json.hpp>
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
