// The kinds of identifiers as URLs and bodies of the admin API have them.
#pragma once

#include <string>

#include "profile/identifier.hpp"

namespace kith::admin {

/// "user", "anonymous" or "profile"; an external identifier's is its type.
inline std::string kind_of(const profile::identifier& id) {
  switch (id.kind) {
    case profile::id_kind::user: return "user";
    case profile::id_kind::anonymous: return "anonymous";
    case profile::id_kind::profile: return "profile";
    case profile::id_kind::external: break;
  }
  return id.type;
}

}  // namespace kith::admin
