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
  return sizeof(profile_actor) + 56 + state_.heap_bytes() + spilled;
}

void profile_actor::enqueue(caf::mailbox_element_ptr mail, caf::execution_unit* host) {
  if (host != &home_) return home_.deliver_from_elsewhere(caf::strong_actor_ptr(ctrl()), std::move(mail));
  const bool urgent = mail->is_high_priority();
  (urgent ? urgent_ : normal_).push(std::move(mail));
  home_.mail_arrived(*this, urgent);
}

caf::resumable::resume_result profile_actor::resume(caf::execution_unit*, std::size_t max_throughput) {
  for (std::size_t handled = 0; handled < max_throughput; ++handled) {
    if (loading_ || asking_) return awaiting_message;
    auto& queue = urgent_.empty() ? normal_ : urgent_;
    if (queue.empty()) break;
    auto mail = queue.pop();
    auto& content = mail->content();
    if (content.match_element<apply_event>(0)) {
      if (apply(content.get_as<apply_event>(0), false) == verdict::ask) {
        urgent_.push_front(std::move(mail));
        asking_ = true;
        return awaiting_message;
      }
    } else {
      receive(*mail);
    }
  }
  home_.count_bytes(*this);
  return urgent_.empty() && normal_.empty() ? awaiting_message : resume_later;
}

void profile_actor::receive(caf::mailbox_element& mail) {
  if (mail.content().match_element<read_profile>(0)) {
    home_.answer_read(*this, mail.content().get_as<read_profile>(0));
  } else if (mail.content().match_element<caf::exit_msg>(0)) {
    exiting_ = true;  // the shard's next sweep saves it and lets it go
  } else if (mail.mid.is_request()) {
    if (mail.sender) {
      mail.sender->enqueue(nullptr, mail.mid.response_id(),
                           caf::make_message(caf::make_error(caf::sec::unexpected_message)), &home_);
    }
  }
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
  auto& spilled = home_.scratch_spilled();
  spilled.clear();
  state_.apply(event, spilled, home_.recent_days());
  if (!spilled.empty()) keep_spilled(spilled);
  if (!dirty_) {
    dirty_ = true;
    home_.became_dirty(*this);
  }
  finish(message, true);
  return verdict::done;
}

void profile_actor::finish(const apply_event& message, bool applied) {
  auto& of = *message.of;
  of.outcomes[message.index] = applied ? event_outcome::applied : event_outcome::duplicate;
  if (of.options.detail) of.versions[message.index] = state_.version();
  if (applied) home_.publish_change(*this, of.events[message.index]);
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
  } else {
    apply(message, true);
  }
}

std::vector<profile::spilled_id> profile_actor::begin_save() {
  saving_ = true;
  dirty_ = false;
  std::vector<profile::spilled_id> ids;
  if (spill_) {
    spill_->saving = std::move(spill_->fresh);
    spill_->fresh.clear();
    for (const auto& [id, time_ms] : spill_->saving) ids.push_back({id, time_ms});
  }
  return ids;
}

void profile_actor::end_save(bool saved) {
  saving_ = false;
  if (!spill_) return;
  if (!saved) {
    for (const auto& [id, time_ms] : spill_->saving) spill_->fresh.emplace(id, time_ms);
  }
  spill_->saving.clear();
  if (spill_->fresh.empty()) spill_.reset();
}

}  // namespace kith::actors
