// A journal record whose pieces are encrypted by a key of each person, and the whole by one of its epoch
// (docs/decisions/0006).
//
//   version (1), epoch (4), nonce (12), length of the index (4)
//   index: length of the head (2), head, number of pieces (4), each piece's permuted address (16), note (1), length (4)
//   pieces, each by AES-256-CTR under the key of its address
//   tag (16)
// The index is encrypted by AES-256-GCM under the epoch's key, with all else, the encrypted pieces too, as additional
// data: nobody changes any of it.
//
// Numbers are little-endian, those of the nonce too: who wrote it (4) and how many it wrote before (8). A piece's
// counter begins with the nonce, then, big-endian (4), how many blocks of 16 the pieces before it have at most.
//
// Thread safety: a sealer and an opener belong to one thread at a time.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "persistence/key_ring.hpp"

namespace kith::persistence {

inline constexpr char sealed_version = 4;

inline constexpr std::size_t sealed_head_bytes = 1 + 4;  ///< that tell the epoch

inline bool is_sealed(std::string_view payload) noexcept { return !payload.empty() && payload[0] == sealed_version; }
/// Nothing: it is not sealed.
inline std::optional<std::uint32_t> sealed_epoch(std::string_view payload) noexcept {
  if (!is_sealed(payload) || payload.size() < sealed_head_bytes) return std::nullopt;
  return profile::get<std::uint32_t>(payload.data() + 1);
}

/// Derived keys, a bounded number, of whatever epochs. It begins small, and grows while more are asked for than it has
/// room for.
class key_cache {
 public:
  explicit key_cache(std::size_t most_bytes);
  ~key_cache();
  key_cache(const key_cache&) = delete;
  key_cache& operator=(const key_cache&) = delete;

  void prefetch(profile::hash128 permuted) const noexcept;
  /// Null: it was destroyed. Good until the next call.
  const secret* find(const key_epoch& of, profile::hash128 permuted);
  void forget(const key_epoch& of, profile::hash128 permuted) noexcept;
  void clear() noexcept;
  std::size_t bytes() const noexcept { return slots_ * sizeof(slot); }

 private:
  static constexpr unsigned upper_levels = 3;  ///< of the tree, whose nodes are kept
  static constexpr unsigned upper_bits = 15;   ///< of the way to one of them
  struct alignas(64) slot {                    ///< a line of the processor's caches
    std::uint64_t owner;                       ///< way_of() the address; 0: none
    std::uint32_t epoch;                       ///< the same way leads to another key in each
    bool left;                                 ///< of no owner: it had one, and what came later may lie behind it
    unsigned char key[secret_bytes];
  };
  struct upper_node {
    bool known = false;
    secret value;
  };
  struct free_memory {
    void operator()(unsigned char* memory) const noexcept;
  };
  /// What tells the keys of an epoch apart, and is not 0: addresses of the same way have the same key.
  static std::uint64_t way_of(profile::hash128 permuted) noexcept { return key_tree::way_of(permuted) | 1; }
  /// A key is in this slot or one of the next.
  std::size_t home_of(std::uint64_t owner) const noexcept;
  static std::size_t upper_of(profile::hash128 permuted) noexcept { return permuted.high >> (64 - upper_bits); }
  void resize(std::size_t slots);
  template <typename F>
  slot* first_slot(std::uint64_t owner, F wanted) noexcept;
  slot* slot_of(std::uint32_t epoch, std::uint64_t owner) noexcept;
  slot& take_slot(std::uint64_t owner) noexcept;
  bool derive(const key_epoch& of, profile::hash128 permuted, secret& into);

  secret_generator generator_;
  const std::size_t most_slots_;
  std::size_t slots_ = 0;
  std::size_t used_ = 0;                                ///< of them
  std::unique_ptr<unsigned char, free_memory> memory_;  ///< zeros, of which the system gives what is used
  slot* table_ = nullptr;
  std::vector<upper_node> upper_;
  std::uint32_t upper_epoch_ = 0;
  secret found_;
};

struct record_piece {
  profile::hash128 address;
  unsigned char note = 0;  ///< for whom writes and reads it
  std::string_view bytes;
  bool destroyed = false;  ///< when it is read: nobody can any more, and `bytes` are none
};

class record_sealer {
 public:
  /// `writer`: no two write in the same epoch.
  record_sealer(std::shared_ptr<const key_epoch> epoch, std::uint32_t writer, std::size_t cache_bytes);

  /// `to` becomes the record. A piece of an address whose key was destroyed is left out.
  void seal(std::string_view head, std::span<const record_piece> pieces, std::string& to);
  /// From now on records are of that epoch, or of the same with fewer keys: those of `destroyed` are forgotten.
  void adopt(std::shared_ptr<const key_epoch> epoch, std::span<const profile::hash128> destroyed);

 private:
  struct kept_pieces {
    std::uint32_t entries = 0;
    std::size_t bytes = 0;
  };
  void permute(std::span<const record_piece> pieces);
  kept_pieces write_pieces(std::span<const record_piece> pieces, char* to);

  std::shared_ptr<const key_epoch> epoch_;
  const std::uint32_t writer_;
  std::uint64_t written_ = 0;
  key_cache keys_;
  key_stream stream_;
  std::optional<aead> whole_;
  std::optional<permutation> permutation_;
  std::string permuted_;
};

struct opened_record {
  std::string bytes;  ///< what the views are of
  std::string_view head;
  std::vector<record_piece> pieces;
  std::size_t destroyed = 0;  ///< of the pieces
};

class record_opener {
 public:
  /// The ring outlives it.
  record_opener(const key_ring& ring, std::size_t cache_bytes);
  /// Errors: internal (not what was sealed, cut off, or of an epoch that the ring does not have).
  result<void> open(std::string_view payload, opened_record& into);

 private:
  result<void> choose(std::uint32_t number);
  bool take_pieces(std::string_view nonce, std::string_view index, opened_record& into);

  const key_ring& ring_;
  key_cache keys_;
  key_stream stream_;
  std::shared_ptr<const key_epoch> epoch_;
  std::uint64_t destructions_ = 0;
  std::optional<aead> whole_;
  std::optional<permutation> permutation_;
};

}  // namespace kith::persistence
