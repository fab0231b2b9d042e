// A key for each of 2^128 addresses, out of one secret, any of which can be destroyed for good: a puncturable
// pseudo-random function by the tree of Goldreich, Goldwasser and Micali (docs/decisions/0006).
//
// The first 64 bits of an address are a way through a tree of 16 levels in which each node has 16 children. A child is
// a hash of its parent and its number, and the key a hash of the leaf and the rest of the address. To destroy a key is
// to replace the node that covers it by the siblings along its way: of these its own nodes cannot be computed.
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
  static constexpr unsigned levels = 16;
  static constexpr unsigned children = 16;

  struct node {
    std::uint64_t way = 0;   ///< its first 4 * depth bits; the others are 0
    std::uint8_t depth = 0;  ///< 0: the root; `levels`: a leaf
    secret value;
  };

  key_tree() = default;  ///< of no keys
  explicit key_tree(const secret& root);

  /// The node from which the address's key follows; null: it was destroyed.
  const node* covering(profile::hash128 address) const noexcept;
  /// Nothing: it was destroyed.
  std::optional<secret> key_of(profile::hash128 address, secret_hasher& by) const;
  /// How many of these keys were there before. Takes as long as the tree and the addresses are many.
  std::size_t destroy(std::vector<profile::hash128> addresses, secret_hasher& by);
  bool is_whole() const noexcept { return nodes_.size() == 1 && nodes_[0].depth == 0; }
  std::size_t size() const noexcept { return nodes_.size(); }
  static constexpr std::size_t most_added = levels * (children - 1);  ///< nodes, by destroying one key
  static constexpr std::size_t node_bytes = 8 + 1 + secret_bytes;     ///< as it is encoded

  void encode(std::string& to) const;
  static key_tree decode(profile::taker& from);  ///< fails `from` if it is none

  /// The node of this depth on the way to the address, from one above it or it itself.
  static secret below(const secret& value, unsigned from, unsigned to, profile::hash128 address, secret_hasher& by);
  /// The key, from the leaf.
  static secret key_of_leaf(const secret& leaf, profile::hash128 address, secret_hasher& by);

 private:
  std::vector<node> nodes_;  ///< sorted by way
};

}  // namespace kith::persistence
