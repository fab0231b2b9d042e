// A key for each address, out of one secret, any of which can be destroyed for good: a puncturable pseudo-random
// function by the tree of Goldreich, Goldwasser and Micali (docs/decisions/0006).
//
// The first 50 bits of an address are a way through a tree of 10 levels in which each node has 32 children; the leaf is
// the key. To destroy a key is to replace the node that covers it by the siblings along its way: of these its own nodes
// cannot be computed. Two addresses of the same way, of which there are some among 2^25, have a key in common.
//
// Invariants
//   - No two nodes cover each other; what no node covers is destroyed.
// Thread safety: a tree that does not change may be read from any thread.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "persistence/secret.hpp"
#include "profile/bytes.hpp"
#include "profile/hash.hpp"

namespace kith::persistence {

class key_tree {
 public:
  static constexpr unsigned levels = 10;
  static constexpr unsigned children = 32;

  struct node {
    std::uint64_t way = 0;   ///< its first 5 * depth bits; the others are 0
    std::uint8_t depth = 0;  ///< 0: the root; `levels`: a leaf
    secret value;
  };

  key_tree() = default;  ///< of no keys
  explicit key_tree(const secret& root);

  /// The address's way through it: the same for all that have a key in common. The last bits are 0.
  static std::uint64_t way_of(profile::hash128 address) noexcept;
  /// The node from which the address's key follows; null: it was destroyed.
  const node* covering(profile::hash128 address) const noexcept;
  /// Nothing: it was destroyed.
  std::optional<secret> key_of(profile::hash128 address, secret_generator& by) const;
  /// How many of these keys were there before. Takes as long as the tree and the addresses are many.
  std::size_t destroy(std::vector<profile::hash128> addresses, secret_generator& by);
  bool is_whole() const noexcept { return nodes_.size() == 1 && nodes_[0].depth == 0; }
  std::size_t size() const noexcept { return nodes_.size(); }
  static constexpr std::size_t most_added = levels * (children - 1);  ///< nodes, by destroying one key
  static constexpr std::size_t node_bytes = 8 + 1 + secret_bytes;     ///< as it is encoded

  void encode(std::string& to) const;
  static key_tree decode(profile::taker& from);  ///< fails `from` if it is none

  /// The node of this depth on the way to the address, from one above it or it itself.
  static secret below(const secret& value, unsigned from, unsigned to, profile::hash128 address, secret_generator& by);

 private:
  std::vector<node> nodes_;  ///< sorted by way
};

}  // namespace kith::persistence
