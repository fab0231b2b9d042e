// Errors that a caller can meet are values: a code, and a message for people.
#pragma once

#include <string>
#include <string_view>
#include <tl/expected.hpp>

namespace kith {

/// The error codes of the public protocol; inner layers use the same ones so that none is translated twice.
enum class errc : unsigned char {
  unauthenticated,
  forbidden,
  invalid_argument,
  not_found,
  too_large,
  too_late,
  suppressed,  ///< it names somebody who was erased and is not to come back
  resource_exhausted,
  unavailable,
  internal,
};

/// The code's name on the wire, e.g. "invalid_argument".
constexpr std::string_view name_of(errc code) noexcept {
  switch (code) {
    case errc::unauthenticated: return "unauthenticated";
    case errc::forbidden: return "forbidden";
    case errc::invalid_argument: return "invalid_argument";
    case errc::not_found: return "not_found";
    case errc::too_large: return "too_large";
    case errc::too_late: return "too_late";
    case errc::suppressed: return "suppressed";
    case errc::resource_exhausted: return "resource_exhausted";
    case errc::unavailable: return "unavailable";
    case errc::internal: return "internal";
  }
  return "internal";
}

struct error {
  errc code = errc::internal;
  std::string message;  ///< What is wrong, where, and how to mend it.

  friend bool operator==(const error&, const error&) = default;
};

template <class T>
using result = tl::expected<T, error>;

inline tl::unexpected<error> fail(errc code, std::string message) {
  return tl::make_unexpected(error{code, std::move(message)});
}

}  // namespace kith
