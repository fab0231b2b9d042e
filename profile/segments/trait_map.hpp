// A profile's traits as a map for expressions, read where they lie.
#pragma once

#include "profile/cel/arena.hpp"
#include "profile/cel/value.hpp"
#include "profile/state.hpp"

namespace kith::profile {
class privacy_rules;
}

namespace kith::profile::segments {

/// Views the state, which must not change meanwhile.
cel::value traits_value(const state& of, cel::arena& memory) noexcept;

/// Is this what the trait is now? `held`: MessagePack. False for maps, and where the same value may be written
/// otherwise.
bool holds_trait(const state& of, std::string_view key, std::string_view held) noexcept;

/// {PURPOSE: {granted, status, basis, source, version, at}}, of every purpose that is configured or was spoken of. `at`
/// is there if somebody decided. Views the rules, too.
cel::value consent_value(const state& of, const privacy_rules& rules, cel::arena& memory);

/// {user: [..], anonymous: [..], external: {type: [..]}}
cel::value ids_value(const state& of, cel::arena& memory) noexcept;

}  // namespace kith::profile::segments
