#include "cli/segments_text.hpp"

#include "cli/text_table.hpp"
#include "tests/catch.hpp"

using namespace kith;
using nlohmann::json;

namespace {

const json idle = {{"running", false}, {"cancelled", false}, {"complete", true}, {"done", 0},
                   {"of", 0},          {"perSecond", 0.0},   {"limit", nullptr}, {"secondsLeft", nullptr}};
const json loyal = {{"name", "loyal"},     {"kind", "segment"}, {"version", 2},       {"members", 17},
                    {"source", "config"},  {"owner", ""},       {"description", "d"}, {"expression", "a\n&& b"},
                    {"created", "c-time"}, {"updated", "u"},    {"backfill", idle}};

}  // namespace

TEST_CASE("columns are as wide as their widest entry, in characters") {
  REQUIRE(cli::table_text({{"A", "B"}, {"größe", "1"}, {"x", "22"}}) == "A      B\ngröße  1\nx      22\n");
  REQUIRE(cli::table_text({}).empty());
}

TEST_CASE("definitions are a table, with expressions in short") {
  REQUIRE(cli::definitions_text(json::array()) == "no segments, no computed traits\n");
  auto revenue = loyal;
  revenue.erase("members");
  revenue["name"] = "revenue";
  revenue["kind"] = "computed";
  revenue["expression"] = std::string(100, 'x');
  REQUIRE(cli::definitions_text({loyal, revenue}) ==
          "NAME     KIND      VERSION  MEMBERS  SOURCE  OWNER  EXPRESSION\n"
          "loyal    segment   2        17       config  -      a && b\n"
          "revenue  computed  2        -        config  -      " +
              std::string(59, 'x') + "…\n");
}

TEST_CASE("a definition that is disabled says why") {
  auto bad = loyal;
  bad["disabled"] = {{"reason", "errs"}, {"error", "no such key 'n'"}, {"since", "s"}};
  REQUIRE(cli::definitions_text(json::array({bad})).find("\ndisabled: loyal: errs: no such key 'n'\n") !=
          std::string::npos);
  REQUIRE(cli::definition_text(bad).find("  disabled     s\n  reason       errs: no such key 'n'\n") !=
          std::string::npos);
}

TEST_CASE("a definition is shown whole") {
  const auto text = cli::definition_text(loyal);
  REQUIRE(text ==
          "segment loyal, version 2\n\n  a\n  && b\n\n"
          "  description  d\n  owner        -\n  source       config\n  created      c-time\n  updated      u\n"
          "  members      17\n");
}

TEST_CASE("members say that there are more, and that they are not complete") {
  json page = {{"items",
                {{{"profile", "00ff"}, {"since", "t"}, {"identifier", {{"kind", "user"}, {"id", "ada"}}}},
                 {{"profile", "01ff"}, {"since", "t"}, {"identifier", nullptr}}}},
               {"next", nullptr},
               {"complete", true}};
  REQUIRE(cli::members_text(page) == "PROFILE  SINCE  IDENTIFIER\n00ff     t      user:ada\n01ff     t      -\n");
  page["items"] = json::array({{{"profile", "00ff"},
                                {"since", "t"},
                                {"identifier", {{"kind", "external"}, {"type", "crm"}, {"id", "7\x1b[2J"}}}}});
  page["next"] = "00ff";
  page["complete"] = false;
  REQUIRE(cli::members_text(page) ==
          "PROFILE  SINCE  IDENTIFIER\n00ff     t      crm:7?[2J\nand more: give a greater --limit\n"
          "not complete: not all profiles are up to date, see `kith segments backfill`\n");
}

