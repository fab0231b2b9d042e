#include "ingest/webhook/payload_values.hpp"

#include <algorithm>

#include "ingest/webhook/bounds.hpp"
#include "profile/cel/msgpack_view.hpp"
#include "profile/encoding.hpp"
#include "profile/utf8.hpp"

namespace kith::ingest::webhook {

namespace cel = profile::cel;
using cel::value;

namespace {

/// Headers that hold credentials: a mapping must not carry them into profiles.
constexpr std::array<std::string_view, 4> hidden = {"authorization", "proxy-authorization", "cookie", "set-cookie"};

/// The map with its entries found without going through the bytes of those before them, and so for maps within it.
value indexed(const value& of, std::size_t levels, cel::arena& memory) {
  if (!of.is(cel::kind::map) || levels == 0 || of.as_map().size() > bounds::indexed_entries) return of;
  const auto& map = of.as_map();
  const auto size = map.size();
  auto* const entries = memory.make_array<cel::map_entry>(size);
  if (entries == nullptr) return of;
  std::uint64_t position = 0;
  for (std::size_t i = 0; i < size; ++i) {
    entries[i] = map.next(position, memory);
    entries[i].held = indexed(entries[i].held, levels - 1, memory);
  }
  const auto* const made = memory.make<cel::array_map>(std::span<const cel::map_entry>(entries, size));
  return made == nullptr ? of : value::map(made);
}

value map_over(const std::vector<cel::map_entry>& entries, cel::arena& memory) {
  const auto* const made = memory.make<cel::array_map>(std::span<const cel::map_entry>(entries));
  return made == nullptr ? value::error(cel::failure::memory) : value::map(made);
}

std::string lower(std::string_view text) {
  std::string made(text);
  for (auto& c : made) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c + ('a' - 'A'));
  }
  return made;
}

}  // namespace

payload_values::payload_values(const delivery& of) : digest_(digest_of(of.source, of.raw_body)) {
  read_headers(of.headers);
  read_query(of.query);
  at(variable_index::body) = indexed(cel::from_msgpack(of.body, memory_), bounds::indexed_levels, memory_);
  at(variable_index::headers) = map_over(headers_, memory_);
  at(variable_index::query) = map_over(query_, memory_);
  at(variable_index::source) = value::string(of.source);
  at(variable_index::delivery) = value::string(of.id);
  at(variable_index::digest) = value::string(digest_);
}

/// The first of a name counts. What is no UTF-8 is left out: events hold nothing else.
void payload_values::add(entries& to, std::string name, std::string held) {
  if (!profile::is_utf8(name) || !profile::is_utf8(held)) return;
  const auto same = [&](const cel::map_entry& each) { return each.key.as_text() == name; };
  if (std::any_of(to.begin(), to.end(), same)) return;
  const auto key = value::string(texts_.emplace_back(std::move(name)));
  to.push_back({key, value::string(texts_.emplace_back(std::move(held)))});
}

void payload_values::read_headers(std::span<const net::http_field> fields) {
  for (const auto& each : fields) {
    auto name = lower(each.name);
    if (std::find(hidden.begin(), hidden.end(), name) != hidden.end()) continue;
    add(headers_, std::move(name), std::string(each.value));
  }
}

void payload_values::read_query(std::string_view text) {
  while (!text.empty()) {
    const auto pair = text.substr(0, text.find('&'));
    text.remove_prefix(std::min(text.size(), pair.size() + 1));
    const auto equals = pair.find('=');
    auto name = profile::percent_decoded(pair.substr(0, equals), true);
    auto held = profile::percent_decoded(equals == pair.npos ? std::string_view() : pair.substr(equals + 1), true);
    if (name && held && !name->empty()) add(query_, std::move(*name), std::move(*held));
  }
}

}  // namespace kith::ingest::webhook
