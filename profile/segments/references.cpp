#include "profile/segments/references.hpp"

namespace kith::profile::segments {

namespace {

using cel::node_kind;

bool is_text(const cel::node& node) { return node.is(node_kind::literal) && node.constant.is(cel::kind::string); }

bool is_computed(const cel::node& node) { return node.is(node_kind::identifier) && node.name == "computed"; }

class replacer {
 public:
  explicit replacer(draft& of) : draft_(of), tree_(of.tree) {}

  bool run() {
    // Parents come first, so that what stands around a name is seen before the name alone.
    for (const auto id : cel::walk(tree_)) {
      const auto& node = tree_.at(id);
      if (node.is(node_kind::comprehension) && node.name == "computed")
        return bad(node.mark, "\"computed\" is taken", "choose another name");
      if (node.is(node_kind::call) && !node.receiver && node.name == "in_segment") {
        if (!replace_segment(id)) return false;
      } else if ((node.is(node_kind::select) || node.is(node_kind::presence)) &&
                 is_computed(tree_.at(node.children[0]))) {
        const bool asks = node.is(node_kind::presence);
        replace(id, definition_kind::computed, node.name, node.mark, asks);
      } else if (node.is(cel::op::index) && is_computed(tree_.at(node.children[0]))) {
        const auto& key = tree_.at(node.children[1]);
        if (!is_text(key)) return bad(key.where, "the name of a computed trait must be written out", name_one());
        replace(id, definition_kind::computed, key.name, key.where, false);
      }
    }
    for (const auto id : cel::walk(tree_)) {
      if (is_computed(tree_.at(id))) return bad(tree_.at(id).where, "all computed traits at once", name_one());
    }
    return true;
  }
  cel::diagnostic fault;

 private:
  static std::string name_one() { return "name one, e.g. computed.total or computed[\"total\"]"; }

  bool bad(cel::range where, std::string message, std::string mend) {
    fault = cel::diagnose(tree_.source, where, std::move(message), std::move(mend));
    return false;
  }

  bool replace_segment(cel::node_id id) {
    const auto& call = tree_.at(id);
    if (call.children.size() != 1 || !is_text(tree_.at(call.children[0])))
      return bad(call.where, "in_segment() takes the segment's name as a text", "write in_segment(\"name\")");
    const auto& name = tree_.at(call.children[0]);
    replace(id, definition_kind::segment, name.name, name.where, false);
    return true;
  }

  void replace(cel::node_id id, definition_kind kind, std::string name, cel::range where, bool asks) {
    slot made;
    made.from = kind == definition_kind::segment ? slot::source::segment
                : asks                           ? slot::source::has_computed
                                                 : slot::source::computed;
    made.index = static_cast<std::uint32_t>(draft_.references.size());
    draft_.references.push_back({kind, std::move(name), where});
    const bool boolean = made.from != slot::source::computed;
    tree_.replace(id, static_cast<std::uint32_t>(draft_.slots.size()),
                  cel::simple(boolean ? cel::type_kind::boolean : cel::type_kind::dyn));
    draft_.slots.push_back(made);
  }

  draft& draft_;
  cel::ast& tree_;
};

}  // namespace

cel::outcome<void> replace_references(draft& of) {
  replacer work(of);
  if (!work.run()) return tl::make_unexpected(work.fault);
  return {};
}

}  // namespace kith::profile::segments
