#include "profile/recent_ids.hpp"

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <limits>
#include <new>

namespace kith::profile {

recent_ids::~recent_ids() { std::free(entries_); }

recent_ids::entry recent_ids::make(hash128 id, std::int32_t day) noexcept {
  entry made{};
  std::memcpy(made.words, &id, sizeof id);
  made.day = day;
  return made;
}

hash128 recent_ids::id_of(const entry& of) noexcept {
  hash128 id;
  std::memcpy(&id, of.words, sizeof id);
  return id;
}

recent_ids::entry* recent_ids::place_for(const entry& wanted) const noexcept {
  for (auto at = wanted.words[2] & (capacity_ - 1);; at = (at + 1) & (capacity_ - 1)) {
    if (entries_[at].day == free_day || std::memcmp(entries_[at].words, wanted.words, sizeof wanted.words) == 0) {
      return &entries_[at];
    }
  }
}

bool recent_ids::contains(hash128 id) const noexcept {
  const auto wanted = make(id, 0);
  if (is_table()) return place_for(wanted)->day != free_day;
  for (std::uint32_t i = 0; i < size_; ++i) {
    // Two words tell nearly all apart.
    if (entries_[i].words[0] == wanted.words[0] && entries_[i].words[1] == wanted.words[1] &&
        std::memcmp(entries_[i].words, wanted.words, sizeof wanted.words) == 0) {
      return true;
    }
  }
  return false;
}

bool recent_ids::insert(hash128 id, std::int32_t day) {
  if (contains(id)) return false;
  constexpr auto all = std::numeric_limits<std::int32_t>::min();
  if (!is_table() && size_ == capacity_) {
    const auto grown = capacity_ + capacity_ / 4 + 1;
    rebuild(grown > most_in_array ? 128 : grown, all);
  } else if (is_table() && size_ + 1 > capacity_ / 4 * 3) {
    rebuild(capacity_ * 2, all);
  }
  const auto added = make(id, day);
  (is_table() ? *place_for(added) : entries_[size_]) = added;
  ++size_;
  return true;
}

void recent_ids::drop_before(std::int32_t first_day) {
  std::uint32_t left = 0;
  for (const auto& [id, day] : entries()) left += day >= first_day ? 1 : 0;
  if (left == size_) return;
  std::uint32_t capacity = left;
  if (left > most_in_array) {
    capacity = 128;
    while (left > capacity / 4 * 3) capacity *= 2;
  }
  rebuild(capacity, first_day);
}

void recent_ids::rebuild(std::uint32_t capacity, std::int32_t first_day) {
  const auto old = entries_;
  const auto old_places = is_table() ? capacity_ : size_;
  entries_ = capacity == 0 ? nullptr : static_cast<entry*>(std::malloc(capacity * sizeof(entry)));
  if (capacity > 0 && entries_ == nullptr) throw std::bad_alloc();
  capacity_ = capacity;
  size_ = 0;
  if (is_table()) std::for_each(entries_, entries_ + capacity_, [](entry& each) { each.day = free_day; });
  for (std::uint32_t i = 0; i < old_places; ++i) {
    if (old[i].day == free_day || old[i].day < first_day) continue;
    (is_table() ? *place_for(old[i]) : entries_[size_]) = old[i];
    ++size_;
  }
  std::free(old);
}

std::vector<std::pair<hash128, std::int32_t>> recent_ids::entries() const {
  std::vector<std::pair<hash128, std::int32_t>> sorted;
  sorted.reserve(size_);
  const auto places = is_table() ? capacity_ : size_;
  for (std::uint32_t i = 0; i < places; ++i) {
    if (entries_[i].day != free_day) sorted.emplace_back(id_of(entries_[i]), entries_[i].day);
  }
  std::sort(sorted.begin(), sorted.end(), [](const auto& a, const auto& b) {
    return a.second != b.second ? a.second < b.second : a.first < b.first;
  });
  return sorted;
}

std::size_t recent_ids::heap_bytes() const noexcept { return capacity_ * sizeof(entry); }

void recent_ids::encode(std::string& out) const {
  put(out, size_);
  for (const auto& [id, day] : entries()) {
    put(out, day);
    put(out, id.high);
    put(out, id.low);
  }
}

void recent_ids::decode(taker& in) {
  const auto count = in.number<std::uint32_t>();
  if (in.rest().size() / 20 < count) return in.fail();
  for (std::uint32_t i = 0; i < count; ++i) {
    const auto day = in.number<std::int32_t>();
    const auto high = in.number<std::uint64_t>();
    const auto low = in.number<std::uint64_t>();
    if (day == free_day || !insert({high, low}, day)) return in.fail();
  }
}

}  // namespace kith::profile
