#include "tests/profile/support/segments.hpp"

#include "tests/catch.hpp"

namespace kith::tests {

std::vector<segments::definition> definitions_of(const named_expressions& table) {
  constexpr std::string_view computed = "computed.";
  std::vector<segments::definition> made;
  for (const auto& [name, expression] : table) {
    auto& each = made.emplace_back();
    const bool is_computed = name.starts_with(computed);
    each.kind = is_computed ? segments::definition_kind::computed : segments::definition_kind::segment;
    each.name = is_computed ? name.substr(computed.size()) : name;
    each.expression = expression;
  }
  return made;
}

catalog_pointer catalog_of(const named_expressions& table) {
  auto made = segments::catalog::make(definitions_of(table));
  if (!made) {
    for (const auto& each : made.error()) FAIL(each.name << ": " << each.column << ": " << each.message);
  }
  return *made;
}

std::vector<std::string> problems_of(const named_expressions& table) {
  std::vector<std::string> found;
  const auto made = segments::catalog::make(definitions_of(table));
  if (made) return found;
  for (const auto& each : made.error())
    found.push_back(std::to_string(each.line) + ":" + std::to_string(each.column) + ": " + each.message);
  return found;
}

held_event::held_event(const json& event, std::int64_t received_ms) {
  json::to_msgpack(event, bytes);
  profile::reception received;
  received.received_ms = received_ms;
  const auto parsed = profile::parse_event(bytes, received);
  if (!parsed) FAIL(parsed.error().message);
  view = *parsed;
}

json order_event(std::string_view id, std::int64_t time_ms, json properties, std::string_view name) {
  return {{"type", "track"}, {"event", name},        {"messageId", id},
          {"userId", "ada"}, {"timestamp", time_ms}, {"properties", std::move(properties)}};
}

void customer::apply(const held_event& event, const segments::catalog* with) {
  std::vector<profile::spilled_id> left;
  state.apply(event.view, left, profile::profile::default_recent_days, with);
  for (const auto& each : left) spilled.insert(each.id);
}

std::set<std::string> customer::members(const segments::catalog& with) const {
  std::set<std::string> found;
  for (std::uint32_t i = 0; i < with.definitions().size(); ++i) {
    const auto& of = with.definitions()[i];
    if (of.kind == segments::definition_kind::segment && at.is_member(with, i)) found.insert(of.name);
  }
  return found;
}

json customer::computed(const segments::catalog& with) const {
  std::string bytes;
  profile::msgpack::writer out(bytes);
  at.write_computed(with, out);
  return json::from_msgpack(bytes);
}

json customer::segments_map(const segments::catalog& with, std::int64_t now_ms) const {
  std::string bytes;
  profile::msgpack::writer out(bytes);
  segments::write_segments(state, at, with, now_ms, out);
  return json::from_msgpack(bytes);
}

json customer::explanation(const segments::catalog& with, std::string_view segment, std::int64_t now_ms) const {
  std::string bytes;
  profile::msgpack::writer out(bytes);
  const auto written = segments::write_explanation(state, at, with, segment, now_ms, out);
  if (!written) FAIL(written.error().message);
  return json::from_msgpack(bytes);
}

std::string standing_text(const customer& of, const segments::catalog& with) {
  return json(of.members(with)).dump() + of.computed(with).dump() + std::to_string(of.at.due_ms());
}

json value_of(const profile::profile& of, const std::string& expression, std::int64_t now_ms) {
  const auto with = catalog_of({{"computed.value", expression}});
  customer alone;
  alone.at.evaluate_all(of, *with, now_ms, alone.changed);
  return alone.computed(*with).value("value", json());
}

}  // namespace kith::tests
