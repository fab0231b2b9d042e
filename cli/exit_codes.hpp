// Exit codes, from sysexits.h.
#pragma once

#include "profile/result.hpp"

namespace kith::cli {

enum exit_code : int {
  exit_ok = 0,
  exit_not_found = 1,  ///< kith get: no such profile
  exit_usage = 64,
  exit_data = 65,      ///< bad input, a damaged directory
  exit_no_input = 66,  ///< a file or directory to read is not there
  exit_unavailable = 69,
  exit_internal = 70,
  exit_no_permission = 77,
  exit_config = 78,
};

constexpr int exit_code_of(errc code) noexcept {
  switch (code) {
    case errc::unauthenticated:
    case errc::forbidden: return exit_no_permission;
    case errc::invalid_argument:
    case errc::too_large:
    case errc::suppressed:
    case errc::too_late: return exit_data;
    case errc::not_found: return exit_not_found;
    case errc::resource_exhausted:
    case errc::unavailable: return exit_unavailable;
    case errc::internal: return exit_internal;
  }
  return exit_internal;
}

}  // namespace kith::cli
