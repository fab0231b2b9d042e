// Checkpoints, and copies of what the runtime has on disk, both taken while it serves.
#include <algorithm>

#include "actors/runtime_impl.hpp"
#include "persistence/copying.hpp"

namespace kith::actors {

bool runtime_impl::checkpoint_due() {
  return journal_bytes() > journal_bytes_then_ + options_.checkpoint_bytes ||
         now() - last_checkpoint_.load() > options_.checkpoint_interval || changes_due();
}

result<void> runtime_impl::drain() {
  const std::lock_guard one_at_a_time(drain_mutex_);
  return on_every_shard([](shard& at, auto done) { at.next_epoch([done] { done({}); }); });
}

result<void> runtime_impl::checkpoint() {
  return book_->pending().empty() ? checkpoint(catching_up::yes) : purge_erased();
}

result<void> runtime_impl::checkpoint(catching_up history, bool forget_changes) {
  const std::lock_guard one_at_a_time(checkpoint_mutex_);
  if (const auto now_in = state(); now_in.now == phase::failed || now_in.now == phase::recovering) {
    return fail(errc::unavailable, "no snapshot is written while the server recovers or after its disk failed");
  }
  last_checkpoint_ = now();
  const auto new_keys = change_keys(forget_changes);
  if (!new_keys) return tl::make_unexpected(new_keys.error());
  const auto told = seal_changes();
  if (!told) return tl::make_unexpected(told.error());
  auto marks = marks_;
  for (const auto& each : shards_) {
    auto sealed = each->journal().seal();
    if (!sealed) return tl::make_unexpected(sealed.error());
    marks[each->id()].saved = *sealed;
  }
  if (auto noted = *new_keys ? note_keys_changed(marks) : result<void>(); !noted) return noted;
  // Everything in the sealed segments was handed to them before this; wait until the actors have applied it.
  auto outcome = drain();
  if (outcome) outcome = save_dirty();
  if (outcome && history == catching_up::yes) outcome = feed_through(marks);
  for (auto& [shard, mark] : marks) {  // what was fed before the flush is durable after it
    mark.removed = std::max(mark.removed, std::min(mark.saved, feeder_->fed_through(shard)));
  }
  if (outcome) outcome = store_->flush();
  if (outcome) outcome = persistence::write_checkpoint(files_, options_.data, marks);
  if (outcome) {
    marks_ = marks;
    outcome = remove_needless(marks);
  }
  if (outcome) outcome = forget_keys();
  if (outcome) outcome = changes_saved(*told, forget_changes);
  journal_bytes_then_ = journal_bytes();
  return outcome;
}

/// What is dirty on any shard when this begins is in the store when it ends, whoever holds it meanwhile.
result<void> runtime_impl::save_dirty() {
  environment_->checkpointing = true;
  while (environment_->facets_moving > 0 && state().now != phase::failed && !stopping_) {
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  }
  auto outcome = on_every_shard([](shard& at, auto done) { at.checkpoint(done); });
  environment_->checkpointing = false;
  return outcome;
}

result<void> runtime_impl::feed_through(const checkpoint_marks& marks) {
  const auto left = [&] {
    return std::any_of(marks.begin(), marks.end(),
                       [&](const auto& mark) { return feeder_->fed_through(mark.first) < mark.second.saved; });
  };
  while (left() && !stopping_) {
    const auto fed = feeder_->feed(fed_at_once);
    if (!fed) return tl::make_unexpected(fed.error());
    if (fed->caught_up) break;
  }
  return {};
}

/// Those that are in the snapshots and in the history.
result<void> runtime_impl::remove_needless(const checkpoint_marks& marks) {
  auto listed = persistence::list_segments(files_, journal_directory());
  if (!listed) return tl::make_unexpected(listed.error());
  for (const auto& [shard, mark] : marks) {
    if (shard < shards_.size()) {
      if (auto removed = shards_[shard]->journal().remove_through(mark.removed); !removed) return removed;
      continue;
    }
    // Of a shard that an earlier process had.
    for (const auto& segment : *listed) {
      if (segment.shard != shard || segment.segment > mark.removed) continue;
      if (auto removed = files_.remove(segment.path); !removed) return removed;
      if (auto synced = files_.sync_directory(journal_directory()); !synced) return synced;
    }
  }
  return {};
}

result<void> runtime_impl::copy_to(const std::string& directory, const std::function<bool()>& cancelled) {
  // So that the copy is of few segments, and a start from it replays little.
  if (auto saved = checkpoint(catching_up::yes); !saved) return saved;
  const std::lock_guard nothing_retires(checkpoint_mutex_);
  copying_ = true;  // maintenance goes on meanwhile, without checkpoints
  auto outcome = copy_parts(directory, cancelled);
  copying_ = false;
  return outcome;
}

/// REQUIRES: no segment retires meanwhile.
result<void> runtime_impl::copy_parts(const std::string& directory, const std::function<bool()>& cancelled) {
  const auto stopped = fail(errc::unavailable, "the copy was cancelled");
  if (cancelled()) return stopped;
  if (auto made = files_.make_directory(directory + "/journal"); !made) return made;
  // The store first: what it lacks of the moment at which the journals are sealed is in their segments, since none
  // has gone meanwhile. The other way round it would hold what no segment of the copy accounts for.
  if (auto copied = store_->copy_to(directory + "/store"); !copied) return copied;
  std::map<unsigned, std::uint64_t> sealed;
  for (const auto& each : shards_) {
    const auto segment = each->journal().seal();
    if (!segment) return tl::make_unexpected(segment.error());
    sealed[each->id()] = *segment;
  }
  const auto segments = persistence::list_segments(files_, journal_directory());
  if (!segments) return tl::make_unexpected(segments.error());
  for (const auto& each : *segments) {
    if (cancelled()) return stopped;
    // Those of shards that are no more are complete, too.
    if (const auto last = sealed.find(each.shard); last != sealed.end() && each.segment > last->second) continue;
    auto target = directory + "/journal";
    target += each.path.substr(each.path.rfind('/'));
    if (auto copied = copy_file(files_, each.path, target); !copied) return copied;
  }
  if (auto synced = files_.sync_directory(directory + "/journal"); !synced) return synced;
  if (auto made = files_.make_directory(directory + "/privacy"); !made) return made;
  if (auto copied = keys_ ? keys_->copy_to(directory + "/keys") : result<void>(); !copied) return copied;
  // The book last: who is erased meanwhile is erased anew by a start from the copy. None is finished meanwhile.
  for (const auto* name : {"/checkpoint", "/definitions", "/privacy/receipt.key", "/privacy/book"}) {
    auto copied = copy_file(files_, options_.data + name, directory + name);
    if (!copied && copied.error().code != errc::not_found) return copied;
  }
  return {};
}

}  // namespace kith::actors
