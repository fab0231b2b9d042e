// The keys that journal records are encrypted with: `DATA/keys/ring-<n>.key`, replaced as a whole by the next number,
// and itself encrypted (AES-256-GCM) by a key-encryption key that comes from outside or lies beside it.
//
// Records belong to an epoch, which has keys of its own. A new one begins with each process, so that no nonce comes
// twice, and before a purge, behind which no record of the older ones is left and these are forgotten.
//
// Invariants
//   - What destroy() acknowledged is destroyed in the only ring there is: the one before was overwritten and removed.
//   - An epoch is durable before a record is of it.
// Thread safety: all of it, from any thread; a key_epoch does not change once it is made.
#pragma once

#include <atomic>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "persistence/file.hpp"
#include "persistence/key_tree.hpp"
#include "persistence/secret.hpp"

namespace kith::persistence {

struct key_epoch {
  std::uint32_t number = 0;
  secret records;    ///< AES-256-GCM of whole records
  secret addresses;  ///< a permutation of them: nobody can choose identifiers whose ways through the tree meet
  key_tree people;   ///< by permuted address
};

/// Which keys of the epoch's tree these addresses have.
std::vector<profile::hash128> permuted(const key_epoch& of, std::span<const profile::hash128> addresses);

struct encryption_settings {
  bool journal = true;                           ///< records are encrypted from now on
  std::optional<secret> key;                     ///< wraps the ring; nothing: `DATA/keys/wrapping.key`, made if need be
  std::optional<secret> old_key;                 ///< that wrapped it before
  std::size_t cache_bytes = 64UL * 1024 * 1024;  ///< of derived keys, at most, of each shard; a fourth for the history
};

class key_ring {
 public:
  static constexpr std::size_t most_bytes = 256UL * 1024 * 1024;
  using log_line = std::function<void(std::string_view level, std::string_view message)>;

  /// Without a ring there are no epochs. One that another key wraps than `with` says, but one of those that it knows,
  /// is wrapped anew. Errors: invalid_argument (no key that is known wraps it), internal (damaged), those of files.
  static result<std::unique_ptr<key_ring>> open(file_system& files, std::string directory,
                                                const encryption_settings& with, const log_line& log);
  /// As it lies there, without changing anything. Errors: as open(), and not_found (there is none).
  static result<std::unique_ptr<key_ring>> look(file_system& files, std::string directory,
                                                const encryption_settings& with);

  std::shared_ptr<const key_epoch> current() const;                   ///< the last; null: none
  std::shared_ptr<const key_epoch> find(std::uint32_t number) const;  ///< null: there is no such epoch
  std::size_t size() const;                                           ///< epochs
  /// Changes whenever a key that was there is not any more.
  std::uint64_t destructions() const noexcept { return destructions_.load(std::memory_order_acquire); }

  /// Each of these is durable when it returns. Errors: of files; then a restart knows.
  /// Its number is above `above`, too. Errors also: resource_exhausted (there is no such number).
  result<void> begin_epoch(std::uint32_t above = 0);
  /// Of all epochs. Errors also: too_large (too many in too short a time).
  result<void> destroy(std::span<const profile::hash128> addresses);
  /// All before this one.
  result<void> forget_before(std::uint32_t number);
  /// The ring is wrapped by that key from now on: what open() does for one that another key wraps.
  result<void> wrap(const encryption_settings& with, const log_line& log);

  /// The ring, and the key beside it, if that wraps it, for a backup. `directory` need not exist.
  result<void> copy_to(const std::string& directory) const;

 private:
  using epochs = std::map<std::uint32_t, std::shared_ptr<const key_epoch>>;
  key_ring(file_system& files, std::string directory) : files_(files), directory_(std::move(directory)) {}

  std::string path_of(std::uint64_t number) const;
  result<std::optional<secret>> own_key() const;
  result<void> read(const encryption_settings& with, std::uint64_t number);
  result<void> settle(const encryption_settings& with, const log_line& log);
  result<void> remove_left_over(const std::vector<std::uint64_t>& numbers);
  result<void> write(epochs next, std::size_t most = most_bytes);
  result<void> remove(std::uint64_t number);
  static void encode(const epochs& all, std::string& to);
  static bool decode(std::string_view bytes, epochs& into);

  file_system& files_;
  const std::string directory_;
  mutable std::mutex changing_;  ///< held throughout a change
  secret key_;                   ///< that wraps it
  bool own_ = false;             ///< that is the one beside it
  std::uint64_t number_ = 0;     ///< of the file; 0: there is none
  mutable std::mutex mutex_;     ///< of what follows
  epochs epochs_;
  std::atomic<std::uint64_t> destructions_{0};
};

}  // namespace kith::persistence
