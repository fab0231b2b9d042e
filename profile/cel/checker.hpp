// The checker's state; `check.hpp` is the way in.
//
// Invariants: `locals_` holds the variables of the comprehensions around the node that is looked at. The recursion is
// as deep as the tree is high.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "profile/cel/ast.hpp"
#include "profile/cel/check.hpp"
#include "profile/cel/environment.hpp"
#include "profile/cel/inference.hpp"

namespace kith::profile::cel {

class checker {
 public:
  checker(ast& tree, const environment& names) : tree_(tree), names_(names) {}
  outcome<type> run(node_id id);

 private:
  struct local {
    std::string name;
    type of;
  };

  type visit(node_id id);
  type deduce(node_id id);
  type identifier(node_id id);
  type select(node_id id);
  type field_of(const node& at, const type& operand);
  type list(node_id id);
  type map(node_id id);
  type comprehension(node_id id);
  type element_of(const node& at, const type& range);

  type operation(node_id id);
  type conditional(node_id id);
  type equality(node_id id);
  type membership(node_id id);
  type index(node_id id);
  void need_boolean(node_id id, std::string_view what);

  type call(node_id id);
  type standard_call(node_id id, const std::vector<type>& given);
  bool resolve_qualified(node_id id);
  /// The result of the overload that takes these types, dyn if several with different results do; nothing if none does.
  std::optional<type> choose(const std::vector<const signature*>& shapes, const std::vector<type>& given,
                             std::size_t* chosen = nullptr);
  bool bind_name(node& at, const std::string& name, bool absolute);
  bool is_local(const std::string& name, std::uint32_t* index = nullptr) const;

  type fault(range where, std::string message, std::string mend = {});
  type no_variable(node& at);
  type no_function(const node& at);
  type no_overload(const node& at, const std::vector<const signature*>& shapes, const std::vector<type>& given);
  type wrong_operands(node_id id, const std::string& needs);
  std::string conversion(node_id left, node_id right) const;
  bool failed() const noexcept { return fault_.has_value(); }
  bool strict() const noexcept { return names_.check_types; }

  ast& tree_;
  const environment& names_;
  inference types_;
  std::vector<local> locals_;
  std::optional<diagnostic> fault_;
};

}  // namespace kith::profile::cel
