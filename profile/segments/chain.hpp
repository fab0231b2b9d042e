// Chains in a syntax tree: events("NAME"), .where(e, …), .within("7d"), and what ends it.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "profile/cel/ast.hpp"
#include "profile/cel/diagnostic.hpp"
#include "profile/segments/aggregate.hpp"

namespace kith::profile::segments {

struct chain {
  cel::node_id node = 0;  ///< the call that ends it
  std::string event;
  std::string variable;  ///< of where(); empty: there is none
  cel::node_id predicate = 0;
  std::int64_t window_ms = 0;  ///< 0: no window
  function ends = function::count;
  std::vector<std::string> path;
};

/// All of them, from left to right. Errors name the column and propose a mend.
cel::outcome<std::vector<chain>> chains_of(const cel::ast& tree);

/// "7d" as milliseconds: a whole number and one of ms, s, m, h, d, w. Gives 0 if it is none.
std::int64_t parse_window(std::string_view text) noexcept;

/// What was likely meant, e.g. "7d" for "7 days"; empty if that cannot be told.
std::string mend_window(std::string_view text);

}  // namespace kith::profile::segments
