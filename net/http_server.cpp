#include "net/http_server.hpp"

#include <algorithm>

#include "net/http_session.hpp"
#include "net/listener.hpp"

namespace kith::net {

http_reply::~http_reply() {
  if (session_) session_->abandon();
}

void http_reply::operator()(const http_response& response) {
  if (const auto session = std::exchange(session_, nullptr)) session->answer(response);
}

const std::string& http_reply::peer_name() const { return session_->peer(); }

struct http_server::impl {
  std::shared_ptr<http_server_state> state;
  std::shared_ptr<listener> listening;
};

http_server::http_server(std::unique_ptr<impl> made) : impl_(std::move(made)) {}

http_server::~http_server() { stop({}); }

result<std::unique_ptr<http_server>> http_server::start(event_loops& loops, std::shared_ptr<reloadable_tls> tls,
                                                        http_options options, http_handler handler,
                                                        http_refuser refuser) {
  auto state = std::make_shared<http_server_state>();
  state->tls = std::move(tls);
  state->options = std::move(options);
  state->handler = std::move(handler);
  state->refuser = std::move(refuser);
  const auto make = [state](boost::asio::ip::tcp::socket socket, std::shared_ptr<session_group> group) {
    return std::make_shared<http_session>(std::move(socket), state, std::move(group));
  };
  const auto shortest_timeout = [state] {
    const auto& bounds = state->options.limits;
    return std::min({bounds.handshake_timeout, bounds.header_timeout, bounds.body_timeout, bounds.idle_timeout});
  };
  auto listening = listener::start(
      {state->options.address, state->options.port, [state] { return state->options.limits.connections; }},
      {loops, state->open, make, shortest_timeout});
  if (!listening) return tl::make_unexpected(std::move(listening.error()));
  return std::unique_ptr<http_server>(
      new http_server(std::make_unique<impl>(impl{std::move(state), std::move(*listening)})));
}

unsigned short http_server::port() const noexcept { return impl_->listening->port(); }

const http_counts& http_server::stats() const noexcept { return impl_->state->counts; }

void http_server::stop(std::chrono::steady_clock::duration deadline) { impl_->listening->stop(deadline); }

}  // namespace kith::net
