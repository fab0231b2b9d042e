// Redis's protocol (RESP 2) as far as a load generator needs it: encode commands, count replies.
#pragma once

#include <charconv>
#include <cstdint>
#include <initializer_list>
#include <string>
#include <string_view>

namespace kith::benchmarks {

inline void write_bulk(std::string& out, std::string_view bytes) {
  out += '$';
  out += std::to_string(bytes.size());
  out += "\r\n";
  out += bytes;
  out += "\r\n";
}

inline void write_command(std::string& out, std::initializer_list<std::string_view> words) {
  out += '*';
  out += std::to_string(words.size());
  out += "\r\n";
  for (const auto word : words) write_bulk(out, word);
}

/// Finds whole replies in a stream of bytes that arrive in pieces.
class reply_finder {
 public:
  /// What a whole reply was: its first byte (':', '$', '*', '+', '-'), its number or length, and its text (of an array:
  /// of its last part).
  struct reply {
    char kind = 0;
    std::int64_t number = 0;
    std::string_view text;
  };

  /// Calls `found(reply)` for each whole reply in `bytes`; returns how many bytes are done with. A reply's parts that
  /// were seen are not read again: pass the rest with what follows it.
  template <class F>
  std::size_t feed(std::string_view bytes, F found) {
    std::size_t at = 0;
    for (;;) {
      const auto end = bytes.find("\r\n", at);
      if (end == std::string_view::npos) return at;
      const auto line = bytes.substr(at, end - at);
      std::int64_t number = 0;
      std::from_chars(line.data() + 1, line.data() + line.size(), number);
      auto next = end + 2;
      if (line[0] == '$' && number >= 0) next += static_cast<std::size_t>(number) + 2;
      if (next > bytes.size()) return at;
      at = next;
      const auto text = line[0] == '$' && number >= 0 ? bytes.substr(end + 2, static_cast<std::size_t>(number)) : line;
      if (parts_left_ == 0) outer_ = {line[0], number, {}};
      if (parts_left_ > 0) --parts_left_;
      if (line[0] == '*' && number > 0) parts_left_ += static_cast<std::uint64_t>(number);
      if (parts_left_ == 0) {
        outer_.text = text;
        found(outer_);
      }
    }
  }

 private:
  reply outer_;
  std::uint64_t parts_left_ = 0;
};

}  // namespace kith::benchmarks
