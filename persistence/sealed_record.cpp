#include "persistence/sealed_record.hpp"

#include <utility>
#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <openssl/crypto.h>
#include <sys/mman.h>

namespace kith::persistence {

using profile::hash128;

namespace {

constexpr std::size_t nonce_at = 1 + 4;
constexpr std::size_t clear_bytes = nonce_at + nonce_bytes + 4;  ///< before the index
constexpr std::size_t entry_bytes = 16 + 1 + 4;
constexpr std::size_t block_bytes = 16;
constexpr std::size_t first_slots = 8192;  ///< 512 KiB
constexpr std::size_t looked_at = 8;       ///< slots, where a key may be
constexpr std::size_t huge_page_bytes = 2UL * 1024 * 1024;

void store(hash128 address, char* at) noexcept {
  const std::uint64_t big_endian[] = {__builtin_bswap64(address.high), __builtin_bswap64(address.low)};
  std::memcpy(at, big_endian, sizeof big_endian);
}

/// Where each piece's key stream begins: no two have a block in common.
class stream_places {
 public:
  explicit stream_places(std::string_view nonce) { std::memcpy(place_.data(), nonce.data(), nonce_bytes); }

  std::span<const unsigned char, 16> next(std::size_t bytes) {
    for (std::size_t i = 0; i < 4; ++i) place_[nonce_bytes + i] = static_cast<unsigned char>(blocks_ >> (24 - 8 * i));
    blocks_ += static_cast<std::uint32_t>((bytes + block_bytes - 1) / block_bytes);
    return place_;
  }

