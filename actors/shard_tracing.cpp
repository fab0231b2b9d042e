// What a shard tells of a batch whose trace is sampled: one span for the journal, and one for what each shard applied
// and evaluated.
#include "actors/shard.hpp"

namespace kith::actors {

namespace {

span begin_span(const trace_context& within, std::uint64_t id, const char* name, time_point begun, time_point ended) {
  span made;
  made.at = within;
  made.at.span = id;
  made.parent = within.span;
  made.name = name;
  made.begun = begun;
  made.ended = ended;
  return made;
}

void note(span& of, const char* name, std::uint64_t value) {
  auto& made = of.notes.emplace_back();
  made.name = name;
  made.value = static_cast<std::int64_t>(value);
}

}  // namespace

/// REQUIRES: scratch_transitions_ is what it changed.
void shard::note_evaluation(batch& of, time_point begun) {
  auto& mine = of.trace->shares[id_];
  if (mine.segment_span == 0) mine.segment_span = environment_.options.traces->next_id();
  if (mine.evaluated++ == 0) mine.evaluated_from = begun;
  mine.evaluated_until = now();
  mine.entered += scratch_transitions_.entered.size();
  mine.left += scratch_transitions_.left.size();
}

void shard::trace_journal(batch& work, time_point durable, const result<void>& outcome) {
  auto& to = *environment_.options.traces;
  auto made = begin_span(work.trace->within, to.next_id(), "journal", work.trace->handed_over, durable);
  note(made, "kith.shard", id_);
  note(made, "kith.journal.bytes", work.record.size());
  if (!outcome) made.error = name_of(outcome.error().code);
  to.record(std::move(made));
}

void shard::trace_shares(batch& work) {
  auto& to = *environment_.options.traces;
  const auto& shares = work.trace->shares;
  for (std::size_t at = 0; at < shares.size(); ++at) {
    const auto& share = shares[at];
    auto within = work.trace->within;
    if (share.events > 0) {
      auto applied = begin_span(within, to.next_id(), "apply", work.trace->applying_from, share.ended);
      const auto queued = share.begun > applied.begun ? share.begun - applied.begun : time_point::duration::zero();
      note(applied, "kith.shard", at);
      note(applied, "kith.events", share.events);
      note(applied, "kith.queued_us",
           static_cast<std::uint64_t>(std::chrono::duration_cast<std::chrono::microseconds>(queued).count()));
      within.span = applied.at.span;
      to.record(std::move(applied));
    }
    if (share.evaluated == 0) continue;
    auto evaluated = begin_span(within, share.segment_span, "segment", share.evaluated_from, share.evaluated_until);
    note(evaluated, "kith.shard", at);
    note(evaluated, "kith.events", share.evaluated);
    note(evaluated, "kith.segments.entered", share.entered);
    note(evaluated, "kith.segments.left", share.left);
    to.record(std::move(evaluated));
  }
}

/// A webhook is to be told, by an item of that id: the request to it is part of the event's trace, or, if time alone
/// brought it about, begins one.
void shard::trace_told(profile::hash128 id, bool by_event) {
  auto* to = environment_.options.traces.get();
  if (to == nullptr) return;
  if (!by_event) {
    if (const auto fresh = to->begin(); fresh.sampled) to->remember(id, fresh);
  } else if (evaluating_ != nullptr) {
    auto& mine = evaluating_->trace->shares[id_];
    if (mine.segment_span == 0) mine.segment_span = to->next_id();
    auto within = evaluating_->trace->within;
    within.span = mine.segment_span;
    to->remember(id, within);
  }
}

}  // namespace kith::actors
