// One client's HTTPS connection.
//
// Invariants
//   - One request is under way at a time; the next one waits in the buffer until it is answered.
// Thread safety: none; it lives on its loop's thread.
#pragma once

#include <utility>
#include <memory>
#include <string>

#include "net/http_parser.hpp"
#include "net/http_server.hpp"
#include "net/open_connections.hpp"
#include "net/session_group.hpp"
#include "net/tended_session.hpp"

namespace kith::net {

/// What all connections of an HTTP server share.
struct http_server_state {
  std::shared_ptr<reloadable_tls> tls;
  http_options options;
  http_handler handler;
  http_refuser refuser;
  http_counts counts;
  open_connections open{counts};
};

class http_session final : public tended_session {
 public:
  http_session(tcp::socket socket, std::shared_ptr<http_server_state> server, std::shared_ptr<session_group> group);

  void start() override;
  void drain() override;
  bool is_overdue(actors::time_point now) const override;
  void give_up(actors::time_point now) override;
  void tidy_memory() override;
  void loop_has_room() override;

  // For its reply.
  void answer(const http_response& response);
  void abandon();
  const std::string& peer() const noexcept { return peer_; }

 private:
  enum class phase : std::uint8_t { handshake, idle, header, body, handling, closing };

  void handshaken() override;
  bool received(receive_buffer& in) override;
  void arrived(std::size_t bytes) override;
  void departed(std::size_t bytes) override;
  void lost(const error& why) override;

  void enter(phase next);
  bool loop_is_ready();
  /// False: too many bytes of all connections wait.
  bool account_body();
  bool parse_one(receive_buffer& in);
  void hand_over();
  void refuse(unsigned status, const std::string& why, std::uint64_t retry_after_s = 0);
  void write(const http_response& response, bool keep_alive);
  void close_after_reply();
  std::chrono::milliseconds patience() const;
  const http_limits& bounds() const noexcept { return server_->options.limits; }

  std::shared_ptr<http_server_state> server_;
  std::shared_ptr<session_group> group_;
  http_parser parser_;
  std::string peer_;
  phase phase_ = phase::handshake;
  actors::time_point since_;
  std::size_t accounted_ = 0;  ///< bytes in counts.waiting_bytes
  bool in_received_ = false;
  bool head_only_ = false;
  bool draining_ = false;
  bool waits_for_loop_ = false;
  bool active_ = false;
};

}  // namespace kith::net
