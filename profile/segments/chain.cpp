#include "profile/segments/chain.hpp"

#include <algorithm>
#include <array>
#include <optional>

#include "profile/cel/text.hpp"
#include "profile/segments/bounds.hpp"
#include "profile/segments/event_fields.hpp"

namespace kith::profile::segments {

namespace {

using cel::node_id;
using cel::node_kind;

struct ending {
  std::string_view name;
  function ends;
  bool takes_path;
};
constexpr std::array<ending, 11> endings = {{{"count", function::count, false},
                                             {"sum", function::sum, true},
                                             {"min", function::min, true},
                                             {"max", function::max, true},
                                             {"avg", function::avg, true},
                                             {"first", function::first, true},
                                             {"last", function::last, true},
                                             {"distinct", function::distinct, true},
                                             {"any", function::any, false},
                                             {"last_at", function::last_at, false},
                                             {"first_at", function::first_at, false}}};
constexpr std::string_view all_endings =
    ".count() .sum(path) .min(path) .max(path) .avg(path) .first(path) "
    ".last(path) .distinct(path) .any() .last_at() .first_at()";

std::string did_you_mean(std::string_view name) {
  std::vector<std::string_view> known = {"where", "within"};
  for (const auto& each : endings) known.push_back(each.name);
  const auto near = cel::nearest(name, known);
  if (!near.empty()) return "did you mean \"" + std::string(near) + "\"?";
  return "there are .where(e, …) .within(\"7d\") " + std::string(all_endings);
}

bool is_text(const cel::node& node) { return node.is(node_kind::literal) && node.constant.is(cel::kind::string); }

class chain_reader {
 public:
  explicit chain_reader(const cel::ast& tree) : tree_(tree), parents_(tree.nodes.size(), none) {
    for (const auto id : cel::walk(tree)) {
      for (const auto child : tree.at(id).children) parents_[child] = id;
    }
  }

  /// False with `fault` set.
  bool read(node_id root, chain& into) {
    const auto& events = tree_.at(root);
    if (events.children.size() != 1 || !is_text(tree_.at(events.children[0])))
      return bad(events.where, "events() takes the event's name as a text", "write events(\"Order Completed\")");
    into.event = tree_.at(events.children[0]).name;
    if (into.event.empty() || into.event.size() > 255)
      return bad(tree_.at(events.children[0]).where, "an event's name has 1 to 255 bytes", "");
    for (auto at = root;;) {
      const auto parent = parents_[at];
      if (parent == none) return unfinished(at);
      const auto& call = tree_.at(parent);
      if (call.is(node_kind::select) && call.children[0] == at) {
        const auto mend = is_ending(call.name) ? "write ." + call.name + "()" : did_you_mean(call.name);
        return bad(call.mark, "\"" + call.name + "\" after events(…) must be called", mend);
      }
      if (call.is(node_kind::comprehension) && call.children[0] == at)
        return bad(call.mark, "a chain of events has no macro \"" + std::string(cel::name_of(call.macro)) + "\"",
                   "write .where(e, …) and end it with .any() or .count()");
      if (!call.is(node_kind::call) || !call.receiver || call.children[0] != at) return unfinished(at);
      if (call.name == "where") {
        if (!read_where(call, into)) return false;
      } else if (call.name == "within") {
        if (!read_within(call, into)) return false;
      } else {
        into.node = parent;
        return read_ending(call, into);
      }
      at = parent;
    }
  }
  cel::diagnostic fault;

 private:
  static constexpr node_id none = UINT32_MAX;

  bool bad(cel::range where, std::string message, std::string mend) {
    fault = cel::diagnose(tree_.source, where, std::move(message), std::move(mend));
    return false;
  }
  static bool is_ending(std::string_view name) {
    return std::any_of(endings.begin(), endings.end(), [&](const ending& each) { return each.name == name; });
  }
  bool unfinished(node_id at) {
    return bad(tree_.at(at).where, "a chain of events is no value yet",
               "end it, e.g. with .count(); there are " + std::string(all_endings));
  }

