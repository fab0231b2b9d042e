#include "ingest/schema/evaluation.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <re2/re2.h>
#include <unordered_map>
#include <valijson/adapters/nlohmann_json_adapter.hpp>
#include <valijson/constraints/concrete_constraints.hpp>
#include <valijson/constraints/constraint_visitor.hpp>
#include <valijson/schema.hpp>
#include <valijson/schema_parser.hpp>

#include "ingest/schema/format.hpp"
#include "ingest/schema/value.hpp"

namespace kith::ingest::schema {

namespace {

using nlohmann::json;
using profile::msgpack::kind;
using profile::msgpack::reader;
using profile::msgpack::token;
using valijson::Subschema;
using valijson::adapters::NlohmannJsonAdapter;
namespace constraints = valijson::constraints;

using pattern_table = std::unordered_map<std::string, std::unique_ptr<const re2::RE2>>;

constexpr std::size_t longest_pattern_shown = 120;

/// What the visitor knows of the schema beside its constraints.
struct background {
  const pattern_table& patterns;
  dialect written_in;
};

template <class Text>
std::string_view view(const Text& text) {
  return {text.data(), text.size()};
}

std::string number_text(double value) { return json(normal(json(value))).dump(); }

/// The way to a value, from the inside out.
struct step {
  const step* up;
  std::string_view key;
  std::size_t index;
  bool is_index;
  bool declared;  ///< the key is the schema's
};

/// One value, with what is looked up in it again and again.
struct subject {
  std::string_view raw;
  token head;
  value_type type;
  const step* way;
  bool listed = false;
  bool well_keyed = true;
  std::vector<member> members;  ///< once `listed`, if it is `well_keyed`
};

class evaluation final : public constraints::ConstraintVisitor {
 public:
  evaluation(const background& known, std::string_view where, std::vector<violation>* found)
      : known_(known),
        where_(where),
        found_(found),
        visit_([this](const constraints::Constraint& each) { return each.accept(*this); }) {}

  bool check(const Subschema& schema, std::string_view raw, const step* way) {
    const auto head = reader(raw).next();
    subject now{raw, head, type_of(head), way};
    auto* const before = std::exchange(now_, &now);
    const bool good = holds(schema);
    now_ = before;
    return good;
  }

  bool visit(const AllOfConstraint& of) override {
    bool good = true;
    of.applyToSubschemas([&](unsigned, const Subschema* each) {
      good = holds(*each) && good;
      return good || telling();
    });
    return good;
  }
  bool visit(const AnyOfConstraint& of) override {
    std::size_t total = 0;
    const auto good = quietly([&] { return count_holding(of, 1, total); }) > 0;
    return good || tell("anyOf", "one of " + std::to_string(total) + " schemas to match");
  }
  bool visit(const OneOfConstraint& of) override {
    std::size_t total = 0;
    const auto holding = quietly([&] { return count_holding(of, 2, total); });
    return holding == 1 || tell("oneOf", std::string("exactly one schema to match, and ") +
                                             (holding == 0 ? "none does" : "several do"));
  }
  bool visit(const NotConstraint& of) override {
    const bool inner = of.getSubschema() == nullptr || quietly([&] { return holds(*of.getSubschema()); });
    return !inner || tell("not", "what `not` describes not to be there");
  }
  bool visit(const ConditionalConstraint& of) override {
    const bool condition = quietly([&] { return holds(*of.getIfSubschema()); });
    const auto* next = condition ? of.getThenSubschema() : of.getElseSubschema();
    return next == nullptr || holds(*next);
  }

  bool visit(const TypeConstraint& of) override {
    bool good = false;
    of.applyToNamedTypes([&](TypeConstraint::JsonType each) {
      good = is(each);
      return !good;
    });
    if (good) return true;
    if (!telling()) return false;
    std::string allowed;
    of.applyToNamedTypes([&](TypeConstraint::JsonType each) {
      allowed += (allowed.empty() ? "" : " or ") + std::string(name_of_type(each));
      return true;
    });
    return tell("type", allowed);
  }
  bool visit(const ConstConstraint& of) override {
    const auto value = json_of(now_->raw);
    return of.getValue()->equalTo(NlohmannJsonAdapter(value), true) || tell("const", "the one value allowed");
  }
  bool visit(const EnumConstraint& of) override {
    const auto value = json_of(now_->raw);
    const NlohmannJsonAdapter adapter(value);
    bool good = false;
    std::size_t total = 0;
    of.applyToValues([&](const auto& each) {
      ++total;
      good = each.equalTo(adapter, true);
      return !good && charge();
    });
    return good || tell("enum", "one of the " + std::to_string(total) + " values allowed");
  }

