// Which requests may leave: by their URL, and by the address that they are really sent to.
#include "net/outgoing_request.hpp"

#include "tests/catch.hpp"

using namespace kith;

namespace {

errc refused(const std::string& url, const net::outgoing_rules& rules = {}) {
  const auto checked = net::check_outgoing_url(url, rules);
  INFO(url);
  REQUIRE_FALSE(checked);
  return checked.error().code;
}

/// What comes of a request to a name that resolves to `address`. No packet leaves if it is refused.
result<unsigned> ask(const std::string& host, const std::string& address, const net::outgoing_rules& rules) {
  auto made = net::outgoing_request::make("https://" + host + ":9/", rules, {std::chrono::seconds(5), 1024, false, {}});
  REQUIRE(made);
  const std::unique_ptr<curl_slist, decltype(&curl_slist_free_all)> resolved(
      curl_slist_append(nullptr, (host + ":9:" + address).c_str()), curl_slist_free_all);
  curl_easy_setopt((*made)->handle(), CURLOPT_RESOLVE, resolved.get());
  return (*made)->outcome(curl_easy_perform((*made)->handle()));
}

}  // namespace

TEST_CASE("only https leaves this machine", "[outgoing]") {
  CHECK(net::check_outgoing_url("https://shop.example/hooks/kith?x=1", {}));
  CHECK(net::check_outgoing_url("http://127.0.0.1:8080/", {}));
  CHECK(net::check_outgoing_url("http://localhost:8080/", {}));
  CHECK(net::check_outgoing_url("https://[::1]:8080/", {}));
  for (const auto* bad :
       {"", "shop", "http://shop.example/", "ftp://shop.example/", "file:///etc/passwd", "gopher://shop.example/"}) {
    CHECK(refused(bad) == errc::invalid_argument);
  }
}

TEST_CASE("a URL that names no port has its scheme's", "[outgoing]") {
  CHECK(net::parse_outgoing_url("https://shop.example/")->port == 443);
  CHECK(net::parse_outgoing_url("http://127.0.0.1/")->port == 80);
  CHECK(net::parse_outgoing_url("https://[::1]:8443/")->port == 8443);
}

TEST_CASE("a name that only begins like this machine's address is another machine", "[outgoing]") {
  CHECK(refused("http://127.evil.example/") == errc::invalid_argument);
  CHECK(refused("http://localhost.evil.example/") == errc::invalid_argument);
  CHECK(refused("http://127.0.0.1@shop.example/") == errc::invalid_argument);
}

TEST_CASE("private addresses in a URL are refused, however they are written, unless they are allowed", "[outgoing]") {
  for (const auto* bad :
       {"https://10.0.0.5/", "https://192.168.1.1/", "https://[fd00::5]/", "https://[::ffff:10.0.0.5]/",
        "https://169.254.169.254/latest/meta-data/", "https://0x0a000005/", "https://167772165/"}) {
    CHECK(refused(bad) == errc::forbidden);
  }
  const net::outgoing_rules rules{{}, {"10.0.0.5", "169.254.169.254"}, false};
  CHECK(net::check_outgoing_url("https://10.0.0.5/", rules));
  CHECK(refused("https://10.0.0.6/", rules) == errc::forbidden);
  CHECK(refused("https://169.254.169.254/", rules) == errc::forbidden);  // never
}

TEST_CASE("hosts are held to the list, with names below a name", "[outgoing]") {
  const net::outgoing_rules rules{{"login.example", "*.Shop.example"}, {}, false};
  for (const auto* good : {"https://login.example/", "https://LOGIN.example:8443/", "https://a.shop.example/",
                           "https://a.b.shop.example./"}) {
    INFO(good);
    CHECK(net::check_outgoing_url(good, rules));
  }
  for (const auto* bad : {"https://shop.example/", "https://evilshop.example/", "https://a.login.example/",
                          "https://login.example.evil/"}) {
    CHECK(refused(bad, rules) == errc::forbidden);
  }
}

TEST_CASE("hosts of the configuration are names and addresses", "[outgoing]") {
  for (const auto* good : {"login.example", "*.shop.example", "10.0.0.5", "fd00::5"})
    CHECK(net::check_host_pattern(good));
  for (const auto* bad : {"", "*", "*.", "https://shop.example", "shop.example:443", "[::1]", "a b", "10.0.0.0/8"}) {
    INFO(bad);
    CHECK_FALSE(net::check_host_pattern(bad));
  }
}

TEST_CASE("a name that resolves to an address of this network is not asked, whatever it was before", "[outgoing]") {
  for (const auto* address : {"127.0.0.1", "10.0.0.5", "100.64.0.1", "169.254.169.254", "[::1]", "[fd00::5]",
                              "[fe80::1]", "[::ffff:127.0.0.1]", "0.0.0.0"}) {
    const auto outcome = ask("shop.example", address, {});
    INFO(address);
    REQUIRE_FALSE(outcome);
    CHECK(outcome.error().code == errc::forbidden);
    CHECK_THAT(outcome.error().message, tests::Contains("shop.example is "));
  }
}

TEST_CASE("hosts that are allowed may have private addresses, and --dev's those of this machine", "[outgoing]") {
  // Nothing listens at port 9: the connection is tried, and refused by the machine.
  const auto tried = [](const result<unsigned>& outcome) {
    return !outcome && outcome.error().code == errc::unavailable;
  };
  CHECK(tried(ask("shop.example", "127.0.0.1", {{}, {"shop.example"}, false})));
  CHECK(tried(ask("shop.example", "127.0.0.1", {{}, {}, true})));
  CHECK(tried(ask("localhost", "127.0.0.1", {})));
  CHECK_FALSE(tried(ask("shop.example", "127.0.0.1", {{}, {"other.example"}, false})));
  CHECK_FALSE(tried(ask("shop.example", "10.0.0.5", {{}, {}, true})));
  CHECK_FALSE(tried(ask("shop.example", "169.254.169.254", {{}, {"shop.example"}, true})));
  CHECK_FALSE(tried(ask("localhost", "10.0.0.5", {})));
}
