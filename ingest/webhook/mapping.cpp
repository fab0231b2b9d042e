#include "ingest/webhook/mapping.hpp"

#include <algorithm>
#include <set>

#include "ingest/webhook/bounds.hpp"
#include "ingest/webhook/event_maker.hpp"
#include "profile/bytes.hpp"
#include "profile/cel/limits.hpp"
#include "profile/hash.hpp"
#include "profile/msgpack.hpp"

namespace kith::ingest::webhook {

namespace cel = profile::cel;

namespace {

/// Compiles a rule; problems are gathered, a line each.
class rule_compiler {
 public:
  rule_compiler(const rule& from, std::string where, std::string& problems)
      : from_(from), where_(std::move(where)), problems_(problems) {}

  compiled_rule run(std::size_t place_in_list) {
    compiled_rule made;
    made.label = from_.name.empty() ? "map[" + std::to_string(place_in_list) + "]" : from_.name;
    made.id = from_.name.empty() ? "#" + std::to_string(place_in_list) : "." + from_.name;
    made.when = one(place::when, "when", from_.when, false);
    made.each = one(place::each, "each", from_.each, false);
    made.base = one(place::base, "base", from_.base);
    made.type = one(place::type, "type", from_.type);
    made.event = one(place::event, "event", from_.event);
    made.message_id = one(place::id, "messageId", from_.message_id);
    made.timestamp = one(place::timestamp, "timestamp", from_.timestamp);
    made.priority = one(place::priority, "priority", from_.priority);
    made.context = one(place::map, "context", from_.context);
    made.properties = one(place::map, "properties", from_.properties);
    made.traits = one(place::map, "traits", from_.traits);
    for (const auto& [field, text] : {std::pair<const char*, const std::string&>{"userId", from_.user_id},
                                      {"anonymousId", from_.anonymous_id},
                                      {"previousId", from_.previous_id}}) {
      if (!text.empty()) made.ids.push_back(one(place::id, field, text));
    }
    made.property = several(place::any, "properties", from_.property);
    made.trait = several(place::any, "traits", from_.trait);
    made.external_ids = several(place::id, "externalIds", from_.external_ids);
    check(made);
    return made;
  }

 private:
  expression one(place at, std::string field, const std::string& text, bool with_item = true) {
    expression made{std::move(field), text, std::nullopt};
    if (text.empty()) return made;
    auto program = compile_expression(at, text, with_item && !from_.each.empty());
    if (program) made.run = std::move(*program);
    else problem(made.field, program.error().message);
    return made;
  }
  std::vector<expression> several(place at, const std::string& of,
                                  const std::vector<std::pair<std::string, std::string>>& all) {
    std::vector<expression> made;
    for (const auto& [name, text] : all) {
      if (name.empty() || text.empty()) problem(of, "needs a name and an expression for each entry");
      else made.push_back(one(at, std::string(of).append(".").append(name), text));
    }
    return made;
  }
  void check(const compiled_rule& made) {
    if (made.expressions() > bounds::fields) {
      problem({}, "has over " + std::to_string(bounds::fields) + " expressions");
    }
    if (!from_.properties.empty() && !from_.property.empty())
      problem("properties", "is one expression or a map of them");
    if (!from_.traits.empty() && !from_.trait.empty()) problem("traits", "is one expression or a map of them");
    if (from_.base.empty() && from_.user_id.empty() && from_.anonymous_id.empty() && from_.external_ids.empty() &&
        from_.context.empty()) {
      problem({}, "names nobody: give it userId, anonymousId or externalIds");
    }
  }
  void problem(const std::string& field, const std::string& why) {
    if (!problems_.empty()) problems_ += '\n';
    problems_ += where_ + (field.empty() ? "" : "." + field) + ": " + why;
  }

  const rule& from_;
  std::string where_;
  std::string& problems_;
};

std::string hashed(std::string_view tag, std::string_view source, std::string_view what, std::string_view rule,
                   std::size_t index) {
  std::string bytes;
  bytes.reserve(tag.size() + source.size() + what.size() + rule.size() + 32);
  for (const auto part : {tag, source, what, rule}) profile::put_text<std::uint32_t>(bytes, part);
  profile::put(bytes, static_cast<std::uint64_t>(index));
  return to_hex(profile::hash_of(bytes));
}

/// One payload under way.
class run_of_rules {
 public:
  run_of_rules(const std::vector<compiled_rule>& rules, const delivery& of)
      : rules_(rules), from_(of), maker_(of, from_) {}

