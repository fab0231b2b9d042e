#include "profile/from_json.hpp"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "profile/event.hpp"
#include "profile/msgpack_scan.hpp"
#include "profile/utf8.hpp"

namespace kith::profile {

namespace {

struct too_deep {};

/// Typographic quotes, too.
bool is_letter(char c) noexcept {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' || static_cast<unsigned char>(c) >= 0x80;
}

/// Is that byte within a text, or within a key?
bool is_quoted(std::string_view text, std::size_t at) noexcept {
  bool quoted = false;
  for (std::size_t i = 0; i < at; ++i) {
    if (quoted && text[i] == '\\') {
      ++i;
    } else if (text[i] == '"') {
      quoted = !quoted;
    }
  }
  return quoted;
}

/// The literal whose beginning ends before that byte, where a value may stand; empty: it is no beginning of one.
std::string_view cut_off_literal(std::string_view text, std::size_t at) noexcept {
  const auto is_part = [&](std::size_t i) { return is_letter(text[i]) || (text[i] >= '0' && text[i] <= '9'); };
  auto begin = std::min(at, text.size());
  const auto end = begin;
  while (begin > 0 && is_part(begin - 1)) --begin;
  if (begin == end || (end < text.size() && is_part(end)) || is_quoted(text, begin)) return {};
  const auto behind = text.find_first_not_of(" \t\r\n", end);
  if (behind != text.npos && text[behind] == ':') return {};  // a key
  const auto word = text.substr(begin, end - begin);
  for (const std::string_view each : {"true", "false", "null"}) {
    if (word.size() < each.size() && each.starts_with(word)) return each;
  }
  return {};
}

/// What is wrong at that byte, counted from 1, and how to mend it. The text itself is not told: it may be personal.
std::string mending(std::string_view text, std::size_t byte) {
  const auto at = byte == 0 ? 0 : byte - 1;
  if (text.find_first_not_of(" \t\r\n") == text.npos) return "there is nothing in it";
  if (const auto literal = cut_off_literal(text, at); !literal.empty()) {
    return "the word that ends there is cut off; write " + std::string(literal) +
           (at >= text.size() ? ", and close what is open" : "");
  }
  if (at >= text.size()) return "it ends too early; close what is open: a bracket, a brace or a double quote";
  const char found = text[at];
  const auto before = at == 0 ? text.npos : text.find_last_not_of(" \t\r\n", at - 1);
  const char last = before == text.npos ? '\0' : text[before];
  if (static_cast<unsigned char>(found) < 0x20 || found == 0x7f) {
    return "a control character stands in it as it is; write it as \\n, \\t or \\u0001 within a text";
  }
  if (!is_utf8(text)) return "it is not UTF-8; convert it, as by iconv -t UTF-8";
  if ((found == '}' || found == ']') && last == ',') return "take out the comma before the bracket";
  if (found == '"') return "a comma or a colon is missing before the text that ends there";
  if (found == '\'') return "put texts into double quotes";
  if (is_letter(found) || is_letter(last)) {
    return "put keys and texts into double quotes; without them there are only true, false, null and numbers";
  }
  if (last == '}' || last == ']' || last == '"') return "a comma or a colon is missing before it, or it is too much";
  return std::string("\"") + found + "\" has no place there";
}

}  // namespace

result<std::string> msgpack_from_json(std::string_view text, std::string_view what) {
  using json = nlohmann::json;
  const std::string named(what);
  try {
    // The depth is bounded while parsing: what comes later may recurse.
    const auto bounded = [](int depth, json::parse_event_t step, json&) {
      const bool opens = step == json::parse_event_t::object_start || step == json::parse_event_t::array_start;
      if (opens && depth >= static_cast<int>(limits::max_nesting)) throw too_deep{};
      return true;
    };
    const auto value = json::parse(text.begin(), text.end(), bounded);
    std::string bytes;
    json::to_msgpack(value, bytes);
    return bytes;
  } catch (const too_deep&) {
    return fail(errc::invalid_argument, named + ": nests over " + std::to_string(limits::max_nesting) + " levels");
  } catch (const json::parse_error& error) {
    return fail(errc::invalid_argument,
                named + ": is not JSON at byte " + std::to_string(error.byte) + ": " + mending(text, error.byte));
  } catch (const json::exception&) {  // a number that no type holds
    return fail(errc::invalid_argument,
                named + ": has a number that is too large; write it as a text, or at most 1.7e308");
  }
}

result<std::string> event_from_json(std::string_view text) {
  auto bytes = msgpack_from_json(text, "event");
  if (bytes && !msgpack::is_map(*bytes))
    return fail(errc::invalid_argument,
                "event: must be a JSON object, as {\"type\": …}; of an array write each element on a line of its own");
  return bytes;
}

}  // namespace kith::profile
