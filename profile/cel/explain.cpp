#include "profile/cel/explain.hpp"

#include <algorithm>

#include "profile/cel/text.hpp"

namespace kith::profile::cel {

namespace {

bool may_be_boolean(const node& node) { return node.deduced.is(type_kind::boolean) || node.deduced.is(type_kind::dyn); }

void add_parts(const ast& tree, node_id id, std::size_t depth, std::vector<boolean_part>& found) {
  found.push_back({id, depth, tree.text(id)});
  const auto& node = tree.at(id);
  const bool splits =
      node.is(op::logical_or) || node.is(op::logical_and) || node.is(op::logical_not) || node.is(op::conditional);
  if (!splits) return;
  for (std::size_t i = 0; i < node.children.size(); ++i) {
    if (node.is(op::conditional) && i > 0 && !may_be_boolean(tree.at(node.children[i]))) continue;
    add_parts(tree, node.children[i], depth + 1, found);
  }
}

/// Recursion is as deep as the tree is high.
class path_finder {
 public:
  explicit path_finder(const ast& tree) : tree_(tree) {}

  void visit(node_id id) {
    const auto& node = tree_.at(id);
    path found;
    if (follow(id, found)) {
      paths_.push_back(std::move(found));
      return;
    }
    if (!node.is(node_kind::comprehension)) {
      for (const auto each : node.children) visit(each);
      return;
    }
    visit(node.children.front());
    locals_.push_back(node.name);
    for (std::size_t i = 1; i < node.children.size(); ++i) visit(node.children[i]);
    locals_.pop_back();
  }
  std::vector<path> take() {
    std::sort(paths_.begin(), paths_.end());
    paths_.erase(std::unique(paths_.begin(), paths_.end()), paths_.end());
    return std::move(paths_);
  }

 private:
  /// The path that the node is; false if it is none. An index that is no literal ends a path, and is looked into.
  bool follow(node_id id, path& found) {
    std::vector<std::string> keys;  // from the last
    std::vector<node_id> computed;
    for (;;) {
      const auto& node = tree_.at(id);
      if (node.is(node_kind::identifier)) {
        const bool local = !node.absolute && std::find(locals_.begin(), locals_.end(), node.name) != locals_.end();
        if (node.binding == binding::type_name) return false;
        for (const auto each : computed) visit(each);
        if (local) return ended(found);
        found.push_back(node.name);
        found.insert(found.end(), keys.rbegin(), keys.rend());
        return true;
      }
      if (node.is(node_kind::select) || node.is(node_kind::presence)) {
        if (node.binding == binding::type_name) return false;
        keys.push_back(node.name);
        id = node.children.front();
      } else if (node.is(op::index)) {
        const auto& key = tree_.at(node.children.back());
        if (key.is(node_kind::literal) && key.constant.is(kind::string)) {
          keys.push_back(key.name);
        } else {
          keys.clear();
          if (!key.is(node_kind::literal)) computed.push_back(node.children.back());
        }
        id = node.children.front();
      } else {
        return false;
      }
    }
  }
  /// A local's path reads nothing; an empty path stands for that.
  static bool ended(path& found) {
    found.clear();
    return true;
  }

  const ast& tree_;
  std::vector<std::string> locals_;
  std::vector<path> paths_;
};

}  // namespace

std::vector<boolean_part> boolean_parts(const ast& tree, node_id id) {
  std::vector<boolean_part> found;
  add_parts(tree, id, 0, found);
  return found;
}

std::vector<path> variable_paths(const ast& tree, node_id id) {
  path_finder finder(tree);
  finder.visit(id);
  auto found = finder.take();
  if (!found.empty() && found.front().empty()) found.erase(found.begin());
  return found;
}

std::string path_text(const path& of) {
  const auto plain = [](const std::string& key) {
    const auto word = [](char c) {
      return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
    };
    return !key.empty() && !(key[0] >= '0' && key[0] <= '9') && std::all_of(key.begin(), key.end(), word);
  };
  std::string text;
  for (std::size_t i = 0; i < of.size(); ++i) {
    if (i == 0) text += of[i];
    else text += plain(of[i]) ? "." + of[i] : "[" + quoted(of[i]) + "]";
  }
  return text;
}

}  // namespace kith::profile::cel