  result<mapped> run() {
    bool meant = false;
    for (const auto& each : rules_) {
      const auto wanted = is_meant(each);
      meant = meant || wanted;
      if (!wanted) continue;
      if (auto good = apply(each); !good) return tl::make_unexpected(good.error());
    }
    if (!meant && made_.skipped_events.empty()) {
      made_.ignored = "no rule is meant for this payload: `when` of none of the " + std::to_string(rules_.size()) +
                      " rules is true";
    }
    profile::msgpack::writer(made_.events).array(made_.count);
    made_.events += events_;
    return std::move(made_);
  }

 private:
  bool is_meant(const compiled_rule& by) {
    if (!by.when.given()) return true;
    memory_.reset();
    const auto found = evaluate(by.when, from_, memory_, cel::limits::steps);
    if (!found) {
      skip(by, std::nullopt, found.error().message);
      return false;
    }
    return *found && (*found)->is_true();
  }

  result<void> apply(const compiled_rule& by) {
    memory_.reset();
    if (!by.each.given()) return add(by, std::nullopt, steps_for(by, 1));
    const auto found = evaluate(by.each, from_, memory_, cel::limits::steps);
    if (!found) return skip(by, std::nullopt, found.error().message);
    if (!*found) return {};
    if (!(*found)->is(cel::kind::list)) {
      return skip(by, std::nullopt,
                  shown("each", by.each.text) + ": gives a " + std::string(cel::short_name((*found)->is())) +
                      "; it must give a list");
    }
    const auto& items = (*found)->as_list();
    if (items.size() > bounds::events - tried_) return too_many(items.size());
    const auto steps = steps_for(by, items.size());
    cel::arena item_memory;
    std::uint64_t position = 0;
    for (std::size_t i = 0; i < items.size(); ++i) {
      item_memory.reset();
      from_.set_item(items.next(position, item_memory), i);
      if (auto good = add(by, i, steps); !good) return good;
    }
    return {};
  }

  result<void> add(const compiled_rule& by, std::optional<std::size_t> index, std::uint64_t steps) {
    if (tried_ == bounds::events) return too_many(1);
    ++tried_;
    auto made = maker_.make(by, index.value_or(0), steps);
    if (!made) return skip(by, index, made.error().message);
    if (events_.size() + made->size() > bounds::bytes) {
      return fail(errc::too_large, "the payload makes events of over " + std::to_string(bounds::bytes) + " bytes");
    }
    events_ += *made;
    ++made_.count;
    return {};
  }

  result<void> skip(const compiled_rule& by, std::optional<std::size_t> index, std::string why) {
    made_.skipped_events.push_back({by.label, index, std::move(why)});
    return {};
  }
  result<void> too_many(std::size_t more) const {
    return fail(errc::too_large, "the payload makes " + std::to_string(tried_ + more) + " events; at most " +
                                     std::to_string(bounds::events) + " are allowed");
  }
  static std::uint64_t steps_for(const compiled_rule& by, std::size_t items) noexcept {
    const auto evaluations = std::max<std::size_t>(items, 1) * by.expressions();
    return std::clamp(bounds::steps / evaluations, bounds::least_steps, cel::limits::steps);
  }

  const std::vector<compiled_rule>& rules_;
  payload_values from_;
  event_maker maker_;
  cel::arena memory_;
  std::string events_;
  std::size_t tried_ = 0;
  mapped made_;
};

}  // namespace

struct mapping::body {
  std::vector<compiled_rule> rules;
};

result<mapping> mapping::make(const std::vector<rule>& rules, std::string_view where) {
  const std::string in(where);
  if (rules.empty() || rules.size() > bounds::rules) {
    return fail(errc::invalid_argument, in + ": has " + std::to_string(rules.size()) + " rules; 1 to " +
                                            std::to_string(bounds::rules) + " are allowed");
  }
  auto made = std::make_shared<body>();
  std::string problems;
  std::set<std::string> ids;
  for (std::size_t i = 0; i < rules.size(); ++i) {
    const auto place = in + "[" + std::to_string(i) + "]";
    made->rules.push_back(rule_compiler(rules[i], place, problems).run(i));
    if (!ids.insert(made->rules.back().id).second) {
      problems += (problems.empty() ? "" : "\n") + place + ".name: another rule has it";
    }
  }
  if (!problems.empty()) return fail(errc::invalid_argument, std::move(problems));
  return mapping(std::move(made));
}

result<mapped> mapping::map(const delivery& of) const { return run_of_rules(body_->rules, of).run(); }

std::string digest_of(std::string_view source, std::string_view raw_body) {
  return hashed("digest", source, raw_body, {}, 0);
}

std::string message_id_of(const delivery& of, std::string_view digest, std::string_view rule, std::size_t index) {
  const bool by_body = of.id.empty();
  return "wh_" + hashed(by_body ? "body" : "delivery", of.source, by_body ? digest : of.id, rule, index);
}

}  // namespace kith::ingest::webhook
