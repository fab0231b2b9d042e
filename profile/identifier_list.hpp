// A profile's identifiers, in its part::identifiers: entries sorted by their bytes, each kind (1), length (1), type,
// length (2), value. Where they are many, marks tell where some of them begin, so that not all have to be passed.
#pragma once

#include <string>
#include <string_view>

#include "profile/bytes.hpp"
#include "profile/event.hpp"
#include "profile/identifier.hpp"
#include "profile/state.hpp"

namespace kith::profile::identifier_list {

struct entry {
  id_kind kind;
  std::string_view type;
  std::string_view value;
};

inline entry take(taker& in) noexcept {
  const auto kind = static_cast<id_kind>(in.number<unsigned char>());
  const auto type = in.text<std::uint8_t>();
  return {kind, type, in.text<std::uint16_t>()};
}

std::string encoded(const entry& one);
bool contains(const state& of, std::string_view encoded);
/// Nothing happens if it is there.
void add(state& to, std::string_view encoded);

/// Calls each(encoded) for what the event tells of its person.
template <class F>
void for_each_of(const event_view& event, F each) {
  if (!event.user_id.empty()) each(encoded({id_kind::user, {}, event.user_id}));
  if (!event.anonymous_id.empty()) each(encoded({id_kind::anonymous, {}, event.anonymous_id}));
  for_each_external_id(event.external_ids, [&](std::string_view type, std::string_view id) {
    std::string lowered;
    each(encoded({id_kind::external, type, normalized(id_kind::external, type, id, lowered)}));
    return true;
  });
}

/// Are these bytes that add() leaves?
bool valid(std::string_view entries);

}  // namespace kith::profile::identifier_list
