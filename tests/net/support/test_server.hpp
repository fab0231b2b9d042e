// A server over a fake service, with a token for each kind of caller.
#pragma once

#include <utility>
#include <memory>
#include <stdexcept>

#include "net/client_connection.hpp"
#include "net/server.hpp"
#include "tests/net/support/certificates.hpp"
#include "tests/net/support/fake_service.hpp"
#include "tests/net/support/raw_client.hpp"

namespace kith::test {

inline std::vector<net::credential_config> test_credentials(double events_per_second = 0) {
  net::credential_config all{"all", "token-all", {}, {}, "shop", true, true, true, events_per_second};
  net::credential_config writer{"writer", "token-writer", {}, {}, {}, true, false, false, 0};
  net::credential_config reader{"reader", "token-reader", {}, {}, {}, false, true, false, 0};
  return {all, writer, reader};
}

struct test_server {
  explicit test_server(limits::connection bounds = {},
                       std::vector<net::credential_config> credentials = test_credentials(),
                       persistence::dead_letters* letters = nullptr, net::event_judge* judge = nullptr) {
    net::server_options options;
    options.judge = judge;
    options.letters = letters;
    options.erase = [this](net::erase_order what, const net::erase_done& done) {
      erased.push_back(what);
      done("the receipt of " + profile::to_hex(what.address));
    };
    options.port = 0;
    options.limits = bounds;
    tls = net::reloadable_tls::load(authority.server_options()).value();
    known = net::credential_store::make(credentials).value();
    running = net::server::start(service, tls, known, options).value();
  }

  net::tls_files trust() const { return {{}, {}, authority.path("ca.pem")}; }

  /// A connection that has said hello with the token; none: only the handshake.
  std::unique_ptr<raw_client> connect(const std::string& token = "token-all") {
    auto made = std::make_unique<raw_client>(running->port());
    if (!made->handshake(trust())) throw std::runtime_error("no handshake");
    if (!token.empty()) made->call("hello", {{"client", "test"}, {"version", "1"}, {"token", token}});
    return made;
  }

  net::client_options client_options(const std::string& token = "token-all") const {
    net::client_options out;
    out.port = running->port();
    out.ca_file = authority.path("ca.pem");
    out.token = token;
    out.retry.first = std::chrono::milliseconds(5);
    return out;
  }

  bool eventually_open(std::uint64_t connections) {
    return eventually([&] { return running->stats().connections_open == connections; });
  }

  std::vector<net::erase_order> erased;  ///< what the method asked for; by requests that were answered
  certificates authority;
  fake_service service;
  std::shared_ptr<net::reloadable_tls> tls;
  std::shared_ptr<net::credential_store> known;
  std::unique_ptr<net::server> running;
};

}  // namespace kith::test
