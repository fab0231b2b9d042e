// What `--set PATH=VALUE` makes of a value, and what it refuses.
#include "cli/edits.hpp"

#include "tests/catch.hpp"

using namespace kith;
using namespace kith::tests;
using nlohmann::json;

TEST_CASE("a value is put where its path says, as JSON where it is some, else as text") {
  auto event = json::parse(R"({"type": "track", "properties": {"items": [{"sku": "a"}, {"sku": "b"}], "note": null}})");
  for (const auto* each :
       {"properties.total=12.5", "properties.items.1.sku=c", "properties.note.by=ada", "userId=\"17\"",
        "event=Order Completed", "context={\"ip\": null}", "properties.zip=01234", "anonymousId="}) {
    CAPTURE(each);
    CHECK(cli::put_in(event, each));
  }
  CHECK(event == json::parse(R"({"type": "track", "event": "Order Completed", "userId": "17", "anonymousId": "",
      "context": {"ip": null},
      "properties": {"items": [{"sku": "a"}, {"sku": "c"}], "note": {"by": "ada"}, "total": 12.5, "zip": "01234"}})"));
}

TEST_CASE("a key with a dot in it could not be named") {
  auto event = json::parse(R"({"traits": {"site.locale": "de", "site": {"locale": "fr"}}})");
  for (const auto* each : {R"(traits.site\.locale=en.GB)", R"(traits.a\=b=1)", R"(traits.c:\\d.e\.f=\.)",
                           R"(traits.\.=2)", "traits.site.theme=a=b"}) {
    CAPTURE(each);
    CHECK(cli::put_in(event, each));
  }
  CHECK(event == json::parse(R"({"traits": {"site.locale": "en.GB", "site": {"locale": "fr", "theme": "a=b"}, "a=b": 1,
      "c:\\d": {"e.f": "\\."}, ".": 2}})"));
}

TEST_CASE("what has no place in the value is refused, and said") {
  auto event = json::parse(R"({"type": "track", "items": [1]})");
  const auto refused = [&](const char* assignment) {
    const auto done = cli::put_in(event, assignment);
    REQUIRE(!done);
    return done.error().message;
  };
  CHECK_THAT(refused("total"), Contains("PATH=VALUE"));
  CHECK_THAT(refused("=1"), Contains("empty key"));
  CHECK_THAT(refused("a..b=1"), Contains("empty key"));
  CHECK_THAT(refused(".=1"), Contains("empty key"));
  CHECK_THAT(refused("a\\.b"), Contains("PATH=VALUE"));
  CHECK_THAT(refused("a\\b=1"), Contains("backslash"));
  CHECK_THAT(refused("a\\"), Contains("backslash"));
  CHECK_THAT(refused("type.of=1"), Contains("nothing that could have \"of\""));
  CHECK_THAT(refused("items.1=2"), Contains("\"1\""));
  CHECK_THAT(refused("items.-1=2"), Contains("\"-1\""));
}

TEST_CASE("a file that is not there cannot be read, a directory neither") {
  CHECK_THAT(cli::read_text("/nonexistent/file").error().message, Contains("cannot be read"));
  CHECK_THAT(cli::read_text("/").error().message, Contains("cannot be read"));
  CHECK(cli::read_text("/dev/null").value().empty());
}
