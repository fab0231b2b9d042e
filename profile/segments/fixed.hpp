// Sums that do not depend on the order: whole numbers of 10^-9.
#pragma once

#include <cmath>
#include <cstdint>

#include "profile/segments/bounds.hpp"

namespace kith::profile::segments {

__extension__ typedef __int128 fixed;

inline constexpr std::int64_t fixed_units = 1'000'000'000;

/// Can it be counted?
inline bool is_summable(double number) noexcept { return std::abs(number) <= bounds::greatest_number; }

/// Decimals of up to nine digits are exact, as far as the double is. REQUIRES: is_summable(number).
inline fixed to_fixed(double number) noexcept {
  const double whole = std::trunc(number);
  const auto part = static_cast<std::int64_t>(std::nearbyint((number - whole) * static_cast<double>(fixed_units)));
  return static_cast<fixed>(static_cast<std::int64_t>(whole)) * fixed_units + part;
}

/// Can it be the sum of that many? (So that damaged bytes never overflow.)
inline bool is_plausible_sum(fixed sum, std::uint64_t count) noexcept {
  constexpr std::uint64_t most = 10'000'000'000;
  if (count == 0 || count > most) return false;
  const auto bound = static_cast<fixed>(count) * 1'000'000'000'000'000'000 * fixed_units;
  return sum <= bound && sum >= -bound;
}

inline double to_double(fixed units) noexcept {
  constexpr std::int64_t exact = std::int64_t{1} << 53;
  if (units <= exact && units >= -exact) return static_cast<double>(units) / static_cast<double>(fixed_units);
  return static_cast<double>(static_cast<long double>(units) / static_cast<long double>(fixed_units));
}

}  // namespace kith::profile::segments
