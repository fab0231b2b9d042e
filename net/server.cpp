#include "net/server.hpp"

#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>
#include <future>
#include <vector>

#include "net/server_state.hpp"
#include "net/session_group.hpp"

namespace kith::net {

namespace {

using tcp = boost::asio::ip::tcp;

constexpr int backlog = 4096;
constexpr std::chrono::milliseconds accept_pause{100};  ///< after an accept that failed, e.g. for lack of descriptors
constexpr std::chrono::seconds cut_timeout{2};          ///< for the shards to close what is left

}  // namespace

/// Its acceptor lives on shard 0's thread.
struct server::impl : std::enable_shared_from_this<server::impl> {
  impl(actors::service& service, std::shared_ptr<reloadable_tls> tls, std::shared_ptr<credential_store> credentials,
       server_options options)
      : state(std::make_shared<server_state>(service, std::move(tls), std::move(credentials), std::move(options))),
        acceptor(service.io(0)),
        pause(service.io(0)) {
    for (actors::shard_id shard = 0; shard < service.shard_count(); ++shard) {
      groups.push_back(std::make_shared<session_group>(state, shard));
    }
  }

  result<void> listen() {
    boost::system::error_code ec;
    const auto address = boost::asio::ip::make_address(state->options.address, ec);
    if (ec) return fail(errc::invalid_argument, "address " + state->options.address + ": not an IP address");
    const tcp::endpoint endpoint(address, state->options.port);
    acceptor.open(endpoint.protocol(), ec);
    if (!ec) acceptor.set_option(tcp::acceptor::reuse_address(true), ec);
    if (!ec) acceptor.bind(endpoint, ec);
    if (!ec) acceptor.listen(backlog, ec);
    if (!ec) port = acceptor.local_endpoint(ec).port();
    if (!ec) return {};
    return fail(errc::unavailable, "address " + state->options.address + ", port " +
                                       std::to_string(state->options.port) + ": " + ec.message());
  }

  void accept() {
    if (!acceptor.is_open()) return;
    session_group& group = *groups[next++ % groups.size()];
    acceptor.async_accept(group.io(),
                          [self = shared_from_this(), &group](const boost::system::error_code& ec, tcp::socket socket) {
                            if (ec == boost::asio::error::operation_aborted) return;
                            if (ec) return self->accept_later();
                            self->welcome(group, std::move(socket));
                            self->accept();
                          });
  }

  void accept_later() {
    pause.expires_after(accept_pause);
    pause.async_wait([self = shared_from_this()](const boost::system::error_code& ec) {
      if (!ec) self->accept();
    });
  }

  void welcome(session_group& group, tcp::socket socket) {
    if (state->counts.connections_open.load() >= state->limits()->connections) {
      probe::add(state->counts.connections_refused);
      return;  // the socket closes
    }
    state->connection_begins();
    group.adopt(std::move(socket));
  }

  void stop_accepting() {
    boost::asio::post(acceptor.get_executor(), [self = shared_from_this()] {
      boost::system::error_code ignored;
      self->acceptor.close(ignored);
      self->pause.cancel();
    });
  }

  std::shared_ptr<server_state> state;
  std::vector<std::shared_ptr<session_group>> groups;
  tcp::acceptor acceptor;
  boost::asio::steady_timer pause;
  std::size_t next = 0;
  unsigned short port = 0;
};

server::server(std::shared_ptr<impl> made) : impl_(std::move(made)) {}

server::~server() { stop({}); }

result<std::unique_ptr<server>> server::start(actors::service& service, std::shared_ptr<reloadable_tls> tls,
                                              std::shared_ptr<credential_store> credentials, server_options options) {
  auto made = std::make_shared<impl>(service, std::move(tls), std::move(credentials), std::move(options));
  if (auto listening = made->listen(); !listening) return tl::make_unexpected(std::move(listening.error()));
  for (const auto& group : made->groups) group->open();
  boost::asio::post(made->acceptor.get_executor(), [made] { made->accept(); });
  return std::unique_ptr<server>(new server(std::move(made)));
}

unsigned short server::port() const noexcept { return impl_->port; }

const probe& server::stats() const noexcept { return impl_->state->counts; }

void server::reload_limits(const limits::connection& limits) { impl_->state->set_limits(limits); }

void server::stop(std::chrono::steady_clock::duration deadline) {
  impl_->stop_accepting();
  for (const auto& group : impl_->groups) group->drain();
  impl_->state->wait_for_none(std::chrono::steady_clock::now() + deadline);
  for (const auto& group : impl_->groups) group->cut();
  impl_->state->wait_for_none(std::chrono::steady_clock::now() + cut_timeout);
}

}  // namespace kith::net