  bool visit(const MaximumConstraint& of) override {
    if (!is_number()) return true;
    const auto most = of.getMaximum();
    if (of.getExclusiveMaximum()) {
      return number() < most || tell("exclusiveMaximum", "less than " + number_text(most));
    }
    return number() <= most || tell("maximum", "at most " + number_text(most));
  }
  bool visit(const MinimumConstraint& of) override {
    if (!is_number()) return true;
    const auto least = of.getMinimum();
    if (of.getExclusiveMinimum()) {
      return number() > least || tell("exclusiveMinimum", "more than " + number_text(least));
    }
    return number() >= least || tell("minimum", "at least " + number_text(least));
  }
  bool visit(const MultipleOfDoubleConstraint& of) override { return is_multiple_of(of.getDivisor()); }
  bool visit(const MultipleOfIntConstraint& of) override {
    if (now_->head.type == kind::integer) {
      return now_->head.integer % of.getDivisor() == 0 ||
             tell("multipleOf", "a multiple of " + std::to_string(of.getDivisor()));
    }
    return is_multiple_of(static_cast<double>(of.getDivisor()));
  }

  bool visit(const MaxLengthConstraint& of) override {
    return now_->type != value_type::string || length() <= of.getMaxLength() ||
           tell("maxLength", "at most " + std::to_string(of.getMaxLength()) + " characters");
  }
  bool visit(const MinLengthConstraint& of) override {
    return now_->type != value_type::string || length() >= of.getMinLength() ||
           tell("minLength", "at least " + std::to_string(of.getMinLength()) + " characters");
  }
  bool visit(const PatternConstraint& of) override {
    if (now_->type != value_type::string) return true;
    const auto pattern = of.getPattern<std::allocator<char>>();
    std::string room;
    const auto text = text_of(now_->head, room);
    return matches(pattern, text) || tell("pattern", "a match of " + pattern.substr(0, longest_pattern_shown));
  }
  bool visit(const FormatConstraint& of) override {
    if (now_->type != value_type::string) return true;
    std::string room;
    return has_format(text_of(now_->head, room), of.getFormat()) || tell("format", of.getFormat());
  }

  bool visit(const MaxItemsConstraint& of) override {
    return now_->type != value_type::array || now_->head.size <= of.getMaxItems() ||
           tell("maxItems", "at most " + std::to_string(of.getMaxItems()) + " items");
  }
  bool visit(const MinItemsConstraint& of) override {
    return now_->type != value_type::array || now_->head.size >= of.getMinItems() ||
           tell("minItems", "at least " + std::to_string(of.getMinItems()) + " items");
  }
  bool visit(const SingularItemsConstraint& of) override {
    return each_item(
        [&](std::size_t, std::string_view raw, const step& way) { return check(*of.getItemsSubschema(), raw, &way); });
  }
  bool visit(const LinearItemsConstraint& of) override {
    std::vector<const Subschema*> first;
    of.applyToItemSubschemas([&](unsigned, const Subschema* each) {
      first.push_back(each);
      return true;
    });
    const auto* rest = of.getAdditionalItemsSubschema();
    const auto* name = known_.written_in == dialect::draft2020 ? "items" : "additionalItems";
    return each_item([&](std::size_t index, std::string_view raw, const step& way) {
      const auto* schema = index < first.size() ? first[index] : rest;
      if (schema != nullptr) return check(*schema, raw, &way);
      return tell(name, "at most " + std::to_string(first.size()) + " items", &way, type_of(reader(raw).next()));
    });
  }
  bool visit(const ContainsConstraint& of) override {
    if (now_->type != value_type::array) return true;
    bool one = false;
    quietly([&] {
      return each_item([&](std::size_t, std::string_view raw, const step& way) {
        one = one || check(*of.getSubschema(), raw, &way);
        return !one;
      });
    });
    return one || tell("contains", "an item that matches");
  }
  bool visit(const UniqueItemsConstraint&) override {
    if (now_->type != value_type::array) return true;
    std::vector<std::string> seen;
    each_item([&](std::size_t, std::string_view raw, const step&) {
      seen.push_back(json_of(raw).dump(-1, ' ', false, json::error_handler_t::replace));
      return true;
    });
    std::sort(seen.begin(), seen.end());
    return std::adjacent_find(seen.begin(), seen.end()) == seen.end() || tell("uniqueItems", "items that differ");
  }

