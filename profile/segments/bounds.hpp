// Every bound of segments and computed traits.
#pragma once

#include <cstddef>
#include <cstdint>

namespace kith::profile::segments::bounds {

inline constexpr std::size_t definitions = 10'000;
inline constexpr std::size_t name_bytes = 64;
inline constexpr std::size_t chains = 64;     ///< in one expression
inline constexpr std::size_t path_keys = 16;  ///< of a chain's path
inline constexpr std::int64_t least_window_ms = 1000;
inline constexpr std::int64_t greatest_window_ms = 3660LL * 86'400'000;

inline constexpr std::size_t exact_entries = 1000;  ///< newest events of a window that are kept one by one
inline constexpr std::int64_t window_parts = 256;   ///< a bucket of older ones is this part of the window
inline constexpr std::size_t buckets = 512;         ///< newest ones kept
inline constexpr std::int64_t slack_ms = 600'000;   ///< an event is kept this long past its window, by event time
inline constexpr std::size_t distinct_values = 4096;
inline constexpr std::size_t value_bytes = 256;  ///< of a value that first() and last() keep
inline constexpr double greatest_number = 1e18;
inline constexpr std::size_t computed_bytes = 4096;  ///< of a computed trait's value
inline constexpr std::size_t search_steps = 64;      ///< instants tried to tell when time alone changes a membership
inline constexpr std::size_t shown_events = 20;      ///< of a part of an explanation

}  // namespace kith::profile::segments::bounds
