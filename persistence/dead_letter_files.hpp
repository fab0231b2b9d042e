// The database of the dead letters: how it is opened, and how its records are read. For persistence/ alone.
//
// Thread safety: letter_files, from any thread.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <rocksdb/db.h>
#include <string>
#include <string_view>
#include <vector>

#include "persistence/dead_letter.hpp"
#include "persistence/file.hpp"
#include "persistence/store_keys.hpp"

namespace kith::persistence {

/// Of a letter as it is counted.
struct letter_weight {
  std::string source;
  std::string code;
  std::uint64_t bytes = 0;
};

class letter_files {
 public:
  using logger = std::function<void(std::string_view level, std::string_view message)>;
  enum family : std::size_t { f_default, f_heads, f_bytes, f_meta, family_count };

  static tl::unexpected<error> failed(const rocksdb::Status& status, std::string_view doing);

  /// Errors: as dead_letters::open.
  result<void> open(const std::string& directory, bool read_only, const logger& log = {});
  /// Is there a database? Errors: internal, if there was one and its file CURRENT is missing.
  static result<bool> is_there(file_system& files, const std::string& directory);

  ~letter_files();
  letter_files() = default;
  letter_files(const letter_files&) = delete;
  letter_files& operator=(const letter_files&) = delete;

  rocksdb::DB& db() { return *db_; }
  rocksdb::ColumnFamilyHandle* operator[](family which) { return families_[which]; }

  static std::string key_of(std::uint64_t number) { return keys::big_endian(number); }
  static std::optional<std::uint64_t> number_of(const rocksdb::Slice& key) {
    if (key.size() != 8) return std::nullopt;
    return keys::from_big_endian(key.data());
  }
  /// One that cannot be read is a letter, too: its code is `damaged`.
  static dead_letter letter_of(std::uint64_t number, const rocksdb::Slice& head);
  static letter_weight weight_of(const dead_letter& letter, std::size_t head_bytes) {
    return {letter.source, letter.code, head_bytes + letter.kept};
  }
  /// Its bytes; where they are missing it is marked as truncated.
  result<void> read_bytes(const rocksdb::ReadOptions& how, std::uint64_t number, dead_letter& into);

 private:
  result<void> check_format(bool read_only);

  std::unique_ptr<rocksdb::DB> db_;
  std::vector<rocksdb::ColumnFamilyHandle*> families_;
};

}  // namespace kith::persistence
