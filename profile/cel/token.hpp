// The words of an expression.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "profile/cel/diagnostic.hpp"

namespace kith::profile::cel {

enum class token_kind : std::uint8_t {
  end,
  identifier,         ///< `text` is the name
  quoted_identifier,  ///< between backticks, for fields only
  reserved,           ///< a word that names nothing, but may name a field
  integer,            ///< `text` is its digits; hex with 0x
  natural,            ///< as above, without the u
  real,
  string,  ///< `text` is what it stands for
  bytes,
  word_true,
  word_false,
  word_null,
  word_in,
  question,
  colon,
  comma,
  dot,
  left_paren,
  right_paren,
  left_bracket,
  right_bracket,
  left_brace,
  right_brace,
  logical_or,
  logical_and,
  logical_not,
  equal,
  not_equal,
  less,
  less_equal,
  greater,
  greater_equal,
  plus,
  minus,
  star,
  slash,
  percent,
};

struct token {
  token_kind kind = token_kind::end;
  range where;
  std::string text;
};

/// Takes tokens from the front of an expression. Thread safety: none.
class lexer {
 public:
  /// The source must outlive it.
  explicit lexer(std::string_view source) noexcept : source_(source) {}
  outcome<token> next();

 private:
  void skip_blanks() noexcept;
  outcome<token> word();
  outcome<token> number();
  outcome<token> quoted();
  outcome<token> backticked();
  outcome<token> symbol();
  bool starts_string() const noexcept;
  char peek(std::size_t ahead = 0) const noexcept { return at_ + ahead < source_.size() ? source_[at_ + ahead] : '\0'; }
  token made(token_kind kind, std::size_t begin, std::string text = {}) const {
    return {kind, {begin, at_}, std::move(text)};
  }
  tl::unexpected<diagnostic> fault(std::size_t begin, std::size_t end, std::string message,
                                   std::string mend = {}) const {
    return tl::make_unexpected(diagnose(source_, {begin, end}, std::move(message), std::move(mend)));
  }

  std::string_view source_;
  std::size_t at_ = 0;
};

/// What stands between the quotes, with its escapes resolved. `offset`: where `body` begins in the source.
struct escape_fault {
  std::size_t begin = 0;  ///< in the body
  std::size_t end = 0;
  std::string message;
};
tl::expected<std::string, escape_fault> unescape(std::string_view body, bool bytes);

void append_utf8(std::string& out, std::uint32_t code_point);

}  // namespace kith::profile::cel
