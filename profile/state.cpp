#include "profile/state.hpp"

#include <bit>
#include <cstdlib>
#include <cstring>
#include <new>

namespace kith::profile {

namespace {

/// Eight steps a doubling, as allocators have them: what is asked for is what is taken.
std::size_t rounded(std::size_t bytes) noexcept {
  const auto step = std::bit_floor(bytes) / 8;
  return step < 16 ? (bytes + 15) / 16 * 16 : (bytes + step - 1) / step * step;
}

void* allocated(std::size_t bytes) {
  if (auto* made = std::malloc(bytes)) return made;
  throw std::bad_alloc();
}

}  // namespace

const state::numbers state::fresh;

state::~state() {
  if (block_ == nullptr) return;
  std::destroy_at(block_);
  std::free(block_);
}

void state::make() {
  if (block_ == nullptr) block_ = std::construct_at(static_cast<block*>(allocated(sizeof(block))));
}

void state::replace(part which, std::size_t at, std::size_t removed, std::string_view added) {
  const std::size_t old_size = block_->ends[part_count - 1];
  const auto new_size = old_size - removed + added.size();
  if (new_size > block_->capacity) grow(new_size);
  char* const place = data(which) + at;
  const auto behind = static_cast<std::size_t>(bytes() + old_size - place) - removed;
  if (added.size() != removed && behind > 0) std::memmove(place + added.size(), place + removed, behind);
  if (!added.empty()) std::memcpy(place, added.data(), added.size());
  const auto moved = static_cast<std::uint32_t>(added.size() - removed);  // modulo 2^32
  for (auto i = index(which); i < part_count; ++i) block_->ends[i] += moved;
}

void state::grow(std::size_t wanted) {
  const auto total = rounded(sizeof(block) + wanted);
  auto* grown = std::construct_at(static_cast<block*>(allocated(total)), std::move(*block_));
  grown->capacity = static_cast<std::uint32_t>(total - sizeof(block));
  std::memcpy(static_cast<void*>(grown + 1), bytes(), grown->ends[part_count - 1]);
  std::destroy_at(block_);
  std::free(std::exchange(block_, grown));
}

std::size_t state::heap_bytes() const noexcept {
  if (block_ == nullptr) return 0;
  const auto bytes = sizeof(block) + block_->capacity;
  const auto& large = block_->head.large;
  if (!large) return bytes;
  return bytes + sizeof(large_parts) + large->identifier_marks.capacity() * sizeof(std::uint32_t) +
         (large->recent ? large->recent->heap_bytes() : 0);
}

}  // namespace kith::profile
