// Who was erased: `DATA/privacy/book`, replaced as a whole. It has the erasures whose bytes are not all gone yet, with
// the identifiers that they still need, and the suppressed identifiers, as salted hashes only.
//
// Invariants
//   - What begin() acknowledged is durable: an erasure that began is finished, by this process or by a later one, and
//     its identifiers are suppressed from the same instant.
//   - An identifier stays suppressed while an erasure of it is not finished.
//   - Of a finished erasure only hashes are left here.
// Thread safety: all of it, from any thread; a suppressed_ids and an erased_addresses do not change once they are made.
#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include "persistence/file.hpp"
#include "profile/hash.hpp"
#include "profile/identifier.hpp"
#include "profile/result.hpp"

namespace kith::persistence {

using salted_hash = std::array<unsigned char, 32>;  ///< SHA-256 of the salt and an identifier's address
std::string to_hex(const salted_hash& hash);
bool from_hex(std::string_view text, salted_hash& hash);

/// The identifiers that nothing is taken in of. A look-up that finds nothing, as nearly all do, costs a multiplication
/// and a bit of memory; only what passes that is hashed.
class suppressed_ids {
 public:
  struct entry {
    std::uint32_t tag = 0;      ///< of the address, by the salt
    std::int64_t since_ms = 0;  ///< milliseconds since 1970
  };
  struct hasher {
    std::size_t operator()(const salted_hash& hash) const noexcept;
  };
  using table = std::unordered_map<salted_hash, entry, hasher>;

  suppressed_ids(std::string salt, table all);

  bool contains(profile::hash128 address) const;
  salted_hash hash_of(profile::hash128 address) const;
  const table& all() const noexcept { return all_; }

 private:
  friend class erasure_book;
  std::uint32_t tag_of(profile::hash128 address) const noexcept;
  void mark(std::uint32_t tag);

  const std::string salt_;
  table all_;
  std::vector<std::uint64_t> bits_;  ///< a power of two of words, by tag
};

struct pending_erasure {
  std::string id;  ///< 32 hexadecimal digits
  std::int64_t at_ms = 0;
  std::vector<profile::hash128> addresses;
  std::vector<profile::identifier> identifiers;  ///< those of the addresses whose words are known
  bool carried_out = false;                      ///< and told so; a start does it anew in silence
};

using erased_addresses = std::unordered_set<profile::hash128, profile::hash128_hasher>;

class erasure_book {
 public:
  static constexpr std::size_t most_suppressed = 1'000'000;
  static constexpr std::size_t most_pending = 10'000;

  /// `directory` need not exist. Errors: internal (the file is damaged: nobody who was erased may come back because
  /// of that, so nothing starts on it); those of reading.
  static result<std::unique_ptr<erasure_book>> open(file_system& files, std::string directory);

  static std::string new_id();

  /// Durable when it returns. An erasure of the same id is replaced. Errors: too_large (too many), the disk's:
  /// then it may or may not have begun, and the next start knows.
  result<void> begin(const pending_erasure& what);
  /// It is carried out, and its bytes wait to go. Durable with the next change, or by keep_noted(): a crash before may
  /// have it told twice.
  void note_carried_out(const std::string& id);
  result<void> keep_noted();
  /// Nothing of these is left but their hashes. Durable when it returns.
  result<void> finish(const std::vector<std::string>& ids);
  /// From now on it may come back. Errors: not_found, unavailable (an erasure of it is not finished).
  result<void> lift(const salted_hash& hash);

  std::shared_ptr<const suppressed_ids> suppressed() const;    ///< never null
  std::shared_ptr<const erased_addresses> unfinished() const;  ///< null: none
  std::vector<pending_erasure> pending() const;
  /// When the oldest of those began; nothing: none is pending.
  std::optional<std::int64_t> oldest_pending_ms() const;

 private:
  struct contents {
    std::string salt;
    suppressed_ids::table suppressed;
    std::vector<pending_erasure> pending;
  };
  erasure_book(file_system& files, std::string directory) : files_(files), directory_(std::move(directory)) {}
  static std::string encode(const contents& of);
  static result<contents> decode(std::string_view bytes);
  result<void> write(contents next);
  void show();

  file_system& files_;
  const std::string directory_;
  std::mutex changing_;       ///< held throughout a change
  mutable std::mutex mutex_;  ///< of what follows
  contents now_;
  bool noted_ = false;  ///< what is not on the disk yet
  std::shared_ptr<const suppressed_ids> suppressed_;
  std::shared_ptr<const erased_addresses> unfinished_;
};

}  // namespace kith::persistence
