// The admin API without sockets, on a disk in memory, with clocks that a test moves.
#pragma once

#include <utility>
#include <functional>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "admin/access.hpp"
#include "admin/audit_log.hpp"
#include "admin/probe.hpp"
#include "admin/routes.hpp"
#include "admin/tokens.hpp"
#include "persistence/simulated_files.hpp"
#include "tests/catch.hpp"
#include "tests/net/support/fake_service.hpp"

namespace kith::tests {

using net::role;
using nlohmann::json;

inline net::credential_config credential(const std::string& name, role granted) {
  net::credential_config made;
  made.name = name;
  made.token = "token-" + name;
  made.granted = granted;
  made.can_publish = made.can_read = false;
  return made;
}

/// Tokens are "token-NAME".
inline std::vector<net::credential_config> all_roles() {
  auto certified = credential("machine", role::operations);
  certified.common_name = "machine-1";
  return {credential("none", role::none),
          credential("viewer", role::viewer),
          credential("operator", role::operations),
          credential("privacy", role::privacy),
          credential("admin", role::admin),
          certified,
          {"reader", "token-reader", {}, {}, {}, false, true, false, 0}};
}

struct house {
  kith::test::fake_service service;
  persistence::simulated_files files;
  std::int64_t now_ms = 1'714'557'600'000;
  net::token_bucket::time_point now{std::chrono::hours(1)};
  admin::probe counts;
  std::shared_ptr<net::credential_store> credentials = net::credential_store::make(all_roles(), std::nullopt).value();
  std::unique_ptr<admin::token_store> tokens =
      admin::token_store::open(files, "/data", credentials, [this] { return now_ms; }).value();
  std::unique_ptr<admin::audit_log> log = open_log();
  std::function<void()> when_asked_for_time;  ///< by the door, once
  admin::access door{{credentials, tokens.get(), &counts,
                      [this] {
                        if (const auto then = std::exchange(when_asked_for_time, nullptr)) then();
                        return now_ms;
                      },
                      [this] { return now; }}};
  std::unique_ptr<admin::definition_store> definitions =
      admin::definition_store::open(files, "/data", {}, [this] { return now_ms; }).value();
  admin::routes routes{service, *definitions, parts_of()};

  std::unique_ptr<admin::audit_log> open_log() {
    admin::audit_options options;
    options.now_ms = [this] { return now_ms; };
    return admin::audit_log::open(files, "/data/audit", options).value();
  }
  admin::parts parts_of() {
    admin::parts with;
    with.tokens = tokens.get();
    with.audit = log.get();
    with.door = &door;
    with.counts = &counts;
    return with;
  }

  admin::response ask(admin::request asked) {
    asked.host = "kith.example:7442";
    asked.address = "192.0.2.7";
    if (auto refused = door.admit(asked)) return *refused;
    return routes.handle(asked);
  }
  static admin::request request(const std::string& method, const std::string& target, const std::string& token = {}) {
    admin::request made;
    made.method = method;
    made.target = target;
    if (!token.empty()) made.authorization = "Bearer " + token;
    return made;
  }
  admin::response ask(const std::string& method, const std::string& target, const std::string& token = {},
                      const std::string& body = {}) {
    auto asked = request(method, target, token);
    asked.body = body;
    return ask(std::move(asked));
  }
  std::vector<json> records() const {
    admin::audit_query query;
    query.newest_first = false;
    query.limit = 1000;
    return log->list(query).value().records;
  }
  /// The cookie of a new session.
  std::string log_in(const std::string& token) {
    const auto answer = ask("POST", "/v1/session", {}, json{{"token", token}}.dump());
    REQUIRE(answer.status == 200);
    const auto& cookie = answer.headers.at("Set-Cookie");
    return cookie.substr(0, cookie.find(';'));
  }
};

inline admin::request with_cookie(admin::request asked, const std::string& cookie) {
  asked.cookie = "theme=dark; " + cookie;
  asked.kith_request = "1";
  return asked;
}

}  // namespace kith::tests
