// Customers with events, and catalogs from a few lines, for the tests of segments.
#pragma once

#include <utility>
#include <initializer_list>
#include <memory>
#include <nlohmann/json.hpp>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "profile/segments/catalog.hpp"
#include "profile/segments/history.hpp"
#include "profile/segments/standing.hpp"

namespace kith::tests {

namespace segments = kith::profile::segments;
using nlohmann::json;

inline constexpr std::int64_t minute_ms = 60'000;
inline constexpr std::int64_t hour_ms = 60 * minute_ms;
inline constexpr std::int64_t day_ms = 24 * hour_ms;
inline constexpr std::int64_t base_ms = 1'700'000'000'000;

using catalog_pointer = std::shared_ptr<const segments::catalog>;
using named_expressions = std::vector<std::pair<std::string, std::string>>;

/// A name that begins with "computed." is a computed trait, any other a segment.
std::vector<segments::definition> definitions_of(const named_expressions& table);
/// REQUIRES: they are good.
catalog_pointer catalog_of(const named_expressions& table);
/// `line:column: message` of each problem, or nothing.
std::vector<std::string> problems_of(const named_expressions& table);

/// The event as MessagePack, and its views.
struct held_event {
  explicit held_event(const json& event, std::int64_t received_ms = base_ms + 4000 * day_ms);
  std::string bytes;
  profile::event_view view;
};

json order_event(std::string_view id, std::int64_t time_ms, json properties = json::object(),
                 std::string_view name = "Order");

struct customer {
  profile::profile state;
  segments::standing at;
  segments::transitions changed;
  std::set<profile::hash128> spilled;  ///< as an owner keeps them

  void apply(const held_event& event, const segments::catalog* with);
  void apply(const json& event, const catalog_pointer& with) { apply(held_event(event), with.get()); }
  std::set<std::string> members(const segments::catalog& with) const;
  json computed(const segments::catalog& with) const;
  json segments_map(const segments::catalog& with, std::int64_t now_ms) const;
  json explanation(const segments::catalog& with, std::string_view segment, std::int64_t now_ms) const;
};

/// What a standing is made of, but for when members entered.
std::string standing_text(const customer& of, const segments::catalog& with);

/// The value of one expression as a computed trait; null if it has none.
json value_of(const profile::profile& of, const std::string& expression, std::int64_t now_ms);

}  // namespace kith::tests
