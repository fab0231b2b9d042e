#include "ingest/outgoing/fetch.hpp"

#include <map>
#include <mutex>
#include <thread>

#include "net/outgoing_request.hpp"
#include "persistence/thread_name.hpp"

namespace kith::ingest::outgoing {

namespace {

constexpr int longest_poll_ms = 1'000;

struct exchange {
  std::unique_ptr<net::outgoing_request> request;
  fetcher::callback done;
};

/// As libcurl wants it: before and behind all else of it, and by count.
struct curl_in_use {
  curl_in_use() { curl_global_init(CURL_GLOBAL_DEFAULT); }
  ~curl_in_use() { curl_global_cleanup(); }
  curl_in_use(const curl_in_use&) = delete;
  curl_in_use& operator=(const curl_in_use&) = delete;
};

tl::unexpected<error> stopped() { return fail(errc::unavailable, "the server is stopping"); }

}  // namespace

/// Owned by the thread too: the last callback may be what ends the fetcher.
struct curl_fetcher::impl {
  explicit impl(net::outgoing_rules which) : rules(std::move(which)) {}

  result<void> take(exchange one) {
    const std::lock_guard lock(mutex);
    if (stopping) return stopped();
    if (count == most_under_way) {
      return fail(errc::resource_exhausted,
                  "already " + std::to_string(most_under_way) + " requests to other servers are under way");
    }
    ++count;
    waiting.push_back(std::move(one));
    return {};
  }

  void run() {
    persistence::name_thread("fetch");
    for (;;) {
      if (!start_waiting()) break;
      int running = 0;
      curl_multi_perform(all.get(), &running);
      finish();
      curl_multi_poll(all.get(), nullptr, 0, longest_poll_ms, nullptr);
    }
    for (auto& [handle, each] : under_way) {
      curl_multi_remove_handle(all.get(), handle);
      each.done(stopped());
    }
    under_way.clear();
  }

  /// False: it is time to end.
  bool start_waiting() {
    std::vector<exchange> taken;
    bool ends = false;
    {
      const std::lock_guard lock(mutex);
      taken.swap(waiting);
      ends = stopping;
    }
    for (auto& each : taken) {
      auto* handle = each.request->handle();
      curl_multi_add_handle(all.get(), handle);
      under_way.emplace(handle, std::move(each));
    }
    return !ends;
  }

  void finish() {
    int left = 0;
    while (const auto* message = curl_multi_info_read(all.get(), &left)) {
      if (message->msg != CURLMSG_DONE) continue;
      const auto code = message->data.result;
      const auto found = under_way.find(message->easy_handle);
      curl_multi_remove_handle(all.get(), found->first);
      const auto one = std::move(found->second);
      under_way.erase(found);
      bool ends = false;
      {
        const std::lock_guard lock(mutex);
        --count;
        ends = stopping;
      }
      const auto status = one.request->outcome(code);
      if (ends) {  // a callback before this one may have been what ended the fetcher
        one.done(stopped());
      } else if (!status) {
        one.done(tl::make_unexpected(status.error()));
      } else {
        one.done(fetch_response{*status, std::move(one.request->answer())});
      }
    }
  }

  const curl_in_use in_use;
  const net::outgoing_rules rules;
  net::curl_multi all{curl_multi_init()};
  std::map<CURL*, exchange> under_way;  ///< of the thread alone
  std::mutex mutex;
  std::vector<exchange> waiting;
  std::size_t count = 0;  ///< waiting and under way
  bool stopping = false;
  std::thread thread;
};

curl_fetcher::curl_fetcher(net::outgoing_rules rules) : impl_(std::make_shared<impl>(std::move(rules))) {
  impl_->thread = std::thread([impl = impl_] { impl->run(); });
}

curl_fetcher::~curl_fetcher() {
  {
    const std::lock_guard lock(impl_->mutex);
    impl_->stopping = true;
  }
  curl_multi_wakeup(impl_->all.get());
  if (impl_->thread.get_id() == std::this_thread::get_id()) {
    impl_->thread.detach();
  } else {
    impl_->thread.join();
  }
}

void curl_fetcher::fetch(fetch_request request, callback done) {
  auto made = net::outgoing_request::make(request.url, impl_->rules,
                                          {request.timeout, request.most_bytes, false, std::move(request.ca)});
  if (!made) return done(tl::make_unexpected(made.error()));
  for (const auto& line : request.headers) (*made)->add_header(line);
  if (request.is_post) (*made)->post(std::move(request.body));
  if (auto taken = impl_->take({std::move(*made), done}); !taken) return done(tl::make_unexpected(taken.error()));
  curl_multi_wakeup(impl_->all.get());
}

}  // namespace kith::ingest::outgoing
