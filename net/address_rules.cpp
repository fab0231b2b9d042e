#include "net/address_rules.hpp"

#include <algorithm>
#include <arpa/inet.h>
#include <cstring>
#include <netinet/in.h>
#include <sys/socket.h>

namespace kith::net {

namespace {

struct range4 {
  std::uint32_t first;
  unsigned bits;
  address_kind kind;
};

constexpr std::uint32_t ip4(std::uint32_t a, std::uint32_t b, std::uint32_t c, std::uint32_t d) {
  return a << 24 | b << 16 | c << 8 | d;
}

constexpr range4 ranges4[] = {
    {ip4(0, 0, 0, 0), 8, address_kind::special},
    {ip4(10, 0, 0, 0), 8, address_kind::private_use},
    {ip4(100, 64, 0, 0), 10, address_kind::private_use},
    {ip4(127, 0, 0, 0), 8, address_kind::loopback},
    {ip4(168, 63, 129, 16), 32, address_kind::special},  // Azure's host, though of a public range
    {ip4(169, 254, 0, 0), 16, address_kind::special},    // link-local, with most clouds' metadata
    {ip4(172, 16, 0, 0), 12, address_kind::private_use},
    {ip4(192, 0, 0, 0), 24, address_kind::special},  // with Oracle's metadata
    {ip4(192, 0, 2, 0), 24, address_kind::special},
    {ip4(192, 31, 196, 0), 24, address_kind::special},
    {ip4(192, 52, 193, 0), 24, address_kind::special},
    {ip4(192, 88, 99, 0), 24, address_kind::special},
    {ip4(192, 168, 0, 0), 16, address_kind::private_use},
    {ip4(192, 175, 48, 0), 24, address_kind::special},
    {ip4(198, 18, 0, 0), 15, address_kind::special},
    {ip4(198, 51, 100, 0), 24, address_kind::special},
    {ip4(203, 0, 113, 0), 24, address_kind::special},
    {ip4(224, 0, 0, 0), 3, address_kind::special},  // multicast, reserved, broadcast
};

/// Alibaba's metadata lie inside the range of carrier-grade NAT, Amazon's inside ULA.
constexpr std::uint32_t alibaba_metadata = ip4(100, 100, 100, 200);
constexpr ip_address amazon_metadata{0xfd, 0x00, 0x0e, 0xc2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x02, 0x54};

address_kind kind_of_4(std::uint32_t address) noexcept {
  if (address == alibaba_metadata) return address_kind::special;
  for (const auto& each : ranges4) {
    if ((address ^ each.first) >> (32 - each.bits) == 0) return each.kind;
  }
  return address_kind::global;
}

struct range6 {
  std::array<std::uint8_t, 12> first;
  unsigned bits;
  address_kind kind;
};

constexpr range6 ranges6[] = {
    {{0xfc}, 7, address_kind::private_use},
    {{0x20, 0x01, 0x00}, 23, address_kind::special},  // IETF protocols, Teredo among them
    {{0x20, 0x01, 0x0d, 0xb8}, 32, address_kind::special},
    {{0x20, 0x02}, 16, address_kind::special},  // 6to4: an IPv4 address at a relay's mercy
    {{0x26, 0x20, 0x00, 0x4f, 0x80, 0x00}, 48, address_kind::special},
    {{0x3f, 0xff, 0x00}, 20, address_kind::special},
};

bool starts_with(const ip_address& address, const std::array<std::uint8_t, 12>& prefix, unsigned bits) noexcept {
  const auto whole = bits / 8;
  if (!std::equal(prefix.begin(), prefix.begin() + whole, address.begin())) return false;
  const auto rest = bits % 8;
  return rest == 0 || (address[whole] ^ prefix[whole]) >> (8 - rest) == 0;
}

std::uint32_t last_four(const ip_address& address) noexcept {
  return ip4(address[12], address[13], address[14], address[15]);
}

constexpr std::array<std::uint8_t, 12> v4_mapped{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};
constexpr std::array<std::uint8_t, 12> nat64{0, 0x64, 0xff, 0x9b};
constexpr std::array<std::uint8_t, 12> global_unicast{0x20};

}  // namespace

std::optional<ip_address> parse_ip(std::string_view text) {
  const std::string ended(text);
  ip_address made{};
  if (in_addr v4{}; ::inet_pton(AF_INET, ended.c_str(), &v4) == 1) {
    std::copy(v4_mapped.begin(), v4_mapped.end(), made.begin());
    std::memcpy(made.data() + 12, &v4, 4);
    return made;
  }
  if (::inet_pton(AF_INET6, ended.c_str(), made.data()) == 1) return made;
  return std::nullopt;
}

std::optional<ip_address> ip_of(const sockaddr& address) {
  ip_address made{};
  if (address.sa_family == AF_INET) {
    sockaddr_in v4{};
    std::memcpy(&v4, &address, sizeof v4);
    std::copy(v4_mapped.begin(), v4_mapped.end(), made.begin());
    std::memcpy(made.data() + 12, &v4.sin_addr, 4);
    return made;
  }
  if (address.sa_family == AF_INET6) {
    sockaddr_in6 v6{};
    std::memcpy(&v6, &address, sizeof v6);
    std::memcpy(made.data(), &v6.sin6_addr, 16);
    return made;
  }
  return std::nullopt;
}

std::string to_text(const ip_address& address) {
  std::array<char, INET6_ADDRSTRLEN> text{};
  if (starts_with(address, v4_mapped, 96)) {
    ::inet_ntop(AF_INET, address.data() + 12, text.data(), text.size());
  } else {
    ::inet_ntop(AF_INET6, address.data(), text.data(), text.size());
  }
  return text.data();
}

address_kind kind_of(const ip_address& address) noexcept {
  if (starts_with(address, v4_mapped, 96) || starts_with(address, nat64, 96)) return kind_of_4(last_four(address));
  if (address == ip_address{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1}) return address_kind::loopback;
  if (address == amazon_metadata) return address_kind::special;
  for (const auto& each : ranges6) {
    if (starts_with(address, each.first, each.bits)) return each.kind;
  }
  // What is not allotted for unicast is nobody's: link-local, site-local, multicast, discard, unspecified.
  return starts_with(address, global_unicast, 3) ? address_kind::global : address_kind::special;
}

std::string_view name_of(address_kind kind) noexcept {
  switch (kind) {
    case address_kind::global: return "global";
    case address_kind::loopback: return "loopback";
    case address_kind::private_use: return "private";
    case address_kind::special: return "special";
  }
  return "special";
}

}  // namespace kith::net
