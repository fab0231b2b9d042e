#include "ingest/schema/gate.hpp"

#include "profile/msgpack_scan.hpp"

namespace kith::ingest::schema {

namespace {

using profile::event_type;
using profile::event_view;
using profile::msgpack::kind;
using profile::msgpack::reader;

constexpr std::string_view empty_map = "\x80";
constexpr std::string_view version_pointer = "/context/schemaVersion";
constexpr std::string_view version_rule = "schemaVersion";

/// The parts of an event that are looked at; empty: absent.
struct parts {
  std::string_view section;
  std::string_view version;
};

parts parts_of(const event_view& event) {
  parts found;
  const auto section = section_name(event.type).substr(1);
  std::string_view context;
  profile::msgpack::for_each_entry(event.encoded, [&](std::string_view key, std::string_view value) {
    if (key == section) found.section = value;
    if (key == "context") context = value;
  });
  const auto is_nil = [](std::string_view value) { return value == "\xc0"; };
  if (is_nil(found.section)) found.section = {};
  if (context.empty() || !profile::msgpack::is_map(context)) return found;
  profile::msgpack::for_each_entry(context, [&](std::string_view key, std::string_view value) {
    if (key == version_rule) found.version = value;
  });
  if (is_nil(found.version)) found.version = {};
  return found;
}

/// 0: it names none.
std::uint32_t version_named(std::string_view value) {
  const auto head = reader(value).next();
  if (head.type == kind::integer && head.integer > 0 && head.integer <= UINT32_MAX) {
    return static_cast<std::uint32_t>(head.integer);
  }
  if (!head.is_string() || head.bytes.empty() || head.bytes.size() > 9) return 0;
  std::uint32_t version = 0;
  for (const char c : head.bytes) {
    if (c < '0' || c > '9') return 0;
    version = version * 10 + static_cast<std::uint32_t>(c - '0');
  }
  return version;
}

verdict judge_parts(const schema_set& schemas, const event_schemas* declared, std::string_view source,
                    const event_view& event, const parts& of) {
  verdict made;
  if (declared == nullptr) {
    if (event.type == event_type::track) made.outcome = schemas.modes().of_unknown(source);
    return made;
  }
  made.declared = true;
  const auto* used = of.version.empty() ? &declared->newest() : declared->find(version_named(of.version));
  if (used == nullptr) {
    made.violations.push_back({std::string(version_pointer), std::string(version_rule), "a version that is registered",
                               std::string(name_of(type_of(reader(of.version).next())))});
  } else {
    made.version = used->what->version();
    made.violations = used->what->validate(of.section.empty() ? empty_map : of.section, section_name(event.type));
  }
  if (!made.violations.empty()) made.outcome = schemas.modes().of_invalid(source, event.name);
  return made;
}

}  // namespace

std::string_view section_name(event_type type) noexcept {
  switch (type) {
    case event_type::track:
    case event_type::page:
    case event_type::screen: return "/properties";
    case event_type::identify:
    case event_type::group: return "/traits";
    case event_type::alias: return {};
  }
  return {};
}

std::string verdict::text() const {
  std::string all;
  for (const auto& each : violations) all += (all.empty() ? "" : "; ") + text_of(each);
  if (all.empty() && !declared && outcome != mode::allow) return "event: has no schema; see /v1/schemas";
  return all;
}

void judge::refresh() {
  const auto generation = schemas_.generation();
  if (generation == generation_) return;
  now_ = schemas_.current();
  generation_ = generation;
}

bool judge::has_any() {
  refresh();
  return now_->judges();
}

verdict judge::operator()(std::string_view source, const event_view& event, std::int64_t received_ms) {
  if (event.type == event_type::alias) return {};
  refresh();
  const auto* declared = now_->find(event.name);
  // Without a schema the event is gone through only if it is one whose properties are noted.
  parts of;
  if (declared != nullptr) of = parts_of(event);
  auto made = judge_parts(*now_, declared, source, event, of);
  const bool personal = section_name(event.type) == "/traits";
  seen_.see({source, event.name, received_ms, personal}, made.outcome, made.violations, [&] {
    const auto section = declared != nullptr ? of.section : parts_of(event).section;
    return !section.empty() && profile::msgpack::is_map(section) ? section : std::string_view();
  });
  return made;
}

verdict judge_by(const schema_set& schemas, std::string_view source, const event_view& event) {
  if (event.type == event_type::alias) return {};
  return judge_parts(schemas, schemas.find(event.name), source, event, parts_of(event));
}

gate::gate(const registry& schemas, std::size_t shards) {
  for (std::size_t i = 0; i < shards; ++i) judges_.push_back(std::make_unique<judge>(schemas));
}

observations gate::observed() const {
  observations all;
  for (const auto& each : judges_) each->add_to(all);
  return all;
}

outcome_counts gate::counts_of(const observations& seen) {
  outcome_counts counts;
  for (const auto& [event, sources] : seen.events) {
    auto& of = counts[event];
    for (const auto& [source, each] : sources) {
      for (std::size_t i = 0; i < mode_count; ++i) of[i] += each.outcomes[i];
    }
  }
  return counts;
}

}  // namespace kith::ingest::schema
