// Which URLs this server may ask: of authorization servers, of webhooks.
//
// A name is judged twice: as it stands in the URL (here), and by the address that a connection is really made to
// (net/outgoing_request), so that a name that resolves to another address the second time (DNS rebinding) gains
// nothing.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "net/address_rules.hpp"
#include "profile/result.hpp"

namespace kith::net {

/// Hosts are names or addresses as in a URL, without port; "*.shop.example" is every name below shop.example.
struct outgoing_rules {
  std::vector<std::string> allow_hosts;    ///< only these; empty: all
  std::vector<std::string> allow_private;  ///< these may have private and loopback addresses
  bool allow_loopback = false;             ///< any name may be one of this machine's (`kith serve --dev`)

  friend bool operator==(const outgoing_rules&, const outgoing_rules&) = default;
};

struct outgoing_url {
  std::string scheme;  ///< "https" or "http"
  std::string host;    ///< lower case, without brackets and a dot at the end
  unsigned port = 0;   ///< the scheme's own, where the URL says none

  /// It is this machine by its name: localhost, 127.0.0.0/8, ::1. Who writes that means it.
  bool is_here() const;
};

/// Errors: invalid_argument: it is no http or https URL.
result<outgoing_url> parse_outgoing_url(std::string_view url);
/// For logs and errors: scheme, host and port. A path and a query may hold a secret, as those of many chats do, and
/// what stands before the host is one.
std::string shown_url(std::string_view url);
/// Errors: invalid_argument: neither https, nor http to this machine itself; forbidden: a host that may not be asked.
result<void> check_outgoing_url(std::string_view url, const outgoing_rules& rules);
/// May a request to `url` be sent to this address? Errors: forbidden, naming both and what to configure.
result<void> check_outgoing_address(const outgoing_url& url, const ip_address& address, const outgoing_rules& rules);

/// Errors: invalid_argument: it is no host as of outgoing_rules.
result<void> check_host_pattern(std::string_view pattern);

}  // namespace kith::net
