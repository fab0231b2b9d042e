#include "cli/config_webhook_source.hpp"

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>

#include "ingest/webhook/receive.hpp"
#include "profile/encoding.hpp"
#include "tests/catch.hpp"

using namespace kith;
using namespace kith::tests;
namespace webhook = ingest::webhook;

namespace {

webhook::settings good(const std::string& keys) {
  const auto parsed = cli::parse_config("[sources.shop]\n" + keys, "kith.toml");
  if (!parsed) FAIL(parsed.error().message);
  REQUIRE(parsed->sources.size() == 1);
  CHECK(parsed->sources[0].name == "shop");
  REQUIRE(parsed->sources[0].webhook);
  return *parsed->sources[0].webhook;
}

std::string refused(const std::string& keys) {
  const auto parsed = cli::parse_config("[sources.shop]\n" + keys, "kith.toml");
  REQUIRE_FALSE(parsed);
  CHECK(parsed.error().code == errc::invalid_argument);
  return parsed.error().message;
}

const std::string github = "scheme = \"github\"\nsecrets = [\"a\"]\n";

}  // namespace

TEST_CASE("a source without webhook keys takes no webhooks") {
  const auto parsed = cli::parse_config("[sources.shop]\n", "kith.toml");
  REQUIRE(parsed);
  REQUIRE(parsed->sources.size() == 1);
  CHECK_FALSE(parsed->sources[0].webhook);
}

