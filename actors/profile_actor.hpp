// One customer as an actor: its state, its mail, and the messages it understands.
//
// A light CAF actor (docs/decisions/0002): it has an address, references, monitors and links and handles exit
// messages like any other, but its mailbox is two plain lists touched only by its shard's thread.
//
// Invariants
//   - It runs on its shard's thread only; mail from elsewhere goes through the shard's inbox.
//   - While `loading`, `asking` or `recalling` it does not run: its mail waits, urgent mail too. While it waits for
//     other actors to join it, only what they say is heard (actors/identity.hpp).
//   - No event is applied while the standing is of other definitions than the shard's: what they need of the past is
//     taken from the history first, so that nothing is counted twice. A profile's first event has no past, and is what
//     its standing begins with.
//   - `dirty` means that the state differs from what was last handed to the store.
// Thread safety: enqueue() from any thread; all else on the shard.
#pragma once

#include <caf/actor_config.hpp>
#include <caf/actor_control_block.hpp>
#include <caf/monitorable_actor.hpp>
#include <caf/resumable.hpp>
#include <memory>
#include <tsl/robin_map.h>
#include <vector>

#include "actors/built_views.hpp"
#include "actors/identity.hpp"
#include "actors/profile_copy.hpp"
#include "actors/protocol.hpp"
#include "persistence/store.hpp"
#include "profile/prefetch.hpp"
#include "profile/profile.hpp"
#include "profile/segments/standing.hpp"

namespace kith::actors {

class shard;

/// First in, first out, of owned mailbox elements, linked through their own pointers; circular, so one pointer does.
class mail_queue {
 public:
  mail_queue() noexcept = default;
  mail_queue(const mail_queue&) = delete;
  mail_queue& operator=(const mail_queue&) = delete;
  ~mail_queue();

  bool empty() const noexcept { return last_ == nullptr; }
  void push(caf::mailbox_element_ptr mail) noexcept;
  void push_front(caf::mailbox_element_ptr mail) noexcept;
  caf::mailbox_element_ptr pop() noexcept;

 private:
  caf::mailbox_element* last_ = nullptr;
};

/// What an actor keeps beside its state once there are definitions.
struct standing_slot {
  profile::segments::standing now;
  std::int64_t saved_due_ms = persistence::no_timer;  ///< in the store
  std::vector<persistence::standing_write::membership> unsaved;
  std::vector<persistence::standing_write::membership> saving;
  std::vector<persistence::outgoing_item> untold;  ///< not in the store's queues yet
  std::vector<persistence::outgoing_item> telling;
};

class profile_actor : public caf::monitorable_actor, public caf::resumable {
 public:
  profile_actor(caf::actor_config& cfg, shard& home, profile::hash128 address);

  const char* name() const override { return "profile"; }
  void enqueue(caf::mailbox_element_ptr mail, caf::execution_unit* host) override;
  resume_result resume(caf::execution_unit* host, std::size_t max_throughput) override;
  void intrusive_ptr_add_ref_impl() override { caf::intrusive_ptr_add_ref(ctrl()); }
  void intrusive_ptr_release_impl() override { caf::intrusive_ptr_release(ctrl()); }

  profile::hash128 address() const noexcept { return address_; }
  const profile::profile& state() const noexcept { return state_; }
  /// Asks the processor to bring near what the next event needs: the head first, some time before the rest.
  void prefetch_head() const noexcept {
    state_.prefetch_head();
    if (standing_) profile::prefetch_bytes(standing_.get(), sizeof(standing_slot));
  }
  void prefetch() const noexcept {
    state_.prefetch();
    if (standing_) standing_->now.prefetch();
  }

  /// May be read or dropped right now, without a message.
  bool loaded() const noexcept { return !loading_ && (!identity_ || (identity_->gathered && !forwards())); }
  bool busy() const noexcept {
    return loading_ || asking_ || recalling_ || scheduled_ || scheduled_urgent_ || saving_ || !urgent_.empty() ||
           !normal_.empty() || (identity_ && identity_busy());
  }
  /// Its identifier belongs to a profile whose root is elsewhere.
  bool forwards() const noexcept { return identity_ && identity_->root != address_; }
  bool linked() const noexcept { return identity_ != nullptr; }
  /// Its person is being erased.
  bool gone() const noexcept { return identity_ && identity_->gone; }
  /// Must not be saved right now: a facet may still be found to have counted what another one did.
  bool unsettled() const noexcept { return identity_ && identity_->settling; }
  bool dirty() const noexcept { return dirty_; }
  bool saving() const noexcept { return saving_; }
  bool exiting() const noexcept { return exiting_; }
  std::uint32_t last_used() const noexcept { return last_used_; }
  std::size_t bytes() const noexcept;
  /// REQUIRES: loaded(). The bytes that were copied.
  std::size_t copy_into(profile_copy& to) const;

 private:
  friend class shard;

  /// `ask`: whether the event is a spilled one; `recall`: the past is being read; `wait`: for others to join. The mail
  /// comes back.
  enum class verdict : std::uint8_t { done, ask, recall, wait };

