// A listening socket and its connections, dealt out to the loops in turn.
//
// Invariants: a connection lives wholly on one loop.
// Thread safety: all public members, from threads that are no loop's.
#pragma once

#include <utility>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/steady_timer.hpp>
#include <chrono>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "net/session_group.hpp"
#include "profile/result.hpp"

namespace kith::net {

struct listener_options {
  std::string address;
  unsigned short port = 0;            ///< 0: any that is free
  std::function<std::size_t()> most;  ///< connections at a time; those over it are closed at once
};

class listener : public std::enable_shared_from_this<listener> {
 public:
  /// REQUIRES: the loops run, and outlive it. Errors: unavailable (the address can not be listened on),
  /// invalid_argument (it is none).
  static result<std::shared_ptr<listener>> start(listener_options options, session_group::conduct how);

  unsigned short port() const noexcept { return port_; }
  /// Accepts no more, reads no more, answers what is in flight, closes. What is not done at the deadline is cut.
  void stop(std::chrono::steady_clock::duration deadline);

 private:
  using tcp = boost::asio::ip::tcp;

  listener(listener_options options, std::shared_ptr<const session_group::conduct> how);
  result<void> listen();
  void accept();
  void accept_later();
  void stop_accepting();

  listener_options options_;
  std::shared_ptr<const session_group::conduct> how_;
  std::vector<std::shared_ptr<session_group>> groups_;
  tcp::acceptor acceptor_;  ///< on loop 0
  boost::asio::steady_timer pause_;
  std::size_t next_ = 0;
  unsigned short port_ = 0;
};

}  // namespace kith::net
