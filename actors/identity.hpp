// Who belongs together: what an actor holds once its identifier was linked to others, and what actors say to each other
// to become one profile or two.
//
// Each identifier has an actor at its address. The actors of one profile's identifiers agree on a root, the one whose
// identifier comes first (identity::rank): it holds the others' facets (what events addressed to each of them add up
// to) beside their join, which is what readers see. The others are forwards that hand mail on.
//
// Invariants
//   - A facet is in exactly one place: in its own actor (a root), in the root that holds it, in one message on its way,
//     or, when its holder was passivated, in the store only.
//   - An identifier's actor knows where its facet went: whoever sends a facet anywhere sends it first, and then tells
//     the facet's own actor (`follow`), before anything else. Messages arrive in an order that agrees with cause and
//     effect (a message is in its receiver's queue before the sender goes on), so whoever asks the facet's own actor
//     comes to the holder after the facet did. Nobody but a facet's own actor is asked for it.
//   - One that is asked for a facet that it does not hold says so to the facet's own actor (`disclaim`) and sends the
//     question back there. If the facet went on, its own actor knows by then, and the word of `moves` is old; if not,
//     the holder was passivated since, and only the store has it.
//   - Roots give way only to roots of lower rank, so no two wait for each other.
//   - What the pointers say is a hint after a restart; the links that the facets keep decide. A root that comes
//     from the store, and a facet that comes home when a profile was taken apart, ask all that they are linked to, and
//     hear of nobody new before those have come.
//   - An identifier that is erased is `gone` from then on until the store has nothing of it: so it neither comes back
//     from there nor is joined to anybody meanwhile.
//   - A facet that changed since it was saved does not move while a checkpoint is under way (the checkpoint could miss
//     it on both sides): its holder saves it first.
// Thread safety: a slot belongs to its actor; messages are handed over whole.
#pragma once

#include <atomic>
#include <condition_variable>
#include <deque>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <tsl/robin_map.h>
#include <tsl/robin_set.h>
#include <variant>
#include <vector>

#include "persistence/store.hpp"
#include "profile/identity/kin.hpp"
#include "profile/identity/rules.hpp"
#include "profile/profile.hpp"

namespace kith::actors {

struct batch;

/// Ids that left a state and are not in the store yet, those of a save under way among them.
struct spill {
  tsl::robin_map<profile::hash128, std::int64_t, profile::hash128_hasher> fresh;
  tsl::robin_map<profile::hash128, std::int64_t, profile::hash128_hasher> saving;

  bool contains(profile::hash128 id) const { return fresh.contains(id) || saving.contains(id); }
  void keep(const std::vector<profile::spilled_id>& ids) {
    for (const auto& each : ids) fresh.emplace(each.id, each.time_ms);
  }
};

/// What belongs to one identifier of a profile.
struct facet {
  profile::hash128 address;
  profile::identity::kin kin;
  profile::profile state;  ///< of the events addressed to it; empty in the root that has no other facet with events
  std::unique_ptr<spill> spilled;
  std::vector<profile::hash128> unspilled;
  std::optional<persistence::standing_write> standing_gone;  ///< of the profile that it was the root of
  std::uint64_t moves = 0;     ///< the process's count of moves, when it was last given away
  bool dirty = true;           ///< differs from what was last handed to the store
  bool forward_waits = false;  ///< its own actor stays until the store knows where it points to
};

using facet_map = std::map<profile::hash128, facet>;  ///< by address

/// A link, seen from both ends.
struct made_link {
  profile::hash128 from;
  profile::hash128 to;
  profile::identifier from_who;
  profile::identifier to_who;
  profile::identity::evidence why;
};

struct type_count {
  profile::id_kind kind;
  std::string type;
  std::uint32_t count;
};

/// What an unmerge put in the journal: nobody of the one side belongs to anybody of the other; each side stays
/// together.
struct unmerge_order {
  std::int64_t time_ms = 0;
  std::vector<profile::identifier> sides[2];
};

/// An event that two facets counted before they were joined: `in` is to forget it.
struct counted_twice {
  profile::hash128 in;
  profile::hash128 id;
  std::string name;  ///< the event's; empty: the history has it no more
};

/// Which events did two facets both count?
struct overlap_question {
  struct side {
    profile::hash128 address;
    profile::identity::rank rank;
    std::vector<profile::hash128> ids;  ///< those in memory, sorted
    bool in_store = false;              ///< it has more of them there
  };
  struct pair {
    side keeps;
    side forgets;
    std::vector<profile::hash128> both;  ///< as far as memory tells
  };
  profile::hash128 address;  ///< of the actor that asks
  std::vector<pair> pairs;

