#include "net/listener.hpp"

#include <boost/asio/post.hpp>
#include <future>

namespace kith::net {

namespace {

constexpr int backlog = 4096;
constexpr std::chrono::milliseconds accept_pause{100};  ///< after an accept that failed, e.g. for lack of descriptors
constexpr std::chrono::seconds cut_timeout{2};          ///< for the loops to close what is left

}  // namespace

listener::listener(listener_options options, std::shared_ptr<const session_group::conduct> how)
    : options_(std::move(options)), how_(std::move(how)), acceptor_(how_->loops.io(0)), pause_(how_->loops.io(0)) {
  for (unsigned loop = 0; loop < how_->loops.count(); ++loop) {
    groups_.push_back(std::make_shared<session_group>(how_, loop));
  }
}

result<std::shared_ptr<listener>> listener::start(listener_options options, session_group::conduct how) {
  std::shared_ptr<listener> made(
      new listener(std::move(options), std::make_shared<const session_group::conduct>(std::move(how))));
  if (auto listening = made->listen(); !listening) return tl::make_unexpected(std::move(listening.error()));
  for (const auto& group : made->groups_) group->open();
  boost::asio::post(made->acceptor_.get_executor(), [made] { made->accept(); });
  return made;
}

result<void> listener::listen() {
  boost::system::error_code ec;
  const auto address = boost::asio::ip::make_address(options_.address, ec);
  if (ec) return fail(errc::invalid_argument, "address " + options_.address + ": not an IP address");
  const tcp::endpoint endpoint(address, options_.port);
  acceptor_.open(endpoint.protocol(), ec);
  if (!ec) acceptor_.set_option(tcp::acceptor::reuse_address(true), ec);
  if (!ec) acceptor_.bind(endpoint, ec);
  if (!ec) acceptor_.listen(backlog, ec);
  if (!ec) port_ = acceptor_.local_endpoint(ec).port();
  if (!ec) return {};
  return fail(errc::unavailable,
              "address " + options_.address + ", port " + std::to_string(options_.port) + ": " + ec.message());
}

void listener::accept() {
  if (!acceptor_.is_open()) return;
  session_group& group = *groups_[next_++ % groups_.size()];
  acceptor_.async_accept(group.io(),
                         [self = shared_from_this(), &group](const boost::system::error_code& ec, tcp::socket socket) {
                           if (ec == boost::asio::error::operation_aborted) return;
                           if (ec) return self->accept_later();
                           // Over the bound the socket just closes.
                           if (self->how_->open.begin(self->options_.most())) group.adopt(std::move(socket));
                           self->accept();
                         });
}

void listener::accept_later() {
  pause_.expires_after(accept_pause);
  pause_.async_wait([self = shared_from_this()](const boost::system::error_code& ec) {
    if (!ec) self->accept();
  });
}

/// Waits until it is so: an accept that is going on uses the loops, which may go once stop() is over.
void listener::stop_accepting() {
  auto closed = std::make_shared<std::promise<void>>();
  auto done = closed->get_future();
  boost::asio::post(acceptor_.get_executor(), [self = shared_from_this(), closed] {
    boost::system::error_code ignored;
    self->acceptor_.close(ignored);
    self->pause_.cancel();
    closed->set_value();
  });
  done.wait_for(cut_timeout);
}

void listener::stop(std::chrono::steady_clock::duration deadline) {
  stop_accepting();
  for (const auto& group : groups_) group->drain();
  how_->open.wait_for_none(std::chrono::steady_clock::now() + deadline);
  for (const auto& group : groups_) group->cut();
  how_->open.wait_for_none(std::chrono::steady_clock::now() + cut_timeout);
}

}  // namespace kith::net
