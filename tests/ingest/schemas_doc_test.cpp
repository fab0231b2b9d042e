// The examples of docs/schemas.md are what it says they are.
#include <algorithm>
#include <fstream>
#include <map>

#include "ingest/schema/compatibility.hpp"
#include "tests/catch.hpp"
#include "tests/ingest/support/schemas.hpp"

using namespace kith;
using namespace kith::test;
using nlohmann::json;

namespace {

struct block {
  std::string kind;  ///< "json schema"
  std::string name;
  std::string text;
};

std::vector<block> blocks_of(const std::string& path) {
  std::ifstream file(path);
  std::vector<block> all;
  bool within = false;
  for (std::string line; std::getline(file, line);) {
    if (!within && line.starts_with("```")) {
      within = true;
      const auto first = line.find(' ');
      const auto second = first == line.npos ? line.npos : line.find(' ', first + 1);
      all.push_back({line.substr(3, second == line.npos ? line.npos : second - 3),
                     second == line.npos ? "" : line.substr(second + 1), ""});
    } else if (within && line == "```") {
      within = false;
    } else if (within) {
      all.back().text += line + "\n";
    }
  }
  return all;
}

std::string sorted_lines(std::vector<std::string> lines) {
  std::sort(lines.begin(), lines.end());
  std::string text;
  for (const auto& each : lines) text += each + "\n";
  return text;
}

}  // namespace

TEST_CASE("the examples of docs/schemas.md hold") {
  std::map<std::string, std::shared_ptr<const schema::schema>> schemas;
  std::map<std::string, std::size_t> counts;
  std::string told;
  for (const auto& each : blocks_of(KITH_SOURCE "/docs/schemas.md")) {
    INFO(each.kind << " " << each.name << "\n" << each.text);
    ++counts[each.kind];
    if (each.kind == "json schema") {
      schemas[each.name] = made(json::parse(each.text), each.name);
    } else if (each.kind == "json valid" || each.kind == "json invalid") {
      std::vector<std::string> lines;
      for (const auto& one : schemas.at(each.name)->validate(schema::encoded(json::parse(each.text)), "/properties")) {
        lines.push_back(text_of(one));
      }
      told = sorted_lines(lines);
      CHECK(lines.empty() == (each.kind == "json valid"));
    } else if (each.kind == "json next" || each.kind == "json misfit") {
      const auto next = made(json::parse(each.text), each.name, 2);
      std::vector<std::string> lines;
      for (const auto& one : find_incompatibilities(*schemas.at(each.name), *next, schema::compatibility::backward)) {
        lines.push_back(one.pointer + ": " + one.reason);
      }
      told = sorted_lines(lines);
      CHECK(lines.empty() == (each.kind == "json next"));
    } else if (each.kind == "json refused") {
      told = refusal_of(each.text) + "\n";
    } else if (each.kind.starts_with("text ")) {
      CHECK(told == each.text);
    }
  }
  CHECK(counts["json schema"] >= 2);
  CHECK(counts["json valid"] >= 1);
  CHECK(counts["json next"] >= 1);
  CHECK(counts["json refused"] >= 1);
  CHECK(counts["text violations"] + counts["text reasons"] + counts["text refusal"] == 3);
}
