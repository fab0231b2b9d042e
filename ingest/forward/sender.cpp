#include "ingest/forward/sender.hpp"

#include <utility>
#include <algorithm>
#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>
#include <condition_variable>
#include <mutex>
#include <random>
#include <thread>

#include "ingest/forward/outbox.hpp"
#include "net/backoff.hpp"
#include "net/requests.hpp"
#include "persistence/event_letter.hpp"
#include "persistence/thread_name.hpp"
#include "profile/msgpack.hpp"

namespace kith::ingest::forward {

namespace {

using net::rpc_error;
using persistence::lane;
using persistence::lane_count;

constexpr std::chrono::milliseconds reading_again{1000};  ///< after the spool could not be read

struct target {
  net::client_options options;
  std::shared_ptr<net::tls_context> tls;
};

result<std::vector<target>> targets_of(const store_link& link) {
  if (link.servers.empty()) return fail(errc::invalid_argument, "store.servers: name at least one");
  std::vector<target> made;
  for (const auto& each : link.servers) {
    auto tls = net::make_client_context(each);
    if (!tls) return tl::make_unexpected(std::move(tls.error()));
    made.push_back({each, std::move(*tls)});
  }
  return made;
}

std::string address_of(const net::client_options& of) { return of.host + ":" + std::to_string(of.port); }

}  // namespace

struct sender::impl : std::enable_shared_from_this<sender::impl> {
  impl(persistence::spool& spool, persistence::dead_letters& dead, store_link to, sender_environment with)
      : from(spool), letters(dead), link(std::move(to)), environment(std::move(with)), wait(io), random(seed()) {
    for (std::size_t i = 0; i < lane_count; ++i) {
      lanes.emplace_back(static_cast<lane>(i), from.acknowledged(static_cast<lane>(i)), link.batch_bytes,
                         environment.traces);
    }
  }

  static std::minstd_rand seed() { return std::minstd_rand(std::random_device{}()); }

  void wake();
  void pump();
  bool refill();
  batch_ptr next();
  bool has_room() const;
  void begin_span(outgoing_batch& one) const;
  void send(const batch_ptr& one);
  void on_reply(const batch_ptr& one, const net::reply& got);
  void on_outcome(const batch_ptr& one, const actors::publish_outcome& outcome);
  void keep(const batch_ptr& one, std::vector<persistence::dead_letter> dead);
  void settle(const batch_ptr& one);
  void on_refused(const batch_ptr& one, const rpc_error& why);
  void connect();
  void connected();
  void disconnect();
  void broken(const rpc_error& why);
  void end();
  void show();
  void replace(store_link to, std::vector<target> all);

  persistence::spool& from;
  persistence::dead_letters& letters;
  store_link link;
  const sender_environment environment;
  probe counts;

  // The thread's own.
  boost::asio::io_context io{1};
  boost::asio::executor_work_guard<boost::asio::io_context::executor_type> work{io.get_executor()};
  std::vector<target> targets;
  std::vector<outbox> lanes;
  std::shared_ptr<net::client_connection> connection;
  boost::asio::steady_timer wait;  ///< before the next try
  std::minstd_rand random;
  std::uint64_t generation = 0;  ///< of the connection: answers to an older one say nothing
  std::size_t server = 0;        ///< of targets
  unsigned failures = 0;         ///< in a row
  std::size_t in_flight = 0;     ///< batches
  std::size_t in_flight_bytes = 0;
  bool open = false;
  bool waiting = false;  ///< for the timer
  bool ending = false;
  /// One batch goes alone: a store that recovers may refuse it, and take the next one in the next instant.
  bool probing = true;
  std::string told;  ///< the failure that was logged last

  std::atomic<bool> woken{false};
  mutable std::mutex mutex;  ///< of what follows
  std::condition_variable changed;
  sender_status shown;
  bool looked = false;  ///< since drain() asked
  bool all_acknowledged = false;