TEST_CASE("a backfill is told on one line") {
  REQUIRE(cli::backfill_text(idle) == "all profiles are up to date");
  auto now = idle;
  now.update({{"complete", false}, {"running", true}});
  REQUIRE(cli::backfill_text(now) == "begins");
  now.update({{"done", 5}, {"of", 20}, {"perSecond", 2.5}});
  REQUIRE(cli::backfill_text(now) == "5 of 20 profiles, 2.5/s");
  now["limit"] = 3.0;
  for (const auto& [seconds, text] : {std::pair(0.0, "0 s"), std::pair(59.0, "59 s"), std::pair(60.0, "1 min"),
                                      std::pair(3700.0, "1 h 1 min"), std::pair(90'000.0, "1 d 1 h")}) {
    now["secondsLeft"] = seconds;
    REQUIRE(cli::backfill_text(now) == std::string("5 of 20 profiles, 2.5/s of 3.0/s allowed, ") + text + " left");
  }
  auto behind = loyal;
  behind["backfill"] = now;
  REQUIRE(cli::definitions_text(json::array({behind})).find("profiles are brought up to date: 5 of 20 profiles") !=
          std::string::npos);
  now["running"] = false;
  REQUIRE(cli::backfill_text(now) == "failed at 5 of 20 profiles; the server's log says why");
  now["cancelled"] = true;
  REQUIRE(cli::backfill_text(now) == "cancelled at 5 of 20 profiles; `kith segments backfill --resume` goes on");
}

TEST_CASE("memberships say since when, and until when") {
  REQUIRE(cli::memberships_text(json::array()) == "in no segment\n");
  REQUIRE(
      cli::memberships_text({{{"segment", "a"}, {"since", "s"}, {"until", "u"}}, {{"segment", "b"}, {"since", "t"}}}) ==
      "SEGMENT  SINCE  UNTIL\na        s      u\nb        t      -\n");
}

TEST_CASE("an explanation shows each part with its value, count and events") {
  const json told = {{"segment", "loyal"},
                     {"member", true},
                     {"since", "s"},
                     {"expression", "x && y"},
                     {"changesAt", "c"},
                     {"parts",
                      {{{"expression", "x && y"}, {"value", "true"}, {"depth", 0}},
                       {{"expression", "x"},
                        {"value", "3"},
                        {"depth", 1},
                        {"count", 3},
                        {"events", {{{"id", "m-1"}, {"time", "t"}}}}}}}};
  REQUIRE(cli::explanation_text(told) ==
          "loyal: a member since s\n\n"
          "  x && y  =  true\n"
          "    x  =  3  (3 events)\n"
          "        t  m-1\n"
          "\nwithout another event this changes at c\n");
}

TEST_CASE("an explanation shows the purpose and what holds for it") {
  json told = {{"segment", "mailable"},
               {"member", false},
               {"expression", "true"},
               {"purpose", "marketing"},
               {"consent",
                {{"status", "withdrawn"},
                 {"granted", false},
                 {"basis", "consent"},
                 {"source", "banner"},
                 {"at", "2026-01-06T09:00:00.000Z"},
                 {"messageId", "c-5"}}},
               {"parts", {{{"expression", "true"}, {"value", "true"}, {"depth", 0}}}}};
  REQUIRE(cli::explanation_text(told) ==
          "mailable: not a member\n\n"
          "purpose marketing: withdrawn by banner at 2026-01-06T09:00:00.000Z, event c-5; "
          "nobody is a member without it\n\n"
          "  true  =  true\n");
  told["consent"] = {{"status", "denied"}, {"granted", false}, {"source", "default"}};
  REQUIRE(cli::explanation_text(told).find("purpose marketing: denied by default; nobody is a member without it\n") !=
          std::string::npos);
  told["member"] = true;
  told["since"] = "s";
  told["consent"] = {{"status", "granted"}, {"granted", true}, {"source", "banner"}, {"at", "t"}, {"messageId", "c-1"}};
  REQUIRE(cli::explanation_text(told) ==
          "mailable: a member since s\n\n"
          "purpose marketing: granted by banner at t, event c-1\n\n"
          "  true  =  true\n");
}

TEST_CASE("a problem points at its place") {
  const json problem = {{"name", "a"}, {"line", 2}, {"column", 4}, {"message", "no such variable"}};
  REQUIRE(cli::problem_text(problem, "true &&\nü + trait") == "a: 2:4: no such variable\n  ü + trait\n     ^\n");
  REQUIRE(cli::problem_text(problem, "") == "a: 2:4: no such variable\n");
  REQUIRE(cli::problem_text(problem, "true") == "a: 2:4: no such variable\n");
}
