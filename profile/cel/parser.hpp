// Recursive descent over the grammar; `parse.hpp` is the way in.
//
// Invariants: after the first fault every token is the end, so that all rules return at once; the recursion is as deep
// as `limits::nesting` allows.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "profile/cel/ast.hpp"
#include "profile/cel/token.hpp"

namespace kith::profile::cel {

class parser {
 public:
  explicit parser(std::string_view source) : lexer_(source) { tree_.source = source; }
  outcome<ast> run();

 private:
  /// A subtree, and its range with the parentheses around it.
  struct part {
    node_id id = 0;
    range outer;
  };

  part expression();
  part conditional();
  part logical(op operation);
  part relation();
  part addition();
  part multiplication();
  part unary();
  part member();
  part primary();
  part suffixes(part operand);
  part selection(const part& operand);
  part index(const part& operand);
  part word();
  part number(bool negative, range sign);
  part literal();
  part list();
  part map();
  part call(token name, std::optional<part> receiver, bool absolute, range dot);
  std::vector<part> arguments(token_kind closing);

  // macros.cpp
  bool is_macro(const std::string& name, std::size_t arguments) const;
  part macro_call(const token& name, const part& receiver, const std::vector<part>& arguments, range where);
  part has_call(const token& name, const std::vector<part>& arguments, range where);

  part binary(op operation, const part& left, range mark, const part& right);
  part add(node made, const std::vector<part>& children, range where);
  part fault(range where, std::string message, std::string mend = {});
  part unexpected(std::string_view wanted);
  bool failed() const noexcept { return fault_.has_value(); }
  bool at(token_kind kind) const noexcept { return now_.kind == kind; }
  token take();
  bool take_if(token_kind kind);
  bool expect(token_kind kind, std::string_view shown);

  lexer lexer_;
  token now_;
  ast tree_;
  std::vector<std::uint16_t> heights_;  // of tree_.nodes
  std::size_t depth_ = 0;
  std::size_t last_end_ = 0;  // of the token before
  std::optional<diagnostic> fault_;
};

}  // namespace kith::profile::cel