  std::thread thread;
};

/// From any thread.
void sender::impl::wake() {
  if (woken.exchange(true)) return;
  boost::asio::post(io, [this] {
    woken = false;
    pump();
  });
}

bool sender::impl::has_room() const {
  if (probing) return in_flight == 0;
  return in_flight < link.in_flight_batches && in_flight_bytes < link.in_flight_bytes;
}

/// False: a lane could not be read; it is tried again later.
bool sender::impl::refill() {
  bool good = true;
  for (auto& each : lanes) {
    const auto filled = each.refill(from);
    if (filled) continue;
    good = false;
    if (std::exchange(told, filled.error().message) != told) environment.log("error", told);
  }
  return good;
}

batch_ptr sender::impl::next() {
  for (auto& each : lanes) {
    if (auto one = each.next()) return one;
  }
  return nullptr;
}

void sender::impl::pump() {
  if (waiting || ending) return show();
  const bool readable = refill();
  if (!open) {
    if (!connection) connect();
    return show();
  }
  while (has_room()) {
    const auto one = next();
    if (!one) break;
    send(one);
    // While there is room there is more to read, of the critical lane first.
    refill();
  }
  show();
  if (!readable) {
    wait.expires_after(reading_again);
    wait.async_wait([this](const boost::system::error_code& canceled) {
      if (!canceled) pump();
    });
  }
}

void sender::impl::begin_span(outgoing_batch& one) const {
  if (!one.trace.sampled) return;
  const auto& to = targets[server % targets.size()].options;
  one.sending = actors::open_span(environment.traces, one.trace, actors::span_kind::client, "send");
  one.sending.note("rpc.system", "msgpack_rpc");
  one.sending.note("rpc.service", "kith");
  one.sending.note("rpc.method", "publish");
  one.sending.note("server.address", to.host);
  one.sending.note("server.port", std::int64_t{to.port});
  one.sending.note("kith.events", std::int64_t{one.count});
}

void sender::impl::send(const batch_ptr& one) {
  std::string frame;
  frame.reserve(one->events.size() + 128);
  const auto msgid = connection->next_msgid();
  begin_span(*one);
  net::write_forwarded(frame, msgid, one->events, one->count, {one->source, one->received_ms, one->sending.context()});
  ++in_flight;
  in_flight_bytes += one->events.size();
  counts.sent_events.fetch_add(one->count, std::memory_order_relaxed);
  counts.sent_batches.fetch_add(1, std::memory_order_relaxed);
  connection->send(frame, msgid, [this, one, mine = generation](const net::reply& got) {
    if (mine != generation) return;
    --in_flight;
    in_flight_bytes -= one->events.size();
    on_reply(one, got);
  });
}

void sender::impl::on_reply(const batch_ptr& one, const net::reply& got) {
  if (!got) one->sending.fail(name_of(got.error().code));
  one->sending.end();
  if (!got) return on_refused(one, got.error());
  const auto outcome = net::parse_publish_outcome(*got);
  if (!outcome) return broken({errc::internal, "its answer cannot be read: " + outcome.error().message, 0});
  probing = false;
  failures = 0;
  on_outcome(one, *outcome);
}

void sender::impl::on_outcome(const batch_ptr& one, const actors::publish_outcome& outcome) {
  counts.applied.fetch_add(outcome.applied, std::memory_order_relaxed);
  counts.duplicate.fetch_add(outcome.duplicate, std::memory_order_relaxed);
  if (outcome.rejected.empty()) return settle(one);
  std::vector<persistence::dead_letter> dead;
  profile::msgpack::reader in(one->events);
  std::uint32_t index = 0;
  for (const auto& each : outcome.rejected) {
    if (each.index < index || each.index >= one->count) continue;
    for (; index < each.index; ++index) in.skip();
    ++index;
    const auto event = in.skip();
    if (each.word() == name_of(errc::suppressed)) continue;  // nothing is kept of who was erased
    dead.push_back(persistence::letter_of_event(std::string(event), one->source, "forward", each.word(),
                                                "the store refused it: " + each.message));
  }
  if (dead.empty()) return settle(one);
  keep(one, std::move(dead));
}

void sender::impl::keep(const batch_ptr& one, std::vector<persistence::dead_letter> dead) {
  const auto count = dead.size();
  one->kept = true;
  // It holds us until it has posted: the letters may come to it when the sender has gone.
  letters.put(std::move(dead), [self = shared_from_this(), one, count](const result<void>& kept) {
    boost::asio::post(self->io, [at = self.get(), one, count, kept] {
      one->kept = false;
      if (!kept) return at->broken({kept.error().code, "dead letters: " + kept.error().message, 0});
      at->counts.rejected.fetch_add(count, std::memory_order_relaxed);
      at->settle(one);
    });
  });
}

void sender::impl::settle(const batch_ptr& one) {
  one->settled = true;
  lanes[static_cast<std::size_t>(one->of)].acknowledge(from);
  {
    const std::lock_guard lock(mutex);
    shown.lag_ms = std::max<std::int64_t>(0, environment.now_ms() - one->received_ms);
  }
  pump();
}

/// A whole batch: that says nothing about its events, unless it is too large.
void sender::impl::on_refused(const batch_ptr& one, const rpc_error& why) {
  if (why.code == errc::too_large && one->count > 1) {
    lanes[static_cast<std::size_t>(one->of)].split(one);
  } else if (why.code == errc::too_large) {
    keep(one, {persistence::letter_of_event(one->events, one->source, "forward", name_of(why.code),
                                            "the store refused it: " + why.message)});
  }
  broken(why);
}

void sender::impl::connect() {
  const auto& to = targets[server % targets.size()];
  {
    const std::lock_guard lock(mutex);
    shown.server = address_of(to.options);
  }
  connection = std::make_shared<net::client_connection>(io, to.tls, to.options);
  connection->on_closed([this, mine = generation](const error& why) {
    if (mine == generation) broken({why.code, why.message, 0});
  });
  connection->connect([this, mine = generation](const result<void>& outcome) {
    if (mine != generation) return;
    if (!outcome) return broken({outcome.error().code, outcome.error().message, 0});
    connected();
  });
}

void sender::impl::connected() {
  open = true;
  probing = true;
  told.clear();
  counts.connections.fetch_add(1, std::memory_order_relaxed);
  std::string address;
  {
    const std::lock_guard lock(mutex);
    shown.connected = true;
    shown.why.clear();
    address = shown.server;
  }
  environment.log("info", "connected to the store at " + address);
  pump();
}

/// What is unanswered is to be sent again.
void sender::impl::disconnect() {
  ++generation;
  // It may be what calls us: it is let go of later.
  boost::asio::post(io, [old = std::move(connection)] {});
  connection.reset();
  open = false;
  in_flight = 0;
  in_flight_bytes = 0;
  for (auto& each : lanes) each.rewind();
  const std::lock_guard lock(mutex);
  shown.connected = false;
}

/// It is tried again, at the next server; once all were tried, after a while.
void sender::impl::broken(const rpc_error& why) {
  disconnect();
  counts.retries.fetch_add(1, std::memory_order_relaxed);
  ++failures;
  ++server;
  const auto rounds = failures / static_cast<unsigned>(targets.size());
  auto pause = failures % targets.size() == 0 ? net::backoff(link.retry_first, link.retry_most, rounds - 1, random)
                                              : std::chrono::milliseconds(0);
  pause = std::max(pause, std::chrono::milliseconds(why.retry_after_ms));
  const auto text = std::string(name_of(why.code)) + ": " + why.message;
  {
    const std::lock_guard lock(mutex);
    shown.why = text;
  }
  if (std::exchange(told, text) != text) environment.log("warning", "the store: " + text + "; it is tried again");
  waiting = true;
  wait.expires_after(pause);
  wait.async_wait([this](const boost::system::error_code& canceled) {
    if (canceled) return;
    waiting = false;
    pump();
  });
  show();
}

void sender::impl::end() {
  ending = true;
  wait.cancel();
  disconnect();
  // Behind what has been posted, which lets go of the connection.
  boost::asio::post(io, [this] { io.stop(); });
}

void sender::impl::show() {
  const bool nothing = std::all_of(lanes.begin(), lanes.end(), [](const auto& each) { return each.empty(); });
  const auto backlog = nothing ? from.status().backlog : std::array<std::uint64_t, lane_count>{1, 1};
  const std::lock_guard lock(mutex);
  for (std::size_t i = 0; i < lane_count; ++i) shown.oldest_ms[i] = lanes[i].oldest_ms();
  looked = true;
  all_acknowledged = nothing && backlog[0] == 0 && backlog[1] == 0;
  changed.notify_all();
}

void sender::impl::replace(store_link to, std::vector<target> all) {
  link = std::move(to);
  targets = std::move(all);
  disconnect();
  wait.cancel();
  waiting = false;
  server = 0;
  failures = 0;
  pump();
}

sender::sender(std::shared_ptr<impl> made) : impl_(std::move(made)) {}

sender::~sender() {
  impl_->from.on_durable({});
  boost::asio::post(impl_->io, [at = impl_.get()] { at->end(); });
  if (impl_->thread.joinable()) impl_->thread.join();
}

result<std::unique_ptr<sender>> sender::start(persistence::spool& from, persistence::dead_letters& letters,
                                              store_link to, sender_environment with) {
  auto targets = targets_of(to);
  if (!targets) return tl::make_unexpected(std::move(targets.error()));
  auto made = std::make_shared<impl>(from, letters, std::move(to), std::move(with));
  made->targets = std::move(*targets);
  from.on_durable([at = made.get()] { at->wake(); });
  made->thread = std::thread([at = made.get()] {
    persistence::name_thread("forward-sender");
    at->io.run();
  });
  made->wake();
  return std::unique_ptr<sender>(new sender(std::move(made)));
}

result<void> sender::reconfigure(store_link to) {
  auto targets = targets_of(to);
  if (!targets) return tl::make_unexpected(std::move(targets.error()));
  boost::asio::post(impl_->io, [at = impl_.get(), to = std::move(to), all = std::move(*targets)]() mutable {
    at->replace(std::move(to), std::move(all));
  });
  return {};
}

bool sender::drain(std::chrono::steady_clock::duration patience) {
  {
    const std::lock_guard lock(impl_->mutex);
    impl_->looked = false;
  }
  impl_->wake();
  std::unique_lock lock(impl_->mutex);
  impl_->changed.wait_for(
      lock, patience, [at = impl_.get()] { return at->looked && (at->all_acknowledged || !at->shown.why.empty()); });
  return impl_->looked && impl_->all_acknowledged;
}

const probe& sender::stats() const noexcept { return impl_->counts; }

sender_status sender::status() const {
  const std::lock_guard lock(impl_->mutex);
  return impl_->shown;
}

}  // namespace kith::ingest::forward
