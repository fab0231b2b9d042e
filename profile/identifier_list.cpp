#include "profile/identifier_list.hpp"

#include <algorithm>

namespace kith::profile::identifier_list {

namespace {

constexpr std::size_t most_passed = 128;  ///< entries, on the way from a mark

std::string_view take_bytes(taker& in) noexcept {
  const auto before = in.rest();
  take(in);
  return before.substr(0, before.size() - in.rest().size());
}

struct place {
  std::size_t offset = 0;  ///< where the entry is, or belongs
  std::size_t passed = 0;
  bool taken = false;
};

place find(const state& of, std::string_view wanted) {
  const auto entries = of.view(part::identifiers);
  place found;
  if (const auto& large = of.of().large) {
    const auto& marks = large->identifier_marks;
    const auto behind =
        std::upper_bound(marks.begin(), marks.end(), wanted, [&](std::string_view one, std::size_t mark) {
          taker in(entries.substr(mark));
          return one < take_bytes(in);
        });
    if (behind != marks.begin()) found.offset = *std::prev(behind);
  }
  for (taker in(entries.substr(found.offset)); !in.done(); ++found.passed) {
    const auto present = take_bytes(in);
    found.taken = present == wanted;
    if (present >= wanted) break;
    found.offset += present.size();
  }
  return found;
}

}  // namespace

std::string encoded(const entry& one) {
  std::string made;
  put(made, static_cast<unsigned char>(one.kind));
  put_text<std::uint8_t>(made, one.type);
  put_text<std::uint16_t>(made, one.value);
  return made;
}

bool contains(const state& of, std::string_view encoded) { return find(of, encoded).taken; }

void add(state& to, std::string_view encoded) {
  const auto at = find(to, encoded);
  if (!at.taken) to.replace(part::identifiers, at.offset, 0, encoded);
  auto& large = to.of().large;
  if (!large && at.passed <= most_passed) return;
  if (!large) large = std::make_unique<state::large_parts>();
  auto& marks = large->identifier_marks;
  const auto moved = static_cast<std::uint32_t>(at.taken ? 0 : encoded.size());
  for (auto& mark : marks) mark += mark >= at.offset ? moved : 0;
  if (at.passed <= most_passed) return;
  const auto mark = static_cast<std::uint32_t>(at.offset);
  marks.insert(std::upper_bound(marks.begin(), marks.end(), mark), mark);
}

bool valid(std::string_view entries) {
  taker in(entries);
  for (std::string_view before; !in.done();) {
    auto ahead = in;
    if (take(ahead).kind >= id_kind::profile) return false;
    const auto present = take_bytes(in);
    if (present <= before) return false;
    before = present;
  }
  return !in.failed();
}

}  // namespace kith::profile::identifier_list