  verdict receive(caf::mailbox_element_ptr& in);
  verdict apply(const apply_event& message, bool known_fresh);
  bool holds(profile::hash128 address, caf::mailbox_element_ptr& mail);
  verdict receive_read(const read_profile& message);
  verdict receive_refresh(const refresh_standing& message);
  void finish(const apply_event& message, bool applied);
  void mark_dirty();
  profile::seen check(const profile::event_view& event) const;
  /// What the history has to be asked for first, and of which facet.
  std::pair<profile::hash128, std::vector<std::uint64_t>> missing_aggregates(const profile::segments::catalog& with);
  void facet_changed(profile::hash128 of);
  bool spilled_here(profile::hash128 of, profile::hash128 id) const;
  profile::profile& state_of(profile::hash128 of) noexcept;
  void write_identity(profile::msgpack::writer& out) const;
  void count(const profile::event_view& event);
  /// In every facet too. False: nothing was past its time.
  bool forget_traits(const profile::privacy_rules& rules, std::int64_t now_ms, std::vector<std::string>& lost);

  // Identity (profile_identity.cpp, profile_joining.cpp)
  bool identity_busy() const noexcept;
  identity_slot& slot();
  void own_facet();  ///< a root has one
  /// Links what the event names. False: somebody is to join first, and the event waits.
  bool know(const profile::event_view& event);
  bool learn(const profile::event_view& event);
  bool link(profile::hash128 from, profile::hash128 other, const profile::identifier& who,
            const profile::identity::evidence& why);
  void hand_on(caf::mailbox_element_ptr mail);
  void send_back(profile::hash128 address, caf::mailbox_element_ptr mail);
  void load(profile::profile state, std::optional<profile::identity::kin> kin);
  void come_back_from_store();
  void wake();

  void hear();  ///< the first of identity_->mail
  // False: it is to be heard again, after a load or a save.
  bool hear(meet& what);
  bool hear(give_way& what);
  bool hear(surrender& what);
  bool hear(refuse& what);
  bool hear(lost& what);
  bool hear(seek& what);
  bool hear(disclaim& what);
  bool hear(come_home& what);
  bool hear(follow& what);
  bool hear(kept& what);
  bool hear(take_apart& what);
  // profile_erasure.cpp
  bool hear(erase_facet& what);
  bool hear(be_gone& what);
  bool hear(be_free& what);
  void hear_while_gone();  ///< the first of identity_->mail
  void vanish(erasure_order& order);
  template <class Message>
  bool pass_on(profile::hash128 target, Message& what);
  template <class Message>
  bool postpone(Message& what);
  bool contest(const profile::identity::rank& with, std::vector<made_link>& links, bool established);
  bool come_from_store(profile::hash128 root, std::vector<made_link>& links, bool established);
  bool give_up(profile::hash128 root, std::vector<made_link>& links, bool established);
  std::uint64_t send_facets(profile::hash128 root, surrender what);
  void leave_for(profile::hash128 root, std::vector<made_link>& links, bool established);
  void hear_later();
  void send_home(facet what);
  void send_strangers_home(facet_map& came, const std::vector<made_link>& links);
  void absorb(facet_map facets, const std::vector<made_link>& links, bool established);
  void mirror_links(facet& of);
  void reach_out(const facet& from);
  void gather();
  void split();

  void spread();   ///< every facet has its own state and spill
  void arrange();  ///< undoes spread(): the state is what readers are to see
  void changed();  ///< other facets than before: watchers and segments follow
  /// Did it count an event that was counted here? False only if not.
  bool may_share(const facet& with) const;
  /// `fresh`, sorted: all that came. `doubtful`: those of them that may share.
  void settle(const std::vector<profile::hash128>& fresh, const std::vector<profile::hash128>& doubtful);
  void list_addresses();  ///< for watchers
  void settled(const std::vector<counted_twice>& found);
  void leave_standing(facet& of);
  const profile::profile& state_of(const facet& of) const noexcept {
    return identity_->separate || of.address != identity_->sole ? of.state : state_;
  }
  profile::identity::rank rank() const;
  std::vector<type_count> counts() const;
  bool exceeds(const std::vector<type_count>& more) const;

  // The shard's hands on it.
  void answer(bool was_spilled);  ///< to the question about the event in front
  void begin_save(std::vector<persistence::snapshot_write>& writes);
  void end_save(bool saved);

  shard& home_;
  profile::hash128 address_;
  profile::profile state_;
  mail_queue urgent_;
  mail_queue normal_;
  std::unique_ptr<spill> spill_;
  std::unique_ptr<standing_slot> standing_;
  std::unique_ptr<identity_slot> identity_;  ///< null: nobody was ever linked to it
  built_views views_;
  std::uint32_t slot_ = 0;       ///< in the shard's list of actors
  std::uint32_t last_used_ = 0;  ///< the shard's ticks
  std::uint32_t counted_bytes_ = 0;
  bool loading_ = false;
  bool asking_ = false;     ///< whether the event in front of `urgent_` is a spilled one
  bool recalling_ = false;  ///< reads what new definitions need from the history
  bool scheduled_ = false;
  bool scheduled_urgent_ = false;
  bool dirty_ = false;
  bool saving_ = false;
  bool exiting_ = false;
};

}  // namespace kith::actors
