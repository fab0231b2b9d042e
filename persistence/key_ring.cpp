#include "persistence/key_ring.hpp"

#include <utility>
#include <algorithm>
#include <cstdio>

#include "persistence/copying.hpp"
#include "persistence/overwriting.hpp"
#include "persistence/whole_file.hpp"

namespace kith::persistence {

using profile::hash128;

namespace {

constexpr std::string_view magic = "kith keys 2 ";
constexpr std::size_t fingerprint_bytes = 16;
constexpr std::size_t head_bytes = magic.size() + fingerprint_bytes + 1;  ///< and a line's end
constexpr char own_name[] = "wrapping.key";
constexpr std::string_view prefix = "ring-";
constexpr std::string_view suffix = ".key";
constexpr std::size_t name_digits = 12;
constexpr std::size_t left_for_epochs = 1024UL * 1024;  ///< of the bound: a new epoch makes room

std::string name_of(std::uint64_t number) {
  std::array<char, 48> name{};
  std::snprintf(name.data(), name.size(), "ring-%012llu.key", static_cast<unsigned long long>(number));
  return name.data();
}

/// 0: it is not a ring's name.
std::uint64_t number_in(std::string_view name) {
  if (name.size() != prefix.size() + name_digits + suffix.size() || !name.starts_with(prefix) ||
      !name.ends_with(suffix)) {
    return 0;
  }
  std::uint64_t number = 0;
  for (const char digit : name.substr(prefix.size(), name_digits)) {
    if (digit < '0' || digit > '9') return 0;
    number = number * 10 + static_cast<std::uint64_t>(digit - '0');
  }
  return number;
}

result<std::vector<std::uint64_t>> rings_in(file_system& files, const std::string& directory) {
  const auto names = files.list(directory);
  if (!names) return tl::make_unexpected(names.error());
  std::vector<std::uint64_t> numbers;
  for (const auto& name : *names) {
    if (const auto number = number_in(name); number != 0) numbers.push_back(number);
  }
  std::sort(numbers.begin(), numbers.end());
  return numbers;
}

result<std::string> read_whole(file_system& files, const std::string& path) {
  const auto file = files.open(path, open_mode::read);
  if (!file) return tl::make_unexpected(file.error());
  const auto size = (*file)->size();
  if (!size) return tl::make_unexpected(size.error());
  std::string bytes;
  if (auto read = (*file)->read_at(0, static_cast<std::size_t>(*size), bytes); !read) {
    return tl::make_unexpected(read.error());
  }
  return bytes;
}

/// What is encrypted is bound to the file's head and number.
std::string beside(std::string_view head, std::uint64_t number) {
  std::string text(head);
  profile::put(text, number);
  return text;
}

void put(std::string& to, const secret& value) {
  to.append(reinterpret_cast<const char*>(value.bytes.data()), value.bytes.size());
}

void take(profile::taker& from, secret& value) {
  const auto bytes = from.take(secret_bytes);
  if (!from.failed()) std::copy(bytes.begin(), bytes.end(), value.bytes.begin());
}

tl::unexpected<error> wrapped_by_another(const std::string& path, std::string_view by,
                                         const encryption_settings& with) {
  return fail(errc::invalid_argument,
              path + ": is encrypted by the key " + std::string(by) + ", and " +
                  (with.key ? "encryption.key_file or key_command gives the key " + fingerprint(*with.key)
                            : "no encryption.key_file or key_command is configured") +
                  "; give that key back, or, if it was replaced, name it as encryption.old_key_file. Nothing is lost "
                  "meanwhile, and nothing was changed");
}

}  // namespace

std::string key_ring::path_of(std::uint64_t number) const { return directory_ + "/" + name_of(number); }

result<std::optional<secret>> key_ring::own_key() const {
  const auto path = directory_ + "/" + own_name;
  auto text = read_file(files_, path);
  if (!text && text.error().code == errc::not_found) return std::optional<secret>();
  if (!text) return tl::make_unexpected(text.error());
  auto key = parse_secret(*text);
  cleanse(*text);
  if (!key) return fail(errc::internal, path + ": " + key.error().message + "; bring it back from a backup");
  return std::optional(*key);
}

result<void> key_ring::read(const encryption_settings& with, std::uint64_t number) {
  const auto path = path_of(number);
  auto bytes = read_whole(files_, path);
  if (!bytes) return tl::make_unexpected(bytes.error());
  const auto damaged = [&] {
    return fail(errc::internal, path + ": is damaged, or of another version; bring " + directory_ +
                                    " back from a backup: without it what is in the journal cannot be read");
  };
  if (bytes->size() < head_bytes + nonce_bytes + tag_bytes || !bytes->starts_with(magic)) return damaged();
  const auto own = own_key();
  if (!own) return tl::make_unexpected(own.error());
  const auto by = bytes->substr(magic.size(), fingerprint_bytes);
  const secret* found = nullptr;
  for (const auto* each : {&with.key, &with.old_key, &*own}) {
    if (found == nullptr && *each && fingerprint(**each) == by) found = &**each;
  }
  if (found == nullptr) return wrapped_by_another(path, by, with);
  const auto head = bytes->substr(0, head_bytes);
  const auto text_bytes = bytes->size() - head_bytes - nonce_bytes - tag_bytes;
  auto* text = bytes->data() + head_bytes + nonce_bytes;
  const bool genuine =
      aead(*found).open(std::string_view(*bytes).substr(head_bytes, nonce_bytes), {beside(head, number)}, text,
                        text_bytes, std::string_view(*bytes).substr(bytes->size() - tag_bytes));
  const bool good = genuine && decode({text, text_bytes}, epochs_);
  cleanse(*bytes);
  if (!good) return damaged();
  key_ = *found;
  own_ = *own && **own == *found;
  number_ = number;
  return {};
}

/// The key that is to wrap it does: made, if it is to lie beside it and does not yet.
result<void> key_ring::settle(const encryption_settings& with, const log_line& log) {
  auto own = own_key();
  if (!own) return tl::make_unexpected(own.error());
  if (!with.key && !*own) {
    if (number_ == 0 && !with.journal) return {};  // nothing is to be wrapped
    *own = secret::random();
    std::string text;
    for (const auto byte : (*own)->bytes) {
      constexpr std::string_view digits = "0123456789abcdef";
      text.push_back(digits[byte >> 4]);
      text.push_back(digits[byte & 0xf]);
    }
    text.push_back('\n');
    auto written = replace_file(files_, directory_, own_name, text);
    cleanse(text);
    if (!written) return written;
  }
  const auto& wanted = with.key ? *with.key : **own;
  if (number_ != 0 && !(key_ == wanted)) {
    const auto before = std::exchange(key_, wanted);
    const auto number = number_;
    if (auto written = write(epochs_); !written) {
      if (number_ == number) key_ = before;  // the ring is as it was
      return written;
    }
    log("info", path_of(number_) + ": is encrypted by the key " + fingerprint(wanted) +
                    " from now on; the one before is needed for backups only");
  }
  key_ = wanted;
  own_ = !with.key;
  if (own_ || !*own || number_ == 0) return {};
  // Nothing is wrapped by it any more. Without a ring, one may be about to be brought back.
  const auto path = directory_ + "/" + own_name;
  overwrite(path);
  if (auto removed = files_.remove(path); !removed) return removed;
  return files_.sync_directory(directory_);
}

result<void> key_ring::remove_left_over(const std::vector<std::uint64_t>& numbers) {
  for (const auto number : numbers) {
    if (number == number_) continue;
    if (auto removed = remove(number); !removed) return removed;
  }
  return {};
}

result<std::unique_ptr<key_ring>> key_ring::open(file_system& files, std::string directory,
                                                 const encryption_settings& with, const log_line& log) {
  if (auto made = files.make_directory(directory); !made) return tl::make_unexpected(made.error());
  keep_private(directory);
  auto ring = std::unique_ptr<key_ring>(new key_ring(files, std::move(directory)));
  const auto numbers = rings_in(files, ring->directory_);
  if (!numbers) return tl::make_unexpected(numbers.error());
  if (!numbers->empty()) {
    if (auto read = ring->read(with, numbers->back()); !read) return tl::make_unexpected(read.error());
    if (auto removed = ring->remove_left_over(*numbers); !removed) return tl::make_unexpected(removed.error());
  }
  if (auto settled = ring->settle(with, log); !settled) return tl::make_unexpected(settled.error());
  return ring;
}

result<std::unique_ptr<key_ring>> key_ring::look(file_system& files, std::string directory,
                                                 const encryption_settings& with) {
  auto ring = std::unique_ptr<key_ring>(new key_ring(files, std::move(directory)));
  const auto there = files.exists(ring->directory_);
  if (!there) return tl::make_unexpected(there.error());
  const auto numbers = *there ? rings_in(files, ring->directory_) : result<std::vector<std::uint64_t>>();
  if (!numbers) return tl::make_unexpected(numbers.error());
  if (numbers->empty()) return fail(errc::not_found, ring->directory_ + ": there is no key ring");
  if (auto read = ring->read(with, numbers->back()); !read) return tl::make_unexpected(read.error());
  return ring;
}

std::shared_ptr<const key_epoch> key_ring::current() const {
  const std::lock_guard lock(mutex_);
  return epochs_.empty() ? nullptr : epochs_.rbegin()->second;
}

std::shared_ptr<const key_epoch> key_ring::find(std::uint32_t number) const {
  const std::lock_guard lock(mutex_);
  const auto found = epochs_.find(number);
  return found == epochs_.end() ? nullptr : found->second;
}

std::size_t key_ring::size() const {
  const std::lock_guard lock(mutex_);
  return epochs_.size();
}

result<void> key_ring::copy_to(const std::string& directory) const {
  const std::lock_guard lock(changing_);
  if (auto made = files_.make_directory(directory); !made) return made;
  keep_private(directory);
  std::vector<std::string> names;
  if (number_ != 0) names.push_back(name_of(number_));
  if (own_) names.emplace_back(own_name);
  for (const auto& name : names) {
    const auto below = "/" + name;
    if (auto copied = copy_file(files_, directory_ + below, directory + below); !copied) return copied;
  }
  return files_.sync_directory(directory);
}

void key_ring::encode(const epochs& all, std::string& to) {
  profile::put(to, static_cast<std::uint32_t>(all.size()));
  for (const auto& [number, each] : all) {
    profile::put(to, number);
    put(to, each->records);
    put(to, each->addresses);
    each->people.encode(to);
  }
}

bool key_ring::decode(std::string_view bytes, epochs& into) {
  profile::taker in(bytes);
  for (auto left = in.number<std::uint32_t>(); left > 0 && !in.failed(); --left) {
    auto made = std::make_shared<key_epoch>();
    made->number = in.number<std::uint32_t>();
    take(in, made->records);
    take(in, made->addresses);
    made->people = key_tree::decode(in);
    if (!in.failed() && !into.emplace(made->number, std::move(made)).second) in.fail();
  }
  return !in.failed() && in.done();
}

result<void> key_ring::remove(std::uint64_t number) {
  overwrite(path_of(number));
  if (auto removed = files_.remove(path_of(number)); !removed) return removed;
  return files_.sync_directory(directory_);
}

/// REQUIRES: changing_ is held, or nobody has it yet.
result<void> key_ring::write(epochs next, std::size_t most) {
  std::size_t text_bytes = sizeof(std::uint32_t);
  for (const auto& each : next) {
    text_bytes += 2 * sizeof(std::uint32_t) + 2 * secret_bytes + each.second->people.size() * key_tree::node_bytes;
  }
  if (text_bytes > most) {
    return fail(errc::too_large, directory_ + ": " + std::to_string(text_bytes >> 20) +
                                     " MiB of keys are over the bound of " + std::to_string(most >> 20) +
                                     " MiB: too many were erased in a short time; POST /v1/snapshot purges them and "
                                     "makes room");
  }
  std::string bytes(magic);
  bytes.reserve(head_bytes + nonce_bytes + text_bytes + tag_bytes);  // no copies are left behind
  bytes += fingerprint(key_) + "\n";
  const auto nonce = random_text(nonce_bytes);
  const auto around = beside(bytes, number_ + 1);
  bytes += nonce;
  encode(next, bytes);
  std::array<char, tag_bytes> tag{};
  aead(key_).seal(nonce, {around}, bytes.data() + head_bytes + nonce_bytes, bytes.size() - head_bytes - nonce_bytes,
                  tag.data());
  bytes.append(tag.data(), tag.size());
  if (auto written = replace_file(files_, directory_, name_of(number_ + 1), bytes); !written) return written;
  const auto before = number_++;
  {
    const std::lock_guard lock(mutex_);
    epochs_ = std::move(next);
  }
  return before == 0 ? result<void>() : remove(before);
}

result<void> key_ring::begin_epoch(std::uint32_t above) {
  const std::lock_guard lock(changing_);
  auto next = epochs_;
  const auto last = std::max(above, next.empty() ? 0 : next.rbegin()->first);
  if (last == UINT32_MAX) {
    return fail(errc::resource_exhausted, directory_ + ": no epoch's number is above " + std::to_string(last) +
                                              ", which the ring or a segment of the journal names; if that is a "
                                              "segment which nobody can read, move it away");
  }
  auto made = std::make_shared<key_epoch>();
  made->number = last + 1;
  made->records = secret::random();
  made->addresses = secret::random();
  made->people = key_tree(secret::random());
  next.emplace(made->number, std::move(made));
  return write(std::move(next));
}

result<void> key_ring::destroy(std::span<const hash128> addresses) {
  const std::lock_guard lock(changing_);
  secret_generator by;
  epochs next;
  std::size_t destroyed = 0;
  for (const auto& [number, each] : epochs_) {
    auto made = std::make_shared<key_epoch>(*each);
    destroyed += made->people.destroy(permuted(*each, addresses), by);
    next.emplace(number, std::move(made));
  }
  if (destroyed == 0) return {};
  auto written = write(std::move(next), most_bytes - left_for_epochs);
  destructions_.fetch_add(1, std::memory_order_release);
  return written;
}

result<void> key_ring::forget_before(std::uint32_t number) {
  const std::lock_guard lock(changing_);
  auto next = epochs_;
  next.erase(next.begin(), next.lower_bound(number));
  if (next.size() == epochs_.size()) return {};
  auto written = write(std::move(next));
  destructions_.fetch_add(1, std::memory_order_release);
  return written;
}

result<void> key_ring::wrap(const encryption_settings& with, const log_line& log) {
  const std::lock_guard lock(changing_);
  return settle(with, log);
}

std::vector<hash128> permuted(const key_epoch& of, std::span<const hash128> addresses) {
  std::string blocks;
  for (const auto address : addresses) blocks += profile::to_bytes(address);
  if (!blocks.empty()) permutation(of.addresses).there(blocks.data(), blocks.size());
  std::vector<hash128> made;
  for (std::size_t at = 0; at < blocks.size(); at += 16) made.push_back(profile::hash_from_bytes(blocks.data() + at));
  return made;
}

}  // namespace kith::persistence
