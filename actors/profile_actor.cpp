#include "actors/profile_actor.hpp"

#include <algorithm>
#include <caf/mailbox_element.hpp>
#include <caf/sec.hpp>

#include "actors/batch.hpp"
#include "actors/shard.hpp"
#include "profile/segments/history.hpp"

namespace kith::actors {

mail_queue::~mail_queue() {
  while (!empty()) pop();
}

void mail_queue::push(caf::mailbox_element_ptr mail) noexcept {
  push_front(std::move(mail));
  last_ = static_cast<caf::mailbox_element*>(last_->next);
}

void mail_queue::push_front(caf::mailbox_element_ptr mail) noexcept {
  auto* added = mail.release();
  if (last_ == nullptr) {
    added->next = added;
    last_ = added;
  } else {
    added->next = last_->next;
    last_->next = added;
  }
}

caf::mailbox_element_ptr mail_queue::pop() noexcept {
  auto* first = static_cast<caf::mailbox_element*>(last_->next);
  if (first == last_) {
    last_ = nullptr;
  } else {
    last_->next = first->next;
  }
  first->next = nullptr;
  return caf::mailbox_element_ptr(first);
}

profile_actor::profile_actor(caf::actor_config& cfg, shard& home, profile::hash128 address)
    : caf::monitorable_actor(cfg), home_(home), address_(address) {}

std::size_t profile_actor::bytes() const noexcept {
  std::size_t spilled = 0;
  if (spill_) spilled = sizeof(spill) + 48 * (spill_->fresh.size() + spill_->saving.size());
  std::size_t standing = 0;
  if (standing_) {
    standing = sizeof(standing_slot) + standing_->now.heap_bytes() +
               standing_->unsaved.capacity() * sizeof(persistence::standing_write::membership);
  }
  const auto linked = identity_ ? sizeof(identity_slot) + identity_->heap_bytes() : 0;
  return sizeof(profile_actor) + 56 + state_.heap_bytes() + spilled + standing + linked + views_.heap_bytes();
}

void profile_actor::enqueue(caf::mailbox_element_ptr mail, caf::execution_unit* host) {
  if (host != &home_) return home_.deliver_from_elsewhere(caf::strong_actor_ptr(ctrl()), std::move(mail));
  const bool urgent = mail->is_high_priority();
  (urgent ? urgent_ : normal_).push(std::move(mail));
  home_.mail_arrived(*this, urgent);
}

caf::resumable::resume_result profile_actor::resume(caf::execution_unit*, std::size_t max_throughput) {
  for (std::size_t handled = 0; handled < max_throughput; ++handled) {
    if (loading_ || asking_ || recalling_) return awaiting_message;
    if (identity_) {
      if (!identity_->mail.empty()) {
        if (saving_ || identity_->settling) return awaiting_message;
        if (identity_->gone || home_.vanished(address_)) {
          hear_while_gone();
        } else {
          hear();
        }
        continue;
      }
      if (!forwards() && (!identity_->gathered || !identity_->awaited.empty() || identity_->settling)) {
        home_.count_bytes(*this);
        return awaiting_message;
      }
    }
    auto& queue = urgent_.empty() ? normal_ : urgent_;
    if (queue.empty()) break;
    auto mail = queue.pop();
    if (forwards()) {
      hand_on(std::move(mail));
      continue;
    }
    switch (receive(mail)) {
      case verdict::done: break;
      case verdict::ask: asking_ = true; [[fallthrough]];
      case verdict::recall: urgent_.push_front(std::move(mail)); return awaiting_message;
      case verdict::wait: urgent_.push_front(std::move(mail)); break;
    }
  }
  home_.count_bytes(*this);
  const bool quiet = urgent_.empty() && normal_.empty() && (!identity_ || identity_->mail.empty());
  return quiet ? awaiting_message : resume_later;
}

profile_actor::verdict profile_actor::receive(caf::mailbox_element_ptr& in) {
  auto& mail = *in;
  auto& content = mail.content();
  if (content.match_element<apply_event>(0)) {
    const auto& message = content.get_as<apply_event>(0);
    if (!holds(message.of->events[message.index].address, in)) return verdict::done;
    return apply(message, false);
  }
  if (content.match_element<read_profile>(0)) {
    const auto& message = content.get_as<read_profile>(0);
    if (!holds(message.of->addresses[message.index], in)) return verdict::done;
    return receive_read(message);
  }
  if (content.match_element<refresh_standing>(0)) return receive_refresh(content.get_as<refresh_standing>(0));
  if (content.match_element<caf::exit_msg>(0)) {
    exiting_ = true;  // the shard's next sweep saves it and lets it go
  } else if (mail.mid.is_request()) {
    if (mail.sender) {
      mail.sender->enqueue(nullptr, mail.mid.response_id(),
                           caf::make_message(caf::make_error(caf::sec::unexpected_message)), &home_);
    }
  }
  return verdict::done;
}

/// If not, the identifier is told so, and gets the mail back.
bool profile_actor::holds(profile::hash128 address, caf::mailbox_element_ptr& mail) {
  if (address == address_ || (identity_ && identity_->find(address) != nullptr)) return true;
  send_back(address, std::move(mail));
  return false;
}

profile_actor::verdict profile_actor::receive_read(const read_profile& message) {
  if (home_.needs_standing(message) && !home_.make_current(*this)) return verdict::recall;
  home_.answer_read(*this, message);
  return verdict::done;
}

profile_actor::verdict profile_actor::receive_refresh(const refresh_standing& message) {
  if (!home_.make_current(*this)) return verdict::recall;
  home_.standing_due(*this);
  if (message.of != nullptr) home_.refreshed(*message.of);
  return verdict::done;
}

profile_actor::verdict profile_actor::apply(const apply_event& message, bool known_fresh) {
  const auto& event = message.of->events[message.index];
  if (gone()) return finish(message, false), verdict::done;  // it was refused, or is left out by a replay
  if (event.names_several && !know(event)) return verdict::wait;
  if (!known_fresh) {
    const auto seen = check(event);
    if (seen == profile::seen::duplicate) return finish(message, false), verdict::done;
    if (seen == profile::seen::ask_spilled && home_.ask_spilled(*this, event.id)) return verdict::ask;
  }
  if (!home_.make_current(*this)) return verdict::recall;
  home_.before_event(*this, event);
  home_.outdate_views_by_event(*this, event);
  count(event);
  mark_dirty();
  home_.evaluate(*this, event, *message.of);
  finish(message, true);
  return verdict::done;
}

void profile_actor::finish(const apply_event& message, bool applied) {
  auto& of = *message.of;
  of.outcomes[message.index] = applied ? event_outcome::applied : event_outcome::duplicate;
  if (of.options.detail) {
    of.profiles[message.index] = address_;
    of.versions[message.index] = state_.version();
    if (applied) of.memberships[message.index] = home_.last_change();
  }
  if (applied) {
    home_.publish_change(*this, &of.events[message.index]);
    if (home_.last_change()) home_.note_membership_latency(of);
  }
  home_.event_done(of, message.index);
}

/// Was it counted, in whichever facet? `ask_spilled`: the store knows.
profile::seen profile_actor::check(const profile::event_view& event) const {
  const auto seen = state_.check(event);
  if (seen != profile::seen::ask_spilled) return seen;
  if (!identity_ || !identity_->separate) {
    return spill_ && spill_->contains(event.id) ? profile::seen::duplicate : seen;
  }
  for (const auto& [key, each] : identity_->facets) {
    const bool counted =
        each.state.check(event) == profile::seen::duplicate || (each.spilled && each.spilled->contains(event.id));
    if (counted) return profile::seen::duplicate;
  }
  return seen;
}

/// In the facet that it was addressed to, and in the join of all.
void profile_actor::count(const profile::event_view& event) {
  auto& spilled = home_.scratch_spilled();
  spilled.clear();
  auto* kept = &spill_;
  if (identity_) {
    auto& of = *identity_->find(event.address);
    of.dirty = true;
    if (!identity_->separate && identity_->sole != of.address) {
      if (!state_.empty()) {
        identity_->separate = true;
        auto& before = *identity_->find(identity_->sole);
        before.state = profile::profile::decode(state_.encode()).value();
        before.spilled = std::move(spill_);
      }
      identity_->sole = of.address;
    }
    if (identity_->separate) {
      of.state.apply(event, spilled, home_.recent_days(), home_.definitions());
      kept = &of.spilled;
    }
  }
  const auto of_facet = spilled.size();
  state_.apply(event, spilled, home_.recent_days(), home_.definitions());
  if (kept != &spill_) spilled.resize(of_facet);  // what leaves the join is in its facets
  if (spilled.empty()) return;
  if (!*kept) *kept = std::make_unique<spill>();
  (*kept)->keep(spilled);
}

bool profile_actor::forget_traits(const profile::privacy_rules& rules, std::int64_t now_ms,
                                  std::vector<std::string>& lost) {
  const bool any = state_.forget_traits(rules, now_ms, lost);
  if (!any) return false;
  mark_dirty();
  if (!identity_) return true;
  if (!identity_->separate) return facet_changed(identity_->sole), true;
  std::vector<std::string> of_facet;
  for (auto& [key, each] : identity_->facets) {
    if (each.state.forget_traits(rules, now_ms, of_facet)) each.dirty = true;
  }
  return true;
}

bool profile_actor::spilled_here(profile::hash128 of, profile::hash128 id) const {
  const auto* slot = identity_.get();
  const auto& spilled = slot != nullptr && (slot->separate || slot->sole != of) ? slot->find(of)->spilled : spill_;
  return spilled && spilled->contains(id);
}

profile::profile& profile_actor::state_of(profile::hash128 of) noexcept {
  return identity_ && (identity_->separate || identity_->sole != of) ? identity_->find(of)->state : state_;
}

std::pair<profile::hash128, std::vector<std::uint64_t>> profile_actor::missing_aggregates(
    const profile::segments::catalog& with) {
  const auto missing = [&](const profile::profile& of) {
    return of.empty() ? std::vector<std::uint64_t>() : profile::segments::missing_aggregates(of, with);
  };
  if (!identity_ || !identity_->separate) return {identity_ ? identity_->sole : address_, missing(state_)};
  if (missing(state_).empty()) return {};  // so have the facets
  for (const auto& [key, each] : identity_->facets) {
    if (auto keys = missing(each.state); !keys.empty()) return {each.address, std::move(keys)};
  }
  spread();  // the facets have them, since the join was made
  arrange();
  return {};
}

std::size_t profile_actor::copy_into(profile_copy& to) const {
  std::size_t bytes = 0;
  const auto add = [&](profile::hash128 address, const profile::profile& state, const std::unique_ptr<spill>& spilled) {
    to.identifiers.push_back(address);
    if (state.empty()) return;
    auto& made = to.facets.emplace_back(facet_copy{address, state.encode(), {}});
    if (spilled) {
      for (const auto& each : spilled->fresh) made.spilled.push_back(each.first);
      for (const auto& each : spilled->saving) made.spilled.push_back(each.first);
    }
    bytes += made.state.size() + made.spilled.size() * sizeof(profile::hash128);
  };
  to.id = address_;
  if (!identity_) return add(address_, state_, spill_), bytes;
  for (const auto& [key, each] : identity_->facets) {
    const bool apart = identity_->separate || each.address != identity_->sole;
    add(each.address, state_of(each), apart ? each.spilled : spill_);
  }
  return bytes;
}

void profile_actor::facet_changed(profile::hash128 of) {
  if (identity_) identity_->find(of)->dirty = true;
}

void profile_actor::answer(bool was_spilled) {
  asking_ = false;
  auto mail = urgent_.pop();
  const auto& message = mail->content().get_as<apply_event>(0);
  if (was_spilled) {
    finish(message, false);
  } else if (apply(message, true) != verdict::done) {
    urgent_.push_front(std::move(mail));  // it will be asked again
  }
}

void profile_actor::mark_dirty() {
  if (std::exchange(dirty_, true)) return;
  home_.became_dirty(*this);
}

namespace {

void begin(const std::unique_ptr<spill>& of, persistence::snapshot_write& write) {
  if (!of) return;
  of->saving = std::move(of->fresh);
  of->fresh.clear();
  for (const auto& [id, time_ms] : of->saving) write.spilled.push_back({id, time_ms});
}

void end(std::unique_ptr<spill>& of, bool saved) {
  if (!of) return;
  if (!saved) {
    for (const auto& [id, time_ms] : of->saving) of->fresh.emplace(id, time_ms);
  }
  of->saving.clear();
  if (of->fresh.empty()) of.reset();
}

}  // namespace

/// Adds what differs from the store; of a linked profile every facet that does, to be kept together.
void profile_actor::begin_save(std::vector<persistence::snapshot_write>& writes) {
  saving_ = true;
  dirty_ = false;
  const auto first = writes.size();
  if (!identity_) {
    begin(spill_, writes.emplace_back(persistence::snapshot_write{address_, state_.encode(), {}, {}, {}, {}, false}));
  } else {
    for (auto& [key, each] : identity_->facets) {
      if (!each.dirty && each.address != address_) continue;
      each.dirty = false;
      auto& write = writes.emplace_back();
      write.address = each.address;
      write.state = state_of(each).encode();
      write.identity = each.kin.encode();
      write.unspilled = std::exchange(each.unspilled, {});
      write.standing = std::exchange(each.standing_gone, std::nullopt);
      write.with_next = true;
      begin(identity_->separate || each.address != identity_->sole ? each.spilled : spill_, write);
    }
    writes.back().with_next = false;
  }
  if (!standing_) return;
  const auto own = std::find_if(writes.begin() + static_cast<std::ptrdiff_t>(first), writes.end(),
                                [&](const auto& write) { return write.address == address_; });
  auto& at = *standing_;
  at.saving = std::exchange(at.unsaved, {});
  at.telling = std::exchange(at.untold, {});
  const auto due = at.now.due_ms();
  persistence::standing_write made{at.now.encode(), std::exchange(at.saved_due_ms, due), due, at.saving, at.telling};
  if (own->standing) made.follow(*own->standing);  // it gave way and came home: what it had then is still in the store
  own->standing = std::move(made);
}

void profile_actor::end_save(bool saved) {
  saving_ = false;
  if (standing_) {
    auto& at = *standing_;
    // A save that failed is the last one: the journal has it all.
    if (!saved) {
      at.unsaved.insert(at.unsaved.begin(), at.saving.begin(), at.saving.end());
      at.untold.insert(at.untold.begin(), at.telling.begin(), at.telling.end());
    }
    at.saving = {};
    at.telling = {};
  }
  end(spill_, saved);
  if (!identity_) return;
  for (auto& [key, each] : identity_->facets) {
    end(each.spilled, saved);
    if (!saved) each.dirty = true;
    if (saved && !each.dirty && std::exchange(each.forward_waits, false)) home_.tell(each.address, kept{each.moves});
  }
}

}  // namespace kith::actors
