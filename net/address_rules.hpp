// What kind of address an IP address is, so that a request that leaves this machine does not end at a neighbour's door
// that only we can reach (server-side request forgery). Pure: no name is looked up.
//
// The ranges are those of IANA's registries of special-purpose addresses (RFC 6890), plus the addresses at which clouds
// tell a machine its credentials.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

struct sockaddr;

namespace kith::net {

enum class address_kind : std::uint8_t {
  global,       ///< anybody can reach it
  loopback,     ///< this machine
  private_use,  ///< a network's own: RFC 1918, ULA (RFC 4193), carrier-grade NAT (RFC 6598)
  special       ///< never a server to ask: link-local, multicast, cloud metadata, reserved, documentation, tunnels
};

/// IPv6; an IPv4 address is kept as ::ffff:a.b.c.d.
using ip_address = std::array<std::uint8_t, 16>;

/// Dotted IPv4 or IPv6, without brackets, port and zone.
std::optional<ip_address> parse_ip(std::string_view text);
/// Nothing: it is of another family.
std::optional<ip_address> ip_of(const sockaddr& address);
/// IPv4 in dots.
std::string to_text(const ip_address& address);

/// IPv4 inside IPv6 (v4-mapped, and NAT64's well-known prefix, RFC 6052) counts as what it holds.
address_kind kind_of(const ip_address& address) noexcept;
inline bool is_public(const ip_address& address) noexcept { return kind_of(address) == address_kind::global; }

/// "global", "loopback", "private", "special"
std::string_view name_of(address_kind kind) noexcept;

}  // namespace kith::net
