// Arbitrary text as an expression: it is refused with a place in the text, or it parses to a tree whose text parses to
// the same tree, checks or not, and runs within its budget to some value, twice to the same one.
//
// The input: the expression, then, behind a zero byte if there is one, MessagePack for the variable x.
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include "profile/cel/check.hpp"
#include "profile/cel/explain.hpp"
#include "profile/cel/msgpack_view.hpp"
#include "profile/cel/parse.hpp"
#include "profile/cel/program.hpp"
#include "profile/cel/text.hpp"

namespace {

using namespace kith::profile::cel;

void require(bool holds) {
  if (!holds) std::abort();
}

class one_variable final : public activation {
 public:
  explicit one_variable(std::string_view encoded) : encoded_(encoded) {}
  value variable(std::uint32_t index, arena& memory) override {
    return index == 0 ? from_msgpack(encoded_, memory) : value::integer(7);
  }
  value slot(std::uint32_t, arena&) override { return value::null(); }

 private:
  std::string_view encoded_;
};

void require_place(const diagnostic& fault, std::string_view source) {
  require(fault.where.begin <= fault.where.end && fault.where.end <= source.size() && !fault.message.empty());
  require(!fault.text_with_caret(source).empty());
}

/// The result's text; empty if it is refused.
std::string run(const ast& parsed, environment& names, one_variable& from) {
  ast tree = parsed;
  const auto type = check(tree, names);
  if (!type) {
    require(names.check_types || type.error().message.find("macros nest") == 0);
    require_place(type.error(), tree.source);
    return {};
  }
  boolean_parts(tree);
  variable_paths(tree);
  const auto program = compile(tree, names);
  if (!program) {
    require_place(program.error(), tree.source);
    return {};
  }
  arena memory(1 << 20);
  const evaluation with{2000, nullptr};
  const auto text = to_text(program->evaluate(from, memory, with));
  memory.reset();
  const auto again = program->evaluate(from, memory, with);
  require(to_text(again) == text);
  std::string bytes;
  kith::profile::msgpack::writer out(bytes);
  write_msgpack(again, out);
  return text;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
  const auto zero = bytes.find('\0');
  const auto source = bytes.substr(0, zero);
  const auto parsed = parse(source);
  if (!parsed) {
    require_place(parsed.error(), source);
    return 0;
  }
  if (const auto written = unparse(*parsed); written.size() <= limits::expression_bytes) {
    const auto again = parse(written);
    if (again) require(same(*parsed, parsed->root, *again, again->root));
    else require(again.error().message.find("levels") != std::string::npos);  // parentheses that were not there before
  }
  one_variable from(zero == std::string_view::npos ? std::string_view("\xc0", 1) : bytes.substr(zero + 1));
  environment names;
  names.with("x", "dyn").with("n", "int");
  const auto checked = run(*parsed, names, from);
  names.check_types = false;
  const auto free = run(*parsed, names, from);
  require(checked.empty() || checked == free);
  return 0;
}
