#include "persistence/dead_letter.hpp"

#include <algorithm>

#include "persistence/store_keys.hpp"
#include "profile/msgpack.hpp"

namespace kith::persistence {

namespace {

namespace msgpack = profile::msgpack;

constexpr char head_version = 1;
constexpr std::size_t head_fields = 15;

char lower(char c) noexcept { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + ('a' - 'A')) : c; }

bool holds(std::string_view in, std::string_view text) {
  return std::search(in.begin(), in.end(), text.begin(), text.end(),
                     [](char a, char b) { return lower(a) == lower(b); }) != in.end();
}

/// Not within a character of UTF-8.
void cut(std::string& text, std::size_t most) {
  if (text.size() <= most) return;
  std::size_t end = most;
  while (end > 0 && (static_cast<unsigned char>(text[end]) & 0xC0) == 0x80) --end;
  text.resize(end);
}

/// Reads the fields of a head in their order; once one is of another kind, all that follow are none.
class head_reader {
 public:
  explicit head_reader(std::string_view bytes) : in_(bytes) {
    const auto all = in_.next();
    good_ = all.is_array() && all.size == head_fields;
  }
  std::string text() {
    const auto value = next();
    good_ = good_ && value.type == msgpack::kind::binary;
    return good_ ? std::string(value.bytes) : std::string();
  }
  std::int64_t number() {
    const auto value = next();
    good_ = good_ && value.type == msgpack::kind::integer;
    return good_ ? value.integer : 0;
  }
  bool flag() {
    const auto value = next();
    good_ = good_ && value.type == msgpack::kind::boolean;
    return good_ && value.integer != 0;
  }
  std::vector<dead_letter::header> headers() {
    std::vector<dead_letter::header> list;
    const auto all = next();
    good_ = good_ && all.is_array() && all.size % 2 == 0;
    for (std::uint32_t i = 0; good_ && i < all.size; i += 2) {
      auto name = text();
      list.emplace_back(std::move(name), text());
    }
    return list;
  }
  bool done_well() const { return good_ && in_.done(); }

 private:
  msgpack::token next() { return good_ ? in_.next() : msgpack::token{}; }

  msgpack::reader in_;
  bool good_ = false;
};

}  // namespace

bool matches_head(const dead_letter_filter& filter, const dead_letter& letter) {
  const auto is = [](const std::string& wanted, const std::string& have) { return wanted.empty() || wanted == have; };
  return is(filter.source, letter.source) && is(filter.edge, letter.edge) && is(filter.code, letter.code) &&
         is(filter.event, letter.event) && letter.at_ms >= filter.from_ms && letter.at_ms < filter.until_ms;
}

bool mentions(const dead_letter& letter, std::string_view text) {
  return holds(letter.message, text) || holds(letter.ids, text) || holds(letter.message_id, text) ||
         holds(letter.event, text) || holds(letter.bytes, text);
}

namespace {

bool is_word(char c) noexcept {
  return (c >= '0' && c <= '9') || (lower(c) >= 'a' && lower(c) <= 'z') || c == '_' || c == '-' ||
         (static_cast<unsigned char>(c) & 0x80) != 0;
}

/// As MessagePack writes a text of that size: in front of `at`.
bool is_msgpack_text(std::string_view in, std::size_t at, std::size_t size) noexcept {
  const auto before = [&](std::size_t back) { return static_cast<unsigned char>(in[at - back]); };
  if (size < 32 && at >= 1 && before(1) == (0xa0U | size)) return true;
  if (size < 256 && at >= 2 && before(2) == 0xd9 && before(1) == size) return true;
  return at >= 3 && before(3) == 0xda && before(2) == size >> 8 && before(1) == (size & 0xff);
}

bool names(std::string_view in, std::string_view value) {
  for (auto from = in.begin();;) {
    const auto found =
        std::search(from, in.end(), value.begin(), value.end(), [](char a, char b) { return lower(a) == lower(b); });
    if (found == in.end()) return false;
    const auto at = static_cast<std::size_t>(found - in.begin());
    const auto end = at + value.size();
    const bool begins = at == 0 || !is_word(in[at - 1]);
    const bool ends = end == in.size() || !is_word(in[end]);
    if ((begins && ends) || is_msgpack_text(in, at, value.size())) return true;
    from = found + 1;
  }
}

/// As a URL or a form has it.
std::string percent_encoded(std::string_view value) {
  constexpr std::string_view digits = "0123456789ABCDEF";
  std::string made;
  for (const char c : value) {
    if (c == '.' || (is_word(c) && static_cast<unsigned char>(c) < 0x80)) {
      made.push_back(c);
    } else {
      made.push_back('%');
      made.push_back(digits[static_cast<unsigned char>(c) >> 4]);
      made.push_back(digits[static_cast<unsigned char>(c) & 0xf]);
    }
  }
  return made;
}

bool names(const dead_letter& letter, std::string_view value) {
  const auto in_header = [&](const dead_letter::header& each) { return names(each.second, value); };
  return names(letter.ids, value) || names(letter.message, value) || names(letter.bytes, value) ||
         std::any_of(letter.headers.begin(), letter.headers.end(), in_header);
}

}  // namespace

