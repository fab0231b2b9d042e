#include "persistence/erasure_book.hpp"

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <openssl/rand.h>
#include <openssl/sha.h>

#include "persistence/journal.hpp"
#include "persistence/whole_file.hpp"
#include "profile/bytes.hpp"

namespace kith::persistence {

namespace {

using profile::hash128;

constexpr std::string_view magic = "kith erasures 2\n";
constexpr std::string_view magic_1 = "kith erasures 1\n";  ///< without what was carried out
static_assert(magic.size() == magic_1.size());
constexpr std::size_t salt_bytes = 32;
constexpr std::size_t bits_an_entry = 16;
constexpr char file_name[] = "book";

/// Without randomness nothing here may go on.
std::string random_bytes(std::size_t size) {
  std::string made(size, '\0');
  if (RAND_bytes(reinterpret_cast<unsigned char*>(made.data()), static_cast<int>(size)) != 1) std::abort();
  return made;
}

}  // namespace

std::string to_hex(const salted_hash& hash) {
  constexpr std::string_view digits = "0123456789abcdef";
  std::string text;
  for (const auto byte : hash) {
    text.push_back(digits[byte >> 4]);
    text.push_back(digits[byte & 0xf]);
  }
  return text;
}

bool from_hex(std::string_view text, salted_hash& hash) {
  constexpr std::string_view digits = "0123456789abcdef";
  if (text.size() != 2 * hash.size()) return false;
  for (std::size_t i = 0; i < hash.size(); ++i) {
    const auto high = digits.find(text[2 * i]);
    const auto low = digits.find(text[2 * i + 1]);
    if (high == std::string_view::npos || low == std::string_view::npos) return false;
    hash[i] = static_cast<unsigned char>(high << 4 | low);
  }
  return true;
}

std::size_t suppressed_ids::hasher::operator()(const salted_hash& hash) const noexcept {
  return profile::get<std::size_t>(reinterpret_cast<const char*>(hash.data()));
}

suppressed_ids::suppressed_ids(std::string salt, table all) : salt_(std::move(salt)), all_(std::move(all)) {
  std::size_t words = 1;
  while (words * 64 < all_.size() * bits_an_entry) words *= 2;
  bits_.resize(words);
  for (const auto& [hash, each] : all_) mark(each.tag);
}

/// 32 of its 128 bits, stirred by the salt: who has them has not the address.
std::uint32_t suppressed_ids::tag_of(hash128 address) const noexcept {
  const auto mixed =
      (address.low ^ profile::get<std::uint64_t>(salt_.data())) * (profile::get<std::uint64_t>(salt_.data() + 8) | 1);
  return static_cast<std::uint32_t>(mixed >> 32);
}

void suppressed_ids::mark(std::uint32_t tag) {
  bits_[(tag >> 6) & (bits_.size() - 1)] |= std::uint64_t{1} << (tag & 63);
}

salted_hash suppressed_ids::hash_of(hash128 address) const {
  const auto salted = salt_ + profile::to_bytes(address);
  salted_hash made{};
  SHA256(reinterpret_cast<const unsigned char*>(salted.data()), salted.size(), made.data());
  return made;
}

bool suppressed_ids::contains(hash128 address) const {
  if (all_.empty()) return false;
  const auto tag = tag_of(address);
  if ((bits_[(tag >> 6) & (bits_.size() - 1)] >> (tag & 63) & 1) == 0) return false;
  return all_.contains(hash_of(address));
}

std::string erasure_book::encode(const contents& of) {
  using profile::put;
  using profile::put_text;
  std::string out(magic);
  out += of.salt;
  put(out, static_cast<std::uint64_t>(of.suppressed.size()));
  for (const auto& [hash, each] : of.suppressed) {
    out.append(reinterpret_cast<const char*>(hash.data()), hash.size());
    put(out, each.tag);
    put(out, each.since_ms);
  }
  put(out, static_cast<std::uint64_t>(of.pending.size()));
  for (const auto& each : of.pending) {
    put_text<std::uint8_t>(out, each.id);
    put(out, each.at_ms);
    put(out, static_cast<unsigned char>(each.carried_out ? 1 : 0));
    put(out, static_cast<std::uint32_t>(each.addresses.size()));
    for (const auto address : each.addresses) out += profile::to_bytes(address);
    put(out, static_cast<std::uint32_t>(each.identifiers.size()));
    for (const auto& id : each.identifiers) {
      put(out, static_cast<unsigned char>(id.kind));
      put_text<std::uint8_t>(out, id.type);
      put_text<std::uint16_t>(out, id.value);
    }
  }
  put(out, crc32c(out));
  return out;
}

result<erasure_book::contents> erasure_book::decode(std::string_view bytes) {
  constexpr std::size_t crc_bytes = sizeof(std::uint32_t);
  const auto damaged = fail(errc::internal, "damaged");
  const bool is_first = bytes.starts_with(magic_1);
  if (bytes.size() < magic.size() + salt_bytes + crc_bytes || (!is_first && !bytes.starts_with(magic))) return damaged;
  const auto body = bytes.substr(0, bytes.size() - crc_bytes);
  if (profile::get<std::uint32_t>(bytes.data() + body.size()) != crc32c(body)) return damaged;
  profile::taker in(body.substr(magic.size()));
  contents made;
  made.salt = in.take(salt_bytes);
  for (auto left = in.number<std::uint64_t>(); left > 0 && !in.failed(); --left) {
    salted_hash hash{};
    if (const auto taken = in.take(hash.size()); !in.failed()) std::memcpy(hash.data(), taken.data(), hash.size());
    suppressed_ids::entry each;
    each.tag = in.number<std::uint32_t>();
    each.since_ms = in.number<std::int64_t>();
    made.suppressed.emplace(hash, each);
  }
  for (auto left = in.number<std::uint64_t>(); left > 0 && !in.failed(); --left) {
    auto& each = made.pending.emplace_back();
    each.id = in.text<std::uint8_t>();
    each.at_ms = in.number<std::int64_t>();
    if (!is_first) each.carried_out = in.number<unsigned char>() != 0;
    for (auto more = in.number<std::uint32_t>(); more > 0 && !in.failed(); --more) {
      const auto address = in.take(16);
      if (!in.failed()) each.addresses.push_back(profile::hash_from_bytes(address.data()));
    }
    for (auto more = in.number<std::uint32_t>(); more > 0 && !in.failed(); --more) {
      auto& id = each.identifiers.emplace_back();
      id.kind = static_cast<profile::id_kind>(in.number<unsigned char>());
      id.type = in.text<std::uint8_t>();
      id.value = in.text<std::uint16_t>();
    }
  }
  if (in.failed() || !in.done()) return damaged;
  return made;
}

std::string erasure_book::new_id() { return profile::to_hex(profile::hash_from_bytes(random_bytes(16).data())); }

result<std::unique_ptr<erasure_book>> erasure_book::open(file_system& files, std::string directory) {
  if (auto made = files.make_directory(directory); !made) return tl::make_unexpected(made.error());
  auto opened = std::unique_ptr<erasure_book>(new erasure_book(files, std::move(directory)));
  const auto path = opened->directory_ + "/" + file_name;
  const auto there = files.exists(path);
  if (!there) return tl::make_unexpected(there.error());
  if (*there) {
    const auto bytes = read_file(files, path);
    if (!bytes) return tl::make_unexpected(bytes.error());
    auto read = decode(*bytes);
    if (!read) {
      return fail(errc::internal, path +
                                      ": is damaged, or of a later version; bring it back from a backup: without it "
                                      "those who were erased could come back");
    }
    opened->now_ = std::move(*read);
  } else {
    contents fresh;  // durable at once: others keep hashes made with its salt
    fresh.salt = random_bytes(salt_bytes);
    if (auto written = opened->write(std::move(fresh)); !written) return tl::make_unexpected(written.error());
  }
  opened->show();
  return opened;
}

/// REQUIRES: changing_ is held.
result<void> erasure_book::write(contents next) {
  if (auto written = replace_file(files_, directory_, file_name, encode(next)); !written) return written;
  {
    const std::lock_guard lock(mutex_);
    now_ = std::move(next);
    noted_ = false;
  }
  show();
  return {};
}

void erasure_book::show() {
  auto suppressed = std::make_shared<const suppressed_ids>(now_.salt, now_.suppressed);
  std::shared_ptr<const erased_addresses> unfinished;
  if (!now_.pending.empty()) {
    auto all = std::make_shared<erased_addresses>();
    for (const auto& each : now_.pending) all->insert(each.addresses.begin(), each.addresses.end());
    unfinished = std::move(all);
  }
  const std::lock_guard lock(mutex_);
  suppressed_ = std::move(suppressed);
  unfinished_ = std::move(unfinished);
}

result<void> erasure_book::begin(const pending_erasure& what) {
  const std::lock_guard one_at_a_time(changing_);
  auto next = now_;
  std::erase_if(next.pending, [&](const pending_erasure& each) { return each.id == what.id; });
  next.pending.push_back(what);
  const suppressed_ids salted(next.salt, {});
  for (const auto address : what.addresses) {
    next.suppressed.try_emplace(salted.hash_of(address), suppressed_ids::entry{salted.tag_of(address), what.at_ms});
  }
  if (next.suppressed.size() > most_suppressed || next.pending.size() > most_pending) {
    return fail(errc::too_large, "erase: more than " + std::to_string(most_suppressed) +
                                     " identifiers would be suppressed, or " + std::to_string(most_pending) +
                                     " erasures would wait for their bytes to go; lift some, or try later");
  }
  return write(std::move(next));
}

void erasure_book::note_carried_out(const std::string& id) {
  const std::lock_guard one_at_a_time(changing_);
  const std::lock_guard lock(mutex_);
  for (auto& each : now_.pending) {
    if (each.id != id || each.carried_out) continue;
    each.carried_out = noted_ = true;
  }
}

result<void> erasure_book::keep_noted() {
  const std::lock_guard one_at_a_time(changing_);
  const bool noted = [this] {
    const std::lock_guard lock(mutex_);
    return noted_;
  }();
  return noted ? write(now_) : result<void>();
}

result<void> erasure_book::finish(const std::vector<std::string>& ids) {
  const std::lock_guard one_at_a_time(changing_);
  auto next = now_;
  std::erase_if(next.pending,
                [&](const pending_erasure& each) { return std::find(ids.begin(), ids.end(), each.id) != ids.end(); });
  return write(std::move(next));
}

result<void> erasure_book::lift(const salted_hash& hash) {
  const std::lock_guard one_at_a_time(changing_);
  auto next = now_;
  if (next.suppressed.erase(hash) == 0) return fail(errc::not_found, "no identifier of this hash is suppressed");
  const auto list = suppressed();
  for (const auto& each : next.pending) {
    for (const auto address : each.addresses) {
      if (list->hash_of(address) != hash) continue;
      return fail(errc::unavailable,
                  "its erasure is not finished; POST /v1/snapshot finishes it, or try again when its bytes are gone");
    }
  }
  return write(std::move(next));
}

std::shared_ptr<const suppressed_ids> erasure_book::suppressed() const {
  const std::lock_guard lock(mutex_);
  return suppressed_;
}

std::shared_ptr<const erased_addresses> erasure_book::unfinished() const {
  const std::lock_guard lock(mutex_);
  return unfinished_;
}

std::vector<pending_erasure> erasure_book::pending() const {
  const std::lock_guard lock(mutex_);
  return now_.pending;
}

std::optional<std::int64_t> erasure_book::oldest_pending_ms() const {
  const std::lock_guard lock(mutex_);
  std::optional<std::int64_t> oldest;
  for (const auto& each : now_.pending) oldest = std::min(oldest.value_or(each.at_ms), each.at_ms);
  return oldest;
}

}  // namespace kith::persistence
