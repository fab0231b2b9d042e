// A profile's traits as a map for expressions, read where they lie.
#pragma once

#include "profile/cel/arena.hpp"
#include "profile/cel/value.hpp"
#include "profile/state.hpp"

namespace kith::profile::segments {

/// Views the state, which must not change meanwhile.
cel::value traits_value(const state& of, cel::arena& memory) noexcept;

/// {user: [..], anonymous: [..], external: {type: [..]}}
cel::value ids_value(const state& of, cel::arena& memory) noexcept;

}  // namespace kith::profile::segments
