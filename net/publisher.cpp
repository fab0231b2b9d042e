#include "net/publisher.hpp"

#include <utility>
#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>
#include <condition_variable>
#include <future>
#include <mutex>
#include <thread>

#include "net/requests.hpp"
#include "net/retrying_connection.hpp"
#include "persistence/thread_name.hpp"

namespace kith::net {

struct publisher::impl {
  impl(std::shared_ptr<tls_context> tls, client_options options, publisher_options chosen, batch_answered callback)
      : batching(chosen),
        answered(std::move(callback)),
        work(io.get_executor()),
        link(std::make_shared<retrying_connection>(io, std::move(tls), std::move(options))),
        linger(io) {
    thread = std::thread([this] {
      persistence::name_thread("kith-client");
      io.run();
    });
  }

  ~impl() {
    boost::asio::post(io, [this] {
      linger.cancel();
      link->close();
    });
    work.reset();
    boost::asio::post(io, [this] { io.stop(); });
    thread.join();
  }

  bool full() const { return count >= batching.batch_events || events.size() >= batching.batch_bytes; }

  bool has_room() const { return in_flight < batching.in_flight; }

  /// Hands the present batch to the io thread. REQUIRES: the mutex is held.
  void seal() {
    if (count == 0) return;
    ++in_flight;
    ++sealed;
    overdue = false;
    std::string frame;
    write_publish(frame, 0, events, count, batching.publish);
    events.clear();
    boost::asio::post(io, [this, frame = std::move(frame), from = first, n = count]() mutable {
      link->request(std::move(frame), [this, from, n](const reply& got) { on_reply(from, n, got); });
    });
    first += count;
    count = 0;
  }

  void on_reply(std::uint64_t from, std::size_t n, const reply& got) {
    if (got) {
      answered(from, n, parse_publish_outcome(*got));
    } else {
      answered(from, n, fail(got.error().code, got.error().message));
    }
    const std::lock_guard lock(mutex);
    --in_flight;
    if (overdue) seal();
    room.notify_all();
  }

  /// Seals the batch that has number `of` now, unless it was full before.
  void seal_later(std::uint64_t of) {
    boost::asio::post(io, [this, of] {
      linger.expires_after(batching.linger);
      linger.async_wait([this, of](const boost::system::error_code& ec) {
        const std::lock_guard lock(mutex);
        if (ec || sealed != of) return;
        overdue = true;
        if (has_room()) seal();
      });
    });
  }

  const publisher_options batching;
  const batch_answered answered;

  std::mutex mutex;
  std::condition_variable room;
  std::string events;
  std::size_t count = 0;  ///< of events
  std::uint64_t first = 0;
  std::uint64_t sealed = 0;  ///< batches so far
  std::size_t in_flight = 0;
  bool overdue = false;  ///< the present batch has lingered long enough

  boost::asio::io_context io{1};
  boost::asio::executor_work_guard<boost::asio::io_context::executor_type> work;
  std::shared_ptr<retrying_connection> link;
  boost::asio::steady_timer linger;
  std::thread thread;
};

publisher::publisher(std::shared_ptr<impl> made) : impl_(std::move(made)) {}

publisher::~publisher() { flush(); }

result<std::unique_ptr<publisher>> publisher::connect(client_options options, publisher_options batching,
                                                      batch_answered answered) {
  auto tls = make_client_context(options);
  if (!tls) return tl::make_unexpected(std::move(tls.error()));
  auto made = std::make_shared<impl>(std::move(*tls), std::move(options), batching, std::move(answered));
  std::promise<result<void>> connected;
  boost::asio::post(made->io, [&] {
    made->link->connect([&connected](const result<void>& outcome) { connected.set_value(outcome); });
  });
  if (auto outcome = connected.get_future().get(); !outcome) return tl::make_unexpected(std::move(outcome.error()));
  return std::unique_ptr<publisher>(new publisher(std::move(made)));
}

void publisher::add(std::string_view event) {
  std::unique_lock lock(impl_->mutex);
  impl_->room.wait(lock, [&] { return impl_->has_room() || !impl_->full(); });
  if (impl_->full()) impl_->seal();
  impl_->events.append(event);
  if (++impl_->count == 1) impl_->seal_later(impl_->sealed);
  if (impl_->full() && impl_->has_room()) impl_->seal();
}

void publisher::flush() {
  std::unique_lock lock(impl_->mutex);
  impl_->room.wait(lock, [&] { return impl_->has_room(); });
  impl_->seal();
  impl_->room.wait(lock, [&] { return impl_->in_flight == 0; });
}

}  // namespace kith::net
