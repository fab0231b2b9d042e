// An OpenTelemetry collector: takes OTLP over HTTP in JSON, and holds each request against what OTLP requires.
#pragma once

#include <algorithm>
#include <map>
#include <nlohmann/json.hpp>
#include <set>
#include <string>
#include <vector>

#include "tests/webhooks/support/receiver.hpp"

namespace kith::tests {

struct collected_span {
  std::string trace;
  std::string id;
  std::string parent;  ///< empty: it is the first
  std::string name;
  int kind = 0;
  std::uint64_t begun = 0;  ///< nanoseconds since 1970
  std::uint64_t ended = 0;
  std::map<std::string, std::string> attributes;  ///< numbers as text
  bool failed = false;
  std::string service;
};

/// What of a request is not as OTLP says; nothing: all is.
class otlp_check {
 public:
  using json = nlohmann::json;

  std::vector<collected_span> read(const std::string& body) {
    const auto all = json::parse(body, nullptr, false);
    keys(all, {"resourceSpans"}, {});
    for (const auto& resource : list(all, "resourceSpans")) {
      keys(resource, {"resource", "scopeSpans"}, {"schemaUrl"});
      keys(resource.value("resource", json()), {"attributes"}, {});
      const auto about = attributes(resource.value("resource", json()));
      if (!about.contains("service.name")) wrong.push_back("no service.name");
      for (const auto& scope : list(resource, "scopeSpans")) {
        keys(scope, {"scope", "spans"}, {"schemaUrl"});
        keys(scope.value("scope", json()), {"name"}, {"version"});
        for (const auto& each : list(scope, "spans")) {
          spans.push_back(span(each));
          if (about.contains("service.name")) spans.back().service = about.at("service.name");
        }
      }
    }
    return spans;
  }

  std::vector<std::string> wrong;
  std::vector<collected_span> spans;

 private:
  void keys(const json& of, const std::set<std::string>& needed, const std::set<std::string>& allowed) {
    if (!of.is_object()) return wrong.push_back("no object: " + of.dump());
    for (const auto& each : needed) {
      if (!of.contains(each)) wrong.push_back("without " + each + ": " + of.dump());
    }
    for (const auto& [key, value] : of.items()) {
      if (!needed.contains(key) && !allowed.contains(key)) wrong.push_back("unknown " + key + ": " + of.dump());
    }
  }
  std::vector<json> list(const json& of, const char* key) {
    if (of.is_object() && of.contains(key) && of.at(key).is_array()) return of.at(key).get<std::vector<json>>();
    wrong.push_back(std::string("no array ") + key);
    return {};
  }
  std::string text(const json& of, const char* key) {
    if (of.contains(key) && of.at(key).is_string()) return of.at(key).get<std::string>();
    wrong.push_back(std::string(key) + ": no string: " + of.dump());
    return {};
  }
  std::string hex(const json& of, const char* key, std::size_t digits) {
    const auto got = text(of, key);
    const bool good = got.size() == digits && got.find_first_not_of("0123456789abcdef") == std::string::npos &&
                      got.find_first_not_of('0') != std::string::npos;
    if (!good) wrong.push_back(std::string(key) + ": no id: " + got);
    return got;
  }
  std::uint64_t number(const json& of, const char* key) {
    const auto got = text(of, key);
    const bool good = !got.empty() && got.size() < 20 && got.find_first_not_of("0123456789") == std::string::npos;
    if (!good) wrong.push_back(std::string(key) + ": no number: " + got);
    return good ? std::stoull(got) : 0;
  }
  std::map<std::string, std::string> attributes(const json& of) {
    std::map<std::string, std::string> all;
    for (const auto& each : list(of, "attributes")) {
      keys(each, {"key", "value"}, {});
      const auto value = each.value("value", json());
      keys(value, {}, {"stringValue", "intValue"});
      if (value.size() != 1) wrong.push_back("not one value: " + each.dump());
      const auto key = text(each, "key");
      if (key.empty() || all.contains(key)) wrong.push_back("an attribute without name, or twice: " + each.dump());
      all[key] = value.contains("intValue") ? text(value, "intValue") : text(value, "stringValue");
    }
    return all;
  }
  collected_span span(const json& of) {
    keys(of, {"traceId", "spanId", "name", "kind", "startTimeUnixNano", "endTimeUnixNano", "attributes"},
         {"parentSpanId", "status"});
    collected_span made;
    made.trace = hex(of, "traceId", 32);
    made.id = hex(of, "spanId", 16);
    if (of.contains("parentSpanId")) made.parent = hex(of, "parentSpanId", 16);
    made.name = text(of, "name");
    if (!of.value("kind", json()).is_number_integer()) wrong.push_back("kind: no number: " + of.dump());
    made.kind = of.value("kind", 0);
    if (made.kind < 1 || made.kind > 5) wrong.push_back("kind: " + std::to_string(made.kind));
    made.begun = number(of, "startTimeUnixNano");
    made.ended = number(of, "endTimeUnixNano");
    constexpr std::uint64_t year_2020 = 1'577'836'800'000'000'000;
    if (made.begun < year_2020 || made.ended < made.begun) wrong.push_back("times: " + of.dump());
    made.attributes = attributes(of);
    if (!of.contains("status")) return made;
    keys(of.at("status"), {"code"}, {"message"});
    const auto code = of.at("status").value("code", json());
    if (!code.is_number_integer() || code < 0 || code > 2) wrong.push_back("status: " + of.dump());
    made.failed = code == 2;
    return made;
  }
};

class collector {
 public:
  /// `status`: what it answers; on a thread of its own. Empty: 200.
  explicit collector(std::function<unsigned()> status = {})
      : http_([status = std::move(status)](const received_message&) { return status ? status() : 200U; }) {}

  std::string endpoint() const { return http_.base(); }
  std::vector<received_message> requests() const { return http_.received(); }
  /// What was wrong with any of the requests.
  std::vector<std::string> wrong() const {
    otlp_check all;
    for (const auto& each : requests()) {
      all.read(each.body);
      if (each.target != "/v1/traces" || each.content_type != "application/json") {
        all.wrong.push_back("sent to " + each.target + " as " + each.content_type);
      }
    }
    return all.wrong;
  }
  /// Of that trace; empty: of all.
  std::vector<collected_span> spans(const std::string& trace = {}) const {
    std::vector<collected_span> found;
    for (const auto& each : requests()) {
      for (auto& span : otlp_check().read(each.body)) {
        if (trace.empty() || span.trace == trace) found.push_back(std::move(span));
      }
    }
    return found;
  }
  bool has(const std::string& trace, const std::set<std::string>& names) const {
    std::set<std::string> there;
    for (const auto& each : spans(trace)) there.insert(each.name);
    return std::includes(there.begin(), there.end(), names.begin(), names.end());
  }

 private:
  receiver http_;
};

/// The first of that name; an empty one: there is none.
inline collected_span named(const std::vector<collected_span>& all, const std::string& name) {
  const auto found = std::find_if(all.begin(), all.end(), [&](const auto& each) { return each.name == name; });
  return found == all.end() ? collected_span() : *found;
}

}  // namespace kith::tests
