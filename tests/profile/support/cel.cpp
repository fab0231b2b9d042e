#include "tests/profile/support/cel.hpp"

#include "tests/catch.hpp"

namespace kith::tests {

namespace {

bool fits(std::string_view found, std::string_view wanted) {
  if (!wanted.ends_with("...")) return found == wanted;
  return found.starts_with(wanted.substr(0, wanted.size() - 3));
}

void expect(std::string_view text, const std::string& found, const char* wanted) {
  INFO(text << "\n  gave   " << found << "\n  wanted " << wanted);
  CHECK(fits(found, wanted));
}

}  // namespace

std::string evaluated(std::string_view text, const cel::environment& names, cel::activation& from,
                      const cel::evaluation& with) {
  auto tree = cel::parse(text);
  if (!tree) return "refused: " + tree.error().text();
  const auto type = cel::check(*tree, names);
  if (!type) return "refused: " + type.error().text();
  const auto program = cel::compile(*tree, names);
  if (!program) return "refused: " + program.error().text();
  cel::arena memory;
  return cel::to_text(program->evaluate(from, memory, with));
}

std::string evaluated(std::string_view text) {
  fixed_activation nothing;
  return evaluated(text, {}, nothing);
}

std::string unchecked(std::string_view text) {
  fixed_activation nothing;
  cel::environment names;
  names.check_types = false;
  return evaluated(text, names, nothing);
}

std::string deduced(std::string_view text, const cel::environment& names) {
  auto tree = cel::parse(text);
  if (!tree) return "refused: " + tree.error().text();
  const auto type = cel::check(*tree, names);
  return type ? type->text() : "refused: " + type.error().text();
}

void check_all(std::initializer_list<expectation> table) {
  for (const auto& each : table) expect(each.text, evaluated(each.text), each.result);
}

void check_all_unchecked(std::initializer_list<expectation> table) {
  for (const auto& each : table) expect(each.text, unchecked(each.text), each.result);
}

}  // namespace kith::tests
