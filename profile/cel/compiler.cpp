#include <algorithm>

#include "profile/cel/convert.hpp"
#include "profile/cel/instructions.hpp"

namespace kith::profile::cel {

namespace {

/// Recursion is as deep as the tree is high.
class compiler {
 public:
  compiler(const ast& tree, const environment& names)
      : tree_(tree), names_(names), made_(std::make_shared<program::body>()) {}

  outcome<program> run(node_id id) {
    made_->root = put(id);
    if (fault_) return tl::make_unexpected(*std::move(fault_));
    made_->code.shrink_to_fit();
    made_->operands.shrink_to_fit();
    made_->constants.shrink_to_fit();
    return program(std::move(made_));
  }

 private:
  std::uint32_t put(node_id id) {
    const auto& node = tree_.at(id);
    if (fault_) return 0;
    if (node.binding == binding::variable) return add({opcode::variable, 0, 0, node.index, 0, 0});
    switch (node.kind) {
      case node_kind::literal: return constant(literal(node));
      case node_kind::slot: return add({opcode::slot, 0, 0, node.index, 0, 0});
      case node_kind::identifier: return identifier(node);
      case node_kind::select:
      case node_kind::presence: return select(node);
      case node_kind::operation: return operation(node);
      case node_kind::call: return call(node);
      case node_kind::list: return list(node);
      case node_kind::map: return map(node);
      case node_kind::comprehension: return comprehension(node);
    }
    return 0;
  }

  std::uint32_t add(instruction what) {
    made_->code.push_back(what);
    return static_cast<std::uint32_t>(made_->code.size() - 1);
  }
  std::uint32_t number(const value& what) {
    made_->constants.push_back(what);
    return static_cast<std::uint32_t>(made_->constants.size() - 1);
  }
  std::uint32_t constant(const value& what) { return add({opcode::constant, 0, 0, number(what), 0, 0}); }
  std::string_view keep(std::string_view text) { return made_->texts.emplace_back(text); }

  const value* constant_at(std::uint32_t at) const {
    const auto& what = made_->code[at];
    return what.code == opcode::constant ? &made_->constants[what.first] : nullptr;
  }
  /// The values of instructions that are all constants; empty if they are not.
  std::vector<value> constants_of(const std::vector<std::uint32_t>& operands) const {
    std::vector<value> values;
    for (const auto each : operands) {
      const auto* const held = constant_at(each);
      if (held == nullptr || held->is_error()) return {};
      values.push_back(*held);
    }
    return values;
  }
  std::vector<std::uint32_t> put_all(const std::vector<node_id>& children) {
    std::vector<std::uint32_t> operands;
    operands.reserve(children.size());
    for (const auto each : children) operands.push_back(put(each));
    return operands;
  }
  std::uint32_t add_many(opcode code, std::uint8_t detail, const std::vector<std::uint32_t>& operands,
                         std::uint32_t second = 0) {
    const auto first = static_cast<std::uint32_t>(made_->operands.size());
    made_->operands.insert(made_->operands.end(), operands.begin(), operands.end());
    return add({code, detail, static_cast<std::uint16_t>(operands.size()), first, second, 0});
  }

  value literal(const node& node) {
    if (node.constant.is(kind::string)) return value::string(keep(node.name));
    if (node.constant.is(kind::bytes)) return value::bytes(keep(node.name));
    return node.constant;
  }

  std::uint32_t identifier(const node& node) {
    switch (node.binding) {
      case binding::local: return add({opcode::local, 0, 0, node.index, 0, 0});
      case binding::type_name: return type_constant(node);
      default: return constant(value::error(failure::no_such_variable, keep(node.name)));
    }
  }
  std::uint32_t type_constant(const node& node) {
    switch (node.deduced.parts.empty() ? type_kind::dyn : node.deduced.parts.front().kind) {
      case type_kind::null: return constant(value::type(type_name(kind::null)));
      case type_kind::boolean: return constant(value::type(type_name(kind::boolean)));
      case type_kind::integer: return constant(value::type(type_name(kind::integer)));
      case type_kind::natural: return constant(value::type(type_name(kind::natural)));
      case type_kind::real: return constant(value::type(type_name(kind::real)));
      case type_kind::string: return constant(value::type(type_name(kind::string)));
      case type_kind::bytes: return constant(value::type(type_name(kind::bytes)));
      case type_kind::list: return constant(value::type(type_name(kind::list)));
      case type_kind::map: return constant(value::type(type_name(kind::map)));
      case type_kind::timestamp: return constant(value::type(type_name(kind::timestamp)));
      case type_kind::duration: return constant(value::type(type_name(kind::duration)));
      case type_kind::type: return constant(value::type(type_name(kind::type)));
      default: return constant(value::type("dyn"));
    }
  }

  std::uint32_t select(const node& node) {
    if (node.binding == binding::type_name) return type_constant(node);
    const auto operand = put(node.children.front());
    const auto key = number(value::string(keep(node.name)));
    return add({node.is(node_kind::select) ? opcode::select : opcode::presence, 0, 0, operand, key, 0});
  }

  std::uint32_t operation(const node& node) {
    const auto detail = static_cast<std::uint8_t>(node.operation);
    const auto operands = put_all(node.children);
    if (fault_) return 0;
    switch (node.operation) {
      case op::logical_or: return add_many(opcode::logical_or, 0, operands);
      case op::logical_and: return add_many(opcode::logical_and, 0, operands);
      case op::conditional: return add({opcode::conditional, 0, 0, operands[0], operands[1], operands[2]});
      case op::logical_not:
      case op::negate: return add({opcode::unary, detail, 0, operands[0], 0, 0});
      default: return add({opcode::binary, detail, 0, operands[0], operands[1], 0});
    }
  }

