// The sessions of one shard: keeps them alive, watches their deadlines, wakes them when the shard has room again.
//
// Thread safety: none but where noted; everything runs on the shard's thread.
#pragma once

#include <utility>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/steady_timer.hpp>
#include <chrono>
#include <memory>
#include <unordered_map>
#include <vector>

#include "net/server_state.hpp"

namespace kith::net {

class session;

class session_group : public std::enable_shared_from_this<session_group> {
 public:
  session_group(std::shared_ptr<server_state> server, actors::shard_id home);

  /// From any thread, once, before all else.
  void open();
  /// From any thread; the socket's executor is this shard's.
  void adopt(boost::asio::ip::tcp::socket socket);
  /// From any thread: sessions answer what is in flight, then close.
  void drain();
  /// From any thread: closes all that is left.
  void cut();

  void remove(session& gone);
  /// `waiting` is woken when the shard is ready for more.
  void wake_when_ready(std::weak_ptr<session> waiting);

  server_state& server() noexcept { return *server_; }
  actors::shard_id home() const noexcept { return home_; }
  boost::asio::io_context& io() { return server_->service.io(home_); }

 private:
  void sweep();
  void schedule_sweep();
  void wake();
  std::vector<std::shared_ptr<session>> all() const;

  std::shared_ptr<server_state> server_;
  actors::shard_id home_;
  boost::asio::steady_timer timer_;
  std::unordered_map<session*, std::shared_ptr<session>> sessions_;
  std::vector<std::weak_ptr<session>> waiting_;
  bool draining_ = false;
  bool closed_ = false;
};

}  // namespace kith::net