  bool visit(const MaxPropertiesConstraint& of) override {
    return with_members([&](const std::vector<member>& all) {
      return all.size() <= of.getMaxProperties() ||
             tell("maxProperties", "at most " + std::to_string(of.getMaxProperties()) + " properties");
    });
  }
  bool visit(const MinPropertiesConstraint& of) override {
    return with_members([&](const std::vector<member>& all) {
      return all.size() >= of.getMinProperties() ||
             tell("minProperties", "at least " + std::to_string(of.getMinProperties()) + " properties");
    });
  }
  bool visit(const RequiredConstraint& of) override {
    return with_members([&](const std::vector<member>& all) {
      bool good = true;
      of.applyToRequiredProperties([&](const auto& name) {
        good = has(all, view(name), "required") && good;
        return charge() && (good || telling());
      });
      return good;
    });
  }
  bool visit(const PropertyNamesConstraint& of) override {
    return with_members([&](const std::vector<member>& all) {
      bool good = true;
      for (const auto& each : all) {
        std::string name;
        profile::msgpack::writer(name).string(each.key);
        const step way{now_->way, each.key, 0, false, false};
        const bool fits = quietly([&] { return check(*of.getSubschema(), name, nullptr); });
        if (!fits && !tell("propertyNames", "a name that matches", &way, value_type::string)) good = false;
        if (!good && !telling()) break;
      }
      return good;
    });
  }
  bool visit(const DependenciesConstraint& of) override {
    const bool modern = known_.written_in != dialect::draft7;
    return with_members([&](const std::vector<member>& all) {
      bool good = true;
      of.applyToPropertyDependencies([&](const auto& name, const auto& needed) {
        if (find(all, view(name)) == nullptr) return charge();
        for (const auto& each : needed) {
          good = has(all, view(each), modern ? "dependentRequired" : "dependencies") && good;
        }
        return charge() && (good || telling());
      });
      of.applyToSchemaDependencies([&](const auto& name, const Subschema* schema) {
        if (find(all, view(name)) != nullptr) good = holds(*schema) && good;
        return charge() && (good || telling());
      });
      return good;
    });
  }
  bool visit(const PropertiesConstraint& of) override {
    return with_members([&](const std::vector<member>& all) { return check_properties(of, all); });
  }

  /// Only what is added to the library is of this kind, and nothing is.
  bool visit(const PolyConstraint&) override { return false; }

  bool exhausted() const noexcept { return steps_ > bounds::checks; }

 private:
  bool telling() const noexcept { return found_ != nullptr && quiet_ == 0 && found_->size() < bounds::violations; }

  bool charge(std::size_t steps = 1) noexcept {
    steps_ += steps;
    return !exhausted();
  }

  /// Of the value that is looked at now.
  bool holds(const Subschema& schema) {
    if (!charge() || schema.getAlwaysInvalid()) return false;
    return telling() ? schema.apply(visit_) : schema.applyStrict(visit_);
  }

  template <class Check>
  std::invoke_result_t<Check> quietly(Check inner) {
    ++quiet_;
    const auto outcome = inner();
    --quiet_;
    return outcome;
  }

  template <class Constraint>
  std::size_t count_holding(const Constraint& of, std::size_t enough, std::size_t& total) {
    std::size_t holding = 0;
    of.applyToSubschemas([&](unsigned, const Subschema* each) {
      ++total;
      if (holding < enough && holds(*each)) ++holding;
      return true;
    });
    return holding;
  }

  bool tell(const char* rule, std::string expected) { return tell(rule, std::move(expected), now_->way, now_->type); }
  bool tell(const char* rule, std::string expected, const step* way, value_type type) {
    return tell(rule, std::move(expected), way, name_of(type));
  }
  /// Always false.
  bool tell(const char* rule, std::string expected, const step* way, std::string_view found) {
    if (telling()) found_->push_back({pointer_of(way), rule, std::move(expected), std::string(found)});
    return false;
  }

