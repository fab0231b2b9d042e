// A real authorization server, oidc-provider (tests/ingest/oauth), over TLS on loopback, for one test.
#pragma once

#include <csignal>
#include <future>
#include <nlohmann/json.hpp>
#include <sstream>
#include <string>

#include "ingest/oauth/encoding.hpp"
#include "ingest/outgoing/fetch.hpp"
#include "tests/catch.hpp"
#include "tests/net/support/certificates.hpp"
#include "tests/system/support/process.hpp"

namespace kith::tests {

inline std::string secret_of(const std::string& client) { return client + "'s secret: 100%"; }

class authorization_server {
 public:
  authorization_server()
      : process_({"/usr/bin/env", "node", std::string(KITH_SOURCE) + "/tests/ingest/oauth/server.js",
                  files_.path("server.pem"), files_.path("server.key")},
                 room_.path("output")) {
    const auto listens = [&] {
      return process_.output().find("\"issuer\"") != std::string::npos || !process_.running();
    };
    if (!eventually(listens) || !process_.running()) {
      FAIL("the authorization server did not start; scripts/npm-ci tests/ingest/oauth installs it:\n" +
           process_.output());
    }
    std::istringstream lines(process_.output());
    for (std::string line; std::getline(lines, line);) {
      if (line.starts_with('{')) issuer_ = nlohmann::json::parse(line).at("issuer");
    }
  }
  ~authorization_server() {
    process_.send(SIGTERM);
    process_.wait();
  }
  authorization_server(const authorization_server&) = delete;
  authorization_server& operator=(const authorization_server&) = delete;

  const std::string& issuer() const { return issuer_; }
  std::string ca() const { return files_.path("ca.pem"); }

  /// By client_credentials. `format`: an algorithm's name, or "opaque".
  std::string token(const std::string& format, const std::string& scope = "events:write") {
    const auto answer =
        nlohmann::json::parse(post("/token",
                                   "grant_type=client_credentials&scope=" + ingest::oauth::encode_form(scope) +
                                       "&resource=" + ingest::oauth::encode_form("https://kith.example/" + format),
                                   "shop"));
    INFO(answer.dump());
    REQUIRE(answer.contains("access_token"));
    return answer.at("access_token");
  }
  void revoke(const std::string& token) {
    post("/token/revocation", "token=" + ingest::oauth::encode_form(token), "shop");
  }
  /// Where people who sign in for the client `console` are sent back to.
  void send_people_to(const std::string& url) { post("/test/back?to=" + ingest::oauth::encode_form(url), "", "shop"); }
  void rotate() { post("/test/rotate", "", "shop"); }
  /// How often that was asked for.
  int asked(const std::string& path) { return nlohmann::json::parse(send("/test/counts", {})).value(path, 0); }

 private:
  std::string post(const std::string& path, const std::string& body, const std::string& client) {
    ingest::outgoing::fetch_request request;
    request.is_post = true;
    request.body = body;
    request.headers = {"content-type: application/x-www-form-urlencoded",
                       "authorization: " + ingest::oauth::basic_authorization(client, secret_of(client))};
    return send(path, std::move(request));
  }
  std::string send(const std::string& path, ingest::outgoing::fetch_request request) {
    request.url = issuer_ + path;
    request.ca = ca();
    request.timeout = std::chrono::seconds(30);
    std::promise<result<ingest::outgoing::fetch_response>> promise;
    fetcher_.fetch(std::move(request), [&](auto response) { promise.set_value(std::move(response)); });
    const auto response = promise.get_future().get();
    if (!response) FAIL(path + ": " + response.error().message);
    INFO(path << ": " << response->body);
    REQUIRE(response->status == 200);
    return response->body;
  }

  test::certificates files_;
  tests::scratch room_;
  process process_;
  std::string issuer_;
  ingest::outgoing::curl_fetcher fetcher_{{}};
};

}  // namespace kith::tests
