#include <algorithm>
#include <cmath>

#include "profile/cel/parse.hpp"
#include "profile/cel/text.hpp"

namespace kith::profile::cel {

namespace {

// How tightly an expression holds together; an operand that holds less than its place asks for gets parentheses.
enum strength : int {
  whole = 0,
  or_operand = 1,
  and_operand = 2,
  relation_left = 3,
  sum_left = 4,
  product_left = 5,
  sign_operand = 6,
  unit = 7,
};

strength strength_of(const node& node) {
  if (node.is(node_kind::literal) && node.constant.is_number()) {
    const bool negative = (node.constant.is(kind::integer) && node.constant.as_integer() < 0) ||
                          (node.constant.is(kind::real) && std::signbit(node.constant.as_real()));
    return negative ? sign_operand : unit;
  }
  if (!node.is(node_kind::operation)) return unit;
  switch (node.operation) {
    case op::conditional: return whole;
    case op::logical_or: return or_operand;
    case op::logical_and: return and_operand;
    case op::add:
    case op::subtract: return sum_left;
    case op::multiply:
    case op::divide:
    case op::modulus: return product_left;
    case op::logical_not:
    case op::negate: return sign_operand;
    case op::index: return unit;
    default: return relation_left;
  }
}

bool is_plain_name(std::string_view name) {
  static constexpr std::string_view taken[] = {"true", "false", "null", "in"};
  if (name.empty() || (name[0] >= '0' && name[0] <= '9')) return false;
  const auto word = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
  };
  return std::all_of(name.begin(), name.end(), word) &&
         std::find(std::begin(taken), std::end(taken), name) == std::end(taken);
}

/// Recursion is as deep as the tree is high.
class writer {
 public:
  explicit writer(const ast& tree) : tree_(tree) {}

  void put(node_id id, strength least) {
    const auto& node = tree_.at(id);
    const bool closed = strength_of(node) < least;
    if (closed) out_ += '(';
    put(node);
    if (closed) out_ += ')';
  }
  std::string take() { return std::move(out_); }

 private:
  void put(const node& node) {
    switch (node.kind) {
      case node_kind::literal: return put_literal(node);
      case node_kind::identifier: out_ += (node.absolute ? "." : "") + node.name; return;
      case node_kind::slot: out_ += "$" + std::to_string(node.index); return;
      case node_kind::presence:
        out_ += "has(";
        put_field(node);
        out_ += ')';
        return;
      case node_kind::select: return put_field(node);
      case node_kind::operation: return put_operation(node);
      case node_kind::call: return put_call(node);
      case node_kind::list: return put_all(node, 0, '[', ']');
      case node_kind::map: return put_map(node);
      case node_kind::comprehension: return put_comprehension(node);
    }
  }
  void put_literal(const node& node) {
    if (node.constant.is(kind::string)) out_ += quoted(node.name);
    else if (node.constant.is(kind::bytes)) out_ += quoted_bytes(node.name);
    else out_ += to_text(node.constant);
  }
  void put_field(const node& node) {
    put(node.children.front(), unit);
    out_ += is_plain_name(node.name) ? "." + node.name : ".`" + node.name + "`";
  }
  void put_operation(const node& node) {
    const auto own = strength_of(node);
    const auto above = static_cast<strength>(own + 1);
    const auto& operands = node.children;
    switch (node.operation) {
      case op::conditional:
        put(operands[0], or_operand);
        out_ += " ? ";
        put(operands[1], or_operand);
        out_ += " : ";
        return put(operands[2], whole);
      case op::logical_or:
      case op::logical_and:
        for (std::size_t i = 0; i < operands.size(); ++i) {
          if (i > 0) put_symbol(node);
          put(operands[i], above);
        }
        return;
      case op::logical_not:
      case op::negate: return put_sign(node);
      case op::index:
        put(operands[0], unit);
        out_ += '[';
        put(operands[1], whole);
        out_ += ']';
        return;
      default:
        put(operands[0], own);
        put_symbol(node);
        return put(operands[1], above);
    }
  }
  void put_symbol(const node& node) {
    out_ += ' ';
    out_ += symbol_of(node.operation);
    out_ += ' ';
  }
  /// A run of one sign needs no parentheses, but a minus right before digits would become part of the number.
  void put_sign(const node& node) {
    out_ += symbol_of(node.operation);
    const auto& operand = tree_.at(node.children.front());
    const bool run = operand.is(node.operation) && node.is(node_kind::operation);
    const bool number =
        operand.is(node_kind::literal) && (operand.constant.is(kind::integer) || operand.constant.is(kind::real));
    const bool negative = number && strength_of(operand) == sign_operand;
    if (run || (negative && node.operation == op::negate)) return put(operand);
    if (node.operation == op::negate && (number || begins_with_number(node.children.front()))) {
      out_ += '(';
      put(operand);
      out_ += ')';
      return;
    }
    put(node.children.front(), unit);
  }
  bool begins_with_number(node_id id) const {
    for (;;) {
      const auto& node = tree_.at(id);
      if (node.is(node_kind::literal)) return node.constant.is(kind::integer) || node.constant.is(kind::real);
      const bool goes_on = node.is(node_kind::select) || node.is(op::index) || node.is(node_kind::comprehension) ||
                           (node.is(node_kind::call) && node.receiver);
      if (!goes_on) return false;
      id = node.children.front();
    }
  }
  void put_all(const node& node, std::size_t from, char open, char close) {
    out_ += open;
    for (auto i = from; i < node.children.size(); ++i) {
      if (i > from) out_ += ", ";
      put(node.children[i], whole);
    }
    out_ += close;
  }
  void put_map(const node& node) {
    out_ += '{';
    for (std::size_t i = 0; i < node.children.size(); ++i) {
      if (i > 0) out_ += i % 2 == 1 ? ": " : ", ";
      put(node.children[i], whole);
    }
    out_ += '}';
  }
  void put_call(const node& node) {
    if (node.receiver) put(node.children.front(), unit);
    if (node.receiver || node.absolute) out_ += '.';
    out_ += node.name;
    put_all(node, node.receiver ? 1 : 0, '(', ')');
  }
  void put_comprehension(const node& node) {
    put(node.children.front(), unit);
    out_ += ".";
    out_ += name_of(node.macro);
    out_ += "(" + node.name;
    for (std::size_t i = 1; i < node.children.size(); ++i) {
      out_ += ", ";
      put(node.children[i], whole);
    }
    out_ += ')';
  }

  const ast& tree_;
  std::string out_;
};

}  // namespace

std::string unparse(const ast& tree, node_id id) {
  writer out(tree);
  out.put(id, whole);
  return out.take();
}

}  // namespace kith::profile::cel
