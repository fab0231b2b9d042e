#include "tests/net/support/fake_service.hpp"

#include <algorithm>
#include <boost/asio/post.hpp>
#include <chrono>

#include "profile/msgpack.hpp"
#include "profile/segments/standing.hpp"

namespace kith::test {

namespace {

bool touches(const actors::change& change, const std::string& segment) {
  if (!change.memberships) return false;
  const auto in = [&](const std::vector<std::string>& names) {
    return std::find(names.begin(), names.end(), segment) != names.end();
  };
  return in(change.memberships->entered) || in(change.memberships->left);
}

}  // namespace

bool eventually(const std::function<bool()>& condition, int seconds) {
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(seconds);
  while (!condition()) {
    if (std::chrono::steady_clock::now() > deadline) return false;
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  }
  return true;
}

fake_service::fake_service(unsigned shards)
    : definitions_(profile::segments::catalog::make({}).value()), latency_(shards) {
  for (unsigned i = 0; i < shards; ++i) {
    auto& made = *shards_.emplace_back(std::make_unique<shard>());
    made.thread = std::thread([&made] { made.io.run(); });
  }
}

fake_service::~fake_service() {
  for (const auto& one : shards_) one->io.stop();
  for (const auto& one : shards_) one->thread.join();
}

void fake_service::put(profile::hash128 address, std::string map) {
  const std::lock_guard lock(mutex_);
  profiles_[address] = std::move(map);
}

void fake_service::hold() {
  const std::lock_guard lock(mutex_);
  holding_ = true;
}

void fake_service::release() {
  const std::lock_guard lock(mutex_);
  holding_ = false;
  for (auto& [home, reply] : std::exchange(held_, {})) boost::asio::post(io(home), std::move(reply));
}

void fake_service::release_backwards() {
  {
    const std::lock_guard lock(mutex_);
    std::reverse(held_.begin(), held_.end());
  }
  release();
}

std::size_t fake_service::held() const {
  const std::lock_guard lock(mutex_);
  return held_.size();
}

void fake_service::set_ready(bool ready) {
  ready_ = ready;
  if (!ready) return;
  for (const auto& one : shards_) {
    boost::asio::post(one->io, [&one] {
      if (one->resumed) one->resumed();
    });
  }
}

void fake_service::emit(const actors::change& change) {
  const std::lock_guard lock(mutex_);
  for (const auto& [id, one] : watchers_) {
    if (one.filter.profile && *one.filter.profile != change.profile) continue;
    if (!one.filter.segment.empty() && !touches(change, one.filter.segment)) continue;
    boost::asio::post(io(one.home), [callback = one.callback, change] { callback(change); });
  }
}

void fake_service::end_watches(const error& why) {
  const std::lock_guard lock(mutex_);
  for (const auto& [id, one] : std::exchange(watchers_, {})) {
    boost::asio::post(io(one.home), [callback = one.callback, why] { callback(tl::make_unexpected(why)); });
  }
}

std::size_t fake_service::watching() const {
  const std::lock_guard lock(mutex_);
  return watchers_.size();
}

std::vector<fake_service::published> fake_service::batches() const {
  const std::lock_guard lock(mutex_);
  return batches_;
}

void fake_service::answer_with(std::function<result<actors::publish_outcome>(const published&)> outcome) {
  const std::lock_guard lock(mutex_);
  outcome_ = std::move(outcome);
}

void fake_service::answer(actors::shard_id home, std::function<void()> reply) {
  const std::lock_guard lock(mutex_);
  if (holding_) {
    held_.emplace_back(home, std::move(reply));
  } else {
    boost::asio::post(io(home), std::move(reply));
  }
}

void fake_service::publish(actors::shard_id home, std::string_view events, actors::publish_options options,
                           std::string_view source, actors::publish_done done) {
  published batch{std::string(events), std::string(source), options};
  actors::publish_outcome all;
  all.applied = profile::msgpack::reader(events).next().size;
  result<actors::publish_outcome> outcome = all;
  {
    const std::lock_guard lock(mutex_);
    batches_.push_back(batch);
    if (outcome_) outcome = outcome_(batch);
  }
  answer(home, [done = std::move(done), outcome] { done(outcome); });
}

void fake_service::read(actors::shard_id home, std::vector<profile::hash128> addresses, profile::field_set,
                        actors::read_done done) {
  ++reads;
  actors::found_profiles found(addresses.size(), 1);
  {
    const std::lock_guard lock(mutex_);
    for (std::size_t i = 0; i < addresses.size(); ++i) {
      const auto at = profiles_.find(addresses[i]);
      if (at == profiles_.end()) continue;
      const auto offset = found.buffer(0).size();
      found.buffer(0).append(at->second);
      found.found(0, i, offset);
    }
  }
  answer(home, [done = std::move(done), found] { done(found); });
}

void fake_service::read_view(actors::shard_id home, std::vector<profile::hash128> addresses, std::string view,
                             actors::read_done done) {
  ++view_reads;
  if (const auto found = views()->find(view); !found) {
    return answer(home, [done = std::move(done), why = found.error()] { done(tl::make_unexpected(why)); });
  }
  read(home, std::move(addresses), {}, std::move(done));
}

std::shared_ptr<const profile::view_set> fake_service::views() const {
  const std::lock_guard lock(mutex_);
  return views_;
}

void fake_service::show(std::shared_ptr<const profile::view_set> views) {
  const std::lock_guard lock(mutex_);
  views_ = std::move(views);
}

void fake_service::put_segments(profile::hash128 address, std::string list) {
  const std::lock_guard lock(mutex_);
  segments_[address] = std::move(list);
}

void fake_service::put_explanation(profile::hash128 address, const std::string& segment, std::string map) {
  const std::lock_guard lock(mutex_);
  explanations_[{address, segment}] = std::move(map);
}

void fake_service::answer_one(actors::shard_id home, const std::string* told, actors::read_done done) {
  actors::found_profiles found(1, 1);
  if (told != nullptr) {
    found.buffer(0) = *told;
    found.found(0, 0, 0);
  }
  answer(home, [done = std::move(done), found] { done(found); });
}

void fake_service::read_segments(actors::shard_id home, profile::hash128 address, actors::read_done done) {
  std::optional<std::string> told;
  {
    const std::lock_guard lock(mutex_);
    if (const auto at = segments_.find(address); at != segments_.end()) told = at->second;
  }
  answer_one(home, told ? &*told : nullptr, std::move(done));
}

void fake_service::explain(actors::shard_id home, profile::hash128 address, std::string segment,
                           actors::read_done done) {
  std::optional<std::string> told;
  {
    const std::lock_guard lock(mutex_);
    if (const auto at = explanations_.find({address, segment}); at != explanations_.end()) told = at->second;
  }
  answer_one(home, told ? &*told : nullptr, std::move(done));
}

void fake_service::put_members(const std::string& segment, std::vector<persistence::members_page::item> sorted) {
  const std::lock_guard lock(mutex_);
  members_[segment] = std::move(sorted);
}

void fake_service::put_preview(result<actors::preview_outcome> outcome) {
  const std::lock_guard lock(mutex_);
  preview_ = std::move(outcome);
}

actors::preview_question fake_service::previewed() const {
  const std::lock_guard lock(mutex_);
  return previewed_;
}

result<actors::preview_outcome> fake_service::preview(const actors::preview_question& asked) {
  const std::lock_guard lock(mutex_);
  previewed_ = asked;
  return preview_;
}

void fake_service::put_failing(std::vector<actors::failing_definition> failing) {
  const std::lock_guard lock(mutex_);
  failing_ = std::move(failing);
}

std::vector<actors::failing_definition> fake_service::failing() const {
  const std::lock_guard lock(mutex_);
  return failing_;
}

void fake_service::set_backfill(actors::backfill_progress progress) {
  const std::lock_guard lock(mutex_);
  backfill_ = progress;
}

void fake_service::refuse_definitions(std::optional<error> why) {
  const std::lock_guard lock(mutex_);
  define_refusal_ = std::move(why);
}

std::size_t fake_service::defined() const {
  const std::lock_guard lock(mutex_);
  return defined_;
}

std::shared_ptr<const profile::segments::catalog> fake_service::definitions() const {
  const std::lock_guard lock(mutex_);
  return definitions_;
}

result<void> fake_service::define(std::shared_ptr<const profile::segments::catalog> definitions) {
  const std::lock_guard lock(mutex_);
  if (define_refusal_) return tl::make_unexpected(*define_refusal_);
  definitions_ = std::move(definitions);
  ++defined_;
  return {};
}

result<void> fake_service::cancel_backfill() {
  const std::lock_guard lock(mutex_);
  if (!backfill_.running) return fail(errc::invalid_argument, "no backfill is under way");
  backfill_.running = false;
  backfill_.cancelled = true;
  return {};
}

result<void> fake_service::resume_backfill() {
  const std::lock_guard lock(mutex_);
  if (!backfill_.cancelled) return fail(errc::invalid_argument, "no backfill was cancelled");
  backfill_.running = true;
  backfill_.cancelled = false;
  return {};
}

actors::backfill_progress fake_service::backfilling() const {
  const std::lock_guard lock(mutex_);
  return backfill_;
}

result<persistence::members_page> fake_service::members(std::string_view segment,
                                                        std::optional<profile::hash128> behind, std::size_t limit) {
  const std::lock_guard lock(mutex_);
  persistence::members_page page;
  const auto found = members_.find(segment);
  if (found == members_.end()) return page;
  for (const auto& each : found->second) {
    if (behind && !(*behind < each.address)) continue;
    if (page.items.size() == limit) {
      page.next = page.items.back().address;
      break;
    }
    page.items.push_back(each);
  }
  return page;
}

result<std::unordered_map<std::uint64_t, std::uint64_t>> fake_service::member_counts() {
  const std::lock_guard lock(mutex_);
  std::unordered_map<std::uint64_t, std::uint64_t> counts;
  for (const auto& [name, list] : members_) counts[profile::segments::segment_key(name)] = list.size();
  return counts;
}

void fake_service::on_resumed(actors::shard_id home, std::function<void()> resumed) {
  shards_[home]->resumed = std::move(resumed);
}

result<actors::watch_id> fake_service::watch(actors::shard_id home, actors::watch_filter filter,
                                             actors::watch_callback callback) {
  if (filter.from == "old") return fail(errc::invalid_argument, "from: too old");
  const std::lock_guard lock(mutex_);
  watchers_.emplace(++last_watch_, watcher{home, std::move(filter), std::move(callback)});
  return last_watch_;
}

void fake_service::unwatch(actors::shard_id, actors::watch_id watch) {
  const std::lock_guard lock(mutex_);
  watchers_.erase(watch);
}

actors::counters fake_service::stats() const {
  actors::counters out;
  out.events_applied = 42;
  return out;
}

}  // namespace kith::test
