#include "actors/watches.hpp"

#include <algorithm>
#include <charconv>

#include "actors/shard.hpp"

namespace kith::actors {

namespace {

bool parse_number(std::string_view& text, std::uint64_t& value) {
  const auto [end, bad] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (bad != std::errc()) return false;
  text.remove_prefix(static_cast<std::size_t>(end - text.data()));
  return true;
}

/// One sequence a shard, or nothing if the text is no cursor of this log.
std::optional<std::vector<std::uint64_t>> parse_cursor(std::string_view text, std::uint64_t log, std::size_t shards) {
  std::uint64_t value = 0;
  if (!parse_number(text, value) || log == 0 || value != log) return std::nullopt;
  std::vector<std::uint64_t> seen;
  while (!text.empty() && text.front() == '.') {
    text.remove_prefix(1);
    if (!parse_number(text, value) || value == UINT64_MAX) return std::nullopt;
    seen.push_back(value);
  }
  if (!text.empty() || seen.size() != shards) return std::nullopt;
  return seen;
}

}  // namespace

result<watch_id> watch_hub::add(const watch_filter& filter, watch_callback callback) {
  const auto shards = environment_.shards.size();
  std::optional<std::vector<std::uint64_t>> from;
  // In this order: whoever ends the log looks at the count behind it.
  environment_.watch_count.fetch_add(1);
  if (!filter.from.empty()) {
    from = parse_cursor(filter.from, environment_.log_id, shards);
    if (!from) {
      environment_.watch_count.fetch_sub(1);
      return fail(errc::invalid_argument,
                  "watch: the cursor \"" + filter.from.substr(0, 64) +
                      "\" is malformed, of another server, or older than watch.keep, after which the server forgets "
                      "what nobody watched; read what you need again and watch without `from`");
    }
  }
  environment_.watched = true;
  const auto id = next_id_++;
  watches_[id] = {std::move(callback), std::vector<std::optional<std::uint64_t>>(shards), {}};
  for (shard_id source = 0; source < shards; ++source) {
    auto& there = *environment_.shards[source];
    const auto seen = from ? std::optional((*from)[source]) : std::nullopt;
    there.post([&there, home = home_.id(), id, filter, seen] { there.watches().subscribe(home, id, filter, seen); });
  }
  if (environment_.log_id == 0) environment_.log_wanted();
  return id;
}

void watch_hub::remove(watch_id id) {
  if (watches_.erase(id) == 0) return;
  environment_.last_watch = now();
  environment_.watch_count.fetch_sub(1);
  for (const auto& source : environment_.shards) {
    source->post([there = source.get(), home = home_.id(), id] { there->watches().unsubscribe(home, id); });
  }
}

void watch_hub::end_all(const error& why) {
  while (!watches_.empty()) {
    const auto first = watches_.begin();
    const auto callback = first->second.callback;
    remove(first->first);
    callback(tl::make_unexpected(why));
  }
}

void watch_hub::record(watched_change change) {
  if (log_ != nullptr) put_in_log(change, end());
  const bool first_of_addresses = change.addresses && change.addresses.use_count() == 2;  // the actor's, and this
  const auto bytes = (change.traits ? change.traits->size() : 0) +
                     (first_of_addresses ? change.addresses->size() * sizeof(profile::hash128) : 0);
  kept_.push_back({std::move(change), bytes});
  bytes_ += bytes;
  while (kept_.size() > kept_changes || bytes_ > kept_bytes) {
    bytes_ -= kept_.front().bytes;
    kept_.pop_front();
    ++first_;
  }
}

void watch_hub::forget(const persistence::erased_addresses& profiles) {
  for (auto& each : kept_) {
    if (!each.what.traits || !profiles.contains(each.what.profile)) continue;
    bytes_ -= each.what.traits->size();
    each.bytes -= each.what.traits->size();
    each.what.traits.reset();
  }
}

void watch_hub::put_in_log(const watched_change& change, std::uint64_t sequence) {
  const auto& record = unlogged_.emplace_back(sequenced_change{sequence, change}.encode());
  unlogged_bytes_ += record.size();
  to_log_.push_back({record, sequence, true});
}

void watch_hub::when_logged(std::function<void()> then) {
  if (log_ == nullptr || logged_to() == end()) return then();
  waiting_.emplace_back(end(), std::move(then));
}

void watch_hub::begin_log(persistence::journal& log, std::uint64_t generation, std::uint64_t next) {
  first_ = next;
  begin_log(log, generation);
}

void watch_hub::begin_log(persistence::journal& log, std::uint64_t generation) {
  log_ = &log;
  generation_ = generation;
  logged_to_ = first_;
  for (std::size_t i = 0; i < kept_.size(); ++i) put_in_log(kept_[i].what, first_ + i);
}

std::deque<std::string> watch_hub::end_log() {
  log_ = nullptr;
  to_log_.clear();
  unlogged_bytes_ = 0;
  for (auto& [sequence, then] : std::exchange(waiting_, {})) then();
  if (subscriptions_.empty()) {
    first_ = end();
    kept_.clear();
    bytes_ = 0;
  }
  return std::exchange(unlogged_, {});
}

void watch_hub::logged(std::uint64_t generation, std::size_t changes, const result<void>& outcome) {
  if (!outcome) return environment_.failed(outcome.error());  // nobody is told what a crash could take back
  if (log_ == nullptr || generation != generation_) return;
  for (; changes > 0; --changes) {
    unlogged_bytes_ -= unlogged_.front().size();
    unlogged_.pop_front();
    logged_to_.fetch_add(1, std::memory_order_acq_rel);
  }
  changed_ = true;
  while (!waiting_.empty() && waiting_.front().first <= logged_to()) {
    const auto then = std::move(waiting_.front().second);
    waiting_.pop_front();
    then();
  }
}

void watch_hub::subscribe(shard_id home, watch_id id, const watch_filter& filter, std::optional<std::uint64_t> from) {
  subscriptions_.push_back({home, id, filter.profile, filter.segment, from ? *from + 1 : end()});
  changed_ = true;
}

void watch_hub::unsubscribe(shard_id home, watch_id id) {
  std::erase_if(subscriptions_, [&](const auto& each) { return each.home == home && each.id == id; });
}

bool watch_hub::wants(const subscription& to, const watched_change& change) {
  const auto& all = change.addresses;
  if (to.profile && *to.profile != change.profile &&
      (!all || !std::binary_search(all->begin(), all->end(), *to.profile))) {
    return false;
  }
  if (to.segment.empty()) return true;
  const auto names = [&](const std::vector<std::string>& in) {
    return std::find(in.begin(), in.end(), to.segment) != in.end();
  };
  return change.memberships && (names(change.memberships->entered) || names(change.memberships->left));
}

void watch_hub::send() {
  if (!to_log_.empty()) {
    log_->append(to_log_);
    to_log_.clear();
  }
  if (log_ == nullptr || !environment_.log_survives.load(std::memory_order_relaxed)) return;
  if (!std::exchange(changed_, false)) return;
  for (auto& to : subscriptions_) {
    if (!to.waits) send_to(to);
  }
}

void watch_hub::send_to(subscription& to) {
  if (to.next > end()) return give_up(to, {errc::not_found, {}});  // the log is an older one, from a backup
  const auto durable = logged_to();
  if (!to.told && to.next <= durable) {
    // What came before it is durable too: nothing else will ever have its sequence.
    to.told = true;
    auto& there = *environment_.shards[to.home];
    there.post([&there, id = to.id, source = home_.id(), seen = to.next - 1] {
      there.watches().subscribed(id, source, seen);
    });
  }
  if (to.next >= durable) return;
  if (to.next < first_) return read_for(to);
  to.at = {};
  std::vector<sequenced_change> changes;
  for (; to.next < durable; ++to.next) {
    const auto& kept = kept_[to.next - first_].what;
    if (wants(to, kept)) changes.push_back({to.next, kept});
  }
  hand_over(to, std::move(changes));
}

void watch_hub::hand_over(const subscription& to, std::vector<sequenced_change> changes) {
  if (changes.empty()) return;
  auto& there = *environment_.shards[to.home];
  there.post([&there, id = to.id, source = home_.id(), changes = std::move(changes)] {
    there.watches().arrived(id, source, changes);
  });
}

void watch_hub::read_for(subscription& to) {
  to.waits = true;
  boost::asio::post(environment_.pool, [this, to, durable = logged_to()] {
    auto page = read_changes(environment_.files, environment_.changes_directory, home_.id(), {{}, to.next, to.at},
                             durable, [&](const watched_change& change) { return wants(to, change); });
    home_.post([this, home = to.home, id = to.id, page = std::move(page)] { was_read(home, id, page); });
  });
}

void watch_hub::was_read(shard_id home, watch_id id, const result<changes_page>& page) {
  const auto found = std::find_if(subscriptions_.begin(), subscriptions_.end(),
                                  [&](const auto& each) { return each.home == home && each.id == id; });
  if (found == subscriptions_.end()) return;
  if (!page) return give_up(*found, page.error());
  auto changes = page->changes;
  if (const auto* erased = home_.unfinished()) {
    for (auto& each : changes) {
      if (erased->contains(each.what.profile)) each.what.traits.reset();
    }
  }
  hand_over(*found, std::move(changes));
  found->next = page->next;
  found->at = page->at;
  found->waits = false;
  changed_ = true;
}

void watch_hub::give_up(subscription& to, error why) {
  to.waits = true;
  if (why.code == errc::not_found) {
    why.message =
        "watch: changes behind the cursor are not kept any more (watch.bytes); read what you need again and watch "
        "without `from`";
  }
  auto& there = *environment_.shards[to.home];
  there.post([&there, id = to.id, why = std::move(why)] { there.watches().ended(id, why); });
}

void watch_hub::subscribed(watch_id id, shard_id source, std::uint64_t seen) {
  const auto found = watches_.find(id);
  if (found == watches_.end()) return;
  auto& to = found->second;
  to.seen[source] = seen;
  for (const auto& each : to.seen) {
    if (!each) return;
  }
  for (const auto& [from, change] : std::exchange(to.early, {})) hand_out(to, from, change);
}

void watch_hub::arrived(watch_id id, shard_id source, const std::vector<sequenced_change>& changes) {
  for (const auto& change : changes) {
    const auto found = watches_.find(id);  // a callback may remove it
    if (found == watches_.end()) return;
    auto& to = found->second;
    bool ready = true;
    for (const auto& each : to.seen) ready = ready && each;
    if (ready) {
      hand_out(to, source, change);
    } else {
      to.early.emplace_back(source, change);
    }
  }
}

void watch_hub::hand_out(watch& to, shard_id source, const sequenced_change& change) {
  to.seen[source] = change.sequence;
  const auto callback = to.callback;  // it may remove the watch
  callback(kith::actors::change{change.what.profile, change.what.version, change.what.traits, change.what.memberships,
                                cursor_of(to)});
}

void watch_hub::ended(watch_id id, const error& why) {
  const auto found = watches_.find(id);
  if (found == watches_.end()) return;
  const auto callback = found->second.callback;
  remove(id);
  callback(tl::make_unexpected(why));
}

std::string watch_hub::cursor_of(const watch& of) const {
  std::string cursor = std::to_string(environment_.log_id.load());
  for (const auto& seen : of.seen) cursor += '.' + std::to_string(*seen);
  return cursor;
}

}  // namespace kith::actors
