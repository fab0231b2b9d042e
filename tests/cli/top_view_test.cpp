#include "cli/top_view.hpp"

#include <set>
#include <sstream>

#include "cli/text_table.hpp"
#include "tests/catch.hpp"

using namespace kith::cli;
using nlohmann::json;

namespace {

top_state busy() {
  top_state made;
  made.server = "127.0.0.1:7442";
  made.sample = {{"phase", "ready"},
                 {"reason", ""},
                 {"version", "0.1.0"},
                 {"uptimeSeconds", 277'920},
                 {"stats",
                  {{"profilesActive", 1'234'567},
                   {"profilesStored", 9'876'543},
                   {"profileBytes", 2'345'678'901},
                   {"journalBytes", 1'234'567'890},
                   {"inFlightBytes", 3'456'789},
                   {"historyLagBytes", 12'345},
                   {"timers", 7},
                   {"watches", 3}}},
                 {"protocol", {{"connections", 12}}},
                 {"https", {{"connections", 345}}},
                 {"deadLetters", {{"letters", 42}, {"bytes", 65'536}}},
                 {"webhooks", {{"endpoints", 2}, {"failing", 0}, {"waiting", 5}}},
                 {"shards", {{{"profiles", 1}, {"takesMore", true}}, {{"profiles", 2}, {"takesMore", true}}}},
                 {"point", {{"applied", 123'456.5}, {"duplicate", 12.0}, {"refused", 3.5}, {"reads", 9'999.0}}}};
  const json one = {{"p50", 120}, {"p99", 3'456}, {"p999", 123'456}, {"max", 7'654'321}, {"count", 123'456}};
  const json none = {{"p50", 0}, {"p99", 0}, {"p999", 0}, {"max", 0}, {"count", 0}};
  made.latency = {{"unit", "microseconds"},
                  {"stages", {{"ingest", {{"1m", one}}}, {"read", {{"1m", none}}}, {"end_to_end", {{"1m", one}}}}}};
  made.segments = json::array();
  for (int i = 0; i < 40; ++i) {
    made.segments.push_back({{"name", "segment-" + std::to_string(i)},
                             {"expression", "events(\"Order Completed\").within(\"30d\").count() >= 2"},
                             {"members", i * 1000},
                             {"disabled", nullptr}});
  }
  for (int i = 0; i < 200; ++i) made.applied.push_back(i);
  return made;
}

std::string all(const std::vector<std::string>& lines) {
  std::string text;
  for (const auto& each : lines) text += each + "\n";
  return text;
}

bool has(const std::string& text, const std::string& part) { return text.find(part) != std::string::npos; }

}  // namespace

TEST_CASE("no line leaves the screen, whatever its size and page") {
  auto states = std::vector<top_state>{top_state{}, busy(), busy(), busy()};
  states[2].trouble = std::string(300, 'x');
  states[2].silent_seconds = 90'000;
  states[2].paused = true;
  states[3].sample["phase"] = "failed";
  states[3].sample["reason"] = "the disk \033[31m is full";
  states[3].segments[0]["name"] = "sälza–ß";
  for (const auto& state : states) {
    for (const std::size_t columns : {1U, 20U, 40U, 80U, 132U, 300U}) {
      for (const std::size_t rows : {1U, 5U, 10U, 24U, 60U}) {
        for (const auto page : {top_page::overview, top_page::segments, top_page::shards}) {
          const auto lines = top_lines(state, {columns, rows, false, true, page});
          CAPTURE(columns, rows, static_cast<int>(page), all(lines));
          CHECK(lines.size() <= rows);
          for (const auto& line : lines) {
            CHECK(width_of(line) <= columns);
            CHECK_FALSE(has(line, "\033"));
          }
        }
      }
    }
  }
}

TEST_CASE("on a narrow screen a number is there whole or not at all") {
  const auto parts_of = [](std::size_t columns, top_page page) {
    std::set<std::string> parts;
    std::istringstream text(all(top_lines(busy(), {columns, 0, false, true, page})));
    for (std::string part; text >> part;) parts.insert(part);
    return parts;
  };
  for (const auto page : {top_page::overview, top_page::shards}) {
    const auto wide = parts_of(300, page);
    for (std::size_t columns = 50; columns < 100; ++columns) {
      const auto narrow = parts_of(columns, page);
      for (const auto& part : narrow) {
        CAPTURE(columns, part);
        CHECK((part.find_first_of("0123456789") == std::string::npos || wide.contains(part)));
      }
    }
  }
  const auto text = all(top_lines(busy(), {60, 24, false, true, top_page::overview}));
  CAPTURE(text);
  for (const auto* part : {"123,456/s applied", "12/s duplicate", "3.5/s refused", "9,999/s", "7.65 s", "123.5 ms",
                           "2.2 GiB", "12.1 KiB behind", "5 waiting"}) {
    CHECK(has(text, part));
  }
}

TEST_CASE("an expression that does not fit says so, since without its end it would be another one") {
  auto state = busy();
  state.segments = json::array({{{"name", "a-name-that-is-longer-than-its-column"},
                                 {"expression", "events(\"Order Completed\").count() >= 10"},
                                 {"members", 1},
                                 {"disabled", nullptr}}});
  const auto shown = [&](std::size_t columns, bool unicode) {
    return all(top_lines(state, {columns, 24, false, unicode, top_page::segments}));
  };
  CAPTURE(shown(80, true), shown(81, true), shown(60, false));
  CHECK(has(shown(81, true), "count() >= 10\n"));
  CHECK(has(shown(80, true), "count() >= …\n"));
  CHECK(has(shown(60, false), "events(\"Order C...\n"));
  CHECK(has(shown(80, true), "a-name-that-is-longer-th… "));
}

TEST_CASE("columns of shards are told of only where they are shown") {
  const auto shown = [](std::size_t columns) {
    return all(top_lines(busy(), {columns, 24, false, true, top_page::shards}));
  };
  CHECK_FALSE(has(shown(60), "waiting"));
  CHECK(has(shown(66), "waiting: actors with mail\n"));
  CHECK_FALSE(has(shown(77), "applied"));
  CHECK(has(shown(78), "where they came in\n"));
}

TEST_CASE("nothing that a terminal would obey is printed, and letters stay as they are") {
  CHECK(printable("a\033[31mb\x7f\n\t") == "a?[31mb???");
  CHECK(printable("\xc2\x80 \xc2\x9b\x33\x31m \xc2\x9f") == "? ?31m ?");
  CHECK(printable("\xc2\xa0 s\u00e4lza\u2013\u00df \u20ac \U0001f600") ==
        "\xc2\xa0 s\u00e4lza\u2013\u00df \u20ac \U0001f600");
  CHECK(printable("\xc2") == "\xc2");
  CHECK(printable("").empty());
  auto state = busy();
  state.segments[39]["name"] = "a\xc2\x9b\x32J";
  CHECK(has(all(top_lines(state, {80, 24, false, true, top_page::segments})), "a?2J"));
}

TEST_CASE("the overview fits a usual terminal whole") {
  const auto lines = top_lines(busy(), {80, 24, false, true, top_page::overview});
  const auto text = all(lines);
  CAPTURE(text);
  for (const auto* part : {"kith 0.1.0",
                           "127.0.0.1:7442",
                           "ready",
                           "3 d 05:12 h",
                           "123,456/s applied",
                           "3.5/s refused",
                           "9,999/s",
                           "120 µs",
                           "3.46 ms",
                           "123.5 ms",
                           "7.65 s",
                           "1,234,567 in memory",
                           "9,876,543 profiles",
                           "2.2 GiB",
                           "3.3 MiB",
                           "12 protocol, 345 https",
                           "42, 64.0 KiB",
                           "2, 5 waiting",
                           "40, 0/s entered",
                           "segment-39 39,000",
                           "█"}) {
    CAPTURE(part);
    CHECK(has(text, part));
  }
  CHECK(top_alarms(busy()).empty());
  CHECK_FALSE(has(all(top_lines(busy(), {80, 24, false, false, top_page::overview})), "µ"));
  CHECK(has(all(top_lines(busy(), {80, 24, true, true, top_page::overview})), "\033[1m"));
}

TEST_CASE("what somebody should look at is told first") {
  auto state = busy();
  state.sample["phase"] = "recovering";
  state.sample["reason"] = "";
  state.sample["webhooks"]["failing"] = 1;
  state.sample["shards"][1]["takesMore"] = false;
  state.sample["stats"]["historyLagBytes"] = 3'000'000'000;
  state.segments[3]["disabled"] = {{"reason", "errors"}, {"error", "no such key"}, {"since", "2026-01-01T00:00:00Z"}};
  state.new_letters = 2;
  state.trouble = "https://127.0.0.1:7442: connect: Connection refused";
  state.silent_seconds = 12;
  const auto alarms = top_alarms(state);
  CHECK(alarms.size() == 7);
  CHECK(has(alarms[0], "Connection refused"));
  CHECK(has(alarms[1], "not ready: recovering"));
  const auto text = all(top_lines(state, {120, 40, false, true, top_page::overview}));
  CHECK(has(text, "NO ANSWER for 12 s"));
  for (const auto& each : alarms) CHECK(has(text, "! " + each));
  CHECK(has(all(top_lines(state, {120, 60, false, true, top_page::segments})), "disabled: no such key"));
  CHECK(top_json(state)["alarms"].size() == 7);
  CHECK(top_json(state)["segments"][3]["disabled"] == true);
}
