// Where a profile stands: the segments it is in and since when, its computed traits, and when time alone could change
// that. Derived from the profile's state, the catalog and the time; kept so that changes are seen.
//
// Thread safety: none; a standing belongs to its profile's actor.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "profile/event.hpp"
#include "profile/profile.hpp"
#include "profile/result.hpp"
#include "profile/segments/catalog.hpp"
#include "profile/segments/computed_values.hpp"

namespace kith::profile::segments {

inline constexpr std::int64_t never = INT64_MAX;

struct membership {
  std::uint64_t segment = 0;  ///< hash of the segment's name, the same for ever
  std::int64_t since_ms = 0;  ///< when it was seen to enter, milliseconds since 1970
};

struct judgement {
  std::uint32_t definition;
  bool is_error;  ///< the expression gave an error, which counts as false
};

/// Indexes into the catalog's definitions.
struct transitions {
  std::vector<std::uint32_t> entered;     ///< segments
  std::vector<std::uint32_t> left;        ///< segments
  std::vector<std::uint32_t> recomputed;  ///< computed traits that have another value, or none any more
  std::vector<judgement> judged;          ///< every definition that was evaluated, computed traits too
  std::uint32_t errors = 0;               ///< expressions that gave an error; they count as false
  bool empty() const noexcept { return entered.empty() && left.empty(); }
  void clear() noexcept {
    entered.clear();
    left.clear();
    recomputed.clear();
    judged.clear();
    errors = 0;
  }
};

class standing {
 public:
  /// Whether it was evaluated with this catalog on the present basis; if not, evaluate_all() is due.
  bool fits(const catalog& with) const noexcept { return is_of(with) && evaluated_on_ == basis_; }
  /// Whether it was evaluated with this catalog, on whatever basis.
  bool is_of(const catalog& with) const noexcept { return fingerprint_ == with.fingerprint(); }
  /// What the profile is made of, as a number that another composition does not have: what was evaluated, and saved, on
  /// another basis does not fit. 0: of one identifier.
  void rest_on(std::uint64_t basis) noexcept { basis_ = basis; }
  /// The profile is another one now: evaluate_all() is due.
  void outdate() noexcept { fingerprint_ = 0; }
  /// When to call evaluate_due() though no event came; `never`: not at all.
  std::int64_t due_ms() const noexcept { return due_ms_; }
  std::int64_t evaluated_ms() const noexcept { return evaluated_ms_; }  ///< the time for which all this is true
  bool is_member(const catalog& of, std::uint32_t definition) const noexcept;
  const std::vector<membership>& members() const noexcept { return members_; }
  /// Writes the computed traits as a map, sorted by name; those without a value (null, errors) are left out.
  void write_computed(const catalog& with, msgpack::writer& out) const;
  /// What the outside was told last of consent to a purpose (segment_key of its name); nothing: it was never looked at.
  std::optional<bool> told_consent(std::uint64_t purpose) const noexcept;
  void tell_consent(std::uint64_t purpose, bool granted);
  std::size_t heap_bytes() const noexcept;
  void prefetch() const noexcept;  ///< what an evaluation reads

  std::string encode() const;  ///< with a format version in front
  /// Errors: internal, if the bytes are damaged or of a later format.
  static result<standing> decode(std::string_view bytes);

  // Each brings the standing up to date at `now_ms` and says which segments were entered and left. Expressions read
  // the time from nowhere else. `changed` is cleared first.

  /// After the event was applied to the profile. `changing`: of changing_traits() before it was; null: all that it
  /// sets.
  void evaluate_event(const profile& of, const catalog& with, const event_view& event, std::int64_t now_ms,
                      transitions& changed, const std::vector<std::string_view>* changing = nullptr);
  /// When due_ms() has come. `forgotten`: traits that the profile has lost since it was evaluated before.
  void evaluate_due(const profile& of, const catalog& with, std::int64_t now_ms, transitions& changed,
                    std::span<const std::string> forgotten = {});
  /// After a change of the catalog, or to make sure.
  void evaluate_all(const profile& of, const catalog& with, std::int64_t now_ms, transitions& changed);

 private:
  friend class round;

  std::vector<membership> members_;  ///< sorted by segment
  computed_values computed_;
  std::int64_t due_ms_ = never;
  std::int64_t evaluated_ms_ = 0;            ///< the time for which all this is true
  std::uint64_t fingerprint_ = 0;            ///< of the catalog
  std::uint64_t evaluated_on_ = 0;           ///< the basis
  std::uint64_t basis_ = 0;                  ///< the present one
  std::vector<std::uint64_t> told_consent_;  ///< keys of purposes, the lowest bit set: granted
};

/// The keys of traits that definitions read and that may have another value once the event is applied. They view the
/// event.
void changing_traits(const profile& of, const catalog& with, const event_view& event,
                     std::vector<std::string_view>& keys);

std::uint64_t segment_key(std::string_view name) noexcept;  ///< what membership::segment holds

/// Writes `[{segment, since, until?}, …]`: `until` is when time alone will end the membership, where that can be told
/// within a bounded search.
void write_segments(const profile& of, const standing& at, const catalog& with, std::int64_t now_ms,
                    msgpack::writer& out);

/// Writes `{segment, member, since?, purpose?, consent?, expression, changesAt?, parts: [{expression, value, depth,
/// count?, events?: [{id, time}]}]}`. `changesAt`: when time alone will change the membership. The events behind a part
/// are given where the profile still knows them (windows); the reader adds older ones from the history. `consent`: to
/// the segment's purpose, as consent::write(). Errors: not_found, if there is no such segment.
result<void> write_explanation(const profile& of, const standing& at, const catalog& with, std::string_view segment,
                               std::int64_t now_ms, msgpack::writer& out);

}  // namespace kith::profile::segments
