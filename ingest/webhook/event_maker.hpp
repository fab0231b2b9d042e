// One event out of a rule's compiled expressions.
#pragma once

#include <utility>
#include <optional>
#include <string>
#include <vector>

#include "ingest/webhook/event_fields.hpp"
#include "ingest/webhook/payload_values.hpp"

namespace kith::ingest::webhook {

/// An expression that may be absent.
struct expression {
  std::string field;  ///< its name, for messages
  std::string text;
  std::optional<profile::cel::program> run;

  bool given() const noexcept { return run.has_value(); }
};

struct compiled_rule {
  std::string label;  ///< for messages: the name or "map[2]"
  std::string id;     ///< what message ids are made of
  expression when, each, base, type, event, message_id, timestamp, priority, context, properties, traits;
  std::vector<expression> ids;  ///< userId, anonymousId, previousId: those that are given
  std::vector<expression> property, trait,
      external_ids;  ///< `field` is e.g. "properties.total"; the name behind the dot

  std::size_t expressions() const noexcept {
    return 12 + ids.size() + property.size() + trait.size() + external_ids.size();
  }
};

/// A value, nothing (the field is missing or null), or why there is none.
using found_value = result<std::optional<profile::cel::value>>;

/// Errors: invalid_argument, naming the expression.
found_value evaluate(const expression& of, payload_values& from, profile::cel::arena& memory, std::uint64_t steps);

/// Thread safety: none.
class event_maker {
 public:
  event_maker(const delivery& of, payload_values& from) noexcept : of_(of), from_(from) {}

  /// The event as MessagePack; `steps`: of each evaluation. Errors: what parse_event has, and expressions that err.
  result<std::string> make(const compiled_rule& by, std::size_t index, std::uint64_t steps);

 private:
  found_value value_of(const expression& of) { return evaluate(of, from_, memory_, steps_); }
  result<void> take_base(const expression& base);
  result<void> take_ids(const compiled_rule& by);
  result<void> take_id(std::string_view name, const profile::cel::value& of);
  result<void> take_text(std::string_view name, const expression& of);
  result<void> take_timestamp(const expression& of);
  result<void> take_map(std::string_view name, const expression& whole, const std::vector<expression>& parts);
  result<void> take_context(const compiled_rule& by);
  /// The array of {type, id}; empty if the rule has none for this payload.
  result<std::vector<std::string>> external_ids(const std::vector<expression>& all);
  result<std::string> finish(const compiled_rule& by, std::size_t index);

  const delivery& of_;
  payload_values& from_;
  std::uint64_t steps_ = 0;
  profile::cel::arena memory_;  ///< of one event
  event_fields fields_;
  std::optional<profile::cel::value> base_context_;
  std::string absent_ids_;  ///< expressions for identifiers that gave nothing
};

}  // namespace kith::ingest::webhook
