#include <utility>
#include <array>

#include "profile/cel/token.hpp"

namespace kith::profile::cel {

namespace {

bool is_digit(char c) noexcept { return c >= '0' && c <= '9'; }
bool is_hex(char c) noexcept { return is_digit(c) || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F'); }
bool is_letter(char c) noexcept { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_'; }
bool is_word(char c) noexcept { return is_letter(c) || is_digit(c); }

constexpr std::array<std::string_view, 17> reserved_words = {
    "as",  "break", "const",   "continue",  "else",   "for", "function", "if",   "import",
    "let", "loop",  "package", "namespace", "return", "var", "void",     "while"};

token_kind word_kind(std::string_view word) noexcept {
  if (word == "true") return token_kind::word_true;
  if (word == "false") return token_kind::word_false;
  if (word == "null") return token_kind::word_null;
  if (word == "in") return token_kind::word_in;
  for (const auto each : reserved_words) {
    if (word == each) return token_kind::reserved;
  }
  return token_kind::identifier;
}

struct symbol_form {
  std::string_view text;
  token_kind kind;
};
// Longer ones first.
constexpr std::array<symbol_form, 24> symbols = {{
    {"||", token_kind::logical_or},  {"&&", token_kind::logical_and},  {"==", token_kind::equal},
    {"!=", token_kind::not_equal},   {"<=", token_kind::less_equal},   {">=", token_kind::greater_equal},
    {"<", token_kind::less},         {">", token_kind::greater},       {"!", token_kind::logical_not},
    {"?", token_kind::question},     {":", token_kind::colon},         {",", token_kind::comma},
    {".", token_kind::dot},          {"(", token_kind::left_paren},    {")", token_kind::right_paren},
    {"[", token_kind::left_bracket}, {"]", token_kind::right_bracket}, {"{", token_kind::left_brace},
    {"}", token_kind::right_brace},  {"+", token_kind::plus},          {"-", token_kind::minus},
    {"*", token_kind::star},         {"/", token_kind::slash},         {"%", token_kind::percent},
}};

std::string mend_of_symbol(char c) {
  switch (c) {
    case '=': return "equality is ==";
    case '&': return "and is &&";
    case '|': return "or is ||";
    case ';': return "an expression has no semicolons";
    default: return {};
  }
}

}  // namespace

void lexer::skip_blanks() noexcept {
  for (;;) {
    const char c = peek();
    if (at_ < source_.size() && (c == ' ' || c == '\t' || c == '\n' || c == '\r' || c == '\f')) {
      ++at_;
    } else if (c == '/' && peek(1) == '/') {
      while (at_ < source_.size() && source_[at_] != '\n' && source_[at_] != '\r') ++at_;
    } else {
      return;
    }
  }
}

bool lexer::starts_string() const noexcept {
  std::size_t ahead = 0;
  if (peek() == 'b' || peek() == 'B') ++ahead;
  if (peek(ahead) == 'r' || peek(ahead) == 'R') ++ahead;
  return peek(ahead) == '"' || peek(ahead) == '\'';
}

outcome<token> lexer::next() {
  skip_blanks();
  if (at_ >= source_.size()) return made(token_kind::end, at_);
  const char c = peek();
  if (starts_string()) return quoted();
  if (is_letter(c)) return word();
  if (is_digit(c) || (c == '.' && is_digit(peek(1)))) return number();
  if (c == '`') return backticked();
  return symbol();
}

outcome<token> lexer::word() {
  const auto begin = at_;
  while (is_word(peek())) ++at_;
  std::string text(source_.substr(begin, at_ - begin));
  const auto kind = word_kind(text);
  return made(kind, begin, std::move(text));
}

outcome<token> lexer::number() {
  const auto begin = at_;
  auto kind = token_kind::integer;
  if (peek() == '0' && peek(1) == 'x' && is_hex(peek(2))) {
    at_ += 2;
    while (is_hex(peek())) ++at_;
  } else {
    while (is_digit(peek())) ++at_;
    if (peek() == '.' && is_digit(peek(1))) {
      kind = token_kind::real;
      ++at_;
      while (is_digit(peek())) ++at_;
    }
    if (peek() == 'e' || peek() == 'E') {
      const std::size_t sign = peek(1) == '+' || peek(1) == '-' ? 1 : 0;
      if (is_digit(peek(1 + sign))) {
        kind = token_kind::real;
        at_ += 2 + sign;
        while (is_digit(peek())) ++at_;
      }
    }
  }
  std::string text(source_.substr(begin, at_ - begin));
  if (kind == token_kind::integer && (peek() == 'u' || peek() == 'U')) {
    kind = token_kind::natural;
    ++at_;
  }
  if (is_word(peek())) {
    const auto end = at_ + 1;
    return fault(begin, end, "a number that runs into a letter");
  }
  return made(kind, begin, std::move(text));
}

outcome<token> lexer::quoted() {
  const auto begin = at_;
  const bool bytes = peek() == 'b' || peek() == 'B';
  if (bytes) ++at_;
  const bool raw = peek() == 'r' || peek() == 'R';
  if (raw) ++at_;
  const char quote = peek();
  const bool triple = peek(1) == quote && peek(2) == quote;
  const std::string closing(triple ? 3 : 1, quote);
  at_ += closing.size();
  const auto body = at_;
  for (;;) {
    if (at_ >= source_.size()) {
      return fault(begin, begin + (body - begin), "the text is not closed", "end it with " + closing);
    }
    const char c = source_[at_];
    if (!triple && (c == '\n' || c == '\r'))
      return fault(begin, at_, "the text is not closed on its line", "a text of several lines stands in three quotes");
    if (source_.substr(at_).starts_with(closing)) break;
    at_ += c == '\\' && !raw && at_ + 1 < source_.size() ? 2 : 1;
    if (!triple && c == '\\' && !raw && (source_[at_ - 1] == '\n' || source_[at_ - 1] == '\r'))
      return fault(begin, at_, "the text is not closed on its line", "a text of several lines stands in three quotes");
  }
  const auto inner = source_.substr(body, at_ - body);
  at_ += closing.size();
  const auto kind = bytes ? token_kind::bytes : token_kind::string;
  if (raw) return made(kind, begin, std::string(inner));
  auto text = unescape(inner, bytes);
  if (!text) return fault(body + text.error().begin, body + text.error().end, text.error().message);
  return made(kind, begin, *std::move(text));
}

outcome<token> lexer::backticked() {
  const auto begin = at_++;
  const auto end = source_.find('`', at_);
  if (end == std::string_view::npos) return fault(begin, at_, "the name is not closed", "end it with `");
  std::string name(source_.substr(at_, end - at_));
  at_ = end + 1;
  for (const char c : name) {
    if (!is_word(c) && c != '.' && c != '-' && c != '/' && c != ' ')
      return fault(begin, at_, "a quoted name has letters, digits, _ . - / and blanks only",
                   "use [\"...\"] for others");
  }
  if (name.empty()) return fault(begin, at_, "a quoted name must not be empty");
  return made(token_kind::quoted_identifier, begin, std::move(name));
}

outcome<token> lexer::symbol() {
  const auto begin = at_;
  for (const auto& each : symbols) {
    if (source_.substr(at_).starts_with(each.text)) {
      at_ += each.text.size();
      return made(each.kind, begin);
    }
  }
  const char c = source_[at_];
  const auto lead = static_cast<unsigned char>(c);
  if (lead < 0x20 || lead >= 0x7f) return fault(begin, at_ + 1, "a character that has no place outside of quotes");
  return fault(begin, at_ + 1, std::string("a \"") + c + "\" has no place here", mend_of_symbol(c));
}

}  // namespace kith::profile::cel
