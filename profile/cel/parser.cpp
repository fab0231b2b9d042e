#include "profile/cel/parser.hpp"

#include <algorithm>
#include <charconv>

#include "profile/cel/limits.hpp"
#include "profile/cel/parse.hpp"
#include "profile/utf8.hpp"

namespace kith::profile::cel {

namespace {

std::string shown(const token& token, std::string_view source) {
  if (token.kind == token_kind::end) return "the end";
  constexpr std::size_t longest = 40;
  const auto text = source.substr(token.where.begin, token.where.end - token.where.begin);
  return "\"" + std::string(text.substr(0, longest)) + (text.size() > longest ? "..." : "") + "\"";
}

std::optional<op> relation_of(token_kind kind) {
  switch (kind) {
    case token_kind::equal: return op::equal;
    case token_kind::not_equal: return op::not_equal;
    case token_kind::less: return op::less;
    case token_kind::less_equal: return op::less_equal;
    case token_kind::greater: return op::greater;
    case token_kind::greater_equal: return op::greater_equal;
    case token_kind::word_in: return op::in;
    default: return std::nullopt;
  }
}

std::optional<op> multiplication_of(token_kind kind) {
  switch (kind) {
    case token_kind::star: return op::multiply;
    case token_kind::slash: return op::divide;
    case token_kind::percent: return op::modulus;
    default: return std::nullopt;
  }
}

node operation_node(op operation, range mark) {
  node made;
  made.kind = node_kind::operation;
  made.operation = operation;
  made.mark = mark;
  return made;
}

}  // namespace

outcome<ast> parse(std::string_view text) {
  if (text.size() > limits::expression_bytes)
    return tl::make_unexpected(diagnose(text, {limits::expression_bytes, text.size()},
                                        "the expression has " + std::to_string(text.size()) + " bytes; " +
                                            std::to_string(limits::expression_bytes) + " are allowed"));
  if (!is_utf8(text)) return tl::make_unexpected(diagnose(text, {}, "the expression is not UTF-8"));
  return parser(text).run();
}

outcome<ast> parser::run() {
  take();
  if (at(token_kind::end) && !failed()) fault(now_.where, "an expression is missing");
  const auto whole = expression();
  if (!failed() && !at(token_kind::end)) unexpected("an operator or the end");
  if (failed()) return tl::make_unexpected(*std::move(fault_));
  tree_.root = whole.id;
  return std::move(tree_);
}

token parser::take() {
  auto taken = std::move(now_);
  last_end_ = taken.where.end;
  now_ = {};
  now_.where = {tree_.source.size(), tree_.source.size()};
  if (failed()) return taken;
  if (auto next = lexer_.next()) now_ = *std::move(next);
  else fault_ = std::move(next.error());
  return taken;
}

bool parser::take_if(token_kind kind) {
  if (!at(kind) || failed()) return false;
  take();
  return true;
}

bool parser::expect(token_kind kind, std::string_view shown_as) {
  if (take_if(kind)) return true;
  unexpected(shown_as);
  return false;
}

parser::part parser::fault(range where, std::string message, std::string mend) {
  if (!failed()) fault_ = diagnose(tree_.source, where, std::move(message), std::move(mend));
  now_ = {};
  return {};
}

parser::part parser::unexpected(std::string_view wanted) {
  if (failed()) return {};
  if (at(token_kind::reserved))
    return fault(now_.where, "\"" + now_.text + "\" is reserved and cannot be a name",
                 "write m[\"" + now_.text + "\"] for a key");
  return fault(now_.where, shown(now_, tree_.source) + " has no place here", std::string(wanted) + " is expected");
}

parser::part parser::add(node made, const std::vector<part>& children, range where) {
  if (failed()) return {};
  if (tree_.nodes.size() >= limits::nodes)
    return fault(where, "the expression has over " + std::to_string(limits::nodes) + " parts", "split it");
  std::uint16_t height = 1;
  for (const auto& child : children) {
    height = std::max(height, static_cast<std::uint16_t>(heights_[child.id] + 1));
    made.children.push_back(child.id);
  }
  if (height > limits::tree_height)
    return fault(where, "more than " + std::to_string(limits::tree_height) + " operators build on one another",
                 "split it");
  made.where = where;
  tree_.nodes.push_back(std::move(made));
  heights_.push_back(height);
  return {static_cast<node_id>(tree_.nodes.size() - 1), where};
}

parser::part parser::binary(op operation, const part& left, range mark, const part& right) {
  return add(operation_node(operation, mark), {left, right}, {left.outer.begin, right.outer.end});
}

parser::part parser::expression() {
  if (failed()) return {};
  if (depth_ == limits::nesting)
    return fault(now_.where, "the expression nests over " + std::to_string(limits::nesting) + " levels", "split it");
  ++depth_;
  const auto made = conditional();
  --depth_;
  return made;
}

parser::part parser::conditional() {
  // a ? b : c ? d : e is read on one level and put together from its end.
  struct choice {
    part condition;
    range mark;
    part then;
  };
  std::vector<choice> choices;
  auto last = logical(op::logical_or);
  while (at(token_kind::question) && !failed()) {
    choice each{last, take().where, logical(op::logical_or)};
    if (!expect(token_kind::colon, "\":\"")) return {};
    choices.push_back(each);
    last = logical(op::logical_or);
  }
  for (auto each = choices.rbegin(); each != choices.rend() && !failed(); ++each) {
    last = add(operation_node(op::conditional, each->mark), {each->condition, each->then, last},
               {each->condition.outer.begin, last.outer.end});
  }
  return last;
}

parser::part parser::logical(op operation) {
  const bool is_or = operation == op::logical_or;
  const auto sign = is_or ? token_kind::logical_or : token_kind::logical_and;
  const auto operand = [&] { return is_or ? logical(op::logical_and) : relation(); };
  std::vector<part> operands{operand()};
  range mark;
  while (at(sign) && !failed()) {
    const auto where = take().where;
    if (operands.size() == 1) mark = where;
    operands.push_back(operand());
  }
  if (operands.size() == 1 || failed()) return operands.front();
  return add(operation_node(operation, mark), operands, {operands.front().outer.begin, operands.back().outer.end});
}

parser::part parser::relation() {
  auto left = addition();
  while (const auto operation = relation_of(now_.kind)) {
    const auto mark = take().where;
    left = binary(*operation, left, mark, addition());
  }
  return left;
}

parser::part parser::addition() {
  auto left = multiplication();
  while (at(token_kind::plus) || at(token_kind::minus)) {
    const auto sign = take();
    left = binary(sign.kind == token_kind::plus ? op::add : op::subtract, left, sign.where, multiplication());
  }
  return left;
}

parser::part parser::multiplication() {
  auto left = unary();
  while (const auto operation = multiplication_of(now_.kind)) {
    const auto mark = take().where;
    left = binary(*operation, left, mark, unary());
  }
  return left;
}

parser::part parser::unary() {
  const auto sign = now_.kind;
  if (sign != token_kind::logical_not && sign != token_kind::minus) return member();
  std::vector<range> marks;
  while (at(sign) && !failed()) marks.push_back(take().where);
  part operand;
  const bool number_follows = at(token_kind::integer) || at(token_kind::real);
  if (sign == token_kind::minus && number_follows) {  // the last minus belongs to the number
    operand = suffixes(number(true, marks.back()));
    marks.pop_back();
  } else {
    operand = member();
  }
  const auto operation = sign == token_kind::minus ? op::negate : op::logical_not;
  for (auto mark = marks.rbegin(); mark != marks.rend() && !failed(); ++mark)
    operand = add(operation_node(operation, *mark), {operand}, {mark->begin, operand.outer.end});
  return operand;
}

parser::part parser::member() { return suffixes(primary()); }

parser::part parser::suffixes(part operand) {
  while (!failed()) {
    if (at(token_kind::dot)) {
      operand = selection(operand);
    } else if (at(token_kind::left_bracket)) {
      operand = index(operand);
    } else if (at(token_kind::left_brace)) {
      const auto& node = tree_.at(operand.id);
      if (!node.is(node_kind::identifier) && !node.is(node_kind::select)) return unexpected("an operator or the end");
      return fault({operand.outer.begin, now_.where.end}, "messages (T{...}) are not supported",
                   "write a map {\"key\": value}");
    } else {
      return operand;
    }
  }
  return {};
}

parser::part parser::selection(const part& operand) {
  const auto dot = take().where;
  if (!at(token_kind::identifier) && !at(token_kind::reserved) && !at(token_kind::quoted_identifier))
    return unexpected("a field's or function's name");
  auto name = take();
  if (at(token_kind::left_paren) && name.kind != token_kind::quoted_identifier)
    return call(std::move(name), operand, false, dot);
  node made;
  made.kind = node_kind::select;
  made.name = std::move(name.text);
  made.mark = name.where;
  return add(std::move(made), {operand}, {operand.outer.begin, name.where.end});
}

parser::part parser::index(const part& operand) {
  const auto mark = take().where;
  const auto inner = expression();
  if (!expect(token_kind::right_bracket, "\"]\"")) return {};
  return add(operation_node(op::index, mark), {operand, inner}, {operand.outer.begin, last_end_});
}

parser::part parser::primary() {
  switch (now_.kind) {
    case token_kind::dot:
    case token_kind::identifier: return word();
    case token_kind::integer:
    case token_kind::natural:
    case token_kind::real: return number(false, now_.where);
    case token_kind::string:
    case token_kind::bytes:
    case token_kind::word_true:
    case token_kind::word_false:
    case token_kind::word_null: return literal();
    case token_kind::left_bracket: return list();
    case token_kind::left_brace: return map();
    case token_kind::left_paren: {
      const auto begin = take().where.begin;
      auto inner = expression();
      if (!expect(token_kind::right_paren, "\")\"")) return {};
      inner.outer = {begin, last_end_};
      return inner;
    }
    default: return unexpected("a value");
  }
}

parser::part parser::word() {
  const auto begin = now_.where.begin;
  const bool absolute = take_if(token_kind::dot);
  if (!at(token_kind::identifier)) return unexpected("a name");
  auto name = take();
  if (at(token_kind::left_paren)) return call(std::move(name), std::nullopt, absolute, {begin, begin});
  node made;
  made.kind = node_kind::identifier;
  made.absolute = absolute;
  made.name = std::move(name.text);
  made.mark = name.where;
  return add(std::move(made), {}, {begin, name.where.end});
}

parser::part parser::literal() {
  const auto token = take();
  node made;
  made.mark = token.where;
  switch (token.kind) {
    case token_kind::word_true:
    case token_kind::word_false: made.constant = value::boolean(token.kind == token_kind::word_true); break;
    case token_kind::string: made.constant = value::string({}); break;
    case token_kind::bytes: made.constant = value::bytes({}); break;
    default: break;
  }
  made.name = token.text;
  return add(std::move(made), {}, token.where);
}

parser::part parser::number(bool negative, range sign) {
  const auto token = take();
  const range where{sign.begin, token.where.end};
  const std::string digits = (negative ? "-" : "") + token.text;
  node made;
  made.mark = where;
  const bool hex = token.text.starts_with("0x");
  const std::string plain = hex ? (negative ? "-" : "") + token.text.substr(2) : digits;
  const char* const end = plain.data() + plain.size();
  std::errc fault_code{};
  if (token.kind == token_kind::real) {
    double number = 0;
    fault_code = std::from_chars(plain.data(), end, number).ec;
    made.constant = value::real(number);
  } else if (token.kind == token_kind::natural) {
    std::uint64_t number = 0;
    fault_code = std::from_chars(plain.data(), end, number, hex ? 16 : 10).ec;
    made.constant = value::natural(number);
  } else {
    std::int64_t number = 0;
    fault_code = std::from_chars(plain.data(), end, number, hex ? 16 : 10).ec;
    made.constant = value::integer(number);
  }
  if (fault_code != std::errc()) {
    const std::string_view name = token.kind == token_kind::real      ? "a double"
                                  : token.kind == token_kind::natural ? "a uint (64 bits)"
                                                                      : "an int (64 bits, signed)";
    return fault(where, "the number does not fit " + std::string(name));
  }
  return add(std::move(made), {}, where);
}

std::vector<parser::part> parser::arguments(token_kind closing) {
  std::vector<part> read;
  while (!at(closing) && !failed()) {
    read.push_back(expression());
    if (!take_if(token_kind::comma)) break;
    if (at(closing) && closing == token_kind::right_paren) {
      unexpected("another argument");
      break;
    }
  }
  return read;
}

parser::part parser::list() {
  const auto begin = take().where.begin;
  const auto elements = arguments(token_kind::right_bracket);
  if (!expect(token_kind::right_bracket, "\",\" or \"]\"")) return {};
  node made;
  made.kind = node_kind::list;
  const range where{begin, last_end_};
  made.mark = where;
  return add(std::move(made), elements, where);
}

parser::part parser::map() {
  const auto begin = take().where.begin;
  std::vector<part> entries;
  while (!at(token_kind::right_brace) && !failed()) {
    entries.push_back(expression());
    if (!expect(token_kind::colon, "\":\"")) return {};
    entries.push_back(expression());
    if (!take_if(token_kind::comma)) break;
  }
  if (!expect(token_kind::right_brace, "\",\" or \"}\"")) return {};
  node made;
  made.kind = node_kind::map;
  const range where{begin, last_end_};
  made.mark = where;
  return add(std::move(made), entries, where);
}

parser::part parser::call(token name, std::optional<part> receiver, bool absolute, range dot) {
  take();
  const auto given = arguments(token_kind::right_paren);
  if (!expect(token_kind::right_paren, "\",\" or \")\"")) return {};
  const range where{receiver ? receiver->outer.begin : dot.begin, last_end_};
  if (!receiver && !absolute && name.text == "has") return has_call(name, given, where);
  if (receiver && is_macro(name.text, given.size())) return macro_call(name, *receiver, given, where);
  node made;
  made.kind = node_kind::call;
  made.name = std::move(name.text);
  made.mark = name.where;
  made.receiver = receiver.has_value();
  made.absolute = absolute;
  auto children = given;
  if (receiver) children.insert(children.begin(), *receiver);
  return add(std::move(made), children, where);
}

}  // namespace kith::profile::cel
