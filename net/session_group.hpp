// The sessions of one loop: keeps them alive, watches their deadlines, wakes them when the loop has room again.
//
// Thread safety: none but where noted; everything runs on the loop's thread.
#pragma once

#include <utility>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/steady_timer.hpp>
#include <chrono>
#include <functional>
#include <memory>
#include <unordered_map>
#include <vector>

#include "net/event_loops.hpp"
#include "net/open_connections.hpp"
#include "net/tended_session.hpp"

namespace kith::net {

class session_group : public std::enable_shared_from_this<session_group> {
 public:
  using tcp = boost::asio::ip::tcp;

  /// What the sessions of a server have in common.
  struct conduct {
    event_loops& loops;
    open_connections& open;
    std::function<std::shared_ptr<tended_session>(tcp::socket, std::shared_ptr<session_group>)> make;
    std::function<std::chrono::milliseconds()> shortest_timeout;
  };

  session_group(std::shared_ptr<const conduct> how, unsigned home);

  /// From any thread, once, before all else.
  void open();
  /// From any thread; the socket's executor is this loop's.
  void adopt(tcp::socket socket);
  /// From any thread: sessions answer what is in flight, then close.
  void drain();
  /// From any thread: closes all that is left.
  void cut();

  void remove(tended_session& gone);
  /// Is the loop ready? If not, `waiting` is woken when it is.
  bool is_ready() const { return how_->loops.ready_for_more(home_); }
  void wake_when_ready(std::weak_ptr<tended_session> waiting);

  unsigned home() const noexcept { return home_; }
  boost::asio::io_context& io() { return how_->loops.io(home_); }

 private:
  void sweep();
  void schedule_sweep();
  void wake();
  std::vector<std::shared_ptr<tended_session>> all() const;

  std::shared_ptr<const conduct> how_;
  unsigned home_;
  boost::asio::steady_timer timer_;
  std::unordered_map<tended_session*, std::shared_ptr<tended_session>> sessions_;
  std::vector<std::weak_ptr<tended_session>> waiting_;
  bool draining_ = false;
  bool closed_ = false;
};

}  // namespace kith::net
