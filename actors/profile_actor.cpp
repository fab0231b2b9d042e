#include "actors/profile_actor.hpp"

#include <caf/mailbox_element.hpp>
#include <caf/sec.hpp>

#include "actors/batch.hpp"
#include "actors/shard.hpp"

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
  return sizeof(profile_actor) + 56 + state_.heap_bytes() + spilled + standing;
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
    auto& queue = urgent_.empty() ? normal_ : urgent_;
    if (queue.empty()) break;
    auto mail = queue.pop();
    switch (receive(*mail)) {
      case verdict::done: break;
      case verdict::ask: asking_ = true; [[fallthrough]];
      case verdict::recall: urgent_.push_front(std::move(mail)); return awaiting_message;
    }
  }
  home_.count_bytes(*this);
  return urgent_.empty() && normal_.empty() ? awaiting_message : resume_later;
}

profile_actor::verdict profile_actor::receive(caf::mailbox_element& mail) {
  auto& content = mail.content();
  if (content.match_element<apply_event>(0)) return apply(content.get_as<apply_event>(0), false);
  if (content.match_element<read_profile>(0)) return receive_read(content.get_as<read_profile>(0));
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
  if (!known_fresh) {
    const auto seen = state_.check(event);
    if (seen == profile::seen::duplicate) return finish(message, false), verdict::done;
    if (seen == profile::seen::ask_spilled) {
      if (spilled_here(event.id)) return finish(message, false), verdict::done;
      if (home_.ask_spilled(*this, event.id)) return verdict::ask;
    }
  }
  if (!home_.make_current(*this)) return verdict::recall;
  auto& spilled = home_.scratch_spilled();
  spilled.clear();
  state_.apply(event, spilled, home_.recent_days(), home_.definitions());
  if (!spilled.empty()) keep_spilled(spilled);
  mark_dirty();
  home_.evaluate(*this, event);
  finish(message, true);
  return verdict::done;
}

void profile_actor::finish(const apply_event& message, bool applied) {
  auto& of = *message.of;
  of.outcomes[message.index] = applied ? event_outcome::applied : event_outcome::duplicate;
  if (of.options.detail) {
    of.versions[message.index] = state_.version();
    if (applied) of.memberships[message.index] = home_.last_change();
  }
  if (applied) home_.publish_change(*this, of.events[message.index].traits);
  home_.event_done(of);
}

bool profile_actor::spilled_here(profile::hash128 id) const {
  return spill_ && (spill_->fresh.contains(id) || spill_->saving.contains(id));
}

void profile_actor::keep_spilled(const std::vector<profile::spilled_id>& ids) {
  if (!spill_) spill_ = std::make_unique<spill>();
  for (const auto& spilled : ids) spill_->fresh.emplace(spilled.id, spilled.time_ms);
}

void profile_actor::answer(bool was_spilled) {
  asking_ = false;
  auto mail = urgent_.pop();
  const auto& message = mail->content().get_as<apply_event>(0);
  if (was_spilled) {
    finish(message, false);
  } else if (apply(message, true) == verdict::recall) {
    urgent_.push_front(std::move(mail));  // it will be asked again
  }
}

void profile_actor::mark_dirty() {
  if (std::exchange(dirty_, true)) return;
  home_.became_dirty(*this);
}

persistence::snapshot_write profile_actor::begin_save() {
  saving_ = true;
  dirty_ = false;
  persistence::snapshot_write write{address_, state_.encode(), {}, {}};
  if (spill_) {
    spill_->saving = std::move(spill_->fresh);
    spill_->fresh.clear();
    for (const auto& [id, time_ms] : spill_->saving) write.spilled.push_back({id, time_ms});
  }
  if (standing_) {
    auto& at = *standing_;
    at.saving = std::exchange(at.unsaved, {});
    const auto due = at.now.due_ms();
    write.standing.emplace(
        persistence::standing_write{at.now.encode(), std::exchange(at.saved_due_ms, due), due, at.saving});
  }
  return write;
}

void profile_actor::end_save(bool saved) {
  saving_ = false;
  if (standing_) {
    auto& at = *standing_;
    // A save that failed is the last one: the journal has it all.
    if (!saved) at.unsaved.insert(at.unsaved.begin(), at.saving.begin(), at.saving.end());
    at.saving = {};
  }
  if (!spill_) return;
  if (!saved) {
    for (const auto& [id, time_ms] : spill_->saving) spill_->fresh.emplace(id, time_ms);
  }
  spill_->saving.clear();
  if (spill_->fresh.empty()) spill_.reset();
}

}  // namespace kith::actors
