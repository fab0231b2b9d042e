// What one identifier knows of its kin: the identifiers that events linked it to, and those it was taken apart from.
//
// Which identifiers make one profile follows from the links of all of them: two are one profile's if a chain of links
// leads from one to the other, and no link counts whose ends were taken apart later than it was made.
//
// Invariants
//   - A link is known at both of its ends, with the same evidence: the earliest event that names both (by time, then by
//     message id), and the time of the latest. So the links are a function of the *set* of events.
//   - Taking apart is a set of dated pairs that only grows; the latest time of each counts.
// Thread safety: none; it belongs to the actor that holds the identifier's events.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "profile/hash.hpp"
#include "profile/identifier.hpp"
#include "profile/msgpack.hpp"
#include "profile/result.hpp"

namespace kith::profile::identity {

/// Why two identifiers belong to one person.
struct evidence {
  std::int64_t time_ms = 0;             ///< of the event
  std::string message_id;               ///< empty: an unmerge kept the two together
  std::int64_t renewed_ms = INT64_MIN;  ///< when somebody said so explicitly (alias, unmerge), the last time
};

struct link {
  hash128 to;
  identifier who;  ///< at `to`
  evidence why;
};

struct parting {
  hash128 from;
  std::int64_t time_ms = 0;
};

/// The order in which profiles are joined: the identifier that comes first gives the profile its id.
struct rank {
  id_kind kind = id_kind::anonymous;  ///< user before external before anonymous
  hash128 address;
  friend bool operator<(const rank& a, const rank& b) noexcept {
    const auto order = [](id_kind of) { return of == id_kind::user ? 0 : of == id_kind::external ? 1 : 2; };
    return order(a.kind) != order(b.kind) ? order(a.kind) < order(b.kind) : a.address < b.address;
  }
  friend bool operator==(const rank&, const rank&) = default;
};

class kin {
 public:
  kin() = default;
  explicit kin(identifier self) : self_(std::move(self)) {}

  const identifier& self() const noexcept { return self_; }
  void name(const identifier& self) {
    if (self_.value.empty()) self_ = self;
  }
  const std::vector<link>& links() const noexcept { return links_; }  ///< in no order
  const std::vector<parting>& partings() const noexcept { return partings_; }
  bool alone() const noexcept { return links_.empty() && partings_.empty(); }

  /// The profile that the identifier was last seen to belong to: its address. A hint; the links decide.
  hash128 belongs_to() const noexcept { return belongs_to_; }
  void belong_to(hash128 root) noexcept { belongs_to_ = root; }

  const link* find(hash128 to) const noexcept;
  /// Would add() change nothing?
  bool knows(hash128 to, const evidence& why) const noexcept;
  /// May a link to there count? False after part() from there, until a link is renewed later than that.
  bool counts(const link& of) const noexcept;
  bool parted(hash128 from, std::int64_t renewed_ms) const noexcept;
  /// False if nothing changed.
  bool add(hash128 to, const identifier& who, const evidence& why);
  bool part(hash128 from, std::int64_t time_ms);
  /// What is at `to` was erased: neither link nor parting is left. False if there was none.
  bool forget(hash128 to);

  std::size_t heap_bytes() const noexcept;
  std::string encode() const;  ///< with a format version in front
  /// Errors: internal, if the bytes are damaged or of a later format.
  static result<kin> decode(std::string_view bytes);

 private:
  void sort();

  identifier self_;
  hash128 belongs_to_;
  /// Sorted by `to` but for the last few: who is linked to a hundred thousand is not moved each time.
  std::vector<link> links_;
  std::size_t sorted_ = 0;
  std::vector<parting> partings_;  ///< sorted by `from`
};

/// Writes {kind, type?, id}: kind "user", "anonymous" or "external". The caller adds `more` entries.
void write_identifier(msgpack::writer& out, const identifier& id, std::size_t more = 0);

/// The identifiers that are linked with one another, as groups of indexes into `all`; the groups, and the indexes of
/// each, in the order of `all`.
std::vector<std::vector<std::size_t>> groups(std::span<const std::pair<hash128, const kin*>> all);

}  // namespace kith::profile::identity
