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

/// One sequence a shard, or nothing if the text is no cursor of this process.
std::optional<std::vector<std::uint64_t>> parse_cursor(std::string_view text, std::uint64_t process,
                                                       std::size_t shards) {
  std::uint64_t value = 0;
  if (!parse_number(text, value) || value != process) return std::nullopt;
  std::vector<std::uint64_t> seen;
  while (!text.empty() && text.front() == '.') {
    text.remove_prefix(1);
    if (!parse_number(text, value)) return std::nullopt;
    seen.push_back(value);
  }
  if (!text.empty() || seen.size() != shards) return std::nullopt;
  return seen;
}

}  // namespace

result<watch_id> watch_hub::add(const watch_filter& filter, watch_callback callback) {
  const auto shards = environment_.shards.size();
  std::optional<std::vector<std::uint64_t>> from;
  if (!filter.from.empty()) {
    from = parse_cursor(filter.from, environment_.process, shards);
    if (!from) {
      return fail(errc::invalid_argument,
                  "watch: the cursor \"" + filter.from.substr(0, 64) +
                      "\" is malformed or from before the server's last start; read what you need again and watch "
                      "without `from`");
    }
  }
  const auto id = next_id_++;
  watches_[id] = {std::move(callback), std::vector<std::optional<std::uint64_t>>(shards), {}};
  environment_.watched.store(true, std::memory_order_relaxed);
  environment_.watch_count.fetch_add(1, std::memory_order_relaxed);
  for (shard_id source = 0; source < shards; ++source) {
    auto& there = *environment_.shards[source];
    const auto seen = from ? std::optional((*from)[source]) : std::nullopt;
    there.post([&there, home = home_.id(), id, filter, seen] { there.watches().subscribe(home, id, filter, seen); });
  }
  return id;
}

void watch_hub::remove(watch_id id) {
  if (watches_.erase(id) == 0) return;
  environment_.watch_count.fetch_sub(1, std::memory_order_relaxed);
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

void watch_hub::record(profile::hash128 profile, std::uint64_t version, std::string_view traits,
                       const std::shared_ptr<const membership_change>& memberships,
                       const std::shared_ptr<const std::vector<profile::hash128>>& others) {
  if (!environment_.watched.load(std::memory_order_relaxed)) {
    ++first_;
    return;
  }
  const bool first_of_others = others && others.use_count() == 1;
  const auto bytes = traits.size() + (first_of_others ? others->size() * sizeof(profile::hash128) : 0);
  kept_.push_back({profile, version, traits.empty() ? nullptr : std::make_shared<const std::string>(traits),
                   memberships, others, bytes});
  bytes_ += bytes;
  while (kept_.size() > kept_changes || bytes_ > kept_bytes) {
    bytes_ -= kept_.front().bytes;
    kept_.pop_front();
    ++first_;
  }
  changed_ = true;
}

void watch_hub::subscribe(shard_id home, watch_id id, const watch_filter& filter, std::optional<std::uint64_t> from) {
  const auto next = from ? *from + 1 : end();
  subscriptions_.push_back({home, id, filter.profile, filter.segment, next});
  changed_ = true;
  auto& there = *environment_.shards[home];
  there.post([&there, id, source = home_.id(), next] { there.watches().subscribed(id, source, next - 1); });
}

void watch_hub::unsubscribe(shard_id home, watch_id id) {
  std::erase_if(subscriptions_, [&](const auto& each) { return each.home == home && each.id == id; });
}

bool watch_hub::wants(const subscription& to, const kept_change& change) {
  if (to.profile && *to.profile != change.profile &&
      (!change.others || !std::binary_search(change.others->begin(), change.others->end(), *to.profile))) {
    return false;
  }
  if (to.segment.empty()) return true;
  const auto names = [&](const std::vector<std::string>& in) {
    return std::find(in.begin(), in.end(), to.segment) != in.end();
  };
  return change.memberships && (names(change.memberships->entered) || names(change.memberships->left));
}

void watch_hub::send() {
  if (!std::exchange(changed_, false)) return;
  for (auto& to : subscriptions_) {
    auto& there = *environment_.shards[to.home];
    if (to.next < first_ || to.next > end()) {
      there.post([&there, id = to.id] { there.watches().lost(id); });
      to.next = end();
      continue;
    }
    std::vector<sequenced_change> changes;
    for (; to.next < end(); ++to.next) {
      const auto& kept = kept_[to.next - first_];
      if (wants(to, kept)) changes.push_back({to.next, kept});
    }
    if (changes.empty()) continue;
    there.post([&there, id = to.id, source = home_.id(), changes = std::move(changes)] {
      there.watches().arrived(id, source, changes);
    });
  }
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

void watch_hub::lost(watch_id id) {
  const auto found = watches_.find(id);
  if (found == watches_.end()) return;
  const auto callback = found->second.callback;
  remove(id);
  callback(fail(errc::not_found, "watch: changes behind the cursor are not kept any more (the newest " +
                                     std::to_string(kept_changes) +
                                     " a shard are); read what you need again and watch without `from`"));
}

std::string watch_hub::cursor_of(const watch& of) const {
  std::string cursor = std::to_string(environment_.process);
  for (const auto& seen : of.seen) cursor += '.' + std::to_string(*seen);
  return cursor;
}

}  // namespace kith::actors
