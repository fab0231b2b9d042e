// Every bound of incoming webhooks.
#pragma once

#include <cstddef>
#include <cstdint>

namespace kith::ingest::webhook::bounds {

inline constexpr std::size_t secrets = 16;          ///< of a source; each is tried at each request
inline constexpr std::size_t signatures = 16;       ///< in one header; more are refused
inline constexpr std::size_t delivery_bytes = 255;  ///< of a delivery's id

inline constexpr std::size_t rules = 64;               ///< of a mapping
inline constexpr std::size_t fields = 256;             ///< expressions of a rule
inline constexpr std::size_t events = 2500;            ///< that one payload may become
inline constexpr std::size_t bytes = 4 * 1024 * 1024;  ///< that they may have together
/// Steps of expressions that one payload may take: shared out evenly among its evaluations, so that many items leave
/// less for each, but never less than `least_steps`.
inline constexpr std::uint64_t steps = 20'000'000;
inline constexpr std::uint64_t least_steps = 2000;

/// Entries of a map in the body that is looked up by entry and not by going through its bytes.
inline constexpr std::size_t indexed_entries = 256;
inline constexpr std::size_t indexed_levels = 4;

/// Dead letters of requests whose signature does not hold: a stranger can send any number of them. So many a source are
/// kept an hour, with so much of each body; the others are only counted.
inline constexpr std::size_t unsigned_letters_an_hour = 20;
inline constexpr std::size_t unsigned_letter_bytes = 4096;

}  // namespace kith::ingest::webhook::bounds
