#include "ingest/pixel.hpp"

#include "tests/catch.hpp"

using namespace kith::ingest;
using kith::tests::Contains;

namespace {

std::string event_of(std::string_view query) {
  const auto made = pixel_event(query);
  return made ? *made : "refused: " + made.error().message;
}

}  // namespace

TEST_CASE("a pixel's event is base64 of either alphabet, with padding or without, or JSON", "[ingest]") {
  // {"userId":"ü?>","event":"Email Opened"}
  const std::string event = "{\"userId\":\"\xc3\xbc?>\",\"event\":\"Email Opened\"}";
  CHECK(event_of("data=eyJ1c2VySWQiOiLDvD8%2BIiwiZXZlbnQiOiJFbWFpbCBPcGVuZWQifQ%3D%3D") == event);
  CHECK(event_of("data=eyJ1c2VySWQiOiLDvD8+IiwiZXZlbnQiOiJFbWFpbCBPcGVuZWQifQ==") == event);
  CHECK(event_of("data=eyJ1c2VySWQiOiLDvD8%20IiwiZXZlbnQiOiJFbWFpbCBPcGVuZWQifQ") == event);
  CHECK(event_of("a=b&data=eyJ1c2VySWQiOiLDvD8-IiwiZXZlbnQiOiJFbWFpbCBPcGVuZWQifQ&c") == event);
  CHECK(event_of("data=%7B%22userId%22:%22u%22%7D") == R"({"userId":"u"})");
}

TEST_CASE("without data the parameters of a pixel are the event's fields", "[ingest]") {
  CHECK(event_of("userId=user_123&event=Email%20Opened&properties.subject=The+Daily&properties.a.b=1&writeKey=k") ==
        R"({"event":"Email Opened","properties":{"a":{"b":"1"},"subject":"The Daily"},"userId":"user_123",)"
        R"("writeKey":"k"})");
  CHECK(event_of("userId=%ff") == "{\"userId\":\"\xef\xbf\xbd\"}");
}

TEST_CASE("a pixel's query that holds no event is refused with what is wrong", "[ingest]") {
  CHECK_THAT(event_of(""), Contains("refused: the address holds no event"));
  CHECK(event_of("data=not*base64") == "refused: data: is neither base64 nor JSON");
  CHECK_THAT(event_of("data=%7"), Contains("refused: data: holds a %"));
  CHECK_THAT(event_of("userId=%zz"), Contains("refused: the address holds a %"));
  CHECK(event_of("a=1&a.b=2") == "refused: the field \"a.b\" is there twice, or is too deep");
  CHECK(event_of("a.b=2&a=1") == "refused: the field \"a\" is there twice, or is too deep");
  CHECK_THAT(event_of("a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a=1"), Contains("is too deep"));
}

TEST_CASE("what a pixel answers is an image that is not kept", "[ingest]") {
  const auto made = pixel_answer();
  CHECK(made.status == 200);
  CHECK(made.content_type == "image/gif");
  CHECK(made.body.size() == 43);
  CHECK(made.body.substr(0, 6) == "GIF89a");
  CHECK(made.body.back() == ';');
  CHECK(made.fields.front().second == "no-store, max-age=0");
}
