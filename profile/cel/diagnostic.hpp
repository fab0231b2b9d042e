// What is wrong with an expression, where, and how to mend it.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <tl/expected.hpp>

namespace kith::profile::cel {

/// A piece of the source, in bytes.
struct range {
  std::size_t begin = 0;
  std::size_t end = 0;  ///< one behind the last
  friend bool operator==(const range&, const range&) = default;
};

struct diagnostic {
  range where;
  std::size_t line = 1;    ///< from 1
  std::size_t column = 1;  ///< from 1, in code points
  std::string message;     ///< e.g. `no such variable "trait"`
  std::string mend;        ///< e.g. `did you mean "traits"?`; may be empty

  /// `1:9: no such variable "trait"; did you mean "traits"?`
  std::string text() const;
  /// That, then the line of the source with a caret under the place.
  std::string text_with_caret(std::string_view source) const;
};

template <class T>
using outcome = tl::expected<T, diagnostic>;

/// Works out line and column.
diagnostic diagnose(std::string_view source, range where, std::string message, std::string mend = {});

/// The one of `known` that `name` is likely meant to be; empty if none is near.
template <class Names>
std::string_view nearest(std::string_view name, const Names& known);

std::size_t edit_distance(std::string_view left, std::string_view right);

template <class Names>
std::string_view nearest(std::string_view name, const Names& known) {
  std::string_view best;
  std::size_t least = name.size() / 3 + 1;
  for (const std::string_view each : known) {
    if (each.size() > name.size() + least || name.size() > each.size() + least) continue;
    const auto distance = edit_distance(name, each);
    if (distance <= least && (best.empty() || distance < least)) {
      best = each;
      least = distance;
    }
  }
  return best;
}

}  // namespace kith::profile::cel
