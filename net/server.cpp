#include "net/server.hpp"

#include <algorithm>

#include "net/listener.hpp"
#include "net/server_state.hpp"
#include "net/session.hpp"

namespace kith::net {

struct server::impl {
  std::shared_ptr<server_state> state;
  std::shared_ptr<listener> listening;
};

server::server(std::shared_ptr<impl> made) : impl_(std::move(made)) {}

server::~server() { stop({}); }

result<std::unique_ptr<server>> server::start(actors::service& service, std::shared_ptr<reloadable_tls> tls,
                                              std::shared_ptr<credential_store> credentials, server_options options) {
  auto state = std::make_shared<server_state>(service, std::move(tls), std::move(credentials), std::move(options));
  const auto shortest_timeout = [state] {
    const auto bounds = state->limits();
    return std::min({bounds->handshake_timeout, bounds->frame_timeout, bounds->hello_timeout});
  };
  const auto make = [state](boost::asio::ip::tcp::socket socket, std::shared_ptr<session_group> group) {
    return std::make_shared<session>(std::move(socket), state, std::move(group));
  };
  auto listening =
      listener::start({state->options.address, state->options.port, [state] { return state->limits()->connections; }},
                      {state->loops, state->open, make, shortest_timeout});
  if (!listening) return tl::make_unexpected(std::move(listening.error()));
  auto made = std::make_shared<impl>(impl{std::move(state), std::move(*listening)});
  return std::unique_ptr<server>(new server(std::move(made)));
}

unsigned short server::port() const noexcept { return impl_->listening->port(); }

const probe& server::stats() const noexcept { return impl_->state->counts; }

void server::reload_limits(const limits::connection& limits) { impl_->state->set_limits(limits); }

void server::stop(std::chrono::steady_clock::duration deadline) { impl_->listening->stop(deadline); }

}  // namespace kith::net
