// The HTTPS edge of a server that runs, as senders and pages use it.
#pragma once

#include <utility>
#include <fstream>
#include <map>
#include <string>

#include "net/https_client.hpp"
#include "tests/catch.hpp"
#include "tests/system/support/server.hpp"

namespace kith::tests {

struct edge {
  explicit edge(const server& of) : at(of) {
    std::ifstream(of.data() + "/dev/ingest.token") >> write_key;
    const auto options = of.client_options();
    url = "https://localhost:" + std::to_string(options.port + 1);
  }
  using headers = std::map<std::string, std::string>;
  /// Status and body.
  std::pair<unsigned, std::string> send(const std::string& method, const std::string& path, const std::string& body,
                                        headers fields = {}) const {
    auto options = at.client_options(1);
    options.port = static_cast<unsigned short>(options.port + 1);
    options.token.clear();
    options.cert_file.clear();
    options.key_file.clear();
    auto link = net::https_client::connect(options).value();
    net::https_request request;
    request.method = method;
    request.target = path;
    request.body = body;
    request.headers = std::move(fields);
    const auto got = link->send(request).value();
    return {got.status, got.body};
  }
  std::pair<unsigned, std::string> post(const std::string& path, const std::string& body, headers fields = {}) const {
    return send("POST", path, body, std::move(fields));
  }
  std::pair<unsigned, std::string> get(const std::string& path, headers fields = {}) const {
    return send("GET", path, {}, std::move(fields));
  }

  const server& at;
  std::string write_key;
  std::string url;
};

inline nlohmann::json profile_of(const server& at, const std::string& user) {
  const auto got = at.client()->get({profile::id_kind::user, {}, user});
  REQUIRE(got);
  return nlohmann::json::from_msgpack(*got);
}

inline std::uint64_t count(const nlohmann::json& profile, const char* event) {
  const auto& events = profile.at("events");
  return events.contains(event) ? events.at(event).at("count").get<std::uint64_t>() : 0;
}

/// Runs a script of tests/system/sdk to its end.
inline void run_node(const scratch& room, const server& at, const edge& with, const std::string& script,
                     const std::string& user) {
  const std::string folder = KITH_SOURCE "/tests/system/sdk/";
  process running({"/usr/bin/env", "NODE_EXTRA_CA_CERTS=" + at.data() + "/dev/ca.pem", "node", folder + script,
                   with.url, with.write_key, user},
                  room.path(script + ".log"));
  const auto code = running.wait(std::chrono::seconds(150));
  INFO(running.output());
  REQUIRE(code == 0);
}

/// `kith dead-letters WORDS --json`.
inline nlohmann::json letters_of(const scratch& room, const server& at, std::vector<std::string> words) {
  words.insert(words.begin(), "dead-letters");
  for (const auto& each : at.flags()) words.push_back(each);
  words.emplace_back("--json");
  const auto [code, text] = run_kith(room, words);
  CAPTURE(code, text);
  return nlohmann::json::parse(text);
}

}  // namespace kith::tests