  bool read_where(const cel::node& call, chain& into) {
    if (!into.variable.empty()) return bad(call.mark, "a second .where()", "join the two with &&");
    const bool shaped = call.children.size() == 3 && tree_.at(call.children[1]).is(node_kind::identifier) &&
                        !tree_.at(call.children[1]).absolute;
    if (!shaped)
      return bad(call.mark, ".where() takes a name for the event and a condition",
                 "write .where(e, e.properties.total > 50.0)");
    const auto& variable = tree_.at(call.children[1]);
    constexpr std::array<std::string_view, 6> taken = {"traits", "computed", "ids", "consent", "context", "events"};
    if (std::find(taken.begin(), taken.end(), variable.name) != taken.end())
      return bad(variable.where, "\"" + variable.name + "\" is taken", "choose another name for the event, e.g. e");
    into.variable = variable.name;
    into.predicate = call.children[2];
    for (const auto id : cel::walk(tree_, into.predicate)) {
      const auto& node = tree_.at(id);
      const bool calls = node.is(node_kind::call) && !node.receiver;
      if (calls && (node.name == "events" || node.name == "in_segment"))
        return bad(node.mark, "the condition of .where() sees the event alone, no " + node.name + "()",
                   "join the two outside, with &&");
    }
    return true;
  }

  bool read_within(const cel::node& call, chain& into) {
    if (into.window_ms != 0) return bad(call.mark, "a second .within()", "leave one");
    if (call.children.size() != 2 || !is_text(tree_.at(call.children[1])))
      return bad(call.mark, ".within() takes a time as a text", "write .within(\"7d\")");
    const auto& text = tree_.at(call.children[1]);
    into.window_ms = parse_window(text.name);
    if (into.window_ms == 0) {
      const auto meant = mend_window(text.name);
      return bad(
          text.where, cel::quoted(text.name) + " is no window",
          meant.empty() ? "write a whole number and ms, s, m, h, d or w, e.g. \"7d\"" : "write " + cel::quoted(meant));
    }
    if (into.window_ms < bounds::least_window_ms || into.window_ms > bounds::greatest_window_ms)
      return bad(text.where, "a window is from 1 second to 3660 days", "");
    return true;
  }

  bool read_ending(const cel::node& call, chain& into) {
    const auto found = std::find_if(endings.begin(), endings.end(), [&](const auto& e) { return e.name == call.name; });
    if (found == endings.end())
      return bad(call.mark, "a chain of events has no method \"" + call.name + "\"", did_you_mean(call.name));
    into.ends = found->ends;
    if (!found->takes_path) {
      if (call.children.size() == 1) return true;
      return bad(call.mark, "." + call.name + "() takes nothing", "");
    }
    if (call.children.size() != 2 || !is_text(tree_.at(call.children[1])))
      return bad(call.mark, "." + call.name + "() takes a path into the event as a text",
                 "write ." + call.name + "(\"properties.total\")");
    return read_path(tree_.at(call.children[1]), into.path);
  }

  bool read_path(const cel::node& text, std::vector<std::string>& into) {
    std::string_view rest = text.name;
    for (;;) {
      const auto dot = rest.find('.');
      into.emplace_back(rest.substr(0, dot));
      if (into.back().empty() || into.size() > bounds::path_keys)
        return bad(text.where, cel::quoted(text.name) + " is no path",
                   "write 1 to 16 keys with dots between them, e.g. \"properties.total\"");
      if (dot == std::string_view::npos) break;
      rest.remove_prefix(dot + 1);
    }
    if (std::find(event_field_names.begin(), event_field_names.end(), into.front()) != event_field_names.end())
      return true;
    const std::string near(cel::nearest(into.front(), event_field_names));
    std::string meant = near.empty() ? "properties." + text.name : near + text.name.substr(into.front().size());
    return bad(text.where, "an event has no field " + cel::quoted(into.front()),
               "did you mean " + cel::quoted(meant) + "?");
  }

  const cel::ast& tree_;
  std::vector<node_id> parents_;
};

}  // namespace

cel::outcome<std::vector<chain>> chains_of(const cel::ast& tree) {
  std::vector<chain> found;
  chain_reader reader(tree);
  for (const auto id : cel::walk(tree)) {
    const auto& node = tree.at(id);
    if (!node.is(node_kind::call) || node.name != "events" || node.receiver) continue;
    if (found.size() == bounds::chains) {
      return tl::make_unexpected(cel::diagnose(
          tree.source, node.where, "over " + std::to_string(bounds::chains) + " chains of events in one expression",
          "split it into segments and refer to them with in_segment()"));
    }
    if (!reader.read(id, found.emplace_back())) return tl::make_unexpected(reader.fault);
  }
  return found;
}

}  // namespace kith::profile::segments
