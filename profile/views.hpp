// Views: named projections of the profile map, and what an event or a membership changes of what they show.
//
// Thread safety: nothing of it changes once it is made; any thread may read.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "profile/event.hpp"
#include "profile/profile.hpp"
#include "profile/result.hpp"

namespace kith::profile {

/// Keys from the profile map on: {"traits", "address", "city"}.
using view_path = std::vector<std::string>;

/// Keys with dots between; a key that has a dot itself can only be given in a view_path. Errors: as of check_path().
result<view_path> parse_path(std::string_view text);
/// Errors: invalid_argument, with what is allowed.
result<void> check_path(const view_path& path);
/// As parse_path() reads it.
std::string path_text(const view_path& path);

class view {
 public:
  /// REQUIRES: the paths are good ones. `purpose`: of consent, without which it shows nothing; empty: none.
  view(std::string name, std::string description, std::vector<view_path> paths, std::string purpose = {});

  const std::string& name() const noexcept { return name_; }
  const std::string& description() const noexcept { return description_; }
  const std::vector<view_path>& paths() const noexcept { return paths_; }
  const std::string& purpose() const noexcept { return purpose_; }

  /// What write() needs of the profile map.
  field_set fields() const noexcept { return fields_; }
  /// Writes the chosen parts of a profile map with these fields. Every field that a path begins with is there; below
  /// it, what the profile does not have is not, and neither is a map of which nothing is left.
  void write(std::string_view map, msgpack::writer& out) const;

  // May what it shows be another once…

  /// …this event is applied? True also for some that change nothing.
  bool changes_with(const profile& before, const event_view& event) const;
  /// …a membership, or this computed trait, has changed?
  bool shows_segments() const noexcept;
  bool shows_traits() const noexcept;
  bool shows_computed(std::string_view trait) const;

  /// What is chosen of a map.
  struct keys {
    bool all = false;
    std::map<std::string, keys, std::less<>> below;

    const keys* find(std::string_view key) const;
  };

 private:
  std::string name_;
  std::string description_;
  std::vector<view_path> paths_;
  std::string purpose_;
  field_set fields_{0};
  keys chosen_;
};

/// All of them. A view is known by its place; there are at most limits::views.
class view_set {
 public:
  view_set() = default;
  /// REQUIRES: no name is there twice.
  explicit view_set(std::vector<view> all) : all_(std::move(all)) {}

  const std::vector<view>& all() const noexcept { return all_; }
  const view& operator[](std::size_t place) const noexcept { return all_[place]; }
  /// Errors: invalid_argument, with the names that there are.
  result<std::uint32_t> find(std::string_view name) const;

 private:
  std::vector<view> all_;
};

}  // namespace kith::profile
