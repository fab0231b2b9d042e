#include "net/session_group.hpp"

#include <algorithm>
#include <boost/asio/post.hpp>

namespace kith::net {

namespace {

/// Often enough that a time-out is at most a quarter late.
std::chrono::milliseconds sweep_interval(std::chrono::milliseconds shortest) {
  return std::clamp(shortest / 4, std::chrono::milliseconds(10), std::chrono::milliseconds(250));
}

}  // namespace

session_group::session_group(std::shared_ptr<const conduct> how, unsigned home)
    : how_(std::move(how)), home_(home), timer_(how_->loops.io(home)) {}

void session_group::open() {
  boost::asio::post(io(), [self = shared_from_this()] {
    self->how_->loops.on_resumed(self->home_, [weak = self->weak_from_this()] {
      const auto group = weak.lock();
      if (group) boost::asio::post(group->io(), [group] { group->wake(); });
    });
    self->schedule_sweep();
  });
}

void session_group::adopt(tcp::socket socket) {
  boost::asio::post(io(), [self = shared_from_this(), taken = std::move(socket)]() mutable {
    if (self->draining_) return self->how_->open.end();
    auto made = self->how_->make(std::move(taken), self);
    self->sessions_.emplace(made.get(), made);
    made->start();
  });
}

std::vector<std::shared_ptr<tended_session>> session_group::all() const {
  std::vector<std::shared_ptr<tended_session>> out;
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

void session_group::remove(tended_session& gone) {
  if (sessions_.erase(&gone) > 0) how_->open.end();
}

void session_group::wake_when_ready(std::weak_ptr<tended_session> waiting) { waiting_.push_back(std::move(waiting)); }

void session_group::wake() {
  for (const auto& one : std::exchange(waiting_, {})) {
    if (const auto woken = one.lock()) woken->loop_has_room();
  }
}

void session_group::schedule_sweep() {
  if (closed_) return;
  timer_.expires_after(sweep_interval(how_->shortest_timeout()));
  timer_.async_wait([weak = weak_from_this()](const boost::system::error_code& ec) {
    const auto self = weak.lock();
    if (ec || !self) return;
    self->sweep();
    self->schedule_sweep();
  });
}

void session_group::sweep() {
  const auto now = actors::now();
  std::vector<std::shared_ptr<tended_session>> overdue;
  for (const auto& [key, kept] : sessions_) {
    if (kept->is_overdue(now)) overdue.push_back(kept);
    kept->tidy_memory();
  }
  for (const auto& late : overdue) late->give_up(now);
  wake();
}

}  // namespace kith::net