  void compare(const side& a, const side& b);
  bool open() const noexcept { return !pairs.empty(); }
};

// The messages.

/// To the actor of an identifier: the profile of `asker` and its own are to be one. `asker` does not hold it.
struct meet {
  profile::identity::rank asker;
  profile::hash128 target;
  profile::identifier target_who;
  std::vector<made_link> links;
  std::vector<type_count> asker_has;
  bool established = false;  ///< they were linked before: no limit is asked
  std::uint64_t moves = 0;   ///< of the target's facet, when its own actor handed this on
};
/// To a root that asked, or was asked for: give way to that one, or tell it to give way to you.
struct give_way {
  profile::identity::rank to;
  profile::hash128 target;  ///< whom it is for
  std::vector<made_link> links;
  bool established = false;
  std::uint64_t moves = 0;  ///< as in meet
};
/// All that a root held.
struct surrender {
  facet_map facets;
  std::vector<made_link> links;
  bool established = false;
};
/// To a root that asked to meet: it would have too many identifiers.
struct refuse {
  profile::hash128 target;
};
/// To a forward: its own mail came to somebody who does not hold its facet.
struct lost {};
/// To whom the target's facet was sent: it is still there?
struct seek {
  profile::hash128 target;
  std::uint64_t moves = 0;  ///< as in meet
};
/// To a forward: it is not there that it handed something on to.
struct disclaim {
  std::uint64_t moves = 0;  ///< as they were then
};
/// To a forward: its profile was taken apart, be a root again.
struct come_home {
  facet own;
};
/// To a forward: where its facet was sent just now.
struct follow {
  profile::hash128 root;
  std::uint64_t moves = 0;  ///< of the facet: word of an earlier move may come late
};
/// To a forward: the store knows where it points to.
struct kept {
  std::uint64_t moves = 0;
};
/// To each of the identifiers of an unmerge in turn.
struct take_apart {
  std::shared_ptr<const unmerge_order> order;
  tsl::robin_set<profile::hash128, profile::hash128_hasher> told;
  batch* of = nullptr;
  std::uint64_t moves = 0;  ///< as in meet, of the next

  /// Who is to be told next; false: all have been.
  bool next(profile::hash128& address) const {
    for (const auto& side : order->sides) {
      for (const auto& who : side) {
        if (profile::address_of(who, address) && !told.contains(address)) return true;
      }
    }
    return false;
  }
};

/// An erasure on its way: whose, and who of them is gone.
struct erasure_order : std::enable_shared_from_this<erasure_order> {
  explicit erasure_order(const std::vector<profile::hash128>& all) : addresses(all.begin(), all.end()) {}

  const tsl::robin_set<profile::hash128, profile::hash128_hasher> addresses;
  std::mutex mutex;
  std::condition_variable changed;
  tsl::robin_set<profile::hash128, profile::hash128_hasher> gone;  ///< guarded, as the next
  std::vector<persistence::outgoing_item> untold;                  ///< to be in the store's queues, and not there yet
  std::atomic<bool> finished{false};                               ///< what still comes of it means nothing any more
};
/// To each identifier of a person who is erased, and on to who holds its facet.
struct erase_facet {
  profile::hash128 target;
  std::shared_ptr<erasure_order> order;
  std::uint64_t moves = 0;  ///< as in meet
};
/// To an identifier whose facet was erased, or never was: be empty, and stay until everything else is.
struct be_gone {
  std::shared_ptr<erasure_order> order;
};
/// To one that is gone: the store has nothing of it any more. It may be forgotten, and hears of nobody while the shard
/// knows that it vanished.
struct be_free {};

using identity_message = std::variant<meet, give_way, surrender, refuse, lost, seek, disclaim, come_home, follow, kept,
                                      take_apart, erase_facet, be_gone, be_free>;
using identity_mail = std::unique_ptr<identity_message>;

/// What an actor keeps once its identifier was linked to others, or somebody wanted that.
struct identity_slot {
  profile::hash128 root;       ///< the actor's own address: it is the root. Else where its facet went.
  std::uint64_t basis = 0;     ///< a root's, of its standing: changes with its facets
  bool gathered = true;        ///< a root has all that its facets are linked to
  bool separate = false;       ///< the actor's state is the join of several facets, each of which has its own
  bool fresh_copy = false;     ///< a forward has just been loaded, and nobody can have changed what it loaded
  bool becoming_root = false;  ///< what is being loaded is to be a root whatever it says
  bool settling = false;       ///< whether ids were counted on both sides of a join is being found out
  bool pinned = false;         ///< a forward that the store does not know of
  bool gone = false;           ///< its person is being erased: it is nobody, and hears of nobody
  std::uint64_t moves = 0;     ///< of the facet, when it was given away
  profile::hash128 sole;       ///< unless separate: the facet that the actor's state and spill belong to
  facet_map facets;            ///< a root's, its own among them; changed by add() and clear() only
  std::deque<identity_mail> mail;
  std::deque<identity_mail> later;                                    ///< about new company, until it is gathered
  tsl::robin_set<profile::hash128, profile::hash128_hasher> awaited;  ///< asked to meet
  tsl::robin_map<profile::hash128, std::int64_t, profile::hash128_hasher> refused;  ///< not asked again until then
  std::shared_ptr<const std::vector<profile::hash128>> addresses;  ///< of `facets`, for watchers; null: not listed yet

  // Kept beside the facets, since there may be a hundred thousand of them.
  std::vector<type_count> by_type;
  std::uint64_t address_sum = 0;  ///< of hashes: the same for the same facets, in whatever order they came
  bool parted = false;            ///< some may have been taken apart from others
  std::set<std::pair<profile::hash128, profile::hash128>> open_links;  ///< who is not here, and who is linked to them

  facet* find(profile::hash128 address) noexcept;
  const facet* find(profile::hash128 address) const noexcept {
    return const_cast<identity_slot*>(this)->find(address);  // NOLINT(cppcoreguidelines-pro-type-const-cast)
  }
  /// REQUIRES: there is none of this address.
  facet& add(facet what);
  void clear();
  /// If it has no name yet.
  void name(facet& of, const profile::identifier& who);
  /// Of many facets they are counted once in a while.
  std::size_t heap_bytes() noexcept;

 private:
  void count(const facet& of, bool more);

  std::size_t counted_bytes_ = 0;
  std::size_t uncounted_times_ = 0;
};

}  // namespace kith::actors
