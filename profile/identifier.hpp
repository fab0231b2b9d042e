// Identifiers of people, and the addresses they hash to.
#pragma once

#include <string>
#include <string_view>

#include "profile/hash.hpp"

namespace kith::profile {

enum class id_kind : unsigned char { user, anonymous, external, profile };

/// How a reader names a profile. For `external`, `type` is the external id's type ("email", "shopify_customer").
/// For `profile`, `value` is the 32 hexadecimal digits of the profile's own id.
struct identifier {
  id_kind kind = id_kind::user;
  std::string type;
  std::string value;
};

/// The value as it counts: an external id of type "email" is trimmed and in lower case (ASCII; RFC 5321 lets the part
/// before the @ differ by case, and nobody's mail does). Every other value is as it is. `buffer` holds what changed.
std::string_view normalized(id_kind kind, std::string_view type, std::string_view value, std::string& buffer);

/// The address at which the identifier's profile lives. The same identifier has the same address for ever, on any
/// number of shards. Kinds never collide: the hashed bytes are kind, NUL, (type, NUL,) normalized value.
hash128 address_of(id_kind kind, std::string_view type, std::string_view value) noexcept;

/// As above; false if it is of kind `profile` and its value is not a profile id.
bool address_of(const identifier& id, hash128& address) noexcept;

}  // namespace kith::profile
