#include "net/channel.hpp"

#include <algorithm>
#include <array>
#include <boost/asio/post.hpp>

namespace kith::net {

namespace {

constexpr std::size_t read_bytes = 64 * 1024;   ///< read before they are looked at
constexpr std::size_t turn_bytes = 256 * 1024;  ///< read before others get their turn
constexpr std::size_t space_bytes = 16 * 1024;  ///< a TLS record's payload
constexpr std::size_t kept_bytes = 4 * 1024;    ///< an idle connection may keep so much of a buffer

}  // namespace

channel::channel(tcp::socket socket, std::shared_ptr<tls_context> context, tls_role role,
                 const std::string& server_name)
    : stream_(std::move(socket), std::move(context), role, server_name) {
  boost::system::error_code ignored;
  stream_.socket().non_blocking(true, ignored);
  stream_.socket().set_option(tcp::no_delay(true), ignored);
}

void channel::start_handshake() {
  state_ = state::handshaking;
  pump();
}

void channel::pump_soon() {
  if (pump_posted_) return;
  pump_posted_ = true;
  boost::asio::post(stream_.socket().get_executor(), [self = shared_from_this()] {
    self->pump_posted_ = false;
    self->pump();
  });
}

void channel::flush_soon() {
  if (state_ == state::open || state_ == state::finishing) pump_soon();
}

void channel::read_more() {
  if (reading_ || state_ != state::open) return;
  reading_ = true;
  resumed_ = true;
  pump_soon();
}

void channel::finish() {
  if (state_ != state::open) return;
  state_ = state::finishing;
  pump_soon();
}

void channel::pump() {
  if (state_ == state::handshaking) step_handshake();
  if (state_ == state::open || state_ == state::finishing) flush();
  if (state_ == state::open && reading_) fill();
  if (state_ == state::open) flush();
  if (state_ == state::lingering) linger();
}

void channel::step_handshake() {
  const tls_step step = stream_.handshake();
  if (step.is == tls_step::kind::want_read || step.is == tls_step::kind::want_write) return wait(step.is);
  if (step.is != tls_step::kind::done) return fail_step();
  state_ = state::open;
  handshaken();
}

void channel::flush() {
  std::size_t sent = 0;
  tls_step step{tls_step::kind::done, 0};
  while (outbound_bytes() > 0) {
    if (written_ == writing_.size()) {
      writing_.clear();
      written_ = 0;
      std::swap(writing_, outbound_);
    }
    step = stream_.write(writing_.data() + written_, writing_.size() - written_);
    if (step.is != tls_step::kind::done) break;
    written_ += step.bytes;
    sent += step.bytes;
  }
  if (step.is == tls_step::kind::closed || step.is == tls_step::kind::failed) return fail_step();
  if (step.is != tls_step::kind::done) wait(step.is);
  if (sent > 0) departed(sent);
  if (state_ == state::finishing && outbound_bytes() == 0) say_good_bye();
}

void channel::fill() {
  if (std::exchange(resumed_, false) && !in_.empty()) reading_ = received(in_);
  std::size_t turn = 0;
  while (reading_ && state_ == state::open) {
    std::size_t got = 0;
    tls_step step{tls_step::kind::done, 0};
    while (got < read_bytes) {
      char* to = in_.space(space_bytes);
      step = stream_.read(to, in_.space_left());
      if (step.is != tls_step::kind::done) break;
      in_.commit(step.bytes);
      got += step.bytes;
    }
    if (got > 0) {
      arrived(got);
      reading_ = received(in_);
      if (state_ != state::open) return;
    }
    if (step.is == tls_step::kind::closed || step.is == tls_step::kind::failed) return fail_step();
    if (step.is != tls_step::kind::done) return wait(step.is);
    turn += got;
    if (turn >= turn_bytes) return pump_soon();
  }
}

void channel::say_good_bye() {
  stream_.close_notify();
  boost::system::error_code ignored;
  stream_.socket().shutdown(tcp::socket::shutdown_send, ignored);
  state_ = state::lingering;
  linger();
}

// Closing a socket that holds unread bytes resets the connection, and the peer may lose the last reply.
void channel::linger() {
  std::array<char, 4096> discarded;
  boost::system::error_code ec;
  for (std::size_t read = 0; read < turn_bytes && !ec;) {
    read += stream_.socket().read_some(boost::asio::buffer(discarded), ec);
  }
  if (ec == boost::asio::error::would_block) return wait(tls_step::kind::want_read);
  if (!ec) return pump_soon();
  cut(errc::unavailable, "closed");
}

void channel::wait(tls_step::kind which) {
  const bool to_read = which == tls_step::kind::want_read;
  bool& waiting = to_read ? waiting_to_read_ : waiting_to_write_;
  if (std::exchange(waiting, true)) return;
  stream_.socket().async_wait(to_read ? tcp::socket::wait_read : tcp::socket::wait_write,
                              [self = shared_from_this(), to_read](const boost::system::error_code& ec) {
                                (to_read ? self->waiting_to_read_ : self->waiting_to_write_) = false;
                                if (ec) return self->cut(errc::unavailable, ec.message());
                                if (to_read) self->stream_.readable();
                                self->pump();
                              });
}

void channel::fail_step() {
  const std::string why = stream_.failure();
  cut(errc::unavailable, why);
}

void channel::cut(errc code, const std::string& why) {
  if (state_ == state::lost) return;
  state_ = state::lost;
  const auto self = shared_from_this();
  boost::system::error_code ignored;
  stream_.socket().close(ignored);
  lost(error{code, why});
}

void channel::release_idle_memory() {
  if (in_.empty()) in_.release();
  if (outbound_bytes() > 0) return;
  for (std::string* buffer : {&outbound_, &writing_}) {
    if (buffer->capacity() > kept_bytes) {
      buffer->clear();
      buffer->shrink_to_fit();
    }
  }
  written_ = writing_.size();
}

}  // namespace kith::net