  std::string pointer_of(const step* way) const {
    std::vector<const step*> steps;
    for (; way != nullptr; way = way->up) steps.push_back(way);
    std::string pointer(where_);
    for (auto each = steps.rbegin(); each != steps.rend(); ++each) {
      const auto& one = **each;
      if (one.is_index) {
        pointer += "/" + std::to_string(one.index);
      } else {
        append_pointer(pointer, one.declared || is_plain_key(one.key) ? one.key : hidden_key);
      }
    }
    return pointer;
  }

  bool is(TypeConstraint::JsonType type) const noexcept {
    switch (type) {
      case TypeConstraint::kAny: return true;
      case TypeConstraint::kArray: return now_->type == value_type::array;
      case TypeConstraint::kBoolean: return now_->type == value_type::boolean;
      case TypeConstraint::kInteger: return now_->type == value_type::integer;
      case TypeConstraint::kNull: return now_->type == value_type::null;
      case TypeConstraint::kNumber: return is_number();
      case TypeConstraint::kObject: return now_->type == value_type::object;
      case TypeConstraint::kString: return now_->type == value_type::string;
    }
    return false;
  }
  static std::string_view name_of_type(TypeConstraint::JsonType type) noexcept {
    switch (type) {
      case TypeConstraint::kAny: return "anything";
      case TypeConstraint::kArray: return "array";
      case TypeConstraint::kBoolean: return "boolean";
      case TypeConstraint::kInteger: return "integer";
      case TypeConstraint::kNull: return "null";
      case TypeConstraint::kNumber: return "number";
      case TypeConstraint::kObject: return "object";
      case TypeConstraint::kString: return "string";
    }
    return "anything";
  }

  bool is_number() const noexcept { return now_->type == value_type::integer || now_->type == value_type::number; }
  double number() const noexcept {
    const auto& head = now_->head;
    if (head.type == kind::integer) return static_cast<double>(head.integer);
    return head.type == kind::natural ? static_cast<double>(head.natural) : head.real;
  }
  /// A quotient as near to a whole number as two doubles can tell counts as one: 0.3 is a multiple of 0.1.
  bool is_multiple_of(double divisor) {
    if (!is_number()) return true;
    const auto quotient = number() / divisor;
    const auto off = std::fabs(quotient - std::nearbyint(quotient));
    const auto error = std::max(1.0, std::fabs(quotient)) * 4 * std::numeric_limits<double>::epsilon();
    return (std::isfinite(quotient) && off <= error) || tell("multipleOf", "a multiple of " + number_text(divisor));
  }

  std::uint64_t length() const {
    std::string room;
    return length_of(text_of(now_->head, room));
  }

  bool matches(const std::string& pattern, std::string_view text) {
    charge(1 + text.size() / 64);
    const auto found = known_.patterns.find(pattern);
    return found != known_.patterns.end() && re2::RE2::PartialMatch({text.data(), text.size()}, *found->second);
  }

  template <class Each>
  bool each_item(Each each) {
    if (now_->type != value_type::array) return true;
    bool good = true;
    reader in(now_->raw);
    const auto size = in.next().size;
    for (std::uint32_t i = 0; i < size && charge() && (good || telling()); ++i) {
      const auto raw = in.skip();
      const step way{now_->way, {}, i, true, true};
      good = each(i, raw, way) && good;
    }
    return good && !exhausted();
  }

  /// Runs for a map with its members; true for what is none.
  template <class Use>
  bool with_members(Use use) {
    if (now_->type != value_type::object) return true;
    auto& now = *now_;
    charge(now.head.size);
    if (!now.listed) {
      now.listed = true;
      now.well_keyed = members_of(now.raw, now.members);
    }
    if (!now.well_keyed) return tell("type", "an object whose keys are strings");
    return use(now.members);
  }

  static const member* find(const std::vector<member>& all, std::string_view key) {
    const auto found = std::lower_bound(all.begin(), all.end(), key,
                                        [](const member& each, std::string_view wanted) { return each.key < wanted; });
    return found != all.end() && found->key == key ? &*found : nullptr;
  }

