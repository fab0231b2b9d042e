// Erasing people: made durable, carried out in memory and in the store, and purged from the disk.
//
// Invariants
//   - First the book has it, synced; then the shards refuse what names the person; then what was published before is
//     applied. So nothing of theirs comes behind the erasure.
//   - Then the keys of the journal's events of theirs are destroyed: what is left of the disk's bytes is unreadable.
//   - While an erasure is not finished, replay and history leave their events out, and a start carries it out anew.
//   - It is finished once no file holds their bytes: the journal's segments are gone, the store's files rewritten.
#include <algorithm>
#include <future>

#include "actors/runtime_impl.hpp"
#include "actors/told_change.hpp"

namespace kith::actors {

namespace {

using persistence::outgoing_list;
using persistence::pending_erasure;
using profile::hash128;
using profile::identifier;

// Short, for a server that stops waits for an erasure that was asked for; what takes longer is finished in the
// background.
constexpr std::chrono::seconds read_patience{10};
constexpr std::chrono::seconds carry_patience{15};
constexpr std::chrono::seconds purge_pause{10};  ///< behind one that failed
constexpr std::chrono::seconds begun_pause{1};   ///< behind a try at the start
constexpr std::size_t rounds = 8;                ///< the profile is joined by others while it is being found out
constexpr std::size_t queue_page = 1000;

/// The identifiers of a profile map, whatever else is in it.
std::vector<identifier> named_in(std::string_view map) {
  std::vector<identifier> found;
  profile::msgpack::reader in(map);
  for (auto entries = in.next().size; entries > 0 && !in.done(); --entries) {
    const auto key = in.next().bytes;
    if (key != "userIds" && key != "anonymousIds" && key != "externalIds") {
      in.skip();
      continue;
    }
    const auto kind = key == "userIds"        ? profile::id_kind::user
                      : key == "anonymousIds" ? profile::id_kind::anonymous
                                              : profile::id_kind::external;
    for (auto left = in.next().size; left > 0 && !in.done(); --left) {
      const auto value = in.next();
      auto& each = found.emplace_back(identifier{kind, {}, {}});
      if (!value.is_map()) {
        each.value = value.bytes;
        continue;
      }
      for (auto fields = value.size; fields > 0 && !in.done(); --fields) {
        const auto field = in.next().bytes;
        (field == "type" ? each.type : each.value) = in.next().bytes;
      }
    }
  }
  return found;
}

/// Which items of the queues go.
class erased_queue_filter {
 public:
  explicit erased_queue_filter(const std::vector<hash128>& addresses) : addresses_(addresses) {}
  bool operator()(outgoing_list list, std::string_view content) const {
    const auto told = told_change::decode(content);
    if (!told || !std::binary_search(addresses_.begin(), addresses_.end(), told->profile)) return false;
    return list == outgoing_list::dead || told->entered;
  }

