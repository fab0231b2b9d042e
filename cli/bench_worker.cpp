#include "cli/bench_worker.hpp"

#include <algorithm>

#include "actors/clock.hpp"
#include "net/requests.hpp"

namespace kith::cli {

namespace {

constexpr std::size_t connecting_at_once = 64;
constexpr std::int64_t first_event_ms = 1'700'000'000'000;
constexpr std::uint64_t event_span_ms = 604'800'000;  ///< a week: what the profiles keep in memory
constexpr std::chrono::microseconds tick_interval{200};

/// Worker `index`'s share of `all`: shares differ by one at most and stand one after another.
std::uint64_t share_begin(std::uint64_t all, unsigned threads, unsigned index) {
  return all / threads * index + std::min<std::uint64_t>(all % threads, index);
}
std::uint64_t share(std::uint64_t all, unsigned threads, unsigned index) {
  return share_begin(all, threads, index + 1) - share_begin(all, threads, index);
}

}  // namespace

void bench_result::add(const bench_result& other) {
  events += other.events;
  applied += other.applied;
  duplicate += other.duplicate;
  rejected += other.rejected;
  found += other.found;
  missing += other.missing;
  errors += other.errors;
  if (!other.last_error.empty()) last_error = other.last_error;
  latency.add(other.latency);
  started = std::min(started, other.started);
  ended = std::max(ended, other.ended);
}

bench_worker::bench_worker(const bench_plan& plan, unsigned index, net::client_options options,
                           std::atomic<std::uint64_t>& done, progress* bar)
    : plan_(plan),
      options_(std::move(options)),
      first_(share_begin(plan.events, plan.threads, index)),
      events_(share(plan.events, plan.threads, index)),
      connections_(share(plan.connections, plan.threads, index)),
      rate_(plan.rate / plan.threads),
      done_(done),
      bar_(bar),
      random_(plan.seed + index),
      event_(static_cast<std::uint32_t>(std::mt19937_64(plan.seed)()), plan.id_prefix, plan.two_ids),
      spread_(plan.profiles) {
  if (plan.zipf > 0) zipf_.emplace(plan.profiles, plan.zipf);
}

std::uint64_t bench_worker::pick_user(std::uint64_t number) {
  if (plan_.in_turn) return number % plan_.profiles;
  if (zipf_) return spread_((*zipf_)(random_));
  return random_() % plan_.profiles;
}

result<void> bench_worker::connect() {
  auto tls = net::make_client_context(options_);
  if (!tls) return tl::make_unexpected(tls.error());
  std::size_t answers = 0;
  std::optional<error> failure;
  std::function<void()> more = [&] {
    while (!failure && lanes_.size() < connections_ && lanes_.size() - answers < connecting_at_once) {
      auto& made = lanes_.emplace_back();
      made.connection = std::make_unique<net::client_connection>(io_, *tls, options_);
      made.connection->connect([&](const result<void>& outcome) {
        if (!outcome) failure = outcome.error();
        ++answers;
        more();
      });
    }
  };
  more();
  while (answers < connections_ && !failure) io_.run_one();
  if (!failure) {
    for (lane_number at = 0; at < lanes_.size(); ++at) free_.push_back(at);
    return {};
  }
  lanes_.clear();
  return tl::make_unexpected(*failure);
}

void bench_worker::run() {
  result_.started = result_.ended = clock::now();
  fill();
  if (rate_ > 0) tick();
  // Without open lanes and replies to come nothing is left to be done.
  while (result_.events < events_ && (in_flight_ > 0 || !free_.empty())) io_.run_one();
  timer_.cancel();
}

void bench_worker::tick() {
  timer_.expires_after(tick_interval);
  timer_.async_wait([this](const boost::system::error_code& ec) {
    if (ec) return;
    fill();
    tick();
  });
}

bool bench_worker::due(clock::time_point now) const {
  if (issued_ >= events_) return false;
  if (rate_ <= 0) return true;
  const auto elapsed = std::chrono::duration<double>(now - result_.started).count();
  return static_cast<double>(issued_) <= elapsed * rate_;
}

void bench_worker::fill() {
  const auto now = clock::now();
  while (!free_.empty() && due(now)) {
    const auto at = free_.front();
    free_.pop_front();
    if (!lanes_[at].connection->is_open()) continue;
    send(at);
    if (lanes_[at].in_flight < plan_.pipeline) free_.push_back(at);
  }
}

void bench_worker::send(lane_number at) {
  const auto count = std::min<std::uint64_t>(plan_.batch, events_ - issued_);
  // With a rate, latency counts from when the request should have left: a slow server cannot hide its queue.
  auto intended = clock::now();
  if (rate_ > 0) {
    intended = result_.started + std::chrono::duration_cast<clock::duration>(
                                     std::chrono::duration<double>(static_cast<double>(issued_) / rate_));
  }
  const bool publishes = plan_.what == bench_kind::publish || (plan_.what == bench_kind::mixed && requests_ % 2 == 0);
  ++requests_;
  ++in_flight_;
  ++lanes_[at].in_flight;
  if (publishes) {
    send_publish(at, count, intended);
  } else {
    send_get(at, count, intended);
  }
  issued_ += count;
}

void bench_worker::send_publish(lane_number at, std::size_t count, clock::time_point intended) {
  payload_.clear();
  const auto now_ms = plan_.now ? actors::wall_clock_ms() : 0;
  for (std::size_t i = 0; i < count; ++i) {
    const auto number = first_ + issued_ + i;
    const auto user = pick_user(number);
    const auto time_ms = plan_.now ? now_ms : first_event_ms + static_cast<std::int64_t>(number % event_span_ms);
    event_.append(payload_, number, user, time_ms, plan_.steady_traits ? user : number);
  }
  auto& to = *lanes_[at].connection;
  const auto msgid = to.next_msgid();
  actors::publish_options options;
  options.wait_for = plan_.memory ? actors::durability::memory : actors::durability::fsync;
  frame_.clear();
  net::write_publish(frame_, msgid, payload_, count, options);
  to.send(frame_, msgid, [this, at, count, intended](const net::reply& reply) {
    if (!reply) {
      count_failure(count, reply.error().message);
    } else if (const auto outcome = net::parse_publish_outcome(*reply); outcome) {
      result_.applied += outcome->applied;
      result_.duplicate += outcome->duplicate;
      result_.rejected += outcome->rejected.size();
    } else {
      count_failure(count, outcome.error().message);
    }
    answered(at, count, intended);
  });
}

void bench_worker::send_get(lane_number at, std::size_t count, clock::time_point intended) {
  ids_.resize(count);
  for (std::size_t i = 0; i < count; ++i) {
    set_bench_user(ids_[i].value, plan_.id_prefix, pick_user(first_ + issued_ + i));
  }
  auto& to = *lanes_[at].connection;
  const auto msgid = to.next_msgid();
  frame_.clear();
  if (count == 1) {
    net::write_get(frame_, msgid, ids_.front(), plan_.fields, plan_.view);
  } else {
    net::write_get_many(frame_, msgid, ids_, plan_.fields, plan_.view);
  }
  to.send(frame_, msgid, [this, at, count, intended](const net::reply& reply) {
    if (!reply && reply.error().code == errc::not_found) {
      ++result_.missing;
    } else if (!reply) {
      count_failure(count, reply.error().message);
    } else if (count == 1) {
      ++result_.found;
    } else {
      profile::msgpack::reader in(*reply);
      for (auto left = in.next().size; left > 0; --left) {
        const auto profile = in.skip();
        if (profile.empty()) break;
        ++(profile.front() == '\xc0' ? result_.missing : result_.found);
      }
    }
    answered(at, count, intended);
  });
}

void bench_worker::count_failure(std::size_t count, const std::string& why) {
  result_.errors += count;
  result_.last_error = why;
}

void bench_worker::answered(lane_number at, std::size_t count, clock::time_point intended) {
  result_.ended = clock::now();
  const auto latency = std::chrono::duration_cast<std::chrono::microseconds>(result_.ended - intended).count();
  result_.latency.record(static_cast<std::uint64_t>(std::max<std::int64_t>(latency, 0)));
  result_.events += count;
  const auto done = done_.fetch_add(count, std::memory_order_relaxed) + count;
  if (bar_ != nullptr) bar_->update(done, done);
  --in_flight_;
  if (lanes_[at].in_flight-- == plan_.pipeline) free_.push_back(at);
  fill();
}

}  // namespace kith::cli
