// Lists and maps behind small interfaces, so that they can be literals, results, or views of bytes elsewhere.
//
// Thread safety: sources are immutable. What they make goes into the arena that is handed in.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "profile/cel/arena.hpp"
#include "profile/cel/value.hpp"

namespace kith::profile::cel {

class list_source {
 public:
  virtual std::size_t size() const noexcept = 0;
  /// REQUIRES: index < size().
  virtual value at(std::size_t index, arena& memory) const noexcept = 0;
  /// The next element for a walk that begins with `position` 0 and ends after size() calls.
  virtual value next(std::uint64_t& position, arena& memory) const noexcept {
    return at(static_cast<std::size_t>(position++), memory);
  }

 protected:
  ~list_source() = default;
};

struct map_entry {
  value key;
  value held;
};

class map_source {
 public:
  virtual std::size_t size() const noexcept = 0;
  /// False if there is no such key. Numbers are one key whatever their type: 1, 1u and 1.0.
  virtual bool find(const value& key, arena& memory, value& found) const noexcept = 0;
  /// The next entry for a walk that begins with `position` 0 and ends after size() calls.
  virtual map_entry next(std::uint64_t& position, arena& memory) const noexcept = 0;

 protected:
  ~map_source() = default;
};

/// Elements that lie in a row; they must outlive it.
class array_list final : public list_source {
 public:
  explicit array_list(std::span<const value> elements) noexcept : elements_(elements) {}
  std::size_t size() const noexcept override { return elements_.size(); }
  value at(std::size_t index, arena&) const noexcept override { return elements_[index]; }

 private:
  std::span<const value> elements_;
};

/// Entries that lie in a row, searched from the front; they must outlive it.
class array_map final : public map_source {
 public:
  explicit array_map(std::span<const map_entry> entries) noexcept : entries_(entries) {}
  std::size_t size() const noexcept override { return entries_.size(); }
  bool find(const value& key, arena& memory, value& found) const noexcept override;
  map_entry next(std::uint64_t& position, arena&) const noexcept override {
    return entries_[static_cast<std::size_t>(position++)];
  }

 private:
  std::span<const map_entry> entries_;
};

/// What a key may be: int, uint, bool, string.
inline bool is_key(const value& key) noexcept {
  return key.is(kind::integer) || key.is(kind::natural) || key.is(kind::boolean) || key.is(kind::string);
}

/// Are two keys one? Numbers compare by value; anything that may not be a key (but a double) is never equal.
bool same_key(const value& left, const value& right) noexcept;

}  // namespace kith::profile::cel
