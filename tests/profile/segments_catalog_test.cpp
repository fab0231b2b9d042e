// Definitions: what is accepted, what is refused and how the refusal reads.
#include <algorithm>

#include "profile/segments/bounds.hpp"
#include "profile/segments/chain.hpp"
#include "profile/segments/compiled.hpp"
#include "tests/catch.hpp"
#include "tests/profile/support/segments.hpp"

using namespace kith::tests;

namespace {

struct refusal {
  const char* expression;
  const char* place;    ///< line:column
  const char* message;  ///< a part of it
};

void check_refused(std::initializer_list<refusal> table) {
  for (const auto& each : table) {
    INFO(each.expression);
    const auto problems = problems_of({{"s", each.expression}, {"loyal", "true"}, {"computed.total", "1"}});
    REQUIRE(problems.size() == 1);
    CHECK_THAT(problems[0], Contains(each.message));
    CHECK(problems[0].substr(0, problems[0].find(": ")) == each.place);
  }
}

}  // namespace

TEST_CASE("a wrong chain of events says where, what, and how to mend it") {
  check_refused({
      {"events(\"X\") > 3", "1:1", "end it, e.g. with .count()"},
      {"true && events(\"X\").within(\"7d\") > 3", "1:9", "a chain of events is no value yet"},
      {"events(\"X\")", "1:1", "end it"},
      {"events(X).any()", "1:1", "write events(\"Order Completed\")"},
      {"events().any()", "1:1", "takes the event's name"},
      {"events(\"\").any()", "1:8", "1 to 255 bytes"},
      {"events(\"X\").cuont() > 1", "1:13", "did you mean \"count\"?"},
      {"events(\"X\").withn(\"7d\").any()", "1:13", "did you mean \"within\"?"},
      {"events(\"X\").frobnicate() > 1", "1:13", "no method \"frobnicate\""},
      {"events(\"X\").count > 1", "1:13", "write .count()"},
      {"events(\"X\").count(1) > 1", "1:13", ".count() takes nothing"},
      {"events(\"X\").exists(e, true)", "1:13", "no macro \"exists\""},
      {"events(\"X\").within(\"7 days\").any()", "1:20", "write \"7d\""},
      {"events(\"X\").within(\"2 hours\").any()", "1:20", "write \"2h\""},
      {"events(\"X\").within(\"1 month\").any()", "1:20", "write \"30d\""},
      {"events(\"X\").within(\"soon\").any()", "1:20", "a whole number and ms, s, m, h, d or w"},
      {"events(\"X\").within(\"0d\").any()", "1:20", "is no window"},
      {"events(\"X\").within(\"999ms\").any()", "1:20", "from 1 second to 3660 days"},
      {"events(\"X\").within(\"3661d\").any()", "1:20", "from 1 second to 3660 days"},
      {"events(\"X\").within(\"99999999999999999w\").any()", "1:20", "from 1 second to 3660 days"},
      {"events(\"X\").within(7).any()", "1:13", "write .within(\"7d\")"},
      {"events(\"X\").within(\"7d\").within(\"8d\").any()", "1:26", "a second .within()"},
      {"events(\"X\").where(e, true).where(e, true).any()", "1:28", "join the two with &&"},
      {"events(\"X\").where(e.properties.total > 5).any()", "1:13", "write .where(e, "},
      {"events(\"X\").where(traits, true).any()", "1:19", "\"traits\" is taken"},
      {"events(\"X\").where(e, f.properties.total > 5).any()", "1:22", "no such variable \"f\""},
      {"events(\"X\").where(e, 1 + 2).any()", "1:22", "is int, not bool"},
      {"events(\"X\").where(e, traits.a == 1).any()", "1:22", "no such variable \"traits\""},
      {"events(\"X\").where(e, events(\"Y\").any()).any()", "1:22", "sees the event alone"},
      {"events(\"X\").where(e, e.event.matches(\"(\")).any()", "1:30", "no regular expression"},
      {"events(\"X\").sum() > 1", "1:13", "write .sum(\"properties.total\")"},
      {"events(\"X\").sum(\"total\") > 1", "1:17", "did you mean \"properties.total\"?"},
      {"events(\"X\").sum(\"propertis.total\") > 1", "1:17", "did you mean \"properties.total\"?"},
      {"events(\"X\").sum(\"properties..total\") > 1", "1:17", "is no path"},
      {"events(\"X\").count() > \"3\"", "1:21", "write 3 or string(...)"},
  });
}