bool names_any(const dead_letter& letter, const std::vector<std::string>& values) {
  return std::any_of(values.begin(), values.end(), [&](const std::string& value) {
    return !value.empty() && (names(letter, value) || names(letter, percent_encoded(value)));
  });
}

namespace letters {

std::string encode_head(const dead_letter& letter) {
  std::string made(1, head_version);
  msgpack::writer out(made);
  out.array(head_fields);
  out.integer(letter.at_ms);
  // As binary: what comes in by an edge need not be UTF-8.
  for (const auto* each : {&letter.source, &letter.edge, &letter.code, &letter.message, &letter.ids, &letter.event,
                           &letter.message_id, &letter.content_type}) {
    out.binary(*each);
  }
  out.array(letter.headers.size() * 2);
  for (const auto& [name, value] : letter.headers) {
    out.binary(name);
    out.binary(value);
  }
  out.integer(static_cast<std::int64_t>(letter.size));
  out.integer(static_cast<std::int64_t>(letter.kept));
  out.boolean(letter.truncated);
  out.integer(letter.attempts);
  out.integer(letter.replayed_ms);
  return made;
}

result<dead_letter> decode_head(std::string_view bytes) {
  if (bytes.empty() || bytes.front() != head_version) {
    return fail(errc::internal, "a dead letter is damaged, or was written by a later version of kith");
  }
  head_reader in(bytes.substr(1));
  dead_letter made;
  made.at_ms = in.number();
  for (auto* each : {&made.source, &made.edge, &made.code, &made.message, &made.ids, &made.event, &made.message_id,
                     &made.content_type}) {
    *each = in.text();
  }
  made.headers = in.headers();
  made.size = static_cast<std::uint64_t>(in.number());
  made.kept = static_cast<std::uint64_t>(in.number());
  made.truncated = in.flag();
  made.attempts = static_cast<std::uint32_t>(in.number());
  made.replayed_ms = in.number();
  if (!in.done_well()) return fail(errc::internal, "a dead letter is damaged");
  return made;
}

void cut_texts(dead_letter& letter) {
  cut(letter.message, letter_message_bytes);
  for (auto* each : {&letter.source, &letter.edge, &letter.code, &letter.ids, &letter.event, &letter.message_id,
                     &letter.content_type}) {
    cut(*each, letter_text_bytes);
  }
}

bool cut_to_fit(dead_letter& letter, std::size_t most_bytes) {
  letter.size = letter.bytes.size();
  cut_texts(letter);
  bool whole = true;
  std::size_t size = 0;
  for (auto at = letter.headers.begin(); at != letter.headers.end(); ++at) {
    size += at->first.size() + at->second.size();
    if (size <= letter_headers_bytes) continue;
    letter.headers.erase(at, letter.headers.end());
    whole = false;
    break;
  }
  if (letter.bytes.size() > most_bytes) {
    letter.bytes.resize(most_bytes);
    whole = false;
  }
  letter.kept = letter.bytes.size();
  if (!whole) letter.truncated = true;
  return whole;
}

std::string id_of(std::uint64_t number) { return keys::to_hex(keys::big_endian(number)); }

bool parse_id(std::string_view id, std::uint64_t& number) {
  std::string bytes;
  if (id.size() != 16 || !keys::from_hex(id, bytes)) return false;
  number = keys::from_big_endian(bytes.data());
  return true;
}

}  // namespace letters

}  // namespace kith::persistence
