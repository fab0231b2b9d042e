#include "webhooks/sender.hpp"

#include <algorithm>
#include <chrono>
#include <curl/curl.h>
#include <map>
#include <random>
#include <tsl/robin_set.h>

#include "webhooks/message.hpp"

namespace kith::webhooks {

namespace {

using persistence::outgoing_change;
using persistence::outgoing_item;
using persistence::outgoing_list;

constexpr std::int64_t first_pause_ms = 5'000;
constexpr std::int64_t longest_pause_ms = 3'600'000;
constexpr std::int64_t longest_pause_of_all_ms = 60'000;  ///< of an endpoint that fails whatever it is sent
constexpr std::chrono::milliseconds look_every{200};
constexpr std::size_t kept_of_an_answer = 200;

struct easy_cleanup {
  void operator()(CURL* handle) const { curl_easy_cleanup(handle); }
};
struct multi_cleanup {
  void operator()(CURLM* handle) const { curl_multi_cleanup(handle); }
};
struct list_cleanup {
  void operator()(curl_slist* list) const { curl_slist_free_all(list); }
};

/// A request under way.
struct exchange {
  outgoing_item item;
  actors::told_change told;
  std::string body;
  std::string answer;  ///< the beginning
  std::unique_ptr<CURL, easy_cleanup> request;
  std::unique_ptr<curl_slist, list_cleanup> headers;
};

std::size_t keep_answer(char* data, std::size_t size, std::size_t count, void* into) {
  auto& answer = *static_cast<std::string*>(into);
  answer.append(data, std::min(size * count, kept_of_an_answer - std::min(kept_of_an_answer, answer.size())));
  return size * count;
}

}  // namespace

struct sender::impl {
  impl(endpoint where, const sender_environment& with) : to(std::move(where)), environment(with) {
    state.name = to.name;
    state.url = to.url;
    state.segments = to.segments;
    thread = std::thread([this] { run(); });
  }
  ~impl() {
    stopping = true;
    curl_multi_wakeup(all.get());
    thread.join();
    for (auto& [handle, each] : under_way) curl_multi_remove_handle(all.get(), handle);
  }

  void run() {
    auto next_look = std::chrono::steady_clock::now();
    while (!stopping) {
      const auto now_ms = environment.now_ms();
      if (std::chrono::steady_clock::now() >= next_look || (window.empty() && took_some)) {
        look(now_ms);
        next_look = std::chrono::steady_clock::now() + look_every;
      }
      // If the clock went back, the pause is one of a time that is over.
      const bool paused = now_ms < paused_until_ms && paused_until_ms - now_ms <= longest_pause_of_all_ms;
      if (!paused && !gone) start_due(now_ms);
      int running = 0;
      curl_multi_perform(all.get(), &running);
      finish();
      curl_multi_poll(all.get(), nullptr, 0, static_cast<int>(look_every.count()), nullptr);
    }
  }

  /// What waits, without what is under way.
  void look(std::int64_t now_ms) {
    took_some = false;
    const auto found = environment.service.outgoing(to.name, outgoing_list::waiting, nullptr, looked_at);
    if (!found) {
      note_error("the queue is not readable: " + found.error().message);
      return;
    }
    window.clear();
    for (const auto& item : *found) {
      const bool sent = std::any_of(under_way.begin(), under_way.end(), [&](const auto& each) {
        return each.second->item.id == item.id && each.second->item.at_us == item.at_us;
      });
      if (!sent) window.push_back(item);
    }
    const std::lock_guard lock(mutex);
    state.waiting = found->size();
    state.oldest_ms = found->empty() ? 0 : std::min(found->front().at_us / 1000, now_ms);
  }

  void start_due(std::int64_t now_ms) {
    const std::size_t most = failures > 0 ? 1 : to.concurrency;
    tsl::robin_set<profile::hash128, profile::hash128_hasher> held_up;
    for (const auto& [handle, each] : under_way) held_up.insert(each->told.profile);
    std::vector<outgoing_item> left;
    for (auto& item : window) {
      if (under_way.size() >= most) {
        left.push_back(std::move(item));
        continue;
      }
      auto told = actors::told_change::decode(item.content);
      if (!told) {
        give_up(item, told.error().message);
        continue;
      }
      const bool is_early = told->next_ms > now_ms && told->next_ms - now_ms <= longest_pause_ms;
      const bool waits = held_up.contains(told->profile) || is_early;
      held_up.insert(told->profile);
      if (waits) {
        left.push_back(std::move(item));
      } else {
        start(std::move(item), std::move(*told), now_ms);
      }
    }
    window = std::move(left);
  }

