// Requests and payloads for the tests of incoming webhooks.
#pragma once

#include <utility>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "ingest/webhook/mapping.hpp"
#include "net/http_message.hpp"
#include "profile/event.hpp"
#include "profile/from_json.hpp"

namespace kith::tests {

namespace webhook = kith::ingest::webhook;

inline constexpr std::int64_t now_ms = 1'700'000'000'000;  // 2023-11-14T22:13:20Z

/// A POST that owns what its request views.
class post {
 public:
  post(std::string body, std::vector<std::pair<std::string, std::string>> headers = {},
       std::string target = "/v1/webhooks/shop")
      : body_(std::move(body)), target_(std::move(target)), headers_(std::move(headers)) {}

  net::http_request request() const {
    fields_.clear();
    for (const auto& [name, value] : headers_) fields_.push_back({name, value});
    return {"POST", target_, fields_, body_};
  }
  post with(const std::string& name, const std::string& value) const {
    auto made = *this;
    for (auto& each : made.headers_) {
      if (each.first == name) {
        each.second = value;
        return made;
      }
    }
    made.headers_.emplace_back(name, value);
    return made;
  }
  post without(const std::string& name) const {
    auto made = *this;
    std::erase_if(made.headers_, [&](const auto& each) { return each.first == name; });
    return made;
  }
  post with_body(std::string body) const {
    auto made = *this;
    made.body_ = std::move(body);
    return made;
  }

 private:
  std::string body_;
  std::string target_;
  std::vector<std::pair<std::string, std::string>> headers_;
  mutable std::vector<net::http_field> fields_;
};

/// The events as JSON; each was parsed as the runtime will.
inline nlohmann::json events_of(const webhook::mapped& from) {
  auto all = nlohmann::json::from_msgpack(from.events);
  if (all.size() != from.count) throw std::logic_error("count is not the array's");
  for (const auto& each : all) {
    std::string bytes;
    nlohmann::json::to_msgpack(each, bytes);
    profile::reception received;
    received.received_ms = now_ms;
    if (const auto parsed = profile::parse_event(bytes, received); !parsed)
      throw std::logic_error(parsed.error().message);
  }
  return all;
}

/// A delivery of JSON through rules. `headers` have lower-case names or not.
inline webhook::mapped mapped_by(const std::vector<webhook::rule>& rules, const std::string& json,
                                 const std::vector<std::pair<std::string, std::string>>& headers = {},
                                 const std::string& delivery_id = "d-1", std::string_view query = {}) {
  const auto made = webhook::mapping::make(rules, "map");
  if (!made) throw std::logic_error(made.error().message);
  const auto body = profile::msgpack_from_json(json, "body");
  if (!body) throw std::logic_error(body.error().message);
  std::vector<net::http_field> fields;
  for (const auto& [name, value] : headers) fields.push_back({name, value});
  webhook::delivery what;
  what.source = "shop";
  what.id = delivery_id;
  what.raw_body = json;
  what.body = *body;
  what.headers = fields;
  what.query = query;
  what.now_ms = now_ms;
  auto events = made->map(what);
  if (!events) throw std::logic_error(events.error().message);
  return std::move(*events);
}

}  // namespace kith::tests
