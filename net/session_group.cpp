#include "net/session_group.hpp"

#include <algorithm>
#include <boost/asio/post.hpp>

#include "net/session.hpp"

namespace kith::net {

namespace {

/// Often enough that a time-out is at most a quarter late.
std::chrono::milliseconds sweep_interval(const limits::connection& bounds) {
  const auto shortest = std::min({bounds.handshake_timeout, bounds.frame_timeout, bounds.hello_timeout});
  return std::clamp(shortest / 4, std::chrono::milliseconds(10), std::chrono::milliseconds(250));
}

}  // namespace

session_group::session_group(std::shared_ptr<server_state> server, actors::shard_id home)
    : server_(std::move(server)), home_(home), timer_(server_->service.io(home)) {}

void session_group::open() {
  boost::asio::post(io(), [self = shared_from_this()] {
    self->server_->service.on_resumed(self->home_, [weak = self->weak_from_this()] {
      const auto group = weak.lock();
      if (group) boost::asio::post(group->io(), [group] { group->wake(); });
    });
    self->schedule_sweep();
  });
}

void session_group::adopt(boost::asio::ip::tcp::socket socket) {
  boost::asio::post(io(), [self = shared_from_this(), taken = std::move(socket)]() mutable {
    if (self->draining_) return self->server_->connection_ends();
    auto made = std::make_shared<session>(std::move(taken), self->server_->tls->current(), self);
    self->sessions_.emplace(made.get(), made);
    made->start();
  });
}

std::vector<std::shared_ptr<session>> session_group::all() const {
  std::vector<std::shared_ptr<session>> out;
  out.reserve(sessions_.size());
  for (const auto& [key, kept] : sessions_) out.push_back(kept);
  return out;
}

void session_group::drain() {
  boost::asio::post(io(), [self = shared_from_this()] {
    self->draining_ = true;
    for (const auto& one : self->all()) one->drain();
  });
}

void session_group::cut() {
  boost::asio::post(io(), [self = shared_from_this()] {
    self->draining_ = true;
    self->closed_ = true;
    self->timer_.cancel();
    for (const auto& one : self->all()) one->cut(errc::unavailable, "the server stops");
  });
}

void session_group::remove(session& gone) {
  if (sessions_.erase(&gone) > 0) server_->connection_ends();
}

void session_group::wake_when_ready(std::weak_ptr<session> waiting) { waiting_.push_back(std::move(waiting)); }

void session_group::wake() {
  for (const auto& one : std::exchange(waiting_, {})) {
    if (const auto woken = one.lock()) woken->shard_has_room();
  }
}

void session_group::schedule_sweep() {
  if (closed_) return;
  timer_.expires_after(sweep_interval(*server_->limits()));
  timer_.async_wait([weak = weak_from_this()](const boost::system::error_code& ec) {
    const auto self = weak.lock();
    if (ec || !self) return;
    self->sweep();
    self->schedule_sweep();
  });
}

void session_group::sweep() {
  const auto now = actors::now();
  std::vector<std::shared_ptr<session>> overdue;
  for (const auto& [key, kept] : sessions_) {
    if (kept->is_overdue(now)) overdue.push_back(kept);
    kept->tidy_memory();
  }
  for (const auto& late : overdue) late->give_up(now);
  wake();
}

}  // namespace kith::net