  bool has(const std::vector<member>& all, std::string_view key, const char* rule) {
    if (find(all, key) != nullptr) return true;
    const step way{now_->way, key, 0, false, true};
    return tell(rule, "to be there", &way, std::string_view("absent"));
  }

  bool check_properties(const PropertiesConstraint& of, const std::vector<member>& all) {
    bool good = true;
    std::vector<bool> known(all.size(), false);
    const auto at = [&](const member& each) { return static_cast<std::size_t>(&each - all.data()); };
    of.applyToProperties([&](const auto& name, const Subschema* schema) {
      const auto* found = find(all, view(name));
      if (found == nullptr) return charge();
      known[at(*found)] = true;
      const step way{now_->way, found->key, 0, false, true};
      good = check(*schema, found->value, &way) && good;
      return charge() && (good || telling());
    });
    of.applyToPatternProperties([&](const auto& pattern, const Subschema* schema) {
      const std::string text(view(pattern));
      for (const auto& each : all) {
        if (!matches(text, each.key)) continue;
        const step way{now_->way, each.key, 0, false, known[at(each)]};
        known[at(each)] = true;
        good = check(*schema, each.value, &way) && good;
      }
      return charge() && (good || telling());
    });
    const auto* rest = of.getAdditionalPropertiesSubschema();
    for (const auto& each : all) {
      if (known[at(each)] || (!good && !telling())) continue;
      const step way{now_->way, each.key, 0, false, false};
      if (rest != nullptr) {
        good = check(*rest, each.value, &way) && good;
      } else {
        good =
            tell("additionalProperties", "no properties but those declared", &way, type_of(reader(each.value).next()));
      }
    }
    return good;
  }

  const background known_;
  const std::string_view where_;
  std::vector<violation>* const found_;
  Subschema::ApplyFunction visit_;
  subject* now_ = nullptr;
  std::size_t quiet_ = 0;  ///< how many alternatives, whose failures are no violations, are being looked at
  std::size_t steps_ = 0;
};

/// All that a schema may mean: what only looks like one, within an `enum`, does no harm.
void collect_patterns(const json& schema, pattern_table& into) {
  const auto add = [&](const std::string& text) {
    re2::RE2::Options options;
    options.set_log_errors(false);
    options.set_max_mem(static_cast<std::int64_t>(bounds::pattern_memory));
    into.try_emplace(text, std::make_unique<const re2::RE2>(text, options));
  };
  if (schema.is_array()) {
    for (const auto& each : schema) collect_patterns(each, into);
  }
  if (!schema.is_object()) return;
  for (const auto& [key, value] : schema.items()) {
    if (key == "pattern" && value.is_string()) add(value.get<std::string>());
    if (key == "patternProperties" && value.is_object()) {
      for (const auto& [pattern, inner] : value.items()) add(pattern);
    }
    collect_patterns(value, into);
  }
}

}  // namespace

struct compiled::parts {
  valijson::Schema schema;
  pattern_table patterns;
  dialect written_in = dialect::draft2020;
};

compiled::compiled(std::unique_ptr<parts> made) : parts_(std::move(made)) {}
compiled::~compiled() = default;

result<std::shared_ptr<const compiled>> compiled::make(const translation& of) {
  auto made = std::make_unique<parts>();
  made->written_in = of.written_in;
  try {
    collect_patterns(of.document, made->patterns);
    valijson::SchemaParser parser(valijson::SchemaParser::kDraft7);
    parser.populateSchema(NlohmannJsonAdapter(of.document), made->schema);
  } catch (const std::exception& refused) {
    return fail(errc::invalid_argument, std::string("schema: ") + refused.what());
  }
  return std::shared_ptr<const compiled>(new compiled(std::move(made)));
}

bool compiled::check(std::string_view value, std::string_view where, std::vector<violation>* found) const {
  evaluation now({parts_->patterns, parts_->written_in}, where, found);
  const bool good = now.check(parts_->schema, value, nullptr);
  if (!now.exhausted()) return good;
  if (found != nullptr) {
    found->assign(1, {std::string(where), "schema", "to be checked in " + std::to_string(bounds::checks) + " steps",
                      "a value that needs more"});
  }
  return false;
}

}  // namespace kith::ingest::schema
