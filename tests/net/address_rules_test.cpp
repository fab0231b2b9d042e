#include "net/address_rules.hpp"

#include <netinet/in.h>
#include <rapidcheck.h>

#include "tests/catch.hpp"

using namespace kith;
using net::address_kind;

namespace {

address_kind kind(const std::string& text) {
  const auto address = net::parse_ip(text);
  INFO(text);
  REQUIRE(address);
  return net::kind_of(*address);
}

}  // namespace

TEST_CASE("addresses are of the kind that the registries of special-purpose addresses say", "[outgoing]") {
  struct expected {
    address_kind kind;
    std::vector<std::string> addresses;
  };
  // The first and last of each range, and the neighbours that are outside.
  const std::vector<expected> all = {
      {address_kind::global,
       {"1.0.0.0",         "9.255.255.255",    "11.0.0.0",        "100.63.255.255",  "100.128.0.0",
        "126.255.255.255", "128.0.0.0",        "169.253.255.255", "169.255.0.0",     "172.15.255.255",
        "172.32.0.0",      "192.0.1.0",        "192.167.255.255", "192.169.0.0",     "198.17.255.255",
        "198.20.0.0",      "223.255.255.255",  "2001:200::",      "2606:4700::1111", "3ffe::",
        "2003::1",         "64:ff9b::8.8.8.8", "::ffff:8.8.8.8"}},
      {address_kind::loopback, {"127.0.0.0", "127.0.0.1", "127.255.255.255", "::1", "::ffff:127.0.0.1"}},
      {address_kind::private_use,
       {"10.0.0.0", "10.255.255.255", "100.64.0.0", "100.127.255.255", "172.16.0.0", "172.31.255.255", "192.168.0.0",
        "192.168.255.255", "fc00::", "fdff:ffff::1", "::ffff:10.0.0.1", "64:ff9b::192.168.0.1"}},
      {address_kind::special,
       {"0.0.0.0",
        "0.255.255.255",
        "169.254.169.254",
        "169.254.0.0",
        "169.254.255.255",
        "168.63.129.16",
        "100.100.100.200",
        "192.0.0.192",
        "192.0.2.1",
        "192.88.99.1",
        "198.18.0.0",
        "198.19.255.255",
        "198.51.100.7",
        "203.0.113.255",
        "224.0.0.0",
        "239.255.255.255",
        "240.0.0.0",
        "255.255.255.255",
        "::",
        "::127.0.0.1",
        "fe80::1",
        "febf::1",
        "fec0::1",
        "ff02::1",
        "100::1",
        "2001::1",
        "2001:db8::1",
        "2002:7f00:1::",
        "64:ff9b:1::1",
        "fd00:ec2::254",
        "3fff::1",
        "5f00::1",
        "4000::1",
        "::ffff:169.254.1.1"}},
  };
  for (const auto& [wanted, addresses] : all) {
    for (const auto& text : addresses) {
      INFO(text << " is " << net::name_of(kind(text)));
      CHECK(kind(text) == wanted);
    }
  }
}

TEST_CASE("what is no address is not taken for one", "[outgoing]") {
  for (const auto* text : {"", "localhost", "10.0.0", "10.0.0.256", "0x7f.0.0.1", "[::1]", "::1%lo", "127.0.0.1:80"}) {
    INFO(text);
    CHECK_FALSE(net::parse_ip(text));
  }
}

TEST_CASE("an IPv4 address is of one kind, however it is written", "[outgoing]") {
  rc::check("v4-mapped and NAT64", [](std::uint32_t address) {
    const auto text = std::to_string(address >> 24) + "." + std::to_string(address >> 16 & 255) + "." +
                      std::to_string(address >> 8 & 255) + "." + std::to_string(address & 255);
    const auto plain = *net::parse_ip(text);
    RC_ASSERT(net::to_text(plain) == text);
    RC_ASSERT(net::kind_of(*net::parse_ip("::ffff:" + text)) == net::kind_of(plain));
    RC_ASSERT(net::kind_of(*net::parse_ip("64:ff9b::" + text)) == net::kind_of(plain));
    sockaddr_in socket_address{};
    socket_address.sin_family = AF_INET;
    socket_address.sin_addr.s_addr = htonl(address);
    RC_ASSERT(net::ip_of(reinterpret_cast<const sockaddr&>(socket_address)) == plain);
  });
}

TEST_CASE("addresses of another family than IP are none", "[outgoing]") {
  sockaddr other{};
  other.sa_family = AF_UNIX;
  CHECK_FALSE(net::ip_of(other));
}
