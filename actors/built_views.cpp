#include "actors/built_views.hpp"

#include <cstring>
#include <new>
#include <string>

#include "profile/bytes.hpp"
#include "profile/prefetch.hpp"

namespace kith::actors {

namespace {

struct entry {
  std::uint32_t view;
  std::string_view bytes;
};

entry take(profile::taker& in) {
  const auto view = in.number<std::uint32_t>();
  return {view, in.text<std::uint32_t>()};
}

void put(std::string& to, const entry& one) {
  profile::put(to, one.view);
  profile::put_text<std::uint32_t>(to, one.bytes);
}

std::uint64_t bit(std::uint32_t view) noexcept { return std::uint64_t{1} << view; }

}  // namespace

bool built_views::is_fresh(std::uint32_t generation, std::uint32_t view) const noexcept {
  return !empty() && of().generation == generation && (of().fresh & bit(view)) != 0;
}

std::optional<std::string_view> built_views::find(std::uint32_t generation, std::uint32_t view) const noexcept {
  if (!is_fresh(generation, view)) return std::nullopt;
  for (profile::taker in(entries()); !in.done();) {
    if (const auto each = take(in); each.view == view) return each.bytes;
  }
  return std::nullopt;
}

void built_views::keep(std::uint32_t generation, std::uint32_t view, std::string_view bytes) {
  thread_local std::string kept;
  kept.clear();
  head made{bit(view), generation, 0};
  if (!empty() && of().generation == generation) {
    made.fresh |= of().fresh;
    for (profile::taker in(entries()); !in.done();) {
      const auto each = take(in);
      if (each.view != view && is_fresh(generation, each.view)) put(kept, each);
    }
  }
  put(kept, {view, bytes});
  made.bytes = static_cast<std::uint32_t>(kept.size());
  if (empty() || of().bytes != made.bytes) block_ = std::make_unique<char[]>(sizeof(head) + kept.size());
  new (block_.get()) head(made);
  std::memcpy(block_.get() + sizeof(head), kept.data(), kept.size());
}

void built_views::outdate(std::uint32_t view) noexcept {
  if (!empty()) of().fresh &= ~bit(view);
}

std::size_t built_views::heap_bytes() const noexcept { return empty() ? 0 : sizeof(head) + of().bytes; }

void built_views::prefetch() const noexcept {
  constexpr std::size_t first_bytes = 128;
  if (!empty()) profile::prefetch_bytes(block_.get(), first_bytes);
}

}  // namespace kith::actors
