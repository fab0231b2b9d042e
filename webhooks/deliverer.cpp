#include "webhooks/deliverer.hpp"

#include <algorithm>
#include <curl/curl.h>

#include "persistence/thread_name.hpp"
#include "webhooks/message.hpp"

namespace kith::webhooks {

namespace {

using persistence::outgoing_change;
using persistence::outgoing_item;
using persistence::outgoing_list;

constexpr std::chrono::milliseconds save_every{250};
constexpr std::size_t decided_at_once = 1000;

}  // namespace

std::shared_ptr<const std::vector<actors::outgoing_rule>> rules_of(const std::vector<endpoint>& endpoints) {
  auto rules = std::make_shared<std::vector<actors::outgoing_rule>>();
  rules->reserve(endpoints.size());
  for (const auto& each : endpoints) rules->push_back({each.name, each.segments, each.purpose});
  return rules;
}

struct deliverer::impl {
  explicit impl(sender_environment with) : environment(std::move(with)) {
    curl_global_init(CURL_GLOBAL_DEFAULT);
    saver = std::thread([this] { save(); });
  }
  ~impl() {
    {
      const std::lock_guard lock(mutex);
      stopping = true;
    }
    changed.notify_all();
    saver.join();
    senders.clear();
    curl_global_cleanup();
  }

  /// What shards know goes into the queues every now and then.
  void save() {
    persistence::name_thread("webhook-saver");
    std::unique_lock lock(mutex);
    while (!stopping) {
      changed.wait_for(lock, save_every, [this] { return stopping; });
      if (stopping || senders.empty()) continue;
      lock.unlock();
      // It fails while the server recovers, and once its disk failed: both are told elsewhere.
      static_cast<void>(environment.service.save_memberships());
      lock.lock();
    }
  }

  bool has(const std::string& name) const {
    const std::lock_guard lock(mutex);
    return std::any_of(senders.begin(), senders.end(), [&](const auto& each) { return each->now().name == name; });
  }

  const sender_environment environment;
  mutable std::mutex mutex;
  std::condition_variable changed;
  bool stopping = false;
  std::vector<std::unique_ptr<sender>> senders;
  std::thread saver;
};

deliverer::deliverer(sender_environment environment) : impl_(std::make_unique<impl>(std::move(environment))) {}
deliverer::~deliverer() = default;

void deliverer::deliver_to(std::vector<endpoint> endpoints, const net::outgoing_rules& rules) {
  std::vector<std::unique_ptr<sender>> before;
  {
    const std::lock_guard lock(impl_->mutex);
    before.swap(impl_->senders);
  }
  before.clear();  // two senders of one queue would send twice
  impl_->environment.service.tell_outside(rules_of(endpoints));
  const std::lock_guard lock(impl_->mutex);
  for (auto& each : endpoints) {
    impl_->senders.push_back(std::make_unique<sender>(std::move(each), rules, impl_->environment));
  }
}

std::vector<status> deliverer::statuses() const {
  const std::lock_guard lock(impl_->mutex);
  std::vector<status> all;
  all.reserve(impl_->senders.size());
  for (const auto& each : impl_->senders) all.push_back(each->now());
  return all;
}

result<std::vector<dead_letter>> deliverer::dead_letters(const std::string& name, const outgoing_item* behind,
                                                         std::size_t limit) const {
  if (!impl_->has(name)) return fail(errc::not_found, "there is no webhook \"" + name + "\"");
  auto items = impl_->environment.service.outgoing(name, outgoing_list::dead, behind, limit);
  if (!items) return tl::make_unexpected(items.error());
  std::vector<dead_letter> letters;
  letters.reserve(items->size());
  for (auto& item : *items) {
    auto told = actors::told_change::decode(item.content);
    letters.push_back({std::move(item), told ? std::move(*told) : actors::told_change{}});
    if (!told) letters.back().told.last_error = told.error().message;
  }
  return letters;
}

result<std::size_t> deliverer::decide(const std::string& name, const std::optional<std::vector<std::string>>& ids,
                                      fate what) {
  auto unknown = ids.value_or(std::vector<std::string>());
  std::size_t decided = 0;
  std::optional<outgoing_item> behind;
  for (;;) {
    const auto letters = dead_letters(name, behind ? &*behind : nullptr, decided_at_once);
    if (!letters) return tl::make_unexpected(letters.error());
    if (letters->empty()) break;
    behind = letters->back().item;
    std::vector<outgoing_change> changes;
    for (const auto& letter : *letters) {
      if (ids && std::erase(unknown, message_id(letter.item.id)) == 0) continue;
      ++decided;
      changes.push_back({outgoing_list::dead, letter.item, true});
      if (what == fate::drop) continue;
      auto again = letter.told;
      again.attempts = 0;
      again.next_ms = 0;
      // It has as long as a new one has; the event keeps its id.
      changes.push_back(
          {outgoing_list::waiting, {name, impl_->environment.now_ms() * 1000, letter.item.id, again.encode()}, false});
    }
    if (changes.empty()) continue;
    if (auto kept = impl_->environment.service.change_outgoing(changes); !kept) {
      return tl::make_unexpected(kept.error());
    }
  }
  if (!unknown.empty()) {
    return fail(errc::not_found, "there is no dead letter \"" + unknown.front() + "\" of the webhook \"" + name +
                                     "\"; " + std::to_string(decided) + " others were found");
  }
  return decided;
}

}  // namespace kith::webhooks
