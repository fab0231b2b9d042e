#include "profile/segments/computed_values.hpp"

#include <algorithm>

#include "profile/msgpack.hpp"
#include "profile/msgpack_scan.hpp"
#include "profile/segments/bounds.hpp"
#include "profile/segments/standing.hpp"

namespace kith::profile::segments {

namespace {

constexpr std::size_t head_bytes = sizeof(std::uint64_t) + sizeof(std::uint16_t);
static_assert(bounds::computed_bytes <= UINT16_MAX);

bool is_one_value(std::string_view bytes) {
  return !bytes.empty() && msgpack::end_of_value(bytes.data(), bytes.data() + bytes.size(), msgpack::deepest_skip) ==
                               bytes.data() + bytes.size();
}

}  // namespace

computed_values::place computed_values::look(std::uint64_t key) const noexcept {
  std::size_t at = 0;
  while (at < bytes_.size()) {
    const auto there = get<std::uint64_t>(bytes_.data() + at);
    if (there > key) break;
    const std::size_t size = get<std::uint16_t>(bytes_.data() + at + sizeof(key));
    if (there == key) return {at, size};
    at += head_bytes + size;
  }
  return {at, 0};
}

std::string_view computed_values::find(std::uint64_t key) const noexcept {
  const auto found = look(key);
  return found.size == 0 ? std::string_view{} : std::string_view(bytes_).substr(found.at + head_bytes, found.size);
}

void computed_values::set(std::uint64_t key, std::string_view value) {
  const auto found = look(key);
  const auto before = found.size == 0 ? 0 : head_bytes + found.size;
  if (value.size() == found.size) {
    bytes_.replace(found.at + before - found.size, found.size, value);
    return;
  }
  std::string made;
  if (!value.empty()) {
    put(made, key);
    put_text<std::uint16_t>(made, value);
  }
  bytes_.replace(found.at, before, made);
}

void computed_values::keep_only(std::span<const std::uint64_t> keys) {
  std::string kept;
  for_each([&](const entry& each) {
    if (!std::binary_search(keys.begin(), keys.end(), each.key)) return;
    put(kept, each.key);
    put_text<std::uint16_t>(kept, each.value);
  });
  bytes_ = std::move(kept);
}

std::size_t computed_values::heap_bytes() const noexcept {
  const std::string in_place;
  return bytes_.capacity() > in_place.capacity() ? bytes_.capacity() + 1 : 0;
}

bool computed_values::decode(std::string_view bytes, computed_values& into) {
  std::uint64_t before = 0;
  for (taker in(bytes); !in.done();) {
    const bool is_first = in.rest().size() == bytes.size();
    const auto each = take(in);
    if (in.failed() || !is_one_value(each.value) || (!is_first && each.key <= before)) return false;
    before = each.key;
  }
  into.bytes_ = bytes;
  return true;
}

bool computed_values::decode_named(std::string_view bytes, computed_values& into) {
  if (!is_one_value(bytes) || !msgpack::is_map(bytes)) return false;
  msgpack::reader in(bytes);
  std::string_view before;
  for (auto left = in.next().size; left > 0; --left) {
    const auto name = in.next();
    if (!name.is_string() || name.bytes <= before) return false;
    before = name.bytes;
    const auto value = in.skip();
    if (value.empty() || value.size() > bounds::computed_bytes) return false;
    into.set(segment_key(name.bytes), value);
  }
  return true;
}

}  // namespace kith::profile::segments