TEST_CASE("a source of webhooks by preset") {
  const auto made =
      good("scheme = \"stripe\"\nsecrets = [\"whsec_a\", \"whsec_b\"]\ntolerance = \"10m\"\nmapping = \"stripe\"\n");
  CHECK(made.source == "shop");
  CHECK(made.scheme.kind == webhook::scheme::stripe);
  CHECK(made.scheme.secrets == std::vector<std::string>{"whsec_a", "whsec_b"});
  CHECK(made.scheme.tolerance_ms == 600'000);
  CHECK(made.map != nullptr);
}

TEST_CASE("an HMAC of one's own is described") {
  const auto made = good(
      "scheme = \"hmac\"\nsecrets = [\"k\"]\nheader = \"X-Sig\"\nalgorithm = \"sha512\"\nencoding = \"base64\"\n"
      "prefix = \"v0=\"\nsigned = \"timestamp.body\"\ntimestamp_header = \"X-Time\"\ndelivery_header = \"X-Id\"\n"
      "tolerance = \"1m\"\nmapping = \"generic\"\n");
  CHECK(made.scheme.header == "X-Sig");
  CHECK(made.scheme.delivery_header == "X-Id");
  CHECK(made.scheme.hmac.algorithm == webhook::hmac_algorithm::sha512);
  CHECK(made.scheme.hmac.encoding == webhook::text_encoding::base64);
  CHECK(made.scheme.hmac.prefix == "v0=");
  CHECK(made.scheme.hmac.content == webhook::signed_content::timestamp_body);
  CHECK(made.scheme.hmac.timestamp_header == "X-Time");
  CHECK(made.scheme.tolerance_ms == 60'000);
}

TEST_CASE("secrets come from the file, files and the environment") {
  const auto file = std::filesystem::temp_directory_path() / ("kith-secret-" + std::to_string(::getpid()));
  std::ofstream(file) << "from a file\n";
  ::setenv("KITH_TEST_SECRET", "from the environment", 1);
  const auto made = good("scheme = \"github\"\nmapping = \"generic\"\nsecrets = [\"here\"]\nsecret_files = [\"" +
                         file.string() + "\"]\nsecret_env = [\"KITH_TEST_SECRET\"]\n");
  std::filesystem::remove(file);
  auto secrets = made.scheme.secrets;
  std::sort(secrets.begin(), secrets.end());
  CHECK(secrets == std::vector<std::string>{"from a file", "from the environment", "here"});
  CHECK_THAT(
      refused("scheme = \"github\"\nmapping = \"generic\"\nsecret_env = [\"KITH_TEST_NO_SECRET\"]\n"),
      Contains("kith.toml:4:14: sources.shop.secret_env: names an environment variable that is not set or is empty: "
               "KITH_TEST_NO_SECRET"));
  CHECK_THAT(refused("scheme = \"github\"\nmapping = \"generic\"\nsecret_files = [\"no-such-file\"]\n"),
             Contains("sources.shop.secret_files: names no-such-file, which cannot be read"));
}

TEST_CASE("rules of one's own are read, beside a preset's") {
  const auto made = good(github + R"(
mapping = "generic"
[[sources.shop.map]]
name = "pushed"
when = "headers['x-github-event'] == 'push'"
each = "body.commits"
type = "track"
event = "'Commit Pushed'"
userId = "item.author.username"
timestamp = "item.timestamp"
externalIds = { email = "item.author.email" }
properties = { sha = "item.id", first = "index == 0" }
traits = "{'name': item.author.name}"
)");
  const std::string body =
      R"({"type": "identify", "userId": "u", "commits": [{"id": "c1", "author": {"username": "ada", "name": "Ada"}}]})";
  const std::vector<net::http_field> fields = {{"X-GitHub-Event", "push"}};
  const auto outcome = webhook::map_request(made, {"POST", "/", fields, body}, "d", 1'700'000'000'000);
  REQUIRE(outcome);
  const auto events = nlohmann::json::from_msgpack(outcome->events.events);
  REQUIRE(events.size() == 2);
  CHECK(events[1]["event"].get<std::string>() == "Commit Pushed");
  CHECK(events[1]["properties"].dump() == R"({"first":true,"sha":"c1"})");
  CHECK(events[1]["traits"].dump() == R"({"name":"Ada"})");
}

TEST_CASE("a wrong expression is refused with its place in the file and in itself") {
  CHECK(refused(github + "[[sources.shop.map]]\nuserId = \"bdy.id\"\n") ==
        "kith.toml:5:10: sources.shop.map[0].userId: 1:1: no such variable \"bdy\"; did you mean \"body\"? Known: "
        "body, headers, "
        "query, source, delivery, digest");
  CHECK_THAT(refused(github + "[[sources.shop.map]]\nuserId = \"body.id\"\nproperties = { a = \"item\" }\n"),
             Contains("kith.toml:6:20: sources.shop.map[0].properties.a: 1:1: no such variable \"item\""));
  CHECK_THAT(refused(github + "[[sources.shop.map]]\nuserid = \"body.id\"\n"), Contains("did you mean userId?"));
  CHECK_THAT(refused(github + "[[sources.shop.map]]\nuserId = 1\n"),
             Contains("must be a string that holds an expression"));
  CHECK_THAT(refused(github + "[[sources.shop.map]]\nexternalIds = \"body\"\n"),
             Contains("must be a table of expressions"));
  CHECK_THAT(refused(github + "[[sources.shop.map]]\nproperties = 1\n"), Contains("must be an expression, or a table"));
  CHECK_THAT(refused(github + "[[sources.shop.map]]\nevent = \"'E'\"\n"),
             Contains("sources.shop: map[0]: names nobody"));
  CHECK_THAT(refused(github + "map = 1\n"), Contains("must be an array of tables: [[sources.shop.map]]"));
}

TEST_CASE("keys that are missing, or do not go together, are named") {
  CHECK_THAT(refused("secrets = [\"a\"]\n"), Contains("sources.shop: has secrets, but no scheme"));
  CHECK_THAT(refused("scheme = \"slack\"\n"),
             Contains("kith.toml:2:10: sources.shop.scheme: must be \"stripe\", \"github\""));
  CHECK_THAT(refused("scheme = \"github\"\nmapping = \"generic\"\n"),
             Contains("needs secrets, secret_files or secret_env"));
  CHECK_THAT(refused(github), Contains("needs mapping = "));
  CHECK_THAT(refused(github + "mapping = \"magento\"\n"), Contains("must be \"shopify\", \"stripe\" or \"generic\""));
  CHECK_THAT(refused(github + "mapping = \"generic\"\ntolerance = \"1m\"\n"),
             Contains("is only for schemes that sign a time"));
  CHECK_THAT(refused(github + "mapping = \"generic\"\nalgorithm = \"sha512\"\n"),
             Contains("is only for the scheme \"hmac\""));
  CHECK_THAT(refused(github + "mapping = \"generic\"\nheader = \"X\"\n"), Contains("has its own header"));
  CHECK_THAT(refused("scheme = \"standard-webhooks\"\nsecrets = [\"hush\"]\nmapping = \"generic\"\n"),
             Contains("kith.toml:3:11: sources.shop.secrets: must be \"whsec_\""));
  CHECK_THAT(refused("shceme = \"github\"\n"), Contains("did you mean scheme?"));
}
