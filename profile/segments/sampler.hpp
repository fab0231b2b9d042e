// What aggregates take of one event: each condition is run once, each value read when it is needed.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "profile/cel/arena.hpp"
#include "profile/event.hpp"
#include "profile/segments/compiled.hpp"

namespace kith::profile::segments {

/// Thread safety: none; uses memory that the thread keeps, one sampler at a time.
class sampler {
 public:
  sampler(const catalog::body& with, const event_view& event);

  enum class found : std::uint8_t {
    nothing,   ///< the condition is not met, or there is no value
    unusable,  ///< a value that cannot be counted
    taken,
  };
  /// `payload` as the storage encodes it; valid until the next call.
  found take(const aggregate& of, std::string_view& payload);

 private:
  bool meets(std::uint32_t predicate);
  const cel::value& event_value();

  const catalog::body& with_;
  const event_view& event_;
};

}  // namespace kith::profile::segments