  void start(outgoing_item item, actors::told_change told, std::int64_t now_ms) {
    auto made = std::make_unique<exchange>();
    made->item = std::move(item);
    made->told = std::move(told);
    const auto id = message_id(made->item.id);
    made->body = cloud_event(made->told, id, environment.source);
    made->request.reset(curl_easy_init());
    curl_slist* headers = nullptr;
    for (const auto& line : {"content-type: application/cloudevents+json; charset=utf-8", "expect:"}) {
      headers = curl_slist_append(headers, line);
    }
    const auto timestamp_s = now_ms / 1000;
    headers = curl_slist_append(headers, ("webhook-id: " + id).c_str());
    headers = curl_slist_append(headers, ("webhook-timestamp: " + std::to_string(timestamp_s)).c_str());
    headers = curl_slist_append(headers,
                                ("webhook-signature: " + signature(to.secrets, id, timestamp_s, made->body)).c_str());
    made->headers.reset(headers);
    auto* request = made->request.get();
    curl_easy_setopt(request, CURLOPT_URL, to.url.c_str());
    curl_easy_setopt(request, CURLOPT_PROTOCOLS_STR, "http,https");
    curl_easy_setopt(request, CURLOPT_FOLLOWLOCATION, 0L);
    curl_easy_setopt(request, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(request, CURLOPT_TIMEOUT_MS, static_cast<long>(to.timeout.count()));
    curl_easy_setopt(request, CURLOPT_POST, 1L);
    curl_easy_setopt(request, CURLOPT_POSTFIELDS, made->body.data());
    curl_easy_setopt(request, CURLOPT_POSTFIELDSIZE_LARGE, static_cast<curl_off_t>(made->body.size()));
    curl_easy_setopt(request, CURLOPT_HTTPHEADER, headers);
    curl_easy_setopt(request, CURLOPT_USERAGENT, "kith/" KITH_VERSION);
    curl_easy_setopt(request, CURLOPT_WRITEFUNCTION, keep_answer);
    curl_easy_setopt(request, CURLOPT_WRITEDATA, &made->answer);
    if (!to.ca.empty()) curl_easy_setopt(request, CURLOPT_CAINFO, to.ca.c_str());
    curl_multi_add_handle(all.get(), request);
    under_way.emplace(request, std::move(made));
  }

  void finish() {
    int left = 0;
    std::vector<outgoing_change> changes;
    while (const auto* message = curl_multi_info_read(all.get(), &left)) {
      if (message->msg != CURLMSG_DONE) continue;
      const auto found = under_way.find(message->easy_handle);
      const auto outcome = message->data.result;
      curl_multi_remove_handle(all.get(), found->first);
      const auto done = std::move(found->second);
      under_way.erase(found);
      finished(*done, outcome, changes);
      took_some = true;
    }
    if (changes.empty()) return;
    if (const auto kept = environment.service.change_outgoing(changes); !kept) return note_error(kept.error().message);
    const auto of = [&](outgoing_list list, bool taken_away) {
      return static_cast<std::uint64_t>(std::count_if(changes.begin(), changes.end(), [&](const auto& each) {
        return each.list == list && each.gone == taken_away;
      }));
    };
    const auto dead = of(outgoing_list::dead, false);
    const std::lock_guard lock(mutex);
    state.dead += dead;
    state.delivered += of(outgoing_list::waiting, true) - dead;
  }

  void finished(exchange& of, CURLcode outcome, std::vector<outgoing_change>& changes) {
    const auto now_ms = environment.now_ms();
    long code = 0;
    curl_easy_getinfo(of.request.get(), CURLINFO_RESPONSE_CODE, &code);
    if (outcome == CURLE_OK && code >= 200 && code < 300) {
      failures = 0;
      changes.push_back({outgoing_list::waiting, std::move(of.item), true});
      const std::lock_guard lock(mutex);
      state.last_success_ms = now_ms;
      state.now = sending::delivering;
      return;
    }
    auto why = outcome == CURLE_OK ? "it answered " + std::to_string(code) + ": " + of.answer
                                   : std::string(curl_easy_strerror(outcome));
    if (outcome == CURLE_OK && code == 410) {
      gone = true;
      note_error(why);
      {
        const std::lock_guard lock(mutex);
        state.now = sending::gone;
      }
      environment.log("warning",
                      "webhook " + to.name + ": " + to.url +
                          " says that it is gone (410): nothing is sent to it until SIGHUP or a restart; what "
                          "it is to be told waits");
      return;
    }
    ++failures;
    paused_until_ms = now_ms + pause(failures, longest_pause_of_all_ms) / 5;
    curl_off_t asked_s = 0;
    curl_easy_getinfo(of.request.get(), CURLINFO_RETRY_AFTER, &asked_s);
    auto& told = of.told;
    ++told.attempts;
    told.last_error = why.substr(0, kept_of_an_answer);
    told.next_ms = now_ms + std::max(pause(told.attempts, longest_pause_ms),
                                     std::min<std::int64_t>(asked_s * 1000, longest_pause_ms));
    note_error(why);
    {
      const std::lock_guard lock(mutex);
      ++state.failed;
      state.now = sending::failing;
    }
    if (now_ms - of.item.at_us / 1000 >= to.retry_for.count()) return bury(std::move(of.item), told, changes);
    of.item.content = told.encode();
    changes.push_back({outgoing_list::waiting, std::move(of.item), false});
  }

  void bury(outgoing_item item, const actors::told_change& told, std::vector<outgoing_change>& changes) {
    environment.log("warning", "webhook " + to.name + ": gave up telling " + to.url + " that " + to_hex(told.profile) +
                                   (told.entered ? " entered " : " left ") + told.segment + " after " +
                                   std::to_string(told.attempts) + " attempts (" + told.last_error +
                                   "); it is among the dead letters");
    changes.push_back({outgoing_list::waiting, item, true});
    item.content = told.encode();
    changes.push_back({outgoing_list::dead, std::move(item), false});
  }

  /// What cannot even be read.
  void give_up(const outgoing_item& item, const std::string& why) {
    const std::vector<outgoing_change> changes = {{outgoing_list::waiting, item, true},
                                                  {outgoing_list::dead, item, false}};
    if (const auto kept = environment.service.change_outgoing(changes); !kept) return note_error(kept.error().message);
    note_error(why);
    const std::lock_guard lock(mutex);
    ++state.dead;
  }

  /// Twice as long each time, and by chance up to a half less, so that senders do not come all at once.
  std::int64_t pause(std::uint64_t attempts, std::int64_t longest) {
    const auto whole = std::min(longest, first_pause_ms << std::min<std::uint64_t>(attempts - 1, 20));
    return whole - std::uniform_int_distribution<std::int64_t>(0, whole / 2)(chance);
  }

  void note_error(const std::string& why) {
    const std::lock_guard lock(mutex);
    state.last_error = why;
  }

  const endpoint to;
  const sender_environment& environment;
  std::unique_ptr<CURLM, multi_cleanup> all{curl_multi_init()};
  std::map<CURL*, std::unique_ptr<exchange>> under_way;
  std::vector<outgoing_item> window;  ///< waits, the oldest first
  bool took_some = true;              ///< since the queue was looked at
  bool gone = false;
  std::uint64_t failures = 0;  ///< since the last success
  std::int64_t paused_until_ms = 0;
  std::mt19937_64 chance{std::random_device{}()};
  std::atomic<bool> stopping{false};
  mutable std::mutex mutex;
  status state;
  std::thread thread;
};

sender::sender(endpoint to, const sender_environment& environment)
    : impl_(std::make_unique<impl>(std::move(to), environment)) {}
sender::~sender() = default;

status sender::now() const {
  const std::lock_guard lock(impl_->mutex);
  return impl_->state;
}

}  // namespace kith::webhooks
