#include "net/retrying_connection.hpp"

#include <algorithm>
#include <boost/asio/post.hpp>

#include "net/backoff.hpp"

namespace kith::net {

namespace {

bool worth_retrying(errc code) { return code == errc::unavailable || code == errc::resource_exhausted; }

}  // namespace

retrying_connection::retrying_connection(boost::asio::io_context& io, std::shared_ptr<tls_context> tls,
                                         client_options options)
    : io_(io), tls_(std::move(tls)), options_(std::move(options)), random_(std::random_device{}()) {}

void retrying_connection::connect(std::function<void(const result<void>&)> done) {
  request({}, [done = std::move(done)](const reply& outcome) {
    if (outcome) return done({});
    done(fail(outcome.error().code, outcome.error().message));
  });
}

void retrying_connection::request(std::string frame, done_callback done) {
  auto one = std::make_shared<task>(io_, std::move(frame), std::move(done));
  tasks_.insert(one);
  attempt(one);
}

void retrying_connection::attempt(const task_ptr& one) {
  ++one->tries;
  if (closed_) return failed(one, {errc::unavailable, "the client is closed", 0});
  if (connection_ && connection_->is_open()) return send(one);
  waiting_.push_back(one);
  if (!opening_) open();
}

void retrying_connection::send(const task_ptr& one) {
  if (one->frame.empty()) return answer(one, std::string_view{});
  const std::uint32_t msgid = connection_->next_msgid();
  set_msgid(one->frame.data(), msgid);
  connection_->send(one->frame, msgid, [weak = weak_from_this(), one](const reply& got) {
    const auto self = weak.lock();
    if (!self) return;
    if (got || !worth_retrying(got.error().code)) return self->answer(one, got);
    self->failed(one, got.error());
  });
}

void retrying_connection::open() {
  opening_ = true;
  // The one before may be on the stack: it is let go of later.
  boost::asio::post(io_, [old = std::move(connection_)] {});
  connection_ = std::make_shared<client_connection>(io_, tls_, options_);
  connection_->on_notification(notified_);
  connection_->on_closed(closed_callback_);
  connection_->connect([weak = weak_from_this()](const result<void>& outcome) {
    if (const auto self = weak.lock()) self->opened(outcome);
  });
}

void retrying_connection::opened(const result<void>& outcome) {
  opening_ = false;
  for (const task_ptr& one : std::exchange(waiting_, {})) {
    if (outcome && connection_ && connection_->is_open()) {
      send(one);
    } else if (outcome) {
      failed(one, {errc::unavailable, "connection lost", 0});
    } else {
      failed(one, {outcome.error().code, outcome.error().message, 0});
    }
  }
}

void retrying_connection::failed(const task_ptr& one, const rpc_error& why) {
  if (closed_ || !worth_retrying(why.code) || one->tries >= options_.retry.attempts) {
    return answer(one, tl::make_unexpected(why));
  }
  const auto wait = std::max(backoff(options_.retry.first, options_.retry.most, one->tries - 1, random_),
                             std::chrono::milliseconds(why.retry_after_ms));
  one->timer.expires_after(wait);
  one->timer.async_wait([weak = weak_from_this(), one](const boost::system::error_code& ec) {
    const auto self = weak.lock();
    if (!ec && self) self->attempt(one);
  });
}

void retrying_connection::answer(const task_ptr& one, const reply& with) {
  if (tasks_.erase(one) > 0) one->done(with);
}

void retrying_connection::close() {
  if (std::exchange(closed_, true)) return;
  if (connection_) connection_->close();
  waiting_.clear();
  for (const task_ptr& one : std::exchange(tasks_, {})) {
    one->timer.cancel();
    one->done(tl::make_unexpected(rpc_error{errc::unavailable, "the client is closed", 0}));
  }
}

}  // namespace kith::net
