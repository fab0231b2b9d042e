#include "webhooks/sender.hpp"

#include <algorithm>
#include <chrono>
#include <map>
#include <random>
#include <tsl/robin_set.h>

#include "net/outgoing_request.hpp"
#include "net/outgoing_url.hpp"
#include "persistence/thread_name.hpp"
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

/// A request under way.
struct exchange {
  outgoing_item item;
  actors::told_change told;
  std::unique_ptr<net::outgoing_request> request;
  actors::open_span span;
};

}  // namespace

struct sender::impl {
  impl(endpoint where, net::outgoing_rules may, const sender_environment& with)
      : to(std::move(where)), rules(std::move(may)), environment(with) {
    state.name = to.name;
    state.url = to.url;
    state.segments = to.segments;
    state.purpose = to.purpose;
    thread = std::thread([this] { run(); });
  }
  ~impl() {
    stopping = true;
    curl_multi_wakeup(all.get());
    thread.join();
    for (auto& [handle, each] : under_way) curl_multi_remove_handle(all.get(), handle);
  }

  void run() {
    persistence::name_thread("webhook");
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
    auto request = net::outgoing_request::make(to.url, rules, {to.timeout, kept_of_an_answer, true, to.ca});
    if (!request) {
      std::vector<outgoing_change> changes;
      finished(*made, tl::make_unexpected(request.error()), changes);
      return keep(changes);
    }
    made->request = std::move(*request);
    const auto id = message_id(made->item.id);
    const auto body = cloud_event(made->told, id, environment.source);
    const auto timestamp_s = now_ms / 1000;
    made->request->add_header("content-type: application/cloudevents+json; charset=utf-8");
    made->request->add_header("webhook-id: " + id);
    made->request->add_header("webhook-timestamp: " + std::to_string(timestamp_s));
    made->request->add_header("webhook-signature: " + signature(to.secrets, id, timestamp_s, body));
    if (environment.traces != nullptr) made->request->add_header("traceparent: " + begin_span(*made));
    made->request->post(body);
    auto* handle = made->request->handle();
    curl_multi_add_handle(all.get(), handle);
    under_way.emplace(handle, std::move(made));
  }

  /// What the endpoint is told of it: of a trace that is not sampled, that it is not.
  std::string begin_span(exchange& of) const {
    const auto within = environment.traces->recall(of.item.id);
    of.span = actors::open_span(environment.traces, within, actors::span_kind::client, "webhook");
    if (!of.span.on()) return traceparent_of(environment.traces->unsampled());
    of.span.note("http.request.method", "POST");
    of.span.note("url.full", net::shown_url(to.url));
    if (const auto url = net::parse_outgoing_url(to.url)) {
      of.span.note("server.address", url->host);
      of.span.note("server.port", std::int64_t{url->port});
    }
    if (of.told.attempts > 0) of.span.note("http.request.resend_count", std::int64_t{of.told.attempts});
    of.span.note("kith.webhook", to.name);
    return traceparent_of(of.span.context());
  }

  static void end_span(exchange& of, const result<unsigned>& answered) {
    if (!of.span.on()) return;
    // A redirect is not followed: what was to be told was not taken.
    const bool good = answered && *answered >= 200 && *answered < 300;
    if (answered) of.span.note("http.response.status_code", std::int64_t{*answered});
    const auto why = answered ? std::to_string(*answered) : std::string(name_of(answered.error().code));
    if (!good) of.span.note("error.type", why);
    if (!good) of.span.fail(answered ? "answered with " + why : why);
    of.span.end();
  }

  void finish() {
    int left = 0;
    std::vector<outgoing_change> changes;
    while (const auto* message = curl_multi_info_read(all.get(), &left)) {
      if (message->msg != CURLMSG_DONE) continue;
      const auto found = under_way.find(message->easy_handle);
      const auto code = message->data.result;
      curl_multi_remove_handle(all.get(), found->first);
      const auto done = std::move(found->second);
      under_way.erase(found);
      finished(*done, done->request->outcome(code), changes);
      took_some = true;
    }
    keep(changes);
  }

  void keep(const std::vector<outgoing_change>& changes) {
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

  /// `answered`: the status; a request that was refused before it began has none.
  void finished(exchange& of, const result<unsigned>& answered, std::vector<outgoing_change>& changes) {
    const auto now_ms = environment.now_ms();
    end_span(of, answered);
    if (answered && *answered >= 200 && *answered < 300) {
      failures = 0;
      changes.push_back({outgoing_list::waiting, std::move(of.item), true});
      const std::lock_guard lock(mutex);
      state.last_success_ms = now_ms;
      state.now = sending::delivering;
      return;
    }
    const auto why =
        answered ? "it answered " + std::to_string(*answered) + ": " + of.request->answer() : answered.error().message;
    if (answered && *answered == 410) {
      gone = true;
      note_error(why);
      {
        const std::lock_guard lock(mutex);
        state.now = sending::gone;
      }
      environment.log("warning",
                      "webhook " + to.name + ": " + net::shown_url(to.url) +
                          " says that it is gone (410): nothing is sent to it until SIGHUP or a restart; what "
                          "it is to be told waits");
      return;
    }
    ++failures;
    paused_until_ms = now_ms + pause(failures, longest_pause_of_all_ms) / 5;
    const std::int64_t asked_s = of.request ? of.request->retry_after().count() : 0;
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
    environment.log("warning", "webhook " + to.name + ": gave up telling " + net::shown_url(to.url) + " that " +
                                   to_hex(told.profile) + (told.entered ? " entered " : " left ") + told.segment +
                                   " after " + std::to_string(told.attempts) + " attempts (" + told.last_error +
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
  const net::outgoing_rules rules;
  const sender_environment& environment;
  net::curl_multi all{curl_multi_init()};
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

sender::sender(endpoint to, net::outgoing_rules rules, const sender_environment& environment)
    : impl_(std::make_unique<impl>(std::move(to), std::move(rules), environment)) {}
sender::~sender() = default;

status sender::now() const {
  const std::lock_guard lock(impl_->mutex);
  return impl_->state;
}

}  // namespace kith::webhooks
