// A disk in memory that fails, tears, shortens and forgets, the same way for the same seed: the twin of real_files().
//
// Every call has a number, counted from 0 whatever its kind; fail() makes one of them, or all from one on, fail. Every
// call that changes the disk is recorded, and crash_at() gives the disk that a power cut between two of them may leave:
// what was synced is there; appended bytes that were not may be there, missing, cut anywhere, or have holes of zeros;
// a file's name that was not synced with its directory may be the old one or the new one.
//
// Invariants
//   - What a failed sync covered stays readable but no later sync makes it durable (the kernel drops its dirty marks).
//   - Directories are durable when make_directory() returns, as real_files() has it.
//
// Thread safety: all of it, from any thread; a file's calls too. It outlives the files that it opened.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <random>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "persistence/file.hpp"

namespace kith::persistence {

class simulated_files final : public file_system {
 public:
  enum class call : unsigned char {
    open,
    create,  ///< open() with open_mode::create
    append,
    sync,
    truncate,
    read,
    size,
    rename,
    remove,
    make_directory,
    sync_directory,
    list,
    exists,
    free_bytes,
  };
  enum class fault : unsigned char {
    io_error,     ///< EIO: unavailable, and nothing happens
    no_space,     ///< ENOSPC: resource_exhausted, and nothing happens
    short_write,  ///< an append writes a part and fails with unavailable; any other call: as io_error
  };
  struct operation {
    call what;
    std::string path;
    std::uint64_t bytes = 0;  ///< appended, or the size truncated to
  };

  explicit simulated_files(std::uint64_t seed = 0);

  /// Call number `nth` fails; with `and_after`, each one behind it too. Replaces what was asked before.
  void fail(std::uint64_t nth, fault how, bool and_after = false);
  void heal();  ///< no call fails any more
  /// Calls so far; the next one has this number.
  std::uint64_t calls() const;
  /// What changed the disk (create, append, sync, truncate, rename, remove, make_directory, sync_directory), in order;
  /// failed ones only where they had an effect.
  std::vector<operation> operations() const;
  std::size_t operation_count() const;
  /// Called before each call, without a lock: may wait, may call.
  void before_each(std::function<void(call what, const std::string& path)> hook);

  /// The disk after a power cut behind the first `operations` operations. Seed 0: nothing unsynced is left. Seed 1: all
  /// of it is, as after `kill -9`. Others: a mixture.
  std::unique_ptr<simulated_files> crash_at(std::size_t operations, std::uint64_t seed) const;

  /// For tests to arrange and look; neither counted nor failing. put() makes the parent directories and is durable.
  void put(const std::string& path, std::string_view bytes);
  std::string contents(const std::string& path) const;  ///< empty if there is no such file
  void set_free_bytes(std::uint64_t bytes);

  result<std::unique_ptr<file>> open(const std::string& path, open_mode mode) override;
  result<void> rename(const std::string& from, const std::string& to) override;
  result<void> remove(const std::string& path) override;
  result<void> make_directory(const std::string& path) override;
  result<void> sync_directory(const std::string& path) override;
  result<std::vector<std::string>> list(const std::string& directory) override;
  result<bool> exists(const std::string& path) override;
  result<std::uint64_t> free_bytes(const std::string& path) override;

 private:
  class handle;
  class power_cut;

  struct node {
    std::uint64_t id;
    std::string bytes;
  };
  struct image {
    std::map<std::string, std::uint64_t> names;
    std::map<std::uint64_t, std::string> contents;
    std::set<std::string> directories;
  };
  struct change {
    operation shown;
    std::uint64_t id = 0;      ///< the file's
    std::uint64_t offset = 0;  ///< of appended bytes
    std::string data;          ///< appended bytes; a rename's new name
    bool lost = false;         ///< a sync that failed
    bool placed = false;       ///< by put()
  };

  simulated_files(image disk, std::uint64_t seed);
  static std::string parent_of(const std::string& path);
  /// Counts the call; the error if it is to fail. `part` is set where an append is to write a part.
  result<void> enter(call what, const std::string& path, bool* part = nullptr);
  void record(call what, const std::string& path, std::uint64_t id, std::string data = {});
  void add_directories(const std::string& path);

  mutable std::mutex mutex_;
  const image base_;  ///< what was durable at the start
  std::map<std::string, std::shared_ptr<node>> names_;
  std::set<std::string> directories_;
  std::vector<change> changes_;
  std::uint64_t next_id_ = 1;
  std::uint64_t calls_ = 0;
  std::uint64_t fails_from_ = UINT64_MAX;
  std::uint64_t fails_to_ = 0;
  fault fault_ = fault::io_error;
  std::uint64_t free_bytes_ = 1ULL << 40;
  std::function<void(call, const std::string&)> hook_;
  std::mt19937_64 random_;
};

}  // namespace kith::persistence
