// A batch's way through its home shard: journal, actors, reply.
#include <caf/mailbox_element.hpp>

#include "actors/journal_record.hpp"
#include "actors/shard.hpp"

namespace kith::actors {

namespace {

publish_outcome outcome_of(batch& work) {
  publish_outcome outcome;
  for (const auto one : work.outcomes) ++(one == event_outcome::applied ? outcome.applied : outcome.duplicate);
  if (work.options.detail) {
    outcome.details.resize(work.received);
    for (const auto& rejected : work.rejected) outcome.details[rejected.index].rejected = true;
    for (std::size_t i = 0; i < work.events.size(); ++i) {
      const auto index = work.indexes.empty() ? i : work.indexes[i];
      outcome.details[index].profile = work.profiles[i];
      outcome.details[index].version = work.versions[i];
      outcome.details[index].memberships = work.memberships[i];
    }
  }
  outcome.rejected = std::move(work.rejected);
  return outcome;
}

}  // namespace

void shard::count_refused(const batch& work) {
  shard_counters::add(counters_.rejected, work.rejected.size());
  for (const auto& rejected : work.rejected) {
    if (rejected.code == errc::too_late) shard_counters::add(counters_.too_late, 1);
    if (rejected.code == errc::suppressed) shard_counters::add(counters_.suppressed, 1);
  }
}

batch& shard::take(batch_ptr work) {
  batch& taken = *work;
  batches_.emplace(&taken, std::move(work));
  taken.epoch = epoch_;
  ++epoch_in_flight_[epoch_ & 1];
  in_flight_bytes_ += taken.record.size();
  return taken;
}

void shard::publish(batch_ptr work) {
  batch& taken = take(std::move(work));
  shard_counters::add(counters_.batches, 1);
  count_refused(taken);
  if (taken.options.detail) {
    taken.profiles.resize(taken.events.size());
    taken.versions.resize(taken.events.size());
    taken.memberships.resize(taken.events.size());
  }
  if (taken.empty()) {
    taken.journaled = true;
    applied_here_.push_back(&taken);
    return;
  }
  const bool awaited = taken.options.wait_for == durability::fsync;
  to_journal_.push_back({journal_payload(taken), reinterpret_cast<std::uint64_t>(&taken), awaited});
  const auto handed_over = now();
  unsynced_.push_back(handed_over);
  environment_.latency.record(id_, stage::ingest, handed_over - taken.started, taken.options.trace);
  taken.durable = handed_over;
  if (taken.trace) taken.trace->handed_over = handed_over;
  if (!awaited) dispatch(taken);
}

std::string_view shard::journal_payload(batch& work) {
  if (!sealer_) return work.record;
  seal_record(work.record, work.events, work.order.get(), *sealer_, work.sealed);
  in_flight_bytes_ += work.sealed.size();
  return work.sealed;
}

void shard::send_to_journal() {
  if (to_journal_.empty()) return;
  journal_->append(to_journal_);
  to_journal_.clear();
}

void shard::seal_by(std::shared_ptr<const persistence::key_epoch> epoch,
                    const std::vector<profile::hash128>& destroyed) {
  send_to_journal();
  sealer_->adopt(std::move(epoch), destroyed);
}

void shard::replay(batch_ptr work) {
  work->replayed = true;
  batch& taken = take(std::move(work));
  if (taken.empty()) {
    applied_here_.push_back(&taken);
  } else {
    dispatch(taken);
  }
}

void shard::journaled(const std::vector<std::uint64_t>& tags, const result<void>& outcome) {
  const auto durable = now();
  shard_counters::add(counters_.syncs, 1);
  if (!outcome) environment_.failed(outcome.error());
  for (const auto tag : tags) {
    batch& work = *reinterpret_cast<batch*>(tag);  // NOLINT(performance-no-int-to-ptr): publish() made it from one
    unsynced_.pop_front();
    work.journaled = true;
    if (work.trace) trace_journal(work, durable, outcome);
    in_flight_bytes_ -= std::exchange(work.sealed, {}).size();
    if (work.options.wait_for == durability::memory) {
      if (work.applied) release(work);
    } else if (outcome) {
      environment_.latency.record(id_, stage::journal, durable - work.durable, work.options.trace);
      work.durable = durable;
      dispatch(work);
    } else {
      if (work.done) work.done(tl::make_unexpected(outcome.error()));
      work.applied = true;
      --epoch_in_flight_[work.epoch & 1];
      release(work);
    }
  }
  note_unsynced();
}

void shard::note_unsynced() {
  counters_.oldest_unsynced_ns.store(unsynced_.empty() ? 0 : unsynced_.front().time_since_epoch().count(),
                                     std::memory_order_relaxed);
}

void shard::dispatch(batch& work) {
  if (work.order) return start_order(work);
  if (work.trace) work.trace->applying_from = work.durable;
  for (shard_id to = 0; to < work.left.size(); ++to) {
    if (work.left[to] > 0 && to != id_) hand_over_[to].push_back(&work);
  }
  if (work.left[id_] > 0) deliver(work);
}

void shard::deliver(batch& work) {
  auto& mine = scratch_indexes_;
  mine.clear();
  for (std::uint32_t index = 0; index < work.events.size(); ++index) {
    if (shard_of(work.events[index].address, environment_.shards.size()) == id_) mine.push_back(index);
  }
  if (work.trace) {
    work.trace->shares[id_].begun = now();
    work.trace->shares[id_].events = static_cast<std::uint32_t>(mine.size());
  }
  const auto address_at = [&](std::uint32_t index) { return work.events[index].address; };
  for_each_called_ahead(mine, address_at, [&](std::uint32_t index) {
    const auto& event = work.events[index];
    const auto urgency =
        event.urgency == profile::priority::critical ? caf::message_priority::high : caf::message_priority::normal;
    auto& actor = activate(event.address);
    actor.enqueue(caf::make_mailbox_element(nullptr, caf::make_message_id(urgency), {}, apply_event{&work, index}),
                  this);
  });
}

void shard::event_done(batch& work, std::uint32_t index) {
  // Who counts is the shard that the event was addressed to.
  const auto owner = shard_of(work.events[index].address, environment_.shards.size());
  if (owner == id_) return event_done_here(work);
  done_elsewhere_[owner].push_back(&work);
}

void shard::event_done_here(batch& work) {
  if (--work.left[id_] > 0) return;
  if (work.trace) work.trace->shares[id_].ended = now();
  if (work.shards_left.fetch_sub(1, std::memory_order_acq_rel) == 1) batch_applied(work);
}

void shard::batch_applied(batch& work) {
  if (work.home == id_) {
    applied_here_.push_back(&work);
  } else {
    applied_elsewhere_[work.home].push_back(&work);
  }
}

void shard::finish(batch& work) {
  work.applied = true;
  std::uint64_t applied = 0;
  for (std::size_t i = 0; i < work.outcomes.size(); ++i) {
    applied += work.outcomes[i] == event_outcome::applied ? 1 : 0;
    if (work.events[i].clamped) shard_counters::add(counters_.clamped, 1);
  }
  shard_counters::add(counters_.applied, applied);
  shard_counters::add(counters_.duplicate, work.outcomes.size() - applied);
  if (!work.events.empty()) {
    environment_.latency.record(id_, stage::apply, now() - work.durable, work.options.trace);
  }
  if (work.trace) trace_shares(work);
  if (work.done) work.done(outcome_of(work));
  --epoch_in_flight_[work.epoch & 1];
  if (work.journaled) release(work);
  if (drained_ && epoch_in_flight_[(epoch_ + 1) & 1] == 0) std::exchange(drained_, nullptr)();
}

void shard::release(batch& work) {
  in_flight_bytes_ -= work.record.size();
  batches_.erase(&work);
}

void shard::next_epoch(std::function<void()> drained) {
  ++epoch_;
  if (epoch_in_flight_[(epoch_ + 1) & 1] == 0) {
    drained();
  } else {
    drained_ = std::move(drained);
  }
}

}  // namespace kith::actors