  std::uint32_t list(const node& node) {
    const auto before = made_->code.size();
    const auto operands = put_all(node.children);
    auto values = constants_of(operands);
    if (fault_ || values.size() != operands.size()) return add_many(opcode::list, 0, operands);
    made_->code.resize(before);
    const auto& kept = made_->elements.emplace_back(std::move(values));
    return constant(value::list(&made_->lists.emplace_back(kept)));
  }

  std::uint32_t map(const node& node) {
    const auto before = made_->code.size();
    const auto operands = put_all(node.children);
    const auto values = constants_of(operands);
    if (fault_ || values.size() != operands.size()) return add_many(opcode::map, 0, operands);
    std::vector<map_entry> entries;
    for (std::size_t i = 0; i + 1 < values.size(); i += 2) {
      const bool repeated = std::any_of(entries.begin(), entries.end(),
                                        [&](const map_entry& each) { return same_key(each.key, values[i]); });
      if (repeated || !is_key(values[i])) return add_many(opcode::map, 0, operands);  // an error when it runs
      entries.push_back({values[i], values[i + 1]});
    }
    made_->code.resize(before);
    const auto& kept = made_->entries.emplace_back(std::move(entries));
    return constant(value::map(&made_->maps.emplace_back(kept)));
  }

  std::uint32_t comprehension(const node& node) {
    const auto range = put(node.children[0]);
    const auto filter = node.children.size() == 3 ? put(node.children[1]) : none;
    const auto body = put(node.children.back());
    return add({opcode::comprehension, static_cast<std::uint8_t>(node.macro), depth_of(node), range, body, filter});
  }
  /// Which local a comprehension binds: the checker numbered them from the outermost.
  std::uint16_t depth_of(const node& node) const { return static_cast<std::uint16_t>(node.index); }

  std::uint32_t call(const node& node) {
    auto operands = put_all(node.children);
    if (fault_) return 0;
    if (node.binding == binding::function) {
      const auto run = names_.functions[node.index].run;
      if (run == nullptr) return fault(node, "\"" + node.name + "\" cannot be called here");
      made_->natives.push_back(run);
      return add_many(opcode::native_call, 0, operands, static_cast<std::uint32_t>(made_->natives.size() - 1));
    }
    if (node.binding != binding::standard) return constant(value::error(failure::no_such_function, keep(node.name)));
    const auto which = static_cast<standard>(node.index);
    if (which == standard::to_dyn) return operands.front();
    if (which == standard::matches) return matches(node, operands);
    if (const auto folded = folded_call(which, operands); !folded.is(kind::null)) return constant(folded);
    return add_many(opcode::standard_call, static_cast<std::uint8_t>(which), operands);
  }

  /// timestamp("...") and duration("...") of literals are constants; null if it is another call or an error.
  value folded_call(standard which, const std::vector<std::uint32_t>& operands) const {
    if (which != standard::to_timestamp && which != standard::to_duration) return value::null();
    const auto* const text = constant_at(operands.front());
    if (text == nullptr) return value::null();
    const auto converted = which == standard::to_timestamp ? to_timestamp(*text) : to_duration(*text);
    return converted.is_error() ? value::null() : converted;
  }

  std::uint32_t matches(const node& node, const std::vector<std::uint32_t>& operands) {
    const auto* const pattern = constant_at(operands[1]);
    if (pattern == nullptr || !pattern->is(kind::string))
      return add_many(opcode::standard_call, static_cast<std::uint8_t>(standard::matches), operands);
    if (pattern->as_text().size() > limits::pattern_bytes)
      return fault(node, "the pattern has over " + std::to_string(limits::pattern_bytes) + " bytes");
    const auto& compiled = made_->patterns.emplace_back(piece(pattern->as_text()), pattern_options());
    if (!compiled.ok()) return fault(node, "the pattern is no regular expression: " + compiled.error());
    return add({opcode::match, 0, 0, operands[0], static_cast<std::uint32_t>(made_->patterns.size() - 1), 0});
  }

  std::uint32_t fault(const node& node, std::string message) {
    if (!fault_) fault_ = diagnose(tree_.source, node.mark, std::move(message));
    return 0;
  }

  const ast& tree_;
  const environment& names_;
  std::shared_ptr<program::body> made_;
  std::optional<diagnostic> fault_;
};

}  // namespace

RE2::Options pattern_options() {
  RE2::Options options;
  options.set_log_errors(false);
  options.set_max_mem(limits::pattern_memory);
  return options;
}

outcome<program> compile(const ast& tree, node_id id, const environment& names) {
  return compiler(tree, names).run(id);
}

std::size_t program::size() const noexcept { return body_->code.size(); }

std::size_t program::bytes() const noexcept {
  std::size_t sum = sizeof(body) + body_->code.capacity() * sizeof(instruction) + body_->operands.capacity() * 4 +
                    body_->constants.capacity() * sizeof(value) + body_->natives.capacity() * sizeof(native);
  for (const auto& each : body_->texts) sum += sizeof(std::string) + each.size();
  for (const auto& each : body_->elements) sum += sizeof(array_list) + each.capacity() * sizeof(value);
  for (const auto& each : body_->entries) sum += sizeof(array_map) + each.capacity() * sizeof(map_entry);
  for (const auto& each : body_->patterns) sum += sizeof each + static_cast<std::size_t>(each.ProgramSize()) * 16;
  return sum;
}

}  // namespace kith::profile::cel
