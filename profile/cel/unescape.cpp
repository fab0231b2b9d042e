#include "profile/cel/token.hpp"

namespace kith::profile::cel {

namespace {

int hex_digit(char c) noexcept {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

/// A character that stands for itself or for one of the old control characters; -1 if it is none.
int simple_escape(char c) noexcept {
  switch (c) {
    case 'a': return '\a';
    case 'b': return '\b';
    case 'f': return '\f';
    case 'n': return '\n';
    case 'r': return '\r';
    case 't': return '\t';
    case 'v': return '\v';
    case '\\':
    case '?':
    case '"':
    case '\'':
    case '`': return c;
    default: return -1;
  }
}

class unescaper {
 public:
  unescaper(std::string_view body, bool bytes) : body_(body), bytes_(bytes) {}

  tl::expected<std::string, escape_fault> run() {
    while (at_ < body_.size()) {
      if (body_[at_] != '\\') {
        out_ += body_[at_++];
        continue;
      }
      begin_ = at_++;
      if (!escape()) return tl::make_unexpected(escape_fault{begin_, at_, message_});
    }
    return std::move(out_);
  }

 private:
  bool escape() {
    if (at_ == body_.size()) return fault("a backslash with nothing behind it");
    const char c = body_[at_++];
    if (const int simple = simple_escape(c); simple >= 0) {
      out_ += static_cast<char>(simple);
      return true;
    }
    switch (c) {
      case 'x':
      case 'X': return number(2, 16);
      case 'u': return bytes_ ? fault("\\u is for strings; bytes take \\x") : number(4, 16);
      case 'U': return bytes_ ? fault("\\U is for strings; bytes take \\x") : number(8, 16);
      case '0':
      case '1':
      case '2':
      case '3': --at_; return number(3, 8);
      default: return fault("no such escape; a backslash is written \\\\");
    }
  }

  bool number(int digits, std::uint32_t base) {
    std::uint32_t code = 0;
    for (int i = 0; i < digits; ++i) {
      const int digit = at_ < body_.size() ? hex_digit(body_[at_]) : -1;
      if (digit < 0 || static_cast<std::uint32_t>(digit) >= base)
        return fault("the escape needs " + std::to_string(digits) + (base == 16 ? " hexadecimal" : " octal") +
                     " digits");
      code = code * base + static_cast<std::uint32_t>(digit);
      ++at_;
    }
    if (bytes_) {
      out_ += static_cast<char>(code);
      return true;
    }
    if (code > 0x10ffff || (code >= 0xd800 && code <= 0xdfff)) return fault("no such code point");
    append_utf8(out_, code);
    return true;
  }

  bool fault(std::string message) {
    message_ = std::move(message);
    return false;
  }

  std::string_view body_;
  bool bytes_;
  std::size_t at_ = 0;
  std::size_t begin_ = 0;
  std::string out_;
  std::string message_;
};

}  // namespace

void append_utf8(std::string& out, std::uint32_t code_point) {
  const auto put = [&out](std::uint32_t byte) { out += static_cast<char>(byte); };
  if (code_point < 0x80) {
    put(code_point);
  } else if (code_point < 0x800) {
    put(0xc0U | code_point >> 6U);
    put(0x80U | (code_point & 0x3fU));
  } else if (code_point < 0x10000) {
    put(0xe0U | code_point >> 12U);
    put(0x80U | (code_point >> 6U & 0x3fU));
    put(0x80U | (code_point & 0x3fU));
  } else {
    put(0xf0U | code_point >> 18U);
    put(0x80U | (code_point >> 12U & 0x3fU));
    put(0x80U | (code_point >> 6U & 0x3fU));
    put(0x80U | (code_point & 0x3fU));
  }
}

tl::expected<std::string, escape_fault> unescape(std::string_view body, bool bytes) {
  return unescaper(body, bytes).run();
}

}  // namespace kith::profile::cel
