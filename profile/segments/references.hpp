// From syntax trees to compiled definitions: chains, in_segment() and computed traits become slots.
#pragma once

#include <string>
#include <vector>

#include "profile/segments/chain.hpp"
#include "profile/segments/compiled.hpp"

namespace kith::profile::segments {

/// One definition on its way.
struct draft {
  cel::ast tree;
  struct reference {
    definition_kind kind;
    std::string name;
    cel::range where;
    std::uint32_t target = 0;  ///< index among the drafts
  };
  std::vector<chain> chains;
  std::vector<slot>
      slots;  ///< of the chains, in order, then of the references; indexes of the latter are of `references`
  std::vector<reference> references;
};

/// Replaces in_segment("x"), computed.x, computed["x"] and has(computed.x) by slots. The slots of chains come first.
cel::outcome<void> replace_references(draft& of);

}  // namespace kith::profile::segments
