// Types with variables, and what is known of the variables: enough unification to deduce `list(list(int))` for
// `[[], [1]]`.
//
// Invariants: a variable is bound to a type that does not contain it. `undo` takes back what was bound since `mark`.
// Thread safety: none.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "profile/cel/types.hpp"

namespace kith::profile::cel {

class inference {
 public:
  type fresh();
  /// The signature with a fresh variable for each of its parameters.
  signature instantiate(const signature& shape);

  /// May a `from` stand where a `to` is asked for? Binds variables; they may stay bound if the answer is no.
  /// `mix`: numbers of different types may, too.
  bool assignable(const type& to, const type& from, bool mix = false);

  /// The type of what is the one or the other; dyn if they do not go together.
  type join(const type& left, const type& right);

  /// With what is known put in; unbound variables stay.
  type resolve(const type& of) const;
  /// With dyn for unbound variables.
  type finish(const type& of) const;

  std::size_t mark() const noexcept { return trail_.size(); }
  void undo(std::size_t mark);

 private:
  const type& shallow(const type& of) const;
  bool occurs(std::uint32_t number, const type& in) const;
  bool bind(const type& variable, const type& to);
  type instantiate(const type& of, std::map<std::string, type>& made);
  type replaced(const type& of, bool unbound_is_dyn) const;

  struct state {
    bool bound = false;
    type to;
  };
  std::vector<state> variables_;  // by number - 1
  std::vector<std::uint32_t> trail_;
};

}  // namespace kith::profile::cel
