// What the outside is told of a profile that entered or left a segment, and how the telling went so far: the content of
// an item of the store's outgoing queues.
//
// Thread safety: none; values.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "profile/hash.hpp"
#include "profile/result.hpp"

namespace kith::actors {

/// What goes into a queue.
struct outgoing_rule {
  std::string queue;
  std::vector<std::string> segments;  ///< sorted; empty: all
  std::string purpose{};              ///< of consent, without which it is told of nobody; empty: none
  bool wants(std::string_view segment) const;
};

struct told_change {
  profile::hash128 profile;
  std::uint64_t version = 0;  ///< of the profile, when it changed
  std::int64_t at_ms = 0;     ///< when it did
  bool entered = false;       ///< else it left
  std::string segment;
  std::string who;  ///< a MessagePack map: userIds, anonymousIds, externalIds; empty: not known any more

  std::uint32_t attempts = 0;
  std::int64_t next_ms = 0;  ///< not before then
  std::string last_error;

  std::string encode() const;  ///< with a format version in front
  /// Errors: internal, if the bytes are damaged or of a later format.
  static result<told_change> decode(std::string_view bytes);
};

}  // namespace kith::actors
