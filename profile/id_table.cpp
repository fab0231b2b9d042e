#include "profile/id_table.hpp"

#include <bit>

namespace kith::profile {

id_table::id_table(std::size_t ids) : places_(std::bit_ceil(ids + ids / 2), dated_id{{}, free_day}) {}

const dated_id& id_table::place_for(const dated_id& wanted) const noexcept {
  const auto mask = places_.size() - 1;
  for (std::size_t at = wanted.words[2] & mask;; at = (at + 1) & mask) {
    const auto& place = places_[at];
    if (place.day == free_day || std::memcmp(place.words, wanted.words, sizeof wanted.words) == 0) return place;
  }
}

void id_table::insert(const dated_id& added) {
  if (size_ + 1 > places_.size() / 4 * 3) {
    id_table grown(places_.size());  // half as many again, and so twice the places
    for_each([&](const dated_id& each) { grown.insert(each); });
    std::swap(*this, grown);
  }
  const_cast<dated_id&>(place_for(added)) = added;  // NOLINT(cppcoreguidelines-pro-type-const-cast): it is ours
  ++size_;
}

}  // namespace kith::profile
