// What tokens were found to be, so that a token that comes again costs one look-up. By their SHA-256: the tokens
// themselves are not kept, and a comparison that stops early tells nothing about them.
//
// Invariants: at most `most` entries, the least recently used go first; none is given out from its `until_ms` on.
// Thread safety: all of it.
#pragma once

#include <cstdint>
#include <cstring>
#include <list>
#include <mutex>
#include <optional>
#include <unordered_map>

#include "net/credentials.hpp"

namespace kith::ingest::oauth {

template <class Value>
class token_cache {
 public:
  explicit token_cache(std::size_t most) : most_(most) {}

  std::optional<Value> find(const net::token_digest& digest, std::int64_t now_ms) {
    const std::lock_guard lock(mutex_);
    const auto found = by_digest_.find(digest);
    if (found == by_digest_.end()) return std::nullopt;
    const auto& kept = *found->second;
    // A clock that went back before the entry was made says nothing of its age any more.
    if (now_ms >= kept.until_ms || now_ms < kept.kept_ms) {
      drop(found->second);
      return std::nullopt;
    }
    by_use_.splice(by_use_.begin(), by_use_, found->second);
    return kept.value;
  }

  void keep(const net::token_digest& digest, Value value, std::int64_t now_ms, std::int64_t until_ms) {
    if (until_ms <= now_ms || most_ == 0) return;
    const std::lock_guard lock(mutex_);
    if (const auto found = by_digest_.find(digest); found != by_digest_.end()) drop(found->second);
    if (by_use_.size() == most_) drop(std::prev(by_use_.end()));
    by_use_.push_front({digest, std::move(value), now_ms, until_ms});
    by_digest_.emplace(digest, by_use_.begin());
  }

  std::size_t size() const {
    const std::lock_guard lock(mutex_);
    return by_use_.size();
  }

 private:
  struct entry {
    net::token_digest digest;
    Value value;
    std::int64_t kept_ms;
    std::int64_t until_ms;
  };
  using place = typename std::list<entry>::iterator;
  /// The digest is a hash already.
  struct hasher {
    std::size_t operator()(const net::token_digest& digest) const noexcept {
      std::size_t value = 0;
      std::memcpy(&value, digest.data(), sizeof value);
      return value;
    }
  };

  void drop(place which) {
    by_digest_.erase(which->digest);
    by_use_.erase(which);
  }

  const std::size_t most_;
  mutable std::mutex mutex_;
  std::list<entry> by_use_;  ///< the last used one in front
  std::unordered_map<net::token_digest, place, hasher> by_digest_;
};

}  // namespace kith::ingest::oauth
