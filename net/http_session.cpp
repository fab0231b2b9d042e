#include "net/http_session.hpp"

#include <boost/asio/post.hpp>

#include "net/http_date.hpp"
#include "net/http_status.hpp"

namespace kith::net {

namespace {

constexpr std::chrono::seconds closing_timeout{5};

bool has_no_body(unsigned status) noexcept { return status == 204 || status == 304; }

}  // namespace

http_session::http_session(tcp::socket socket, std::shared_ptr<http_server_state> server,
                           std::shared_ptr<session_group> group)
    : tended_session(std::move(socket), server->tls->current(), tls_role::server),
      server_(std::move(server)),
      group_(std::move(group)),
      parser_(bounds()),
      since_(actors::now()) {}

void http_session::start() { start_handshake(); }

void http_session::handshaken() {
  peer_ = peer_name();
  enter(phase::idle);
}

void http_session::enter(phase next) {
  phase_ = next;
  since_ = actors::now();
}

void http_session::arrived(std::size_t bytes) {
  active_ = true;
  probe::add(server_->counts.bytes_in, bytes);
}

void http_session::departed(std::size_t bytes) {
  active_ = true;
  probe::add(server_->counts.bytes_out, bytes);
}

bool http_session::loop_is_ready() {
  if (group_->is_ready()) return true;
  if (!std::exchange(waits_for_loop_, true)) {
    probe::add(server_->counts.reads_paused);
    group_->wake_when_ready(std::static_pointer_cast<http_session>(shared_from_this()));
  }
  return false;
}

void http_session::loop_has_room() {
  waits_for_loop_ = false;
  since_ = actors::now();  // it is we who made the sender wait
  read_more();
}

bool http_session::received(receive_buffer& in) {
  in_received_ = true;
  while (!in.empty() && (phase_ == phase::idle || phase_ == phase::header || phase_ == phase::body)) {
    if (!loop_is_ready()) {
      in_received_ = false;
      return false;
    }
    if (!parse_one(in)) break;
  }
  in_received_ = false;
  // While one is being handled nothing is read: what a client sends ahead waits in its socket.
  return phase_ == phase::idle || phase_ == phase::header || phase_ == phase::body;
}

/// False: it needs more bytes.
bool http_session::parse_one(receive_buffer& in) {
  std::size_t used = 0;
  const auto outcome = parser_.parse(in.bytes(), used);
  in.consume(used);
  if (outcome == http_parser::status::failed) {
    probe::add(server_->counts.refused);
    refuse(parser_.why().http_status, parser_.why().message);
    return false;
  }
  if (!account_body()) {
    probe::add(server_->counts.refused);
    refuse(503, "too many requests are waiting; try again", 1);
    return false;
  }
  if (outcome == http_parser::status::complete) {
    hand_over();
    return !is_lost();
  }
  if (parser_.has_begun() && phase_ == phase::idle) enter(phase::header);
  if (parser_.has_header() && phase_ == phase::header) enter(phase::body);
  if (parser_.has_header() && parser_.wants_continue()) {
    outbound() += "HTTP/1.1 100 Continue\r\n\r\n";
    flush_soon();
  }
  return false;
}

bool http_session::account_body() {
  const auto more = parser_.body_bytes() - accounted_;
  accounted_ += more;
  return server_->counts.waiting_bytes.fetch_add(more, std::memory_order_relaxed) + more <= bounds().waiting_bytes;
}

void http_session::hand_over() {
  probe::add(server_->counts.requests);
  enter(phase::handling);
  const auto request = parser_.request();
  head_only_ = request.method == "HEAD";
  server_->handler(group_->home(), request, http_reply(std::static_pointer_cast<http_session>(shared_from_this())));
}

void http_session::answer(const http_response& response) {
  if (is_lost() || phase_ != phase::handling) return;
  const bool keep_alive = parser_.keep_alive() && !draining_;
  write(response, keep_alive);
  server_->counts.waiting_bytes.fetch_sub(std::exchange(accounted_, 0), std::memory_order_relaxed);
  parser_.reset();
  if (!keep_alive) return close_after_reply();
  enter(phase::idle);
  // Called from within received(), its loop goes on with the next one.
  if (!in_received_) read_more();
}

void http_session::abandon() {
  if (!is_lost() && phase_ == phase::handling) cut(errc::internal, "a request was let go without an answer");
}

void http_session::refuse(unsigned status, const std::string& why, std::uint64_t retry_after_s) {
  const auto code = status == 503 ? errc::unavailable : status == 413 ? errc::too_large : errc::invalid_argument;
  auto response = server_->refuser(status, {code, why});
  if (retry_after_s > 0) response.fields.emplace_back("Retry-After", std::to_string(retry_after_s));
  head_only_ = false;
  write(response, false);
  close_after_reply();
}

void http_session::write(const http_response& response, bool keep_alive) {
  auto& out = outbound();
  out += "HTTP/1.1 ";
  out += std::to_string(response.status);
  out += ' ';
  out += reason_of(response.status);
  out += "\r\nDate: ";
  out += http_date(actors::wall_clock_ms());
  if (!response.content_type.empty()) {
    out += "\r\nContent-Type: ";
    out += response.content_type;
  }
  for (const auto& [name, value] : response.fields) {
    out += "\r\n";
    out += name;
    out += ": ";
    out += value;
  }
  if (!has_no_body(response.status)) {
    out += "\r\nContent-Length: ";
    out += std::to_string(response.body.size());
  }
  if (!keep_alive) out += "\r\nConnection: close";
  out += "\r\n\r\n";
  if (!head_only_ && !has_no_body(response.status)) out += response.body;
  flush_soon();
}

void http_session::close_after_reply() {
  enter(phase::closing);
  finish();
}

void http_session::drain() {
  draining_ = true;
  if (phase_ == phase::handshake) return cut(errc::unavailable, "the server stops");
  if (phase_ != phase::handling && phase_ != phase::closing) close_after_reply();
}

std::chrono::milliseconds http_session::patience() const {
  switch (phase_) {
    case phase::handshake: return bounds().handshake_timeout;
    case phase::idle: return bounds().idle_timeout;
    case phase::header: return bounds().header_timeout;
    case phase::body: return bounds().body_timeout;
    case phase::closing: return closing_timeout;
    case phase::handling: break;
  }
  return std::chrono::milliseconds::max();
}

bool http_session::is_overdue(actors::time_point now) const {
  if (phase_ == phase::handling || waits_for_loop_) return false;
  return now - since_ > patience();
}

void http_session::give_up(actors::time_point) {
  if (phase_ == phase::idle) return close_after_reply();
  probe::add(server_->counts.timeouts);
  if (phase_ == phase::handshake || phase_ == phase::closing) return cut(errc::unavailable, "timed out");
  refuse(408, "the request did not come whole in time");
}

void http_session::tidy_memory() {
  if (std::exchange(active_, false)) return;
  release_idle_memory();
  if (phase_ == phase::idle) parser_.release();
}

void http_session::lost(const error&) {
  if (phase_ == phase::handshake) probe::add(server_->counts.handshake_failures);
  server_->counts.waiting_bytes.fetch_sub(std::exchange(accounted_, 0), std::memory_order_relaxed);
  group_->remove(*this);
}

}  // namespace kith::net
