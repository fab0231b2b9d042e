#include "profile/cel/msgpack_view.hpp"

#include "profile/cel/civil.hpp"
#include "profile/cel/collections.hpp"
#include "profile/msgpack_scan.hpp"

namespace kith::profile::cel {

namespace {

using msgpack::load_big_endian;

value broken() noexcept { return value::error(failure::bad_encoding); }

/// The value at `at`, and `at` moves behind it; to the end if the bytes are broken.
value take(const char*& at, const char* end, arena& memory) noexcept {
  const char* const behind = msgpack::end_of_value(at, end, msgpack::deepest_skip);
  if (behind == nullptr) {
    at = end;
    return broken();
  }
  const auto taken = from_msgpack({at, static_cast<std::size_t>(behind - at)}, memory);
  at = behind;
  return taken;
}

class encoded_list final : public list_source {
 public:
  encoded_list(std::size_t size, std::string_view elements) noexcept : size_(size), elements_(elements) {}

  std::size_t size() const noexcept override { return size_; }
  value at(std::size_t index, arena& memory) const noexcept override {
    const char* at = elements_.data();
    const char* const end = at + elements_.size();
    for (; index > 0; --index) {
      at = msgpack::end_of_value(at, end, msgpack::deepest_skip);
      if (at == nullptr) return broken();
    }
    return take(at, end, memory);
  }
  value next(std::uint64_t& position, arena& memory) const noexcept override {
    const char* at = elements_.data() + position;
    const auto taken = take(at, elements_.data() + elements_.size(), memory);
    position = static_cast<std::uint64_t>(at - elements_.data());
    return taken;
  }

 private:
  std::size_t size_;
  std::string_view elements_;
};

class encoded_map final : public map_source {
 public:
  encoded_map(std::size_t size, std::string_view entries) noexcept : size_(size), entries_(entries) {}

  std::size_t size() const noexcept override { return size_; }
  bool find(const value& key, arena& memory, value& found) const noexcept override {
    const char* at = entries_.data();
    const char* const end = at + entries_.size();
    const bool by_text = key.is(kind::string);
    for (auto left = size_; left > 0; --left) {
      std::string_view text;
      bool same = false;
      if (msgpack::take_string(at, end, text)) same = by_text && text == key.as_text();
      else same = same_key(take(at, end, memory), key);
      if (same) {
        found = take(at, end, memory);
        return true;
      }
      at = msgpack::end_of_value(at, end, msgpack::deepest_skip);
      if (at == nullptr) return false;
    }
    return false;
  }
  map_entry next(std::uint64_t& position, arena& memory) const noexcept override {
    const char* at = entries_.data() + position;
    const char* const end = entries_.data() + entries_.size();
    map_entry entry;
    entry.key = take(at, end, memory);
    entry.held = take(at, end, memory);
    position = static_cast<std::uint64_t>(at - entries_.data());
    return entry;
  }

 private:
  std::size_t size_;
  std::string_view entries_;
};

value decode_timestamp(const msgpack::token& token) noexcept {
  instant at;
  const char* const payload = token.bytes.data();
  switch (token.bytes.size()) {
    case 4: at.seconds = static_cast<std::int64_t>(load_big_endian(payload, 4)); break;
    case 8: {
      const auto packed = load_big_endian(payload, 8);
      at.nanos = static_cast<std::int32_t>(packed >> 34U);
      at.seconds = static_cast<std::int64_t>(packed & 0x3ffffffffULL);
      break;
    }
    case 12:
      at.nanos = static_cast<std::int32_t>(load_big_endian(payload, 4));
      at.seconds = static_cast<std::int64_t>(load_big_endian(payload + 4, 8));
      break;
    default: return broken();
  }
  if (at.nanos < 0 || at.nanos > 999'999'999 || !in_range(at)) return value::error(failure::range, "timestamp");
  return value::timestamp(at);
}

template <class Source>
const Source* make_source(const msgpack::token& token, std::string_view rest, arena& memory) noexcept {
  return memory.make<Source>(token.size, rest);
}

void put_big_endian(char* at, std::uint64_t number, int bytes) noexcept {
  for (int i = bytes - 1; i >= 0; --i) {
    at[i] = static_cast<char>(number & 0xffU);
    number >>= 8U;
  }
}

void write_timestamp(const instant& at, msgpack::writer& out) {
  char encoded[15] = {'\xc7', 12, '\xff'};
  put_big_endian(encoded + 3, static_cast<std::uint64_t>(at.nanos), 4);
  put_big_endian(encoded + 7, static_cast<std::uint64_t>(at.seconds), 8);
  out.raw({encoded, sizeof encoded});
}

void write(const value& of, msgpack::writer& out, arena& memory, std::size_t depth) {
  char text[32];
  std::uint64_t position = 0;
  if (depth == 0) return out.nil();
  switch (of.is()) {
    case kind::boolean: return out.boolean(of.as_boolean());
    case kind::integer: return out.integer(of.as_integer());
    case kind::natural: return out.natural(of.as_natural());
    case kind::real: return out.real(of.as_real());
    case kind::string:
    case kind::type: return out.string(of.as_text());
    case kind::bytes: return out.binary(of.as_text());
    case kind::timestamp: return write_timestamp(of.as_timestamp(), out);
    case kind::duration: return out.string(format_duration(of.as_integer(), text));
    case kind::list: {
      const auto& list = of.as_list();
      out.array(list.size());
      for (auto left = list.size(); left > 0; --left) write(list.next(position, memory), out, memory, depth - 1);
      return;
    }
    case kind::map: {
      const auto& map = of.as_map();
      out.map(map.size());
      for (auto left = map.size(); left > 0; --left) {
        const auto entry = map.next(position, memory);
        write(entry.key, out, memory, depth - 1);
        write(entry.held, out, memory, depth - 1);
      }
      return;
    }
    default: return out.nil();
  }
}

}  // namespace

value from_msgpack(std::string_view encoded, arena& memory) noexcept {
  msgpack::reader in(encoded);
  const auto token = in.next();
  switch (token.type) {
    case msgpack::kind::nil: return value::null();
    case msgpack::kind::boolean: return value::boolean(token.integer != 0);
    case msgpack::kind::integer: return value::integer(token.integer);
    case msgpack::kind::natural: return value::natural(token.natural);
    case msgpack::kind::real: return value::real(token.real);
    case msgpack::kind::string: return value::string(token.bytes);
    case msgpack::kind::binary: return value::bytes(token.bytes);
    case msgpack::kind::array: {
      const auto* const list = make_source<encoded_list>(token, in.rest(), memory);
      if (list == nullptr) return value::error(failure::memory);
      return token.size > in.rest().size() ? broken() : value::list(list);
    }
    case msgpack::kind::map: {
      const auto* const map = make_source<encoded_map>(token, in.rest(), memory);
      if (map == nullptr) return value::error(failure::memory);
      return token.size > in.rest().size() / 2 ? broken() : value::map(map);
    }
    case msgpack::kind::extension: return token.extension_type == -1 ? decode_timestamp(token) : broken();
    default: return broken();
  }
}

void write_msgpack(const value& of, msgpack::writer& out, arena& memory) {
  write(of, out, memory, limits::value_nesting);
}

void write_msgpack(const value& of, msgpack::writer& out) {
  arena memory;
  write_msgpack(of, out, memory);
}

}  // namespace kith::profile::cel