 private:
  std::array<unsigned char, 16> place_{};
  std::uint32_t blocks_ = 0;  ///< a record has at most 64 MiB
};

}  // namespace

key_cache::key_cache(std::size_t most_bytes)
    : most_slots_(std::max<std::size_t>(most_bytes / sizeof(slot), 1)), upper_(std::size_t{1} << upper_bits) {
  resize(std::min(most_slots_, first_slots));
}

/// What is in it stays.
void key_cache::resize(std::size_t slots) {
  const auto old_memory = std::move(memory_);
  const std::span<slot> old(table_, slots_);
  const auto bytes = slots * sizeof(slot);
  const auto aligned_to = bytes < huge_page_bytes ? sizeof(slot) : huge_page_bytes;
  memory_.reset(static_cast<unsigned char*>(std::calloc(bytes + aligned_to, 1)));
  if (!memory_) std::abort();
  const auto over = reinterpret_cast<std::uintptr_t>(memory_.get()) % aligned_to;
  table_ = reinterpret_cast<slot*>(memory_.get() + (aligned_to - over) % aligned_to);
  // Keys are looked up all over the table: with small pages each look-up would first wait for an address translation.
  if (bytes >= huge_page_bytes) ::madvise(table_, bytes, MADV_HUGEPAGE);
  slots_ = slots;
  used_ = 0;
  for (const auto& each : old) {
    if (each.owner != 0) take_slot(each.owner) = each;
  }
  if (!old.empty()) OPENSSL_cleanse(old.data(), old.size_bytes());
}

key_cache::~key_cache() { clear(); }

void key_cache::free_memory::operator()(unsigned char* memory) const noexcept { std::free(memory); }

std::size_t key_cache::home_of(std::uint64_t owner) const noexcept {
  __extension__ using wide = unsigned __int128;
  return static_cast<std::size_t>(wide{owner} * slots_ >> 64);
}

/// Null: none of those in which the owner's key may be is wanted.
template <typename F>
key_cache::slot* key_cache::first_slot(std::uint64_t owner, F wanted) noexcept {
  auto at = home_of(owner);
  for (std::size_t i = 0; i < std::min(looked_at, slots_); ++i) {
    if (wanted(table_[at])) return &table_[at];
    if (++at == slots_) at = 0;
  }
  return nullptr;
}

/// Null: its key is not there.
key_cache::slot* key_cache::slot_of(std::uint32_t epoch, std::uint64_t owner) noexcept {
  auto* found = first_slot(
      owner, [&](const slot& at) { return (at.owner == owner && at.epoch == epoch) || (at.owner == 0 && !at.left); });
  return found == nullptr || found->owner == 0 ? nullptr : found;
}

/// A free one, or that of somebody who has to leave.
key_cache::slot& key_cache::take_slot(std::uint64_t owner) noexcept {
  auto* free = first_slot(owner, [](const slot& at) { return at.owner == 0; });
  if (free == nullptr) return table_[home_of(owner)];
  ++used_;
  return *free;
}

void key_cache::prefetch(hash128 permuted) const noexcept { __builtin_prefetch(&table_[home_of(way_of(permuted))]); }

bool key_cache::derive(const key_epoch& of, hash128 permuted, secret& into) {
  if (upper_epoch_ != of.number) {
    for (auto& each : upper_) each = {};
    upper_epoch_ = of.number;
  }
  auto& upper = upper_[upper_of(permuted)];
  if (!upper.known) {
    const auto* from = of.people.covering(permuted);
    if (from == nullptr) return false;
    if (from->depth > upper_levels) {
      into = key_tree::below(from->value, from->depth, key_tree::levels, permuted, generator_);
      return true;
    }
    upper.value = key_tree::below(from->value, from->depth, upper_levels, permuted, generator_);
    upper.known = true;
  }
  into = key_tree::below(upper.value, upper_levels, key_tree::levels, permuted, generator_);
  return true;
}

const secret* key_cache::find(const key_epoch& of, hash128 permuted) {
  const auto owner = way_of(permuted);
  if (const auto* kept = slot_of(of.number, owner)) {
    std::memcpy(found_.bytes.data(), kept->key, secret_bytes);
    return &found_;
  }
  if (!derive(of, permuted, found_)) return nullptr;
  if (used_ > slots_ / 2 && slots_ < most_slots_) resize(std::min(most_slots_, 2 * slots_));
  auto& taken = take_slot(owner);
  taken.owner = owner;
  taken.epoch = of.number;
  std::memcpy(taken.key, found_.bytes.data(), secret_bytes);
  return &found_;
}

void key_cache::forget(const key_epoch& of, hash128 permuted) noexcept {
  upper_[upper_of(permuted)] = {};
  auto* kept = slot_of(of.number, way_of(permuted));
  if (kept == nullptr) return;
  OPENSSL_cleanse(kept, sizeof *kept);
  kept->left = true;
  --used_;
}

void key_cache::clear() noexcept {
  for (auto& each : upper_) each = {};
  if (std::exchange(used_, 0) != 0) OPENSSL_cleanse(table_, bytes());
}

record_sealer::record_sealer(std::shared_ptr<const key_epoch> epoch, std::uint32_t writer, std::size_t cache_bytes)
    : writer_(writer), keys_(cache_bytes) {
  adopt(std::move(epoch), {});
}

void record_sealer::adopt(std::shared_ptr<const key_epoch> epoch, std::span<const hash128> destroyed) {
  // Word of a destruction in an epoch may come behind the next one.
  if (epoch_ && epoch->number < epoch_->number) return;
  const bool other = !epoch_ || epoch_->number != epoch->number;
  epoch_ = std::move(epoch);
  if (other) {
    keys_.clear();
    whole_.emplace(epoch_->records);
    permutation_.emplace(epoch_->addresses);
  }
  for (const auto each : permuted(*epoch_, destroyed)) keys_.forget(*epoch_, each);
}

void record_sealer::permute(std::span<const record_piece> pieces) {
  permuted_.resize(pieces.size() * 16);
  for (std::size_t i = 0; i < pieces.size(); ++i) {
    store(pieces[i].address, permuted_.data() + 16 * i);
  }
  if (!pieces.empty()) permutation_->there(permuted_.data(), permuted_.size());
  for (std::size_t i = 0; i < pieces.size(); ++i) keys_.prefetch(profile::hash_from_bytes(permuted_.data() + 16 * i));
}

void record_sealer::seal(std::string_view head, std::span<const record_piece> pieces, std::string& to) {
  permute(pieces);
  std::size_t bytes = 0;
  for (const auto& each : pieces) bytes += each.bytes.size();
  to.clear();
  to.reserve(clear_bytes + 2 + head.size() + 4 + pieces.size() * entry_bytes + bytes + tag_bytes);
  to.push_back(sealed_version);
  profile::put(to, epoch_->number);
  profile::put(to, writer_);
  profile::put(to, written_++);
  profile::put(to, std::uint32_t{0});
  profile::put_text<std::uint16_t>(to, head);
  profile::put(to, std::uint32_t{0});
  const auto entries_at = to.size();
  to.resize(entries_at + pieces.size() * entry_bytes + bytes);
  const auto kept = write_pieces(pieces, to.data() + entries_at);
  to.resize(entries_at + kept.entries * entry_bytes + kept.bytes);
  const auto index_bytes = static_cast<std::uint32_t>(entries_at + kept.entries * entry_bytes - clear_bytes);
  std::memcpy(to.data() + clear_bytes - 4, &index_bytes, 4);
  std::memcpy(to.data() + entries_at - 4, &kept.entries, 4);
  const std::string_view all(to);
  std::array<char, tag_bytes> tag{};
  whole_->seal(all.substr(nonce_at, nonce_bytes), {all.substr(0, clear_bytes), all.substr(clear_bytes + index_bytes)},
               to.data() + clear_bytes, index_bytes, tag.data());
  to.append(tag.data(), tag.size());
}

/// Entries, then texts, at `to`, which has room for all of them.
record_sealer::kept_pieces record_sealer::write_pieces(std::span<const record_piece> pieces, char* to) {
  kept_pieces kept;
  auto* text = to + pieces.size() * entry_bytes;
  auto* const texts = text;
  std::array<char, nonce_bytes> nonce{};
  const auto number = written_ - 1;
  std::memcpy(nonce.data(), &writer_, sizeof writer_);
  std::memcpy(nonce.data() + sizeof writer_, &number, sizeof number);
  stream_places places({nonce.data(), nonce.size()});
  auto* entry = to;
  for (std::size_t i = 0; i < pieces.size(); ++i) {
    const auto* address = permuted_.data() + 16 * i;
    const auto* key = keys_.find(*epoch_, profile::hash_from_bytes(address));
    if (key == nullptr) continue;
    const auto size = static_cast<std::uint32_t>(pieces[i].bytes.size());
    std::memcpy(entry, address, 16);
    entry[16] = static_cast<char>(pieces[i].note);
    std::memcpy(entry + 17, &size, sizeof size);
    entry += entry_bytes;
    stream_.apply(*key, places.next(size), pieces[i].bytes, text);
    text += size;
    ++kept.entries;
  }
  kept.bytes = static_cast<std::size_t>(text - texts);
  if (kept.entries < pieces.size()) std::memmove(entry, texts, kept.bytes);
  return kept;
}

record_opener::record_opener(const key_ring& ring, std::size_t cache_bytes) : ring_(ring), keys_(cache_bytes) {}

result<void> record_opener::choose(std::uint32_t number) {
  const auto destructions = ring_.destructions();
  if (epoch_ && epoch_->number == number && destructions == destructions_) return {};
  auto next = ring_.find(number);
  if (!next) {
    return fail(errc::internal, "journal record: encrypted by keys of epoch " + std::to_string(number) +
                                    ", which the key ring does not have; bring DATA/keys back from a backup");
  }
  if (destructions != destructions_) keys_.clear();
  destructions_ = destructions;
  if (!epoch_ || epoch_->number != number) {
    whole_.emplace(next->records);
    permutation_.emplace(next->addresses);
  }
  epoch_ = std::move(next);
  return {};
}

result<void> record_opener::open(std::string_view payload, opened_record& into) {
  if (payload.size() < clear_bytes + tag_bytes) return fail(errc::internal, "journal record: too short for its head");
  if (auto chosen = choose(profile::get<std::uint32_t>(payload.data() + 1)); !chosen) return chosen;
  const auto nonce = payload.substr(nonce_at, nonce_bytes);
  const std::size_t index_bytes = profile::get<std::uint32_t>(payload.data() + clear_bytes - 4);
  into.bytes = payload.substr(clear_bytes, payload.size() - clear_bytes - tag_bytes);
  if (index_bytes > into.bytes.size() ||
      !whole_->open(nonce, {payload.substr(0, clear_bytes), std::string_view(into.bytes).substr(index_bytes)},
                    into.bytes.data(), index_bytes, payload.substr(payload.size() - tag_bytes))) {
    return fail(errc::internal, "journal record: it is not what was encrypted (AES-256-GCM)");
  }
  if (!take_pieces(nonce, std::string_view(into.bytes).substr(0, index_bytes), into)) {
    return fail(errc::internal, "journal record: what was encrypted is no record");
  }
  return {};
}

bool record_opener::take_pieces(std::string_view nonce, std::string_view index, opened_record& into) {
  profile::taker head(index);
  into.head = head.text<std::uint16_t>();
  const auto count = head.number<std::uint32_t>();
  if (head.failed() || head.rest().size() != std::size_t{count} * entry_bytes) return false;
  auto entries = head.rest();
  profile::taker in(std::string_view(into.bytes).substr(index.size()));
  into.pieces.clear();
  into.pieces.reserve(count);
  into.destroyed = 0;
  std::string addresses;
  addresses.reserve(std::size_t{count} * 16);
  for (auto at = entries; !at.empty(); at.remove_prefix(entry_bytes)) {
    keys_.prefetch(profile::hash_from_bytes(at.data()));
    addresses += at.substr(0, 16);
  }
  if (!addresses.empty()) permutation_->back(addresses.data(), addresses.size());
  const auto* address = addresses.data();
  stream_places places(nonce);
  for (; !entries.empty(); entries.remove_prefix(entry_bytes), address += 16) {
    auto& piece = into.pieces.emplace_back();
    piece.note = static_cast<unsigned char>(entries[16]);
    piece.bytes = in.take(profile::get<std::uint32_t>(entries.data() + 17));
    if (in.failed()) return false;
    const auto place = places.next(piece.bytes.size());
    if (const auto* key = keys_.find(*epoch_, profile::hash_from_bytes(entries.data()))) {
      auto* text = into.bytes.data() + (piece.bytes.data() - into.bytes.data());
      stream_.apply(*key, place, piece.bytes, text);
    } else {
      piece.destroyed = true;
      piece.bytes = {};
      ++into.destroyed;
    }
    piece.address = profile::hash_from_bytes(address);
  }
  return in.done();
}

}  // namespace kith::persistence
