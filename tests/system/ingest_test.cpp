// kith ingest test through its front door.
#include <nlohmann/json.hpp>

#include "tests/catch.hpp"
#include "tests/system/support/server.hpp"

using namespace kith::tests;
using nlohmann::json;

namespace {

const std::string config = R"([sources.shop]
scheme = "github"
secrets = ["It's a Secret to Everybody"]
[[sources.shop.map]]
when = "body.kind != 'ping'"
each = "body.items"
event = "'Bought'"
userId = "item"
)";

}  // namespace

TEST_CASE("kith ingest test shows what a payload becomes") {
  const scratch room;
  room.write("kith.toml", config);
  room.write("order.json", R"({"kind": "order", "items": ["ada", 7]})");
  room.write("partly.json", R"({"kind": "order", "items": ["ada", null]})");
  room.write("ping.json", R"({"kind": "ping"})");
  room.write("bad.json", "{");
  const auto test = [&](const std::string& file, std::vector<std::string> more) {
    std::vector<std::string> words = {"ingest", "test", "shop", room.path(file), "--config", room.path("kith.toml")};
    words.insert(words.end(), more.begin(), more.end());
    return run_kith(room, words);
  };

  const auto [code, text] = test("order.json", {"--unsigned"});
  CHECK(code == 0);
  CHECK_THAT(text, Contains(R"("event":"Bought")") && Contains(R"("userId":"7")") && Contains("2 events"));

  const auto [unsigned_code, unsigned_text] = test("order.json", {});
  CHECK(unsigned_code == 65);
  CHECK_THAT(unsigned_text, Contains("signature: X-Hub-Signature-256: is missing"));

  // Of {"kind": "ping"}, by OpenSSL.
  const auto [signed_code, signed_text] =
      test("ping.json",
           {"--header", "X-Hub-Signature-256: sha256=1f2f1b6123e42032f69edffc45c347b132f8461146f8b546e113991c52b45d42",
            "--header", "X-GitHub-Delivery: d-1"});
  CHECK(signed_code == 0);
  CHECK_THAT(signed_text, Contains("signature: holds") && Contains("delivery: d-1") && Contains("ignored: no rule"));

  const auto [partly_code, partly_text] = test("partly.json", {"--unsigned", "--json"});
  CHECK(partly_code == 65);
  const auto partly = json::parse(partly_text);
  CHECK(partly.at("events").size() == 1);
  CHECK(partly.at("skipped").at(0).at("index").get<int>() == 1);
  CHECK_THAT(partly.at("skipped").at(0).at("reason").get<std::string>(), Contains("userId = \"item\" is missing"));

  const auto [bad_code, bad_text] = test("bad.json", {"--unsigned"});
  CHECK(bad_code == 65);
  CHECK_THAT(bad_text, Contains("refused: body: is not JSON at byte 2"));
}

TEST_CASE("kith ingest test says what it cannot find") {
  const scratch room;
  room.write("kith.toml", config);
  room.write("a.json", "{}");
  const auto none =
      run_kith(room, {"ingest", "test", "other", room.path("a.json"), "--config", room.path("kith.toml")});
  CHECK(none.first == 78);
  CHECK_THAT(none.second, Contains("no source \"other\" takes webhooks; there are: shop"));
  CHECK(run_kith(room, {"ingest", "test", "shop", room.path("b.json"), "--config", room.path("kith.toml")}).first ==
        66);
  CHECK(run_kith(room, {"ingest", "test", "shop", room.path("a.json"), "--config", room.path("none.toml")}).first ==
        66);
  CHECK(run_kith(room, {"ingest", "test", "shop", room.path("a.json"), "--config", room.path("kith.toml"), "--header",
                        "nothing"})
            .first == 64);
  CHECK(run_kith(room, {"ingest"}).first == 64);
}