TEST_CASE("a wrong reference or type says where, what, and how to mend it") {
  check_refused({
      {"in_segment(\"loyl\")", "1:12", "did you mean \"loyal\"?"},
      {"in_segment(\"nothing like it\")", "1:12", "no such segment"},
      {"in_segment(loyal)", "1:1", "write in_segment(\"name\")"},
      {"in_segmnt(\"loyal\")", "1:1", "did you mean \"in_segment\"?"},
      {"computed.totl > 1", "1:10", "did you mean \"total\"?"},
      {"size(computed) > 1", "1:6", "name one"},
      {"computed[traits.x] > 1", "1:10", "must be written out"},
      {"trait.x == 1", "1:1", "did you mean \"traits\"?"},
      {"traits.list.exists(computed, computed.x == 1)", "1:13", "\"computed\" is taken"},
      {"events(\"X\").count()", "1:1", "compare it, e.g. … > 0"},
      {"true &&", "1:8", ""},
      {"true &&\n  in_segment(\"loyl\")", "2:14", "no such segment"},
  });
}

TEST_CASE("names of definitions are checked") {
  for (const auto* name : {"", "1a", "_a", "a b", "ä", "a/b"}) {
    INFO(name);
    CHECK(problems_of({{name, "true"}}).size() == 1);
  }
  CHECK(problems_of({{std::string(65, 'a'), "true"}}).size() == 1);
  CHECK(problems_of({{std::string(64, 'a'), "true"}, {"A.b-c_9", "true"}}).empty());
  CHECK_THAT(problems_of({{"a", "true"}, {"a", "false"}}).at(0), Contains("twice"));
  CHECK(problems_of({{"a", "true"}, {"computed.a", "1"}}).empty());
}

TEST_CASE("every problem of every definition is told at once") {
  const auto problems = problems_of({{"a", "in_segment(\"x\") || in_segment(\"y\")"}, {"b", "1 +"}, {"c", "2"}});
  CHECK(problems.size() == 4);
}

TEST_CASE("definitions that go round in a circle are refused by the names of its members") {
  const auto two =
      problems_of({{"a", "in_segment(\"b\")"}, {"b", "true && in_segment(\"a\")"}, {"c", "in_segment(\"a\")"}});
  REQUIRE(two.size() == 1);
  CHECK_THAT(two[0], Contains("a -> b -> a"));
  CHECK(two[0].starts_with("1:12: "));
  CHECK_THAT(problems_of({{"a", "in_segment(\"a\")"}}).at(0), Contains("a -> a"));
  CHECK_THAT(problems_of({{"a", "computed.x > 1"}, {"computed.x", "in_segment(\"a\") ? 1 : 2"}}).at(0),
             Contains("computed.x -> a -> computed.x"));
  named_expressions rings;
  for (int i = 0; i < 30; ++i) {
    const auto next = std::to_string(i / 3 * 3 + (i + 1) % 3);
    rings.emplace_back("s" + std::to_string(i), "in_segment(\"s" + next + "\")");
  }
  CHECK(problems_of(rings).size() == 10);
}

TEST_CASE("definitions stand in the order of evaluation") {
  const auto with = catalog_of({{"a", "in_segment(\"z\") && computed.m > 1"},
                                {"z", "computed.y > 1"},
                                {"computed.m", "in_segment(\"z\") ? 1 : 2"},
                                {"computed.y", "2"}});
  const auto place = [&](segments::definition_kind kind, std::string_view name) { return *with->find(kind, name); };
  using segments::definition_kind;
  CHECK(place(definition_kind::computed, "y") < place(definition_kind::segment, "z"));
  CHECK(place(definition_kind::segment, "z") < place(definition_kind::computed, "m"));
  CHECK(place(definition_kind::computed, "m") < place(definition_kind::segment, "a"));
  CHECK_FALSE(with->find(definition_kind::segment, "y"));
  CHECK(with->definitions().size() == 4);
}

