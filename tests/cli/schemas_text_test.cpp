// What `kith schemas` shows to people.
#include "cli/schemas_text.hpp"

#include "tests/catch.hpp"

using namespace kith;
using nlohmann::json;

TEST_CASE("a list of schemas is a table") {
  const json items = {
      {{"event", "Order"}, {"version", 2}, {"source", "api"}, {"owner", ""}, {"description", "An order"}},
      {{"event", "Signed Up"}, {"version", 1}, {"source", "directory"}, {"owner", "web"}}};
  CHECK(cli::schemas_text(items) ==
        "EVENT      VERSION  SOURCE     OWNER  DESCRIPTION\n"
        "Order      2        api        -      An order\n"
        "Signed Up  1        directory  web    -\n");
}

TEST_CASE("an answer to a check says what fits, and what does not") {
  CHECK(cli::check_text({{"valid", true}, {"violations", json::array()}}) == "valid\n");
  const json event = {
      {"valid", false},
      {"declared", true},
      {"outcome", "reject"},
      {"violations",
       {{{"pointer", "/properties/id"}, {"rule", "type"}, {"expected", "string"}, {"found", "integer"}}}}};
  CHECK(cli::check_text(event) == "not valid: reject\n  /properties/id: type: expected string, found integer\n");
  CHECK(cli::check_text({{"valid", true}, {"declared", false}, {"outcome", "allow"}, {"violations", json::array()}}) ==
        "valid: allow (the event has no schema)\n");
  const json misfit = {{"version", 3},
                       {"compatible", false},
                       {"incompatibilities", {{{"of", "backward"}, {"pointer", ""}, {"reason", "is narrower"}}}}};
  CHECK(cli::check_text(misfit) ==
        "version 3 does not fit the one before\n  not backward compatible: the value: is narrower\n");
}

TEST_CASE("a report tells what differs, event by event") {
  const json items = {
      {{"event", "Order"},
       {"declared", true},
       {"version", 2},
       {"count", 10},
       {"invalid", 1},
       {"undeclaredProperties", {"/extra"}},
       {"neverSeen", {"/coupon"}},
       {"typeConflicts", {{{"pointer", "/id"}, {"declared", {"string", "null"}}, {"observed", {{"integer", 4}}}}}},
       {"violations", {{{"pointer", "/properties/id"}, {"rule", "type"}, {"count", 4}}}}},
      {{"event", "Other"},
       {"declared", false},
       {"version", nullptr},
       {"count", 3},
       {"invalid", 0},
       {"undeclaredProperties", json::array()},
       {"neverSeen", json::array()},
       {"typeConflicts", json::array()},
       {"violations", json::array()}}};
  CHECK(cli::report_text(items) ==
        "Order: 10 events, 1 not valid (version 2)\n"
        "  not declared: /extra\n"
        "  never seen: /coupon\n"
        "  type: /id: declared string or null, seen integer 4 times\n"
        "  violated: /properties/id: type, 4 times\n"
        "Other: 3 events, 0 not valid, no schema\n");
}