 private:
  const std::vector<hash128>& addresses_;  ///< sorted
};

}  // namespace

struct runtime_impl::subject {
  std::vector<hash128> addresses;  ///< sorted
  std::vector<identifier> identifiers;
};

result<runtime_impl::subject> runtime_impl::find_subject(const identifier& whose) {
  hash128 address;
  if (!profile::address_of(whose, address)) {
    return fail(errc::invalid_argument, "erase: a profile's own id is 32 hexadecimal digits");
  }
  using texts = result<std::pair<std::string, std::string>>;
  auto answered = std::make_shared<std::promise<texts>>();
  auto answer = answered->get_future();
  const auto home = shard_of(address, shards_.size());
  shards_[home]->post([this, home, address, answered] {
    read_identity(home, address, [this, home, address, answered](const result<found_profiles>& found) {
      if (!found) return answered->set_value(tl::make_unexpected(found.error()));
      const auto identity = found->at(0);
      if (!identity) return answered->set_value(fail(errc::not_found, "there is no such profile"));
      static const auto names = profile::fields_named({"userIds", "anonymousIds", "externalIds"});
      read(home, {address}, names, [answered, text = std::string(*identity)](const result<found_profiles>& map) {
        if (!map) return answered->set_value(tl::make_unexpected(map.error()));
        const auto named = map->at(0);
        answered->set_value(std::pair(text, named ? std::string(*named) : std::string()));
      });
    });
  });
  if (answer.wait_for(read_patience) != std::future_status::ready) {
    return fail(errc::unavailable, "the profile does not answer; try again in a moment");
  }
  const auto told = answer.get();
  if (!told) return tl::make_unexpected(told.error());
  subject made;
  for (auto& each : members_of(told->first)) {
    made.addresses.push_back(each.address);
    if (!each.who.value.empty()) made.identifiers.push_back(std::move(each.who));
  }
  if (made.addresses.empty()) made.addresses.push_back(address);
  std::sort(made.addresses.begin(), made.addresses.end());
  auto others = told->second.empty() ? std::vector<identifier>() : named_in(told->second);
  others.push_back(whose);
  for (auto& each : others) {
    hash128 at;
    if (each.kind == profile::id_kind::profile || !profile::address_of(each, at)) continue;
    const bool theirs = std::binary_search(made.addresses.begin(), made.addresses.end(), at);
    const bool known = std::any_of(made.identifiers.begin(), made.identifiers.end(), [&](const identifier& one) {
      return one.kind == each.kind && one.type == each.type && one.value == each.value;
    });
    if (theirs && !known) made.identifiers.push_back(std::move(each));
  }
  return made;
}

result<void> runtime_impl::show_suppressed() {
  const auto unfinished = book_->unfinished();
  const auto all = book_->suppressed();
  if (auto shown = on_every_shard([all, unfinished](shard& at, auto done) {
        at.suppress(all, unfinished);
        done({});
      });
      !shown) {
    return shown;
  }
  feeder_->leave_out(unfinished);
  return {};
}

result<void> runtime_impl::begin_erasure(const pending_erasure& work) {
  if (auto begun = book_->begin(work); !begun) {
    if (begun.error().code != errc::too_large) failed(begun.error());
    return begun;
  }
  if (auto shown = show_suppressed(); !shown) return shown;
  return drain();
}

result<erasure> runtime_impl::erase(const identifier& whose) {
  const std::lock_guard one_at_a_time(erasing_mutex_);
  if (auto open = refusal(); !open) return tl::make_unexpected(open.error());
  auto whom = find_subject(whose);
  if (!whom) {
    hash128 address;
    const bool before = whom.error().code == errc::not_found && profile::address_of(whose, address) &&
                        book_->suppressed()->contains(address);
    if (!before) return tl::make_unexpected(whom.error());
    for (const auto& each : book_->pending()) {  // begun before, and not done yet
      if (carried_out_.contains(each.id) ||
          std::find(each.addresses.begin(), each.addresses.end(), address) == each.addresses.end()) {
        continue;
      }
      const auto counts = carry_out(each);
      if (!counts) return tl::make_unexpected(counts.error());
      return told_of(each, *counts);
    }
    erasure again;
    again.at_ms = options_.now_ms();
    again.hashes.push_back(book_->suppressed()->hash_of(address));
    return again;
  }
  pending_erasure work{persistence::erasure_book::new_id(), options_.now_ms(), {}, {}};
  for (std::size_t round = 0; round < rounds; ++round) {
    work.addresses = whom->addresses;
    work.identifiers = whom->identifiers;
    if (auto begun = begin_erasure(work); !begun) return tl::make_unexpected(begun.error());
    auto now_there = find_subject(whose);
    if (!now_there) return tl::make_unexpected(now_there.error());
    const bool same = now_there->addresses == whom->addresses;
    whom = std::move(now_there);
    if (same) break;
  }
  const auto counts = carry_out(work);
  if (!counts) return tl::make_unexpected(counts.error());
  return told_of(work, *counts);
}

erasure runtime_impl::told_of(const pending_erasure& work, const erased_counts& counts) const {
  erasure made;
  made.id = work.id;
  made.at_ms = work.at_ms;
  made.identifiers = work.identifiers;
  const auto list = book_->suppressed();
  for (const auto address : work.addresses) made.hashes.push_back(list->hash_of(address));
  made.history_events = counts.events;
  made.dead_letters = counts.letters;
  made.gone_by_ms = work.at_ms + std::chrono::milliseconds(options_.purge_after + options_.purge_within).count();
  return made;
}

/// That of the last try, which knows who is gone already and what is to be told of them.
std::shared_ptr<erasure_order> runtime_impl::order_of(const pending_erasure& work) {
  auto& order = orders_[work.id];
  const auto is_of = [&](hash128 address) { return order->addresses.contains(address); };
  if (order && order->addresses.size() == work.addresses.size() &&
      std::all_of(work.addresses.begin(), work.addresses.end(), is_of)) {
    return order;
  }
  order = std::make_shared<erasure_order>(work.addresses);
  return order;
}

result<runtime_impl::erased_counts> runtime_impl::carry_out(const pending_erasure& work) {
  if (auto destroyed = destroy_keys(work.addresses); !destroyed) return tl::make_unexpected(destroyed.error());
  const auto order = order_of(work);
  for (const auto address : work.addresses) {
    {
      const std::lock_guard lock(order->mutex);
      if (order->gone.contains(address)) continue;
    }
    auto& home = *shards_[shard_of(address, shards_.size())];
    home.post([&home, address, order] { home.tell(address, erase_facet{address, order}); });
  }
  {
    std::unique_lock lock(order->mutex);
    const auto until = now() + carry_patience;
    while (order->gone.size() < order->addresses.size()) {
      order->changed.wait_for(lock, std::chrono::milliseconds(50));
      if (order->gone.size() < order->addresses.size() &&
          (now() > until || stopping_ || state().now == phase::failed)) {
        return fail(errc::unavailable, "the erasure has begun, is durable, and is finished in the background");
      }
    }
  }
  erased_counts made;
  if (auto taken = take_from_queues(work, *order); !taken) return tl::make_unexpected(taken.error());
  const auto events = store_->erase(work.addresses);
  if (!events) {
    failed(events.error());
    return tl::make_unexpected(events.error());
  }
  made.events = *events;
  order->finished = true;
  for (const auto address : work.addresses) {
    auto& home = *shards_[shard_of(address, shards_.size())];
    home.post([&home, address] { home.tell(address, be_free{}); });
  }
  if (options_.erase_elsewhere) {
    const auto letters = options_.erase_elsewhere(work.identifiers);
    if (!letters) return tl::make_unexpected(letters.error());
    made.letters = *letters;
  }
  carried_out_.insert(work.id);
  book_->note_carried_out(work.id);
  orders_.erase(work.id);
  return made;
}

/// Others are still told that the person left, and nothing else; what nobody tries to tell any more goes.
result<void> runtime_impl::take_from_queues(const pending_erasure& work, const erasure_order& order) {
  std::vector<persistence::outgoing_change> changes;
  for (const auto& each : order.untold) changes.push_back({outgoing_list::waiting, each, false});
  std::shared_ptr<const std::vector<outgoing_rule>> rules;
  {
    const std::lock_guard lock(outgoing_mutex_);
    rules = outgoing_rules_;
  }
  const erased_queue_filter about(work.addresses);
  std::erase_if(changes, [&](const auto& each) { return about(outgoing_list::waiting, each.item.content); });
  for (std::size_t i = 0; rules && i < rules->size(); ++i) {
    for (const auto list : {outgoing_list::waiting, outgoing_list::dead}) {
      std::optional<persistence::outgoing_item> behind;
      for (;;) {
        auto page = store_->outgoing((*rules)[i].queue, list, behind ? &*behind : nullptr, queue_page);
        if (!page) return tl::make_unexpected(page.error());
        for (const auto& each : *page) {
          if (about(list, each.content)) changes.push_back({list, each, true});
        }
        if (page->size() < queue_page) break;
        behind = std::move(page->back());
      }
    }
  }
  return changes.empty() ? result<void>() : store_->change_outgoing(changes);
}

result<void> runtime_impl::finish_begun() {
  const std::lock_guard one_at_a_time(erasing_mutex_);
  for (const auto& each : book_->pending()) {
    for (;;) {
      const auto done = carry_out(each);
      if (done && !each.carried_out)
        log("info", "the erasure " + each.id + ", begun before the restart, is carried out");
      if (done || stopping_) break;
      if (state().now == phase::failed) return tl::make_unexpected(done.error());
      log("error",
          "the erasure " + each.id + ": " + done.error().message + "; until it is done the server is not ready");
      if (done.error().code == errc::too_large) break;  // a purge makes room, and carries it out
      std::unique_lock wait(maintenance_mutex_);
      maintenance_wake_.wait_for(wait, begun_pause, [this] { return stopping_.load(); });
    }
  }
  // Without it the next start tells them again, which is no reason not to serve.
  if (auto kept = book_->keep_noted(); !kept) log("error", "erasures: " + kept.error().message);
  return {};
}

result<void> runtime_impl::lift_suppression(const persistence::salted_hash& hash) {
  const std::lock_guard one_at_a_time(erasing_mutex_);
  if (auto lifted = book_->lift(hash); !lifted) {
    return lifted;
  }
  return show_suppressed();
}

std::vector<std::string> runtime_impl::pending_erasures() const {
  std::vector<std::string> ids;
  for (auto& each : book_->pending()) ids.push_back(std::move(each.id));
  return ids;
}

bool runtime_impl::purge_due() const {
  const auto oldest = book_->oldest_pending_ms();
  if (!oldest || now() - purge_tried_ < purge_pause) return false;
  const auto waited = options_.now_ms() - *oldest;
  return waited < 0 || waited >= std::chrono::milliseconds(options_.purge_after).count();
}

result<void> runtime_impl::purge_erased() {
  const std::lock_guard one_at_a_time(purging_mutex_);
  const auto works = [this] {  // none that is being found out still
    const std::lock_guard lock(erasing_mutex_);
    return book_->pending();
  }();
  if (works.empty()) return checkpoint(catching_up::yes);
  std::vector<std::string> ids;
  std::vector<hash128> addresses;
  for (const auto& each : works) {
    const std::lock_guard lock(erasing_mutex_);
    if (!carried_out_.contains(each.id)) {
      const auto done = carry_out(each);
      if (!done && done.error().code == errc::too_large) {  // the epoch that this purge begins makes room for it
        log("error", "the erasure " + each.id + ": " + done.error().message);
        continue;
      }
      if (!done) return tl::make_unexpected(done.error());
    }
    // Letters may have been on their way.
    if (options_.erase_elsewhere) {
      if (auto done = options_.erase_elsewhere(each.identifiers); !done) return tl::make_unexpected(done.error());
    }
    ids.push_back(each.id);
    addresses.insert(addresses.end(), each.addresses.begin(), each.addresses.end());
  }
  if (auto saved = checkpoint(catching_up::yes, true); !saved) return saved;
  if (auto gone = check_journal_gone(); !gone) return gone;
  if (auto rewritten = store_->compact(addresses); !rewritten) return rewritten;
  if (options_.compact_elsewhere) {
    if (auto rewritten = options_.compact_elsewhere(); !rewritten) return rewritten;
  }
  const std::lock_guard lock(erasing_mutex_);
  if (auto finished = book_->finish(ids); !finished) {
    failed(finished.error());
    return finished;
  }
  for (const auto& id : ids) carried_out_.erase(id);
  log("info", std::to_string(ids.size()) + (ids.size() == 1 ? " erasure is" : " erasures are") +
                  " finished: no file holds the bytes");
  return show_suppressed();
}

/// A checkpoint may leave segments that the history has not taken in.
result<void> runtime_impl::check_journal_gone() {
  const std::lock_guard lock(checkpoint_mutex_);
  for (const auto& [shard, mark] : marks_) {
    if (shard < shards_.size() && mark.removed < mark.saved) {
      return fail(errc::unavailable, "journal of shard " + std::to_string(shard) + ": segments up to " +
                                         std::to_string(mark.saved) + " are not in the history yet; tried again soon");
    }
  }
  return {};
}

}  // namespace kith::actors
