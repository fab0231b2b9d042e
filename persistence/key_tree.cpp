#include "persistence/key_tree.hpp"

#include <algorithm>

namespace kith::persistence {

using profile::hash128;

namespace {

constexpr unsigned bits = 5;  ///< of a way, a level
static_assert(key_tree::children == 1U << bits && key_tree::levels * bits <= 64);

constexpr std::uint64_t mask(unsigned depth) noexcept {
  return depth == 0 ? 0 : ~std::uint64_t{0} << (64 - bits * depth);
}

/// Which child of a node of this depth the way goes through.
constexpr unsigned child_at(std::uint64_t way, unsigned depth) noexcept {
  return static_cast<unsigned>(way >> (64 - bits * (depth + 1))) & (key_tree::children - 1);
}

/// What covers all that the node covers but these addresses, which it covers; both in order.
void split(const key_tree::node& whole, std::span<const hash128> addresses, secret_generator& by,
           std::vector<key_tree::node>& into) {
  if (addresses.empty()) return into.push_back(whole);
  if (whole.depth == key_tree::levels) return;
  for (unsigned number = 0; number < key_tree::children; ++number) {
    std::size_t below = 0;
    while (below < addresses.size() && child_at(addresses[below].high, whole.depth) == number) ++below;
    const auto way = whole.way | std::uint64_t{number} << (64 - bits * (whole.depth + 1));
    split({way, static_cast<std::uint8_t>(whole.depth + 1), by.child(whole.value, number)}, addresses.first(below), by,
          into);
    addresses = addresses.subspan(below);
  }
}

}  // namespace

key_tree::key_tree(const secret& root) { nodes_.push_back({0, 0, root}); }

std::uint64_t key_tree::way_of(hash128 address) noexcept { return address.high & mask(levels); }

const key_tree::node* key_tree::covering(hash128 address) const noexcept {
  auto at = std::upper_bound(nodes_.begin(), nodes_.end(), address.high,
                             [](std::uint64_t way, const node& each) { return way < each.way; });
  if (at == nodes_.begin()) return nullptr;
  --at;
  return (address.high & mask(at->depth)) == at->way ? &*at : nullptr;
}

secret key_tree::below(const secret& value, unsigned from, unsigned to, hash128 address, secret_generator& by) {
  auto at = value;
  for (auto depth = from; depth < to; ++depth) at = by.child(at, child_at(address.high, depth));
  return at;
}

std::optional<secret> key_tree::key_of(hash128 address, secret_generator& by) const {
  const auto* from = covering(address);
  if (from == nullptr) return std::nullopt;
  return below(from->value, from->depth, levels, address, by);
}

std::size_t key_tree::destroy(std::vector<hash128> addresses, secret_generator& by) {
  std::sort(addresses.begin(), addresses.end());
  addresses.erase(std::unique(addresses.begin(), addresses.end()), addresses.end());
  // Into a new vector, so that no copy of the old nodes stays in memory that was given back: they end overwritten.
  std::vector<node> next;
  next.reserve(nodes_.size() + addresses.size() * most_added);
  std::size_t destroyed = 0;
  auto at = addresses.begin();
  for (const auto& each : nodes_) {
    while (at != addresses.end() && at->high < each.way) ++at;  // covered by none
    const auto from = at;
    while (at != addresses.end() && (at->high & mask(each.depth)) == each.way) ++at;
    destroyed += static_cast<std::size_t>(at - from);
    split(each, {from, at}, by, next);
  }
  nodes_ = std::move(next);
  return destroyed;
}

void key_tree::encode(std::string& to) const {
  to.reserve(to.size() + sizeof(std::uint32_t) + nodes_.size() * node_bytes);
  profile::put(to, static_cast<std::uint32_t>(nodes_.size()));
  for (const auto& each : nodes_) {
    profile::put(to, each.way);
    profile::put(to, each.depth);
    to.append(reinterpret_cast<const char*>(each.value.bytes.data()), secret_bytes);
  }
}

key_tree key_tree::decode(profile::taker& from) {
  key_tree made;
  const auto count = from.number<std::uint32_t>();
  if (from.failed() || count > from.rest().size() / node_bytes) {
    from.fail();
    return made;
  }
  made.nodes_.reserve(count);
  for (auto left = count; left > 0; --left) {
    node each;
    each.way = from.number<std::uint64_t>();
    each.depth = from.number<std::uint8_t>();
    const auto value = from.take(secret_bytes);
    if (each.depth > levels || (each.way & ~mask(each.depth)) != 0) from.fail();
    if (!made.nodes_.empty()) {
      const auto& before = made.nodes_.back();
      if (before.way >= each.way || (each.way & mask(before.depth)) == before.way) from.fail();
    }
    if (from.failed()) return key_tree();
    std::copy(value.begin(), value.end(), each.value.bytes.begin());
    made.nodes_.push_back(each);
  }
  return made;
}

}  // namespace kith::persistence