TEST_CASE("a long chain of dependencies is ordered") {
  named_expressions many;
  for (int i = 0; i < 9'999; ++i)
    many.emplace_back("s" + std::to_string(i), "in_segment(\"s" + std::to_string(i + 1) + "\")");
  many.emplace_back("s9999", "true");
  customer someone;
  const auto with = catalog_of(many);
  someone.at.evaluate_all(someone.state, *with, base_ms, someone.changed);
  CHECK(someone.changed.entered.size() == 10'000);
  many.emplace_back("one_more", "true");
  CHECK_THAT(problems_of(many).at(0), Contains("over 10000 definitions"));
}

TEST_CASE("too many chains in one expression are refused") {
  std::string sum = "0";
  for (std::size_t i = 0; i < segments::bounds::chains; ++i) sum += " + events(\"e" + std::to_string(i) + "\").count()";
  CHECK(problems_of({{"computed.x", sum}}).empty());
  CHECK_THAT(problems_of({{"computed.x", sum + " + events(\"more\").count()"}}).at(0), Contains("over 64 chains"));
}

TEST_CASE("the same chain is one aggregate, with the same key for ever") {
  const auto with = catalog_of({
      {"a", "events(\"X\").within(\"7d\").where(e, e.properties.n>1).count() > 2"},
      {"b", "traits.x == 1 && events(\"X\").where(e, (e.properties.n > 1)).within(\"7d\").count() > 5"},
      {"computed.c", "events(\"X\").where(e, e.properties.n > 1).within(\"168h\").first_at()"},
      {"d", "events(\"X\").count() > 1 && events(\"X\").any()"},
  });
  REQUIRE(with->inside().aggregates.size() == 1);
  CHECK(with->inside().aggregates[0].key == 3416714463850926005ULL);
  const auto others = catalog_of({{"computed.a", "events(\"X\").within(\"7d\").sum(\"properties.n\")"},
                                  {"computed.b", "events(\"X\").within(\"8d\").sum(\"properties.n\")"},
                                  {"computed.c", "events(\"X\").within(\"7d\").max(\"properties.n\")"},
                                  {"computed.d", "events(\"X\").within(\"7d\").any()"},
                                  {"computed.e", "events(\"X\").within(\"9d\").last_at()"}});
  CHECK(others->inside().aggregates.size() == 3);
}

TEST_CASE("the fingerprint is of what decides outcomes") {
  const named_expressions table = {{"a", "true"}, {"computed.b", "1"}};
  auto definitions = definitions_of(table);
  const auto first = segments::catalog::make(definitions).value()->fingerprint();
  std::reverse(definitions.begin(), definitions.end());
  definitions[0].description = "other";
  definitions[0].version = 7;
  CHECK(segments::catalog::make(definitions).value()->fingerprint() == first);
  definitions[0].expression += " ";
  CHECK(segments::catalog::make(definitions).value()->fingerprint() != first);
  CHECK(segments::catalog::make({}).value()->fingerprint() == 0);
  CHECK(segments::catalog().empty());
}

TEST_CASE("windows are read and mended") {
  CHECK(segments::parse_window("1500ms") == 1500);
  CHECK(segments::parse_window("30s") == 30'000);
  CHECK(segments::parse_window("5m") == 300'000);
  CHECK(segments::parse_window("2w") == 14 * day_ms);
  for (const auto* text : {"", "d", "-1d", "1.5d", "1 d", "1D", "1d ", "+1d"}) CHECK(segments::parse_window(text) == 0);
  CHECK(segments::mend_window("1 d") == "1d");
  CHECK(segments::mend_window("3 Weeks").empty());
  CHECK(segments::mend_window("1 year") == "365d");
}
