#include "net/session.hpp"

#include <algorithm>

namespace kith::net {

namespace {

constexpr std::chrono::seconds closing_timeout{5};

frame_limits frame_limits_of(const server_options& options, const limits::connection& bounds) {
  return {bounds.frame_bytes, options.event.nesting + 3};  // the request, its params, the array of events
}

}  // namespace

session::session(tcp::socket socket, std::shared_ptr<server_state> server, std::shared_ptr<session_group> group)
    : tended_session(std::move(socket), server->tls->current(), tls_role::server),
      server_(std::move(server)),
      group_(std::move(group)),
      bounds_(server_->limits()),
      finder_(frame_limits_of(server_->options, *bounds_)),
      methods_(*this),
      since_(actors::now()) {}

void session::start() { start_handshake(); }

void session::handshaken() {
  handshaken_ = true;
  since_ = actors::now();
  if (std::string name = peer_name(); !name.empty()) methods_.show_certificate(std::move(name));
}

void session::arrived(std::size_t bytes) {
  active_ = true;
  probe::add(server().counts.bytes_in, bytes);
}

void session::departed(std::size_t bytes) {
  active_ = true;
  probe::add(server().counts.bytes_out, bytes);
  resume();
}

bool session::has_too_much() const {
  return in_flight_requests_ >= bounds_->in_flight_requests || in_flight_bytes_ >= bounds_->in_flight_bytes ||
         outbound_bytes() >= bounds_->outbound_bytes;
}

bool session::shard_is_ready() {
  if (group_->is_ready()) return true;
  if (!std::exchange(waits_for_shard_, true)) group_->wake_when_ready(weak());
  return false;
}

bool session::received(receive_buffer& in) {
  const auto now = actors::now();
  bool more = true;
  while (more && !in.empty()) {
    if (has_too_much() || !shard_is_ready()) {
      probe::add(server().counts.reads_paused);
      paused_ = true;
      partial_since_.reset();  // it is we who keep the frame waiting
      more = false;
      break;
    }
    const frame_finder::outcome frame = finder_.find(in.bytes());
    if (frame.is == frame_finder::status::need_more) {
      if (!partial_since_) partial_since_ = now;
      break;
    }
    partial_since_.reset();
    if (frame.is == frame_finder::status::failed) {
      reject(in.bytes(), frame.code, frame.message);
      more = false;
      break;
    }
    take(in.bytes().substr(0, frame.bytes), now);
    in.consume(frame.bytes);
    more = !closing_ && !is_lost();
  }
  methods_.hand_over_reads();
  return more;
}

void session::take(std::string_view frame, actors::time_point now) {
  probe::add(server().counts.frames);
  const auto call = parse_envelope(frame);
  if (!call) return reject(frame, call.error().code, call.error().message);
  if (call->kind == envelope_kind::notification) return probe::add(server().counts.notifications_ignored);
  if (call->kind == envelope_kind::response) {
    return reject(frame, errc::invalid_argument, "a response, but nothing was asked; send [0, msgid, method, params]");
  }
  ++in_flight_requests_;
  in_flight_bytes_ += frame.size();
  methods_.handle(*call, {call->msgid, frame.size(), now});
}

void session::reject(std::string_view frame, errc code, std::string_view message) {
  probe::add(server().counts.malformed_frames);
  server().counts.error(code);
  write_error_response(outbound(), msgid_of(frame).value_or(0), {code, std::string(message), 0});
  flush_soon();
  close_after_replies();
}

void session::answered(std::size_t frame_bytes) {
  --in_flight_requests_;
  in_flight_bytes_ -= frame_bytes;
  flush_soon();
  finish_if_idle();
  resume();
}

void session::resume() {
  if (!paused_ || closing_ || is_lost() || has_too_much() || !shard_is_ready()) return;
  paused_ = false;
  read_more();
}

void session::loop_has_room() {
  waits_for_shard_ = false;
  resume();
}

void session::close_after_replies() {
  if (closing_) return;
  closing_ = true;
  since_ = actors::now();
  partial_since_.reset();
  finish_if_idle();
}

void session::drain() {
  methods_.hand_over_reads();
  if (!handshaken_) return cut(errc::unavailable, "the server stops");
  close_after_replies();
}

void session::finish_if_idle() {
  if (closing_ && in_flight_requests_ == 0) finish();
}

bool session::is_overdue(actors::time_point now) const {
  if (closing_) return now - since_ > closing_timeout && in_flight_requests_ == 0;
  if (!handshaken_) return now - since_ > bounds_->handshake_timeout;
  if (!methods_.authenticated() && now - since_ > bounds_->hello_timeout) return true;
  return partial_since_ && now - *partial_since_ > bounds_->frame_timeout;
}

void session::give_up(actors::time_point now) {
  if (closing_ || !handshaken_) {
    if (!handshaken_) probe::add(server().counts.timeouts);
    return cut(errc::unavailable, "timed out");
  }
  probe::add(server().counts.timeouts);
  const bool half_a_frame = partial_since_ && now - *partial_since_ > bounds_->frame_timeout;
  const error why = half_a_frame ? error{errc::invalid_argument, "a frame did not come whole in time"}
                                 : error{errc::unauthenticated, "no hello came in time"};
  server().counts.error(why.code);
  write_error_response(outbound(), 0, {why.code, why.message, 0});
  flush_soon();
  close_after_replies();
}

void session::tidy_memory() {
  if (!std::exchange(active_, false)) release_idle_memory();
}

void session::lost(const error&) {
  if (!handshaken_) probe::add(server().counts.handshake_failures);
  methods_.end();
  group_->remove(*this);
}

}  // namespace kith::net
