// Schemas and events as short text.
#pragma once

#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "ingest/schema/document.hpp"
#include "ingest/schema/gate.hpp"
#include "ingest/schema/schema.hpp"
#include "ingest/schema/value.hpp"

namespace kith::test {

namespace schema = kith::ingest::schema;

inline std::shared_ptr<const schema::schema> made(const nlohmann::json& document, const std::string& event = "Test",
                                                  std::uint32_t version = 1) {
  auto one = schema::schema::make(event, version, document);
  if (!one) throw std::runtime_error(one.error().message);
  return *one;
}

inline std::shared_ptr<const schema::schema> made(const char* document) {
  return made(nlohmann::json::parse(document));
}

/// What registering it says; empty: it is good.
inline std::string refusal_of(const std::string& document) {
  auto parsed = schema::read_document(document);
  if (!parsed) return parsed.error().message;
  auto one = schema::schema::make("Test", 1, *parsed);
  return one ? std::string() : one.error().message;
}

/// "pointer rule found" of each violation.
inline std::vector<std::string> violations_of(const schema::schema& of, const nlohmann::json& value) {
  std::vector<std::string> all;
  for (const auto& each : of.validate(schema::encoded(value))) {
    all.push_back(each.pointer + " " + each.rule + " " + each.found);
  }
  return all;
}

/// A parsed event, with its bytes.
struct parsed_event {
  std::string bytes;
  profile::event_view view;

  explicit parsed_event(nlohmann::json event) {
    if (!event.contains("messageId")) event["messageId"] = "m-1";
    if (!event.contains("userId")) event["userId"] = "ada";
    bytes = schema::encoded(event);
    auto parsed = profile::parse_event(bytes, {1'767'600'000'000});
    if (!parsed) throw std::runtime_error(parsed.error().message);
    view = *parsed;
  }
  parsed_event(const parsed_event&) = delete;
  parsed_event& operator=(const parsed_event&) = delete;
};

inline nlohmann::json track(const std::string& name, const nlohmann::json& properties) {
  return {{"type", "track"}, {"event", name}, {"properties", properties}};
}

}  // namespace kith::test
