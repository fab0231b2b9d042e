// A connection that comes back: connects when a request needs it, and sends again what can be sent again.
//
// Invariants: every request is answered exactly once, by its reply, its last error, or close().
// Thread safety: none; everything runs on the io_context's thread.
#pragma once

#include <utility>
#include <boost/asio/steady_timer.hpp>
#include <functional>
#include <memory>
#include <random>
#include <set>
#include <string>
#include <vector>

#include "net/client_connection.hpp"

namespace kith::net {

class retrying_connection : public std::enable_shared_from_this<retrying_connection> {
 public:
  using done_callback = std::function<void(const reply&)>;

  retrying_connection(boost::asio::io_context& io, std::shared_ptr<tls_context> tls, client_options options);

  void connect(std::function<void(const result<void>&)> done);
  /// `frame`: an encoded request; its msgid is set here.
  void request(std::string frame, done_callback done);
  void close();

  void on_notification(client_connection::notification_callback callback) { notified_ = std::move(callback); }
  void on_closed(client_connection::closed_callback callback) { closed_callback_ = std::move(callback); }

 private:
  /// One request, or (without a frame) a wish to be connected.
  struct task {
    std::string frame;
    done_callback done;
    unsigned tries = 0;
    boost::asio::steady_timer timer;
    task(boost::asio::io_context& io, std::string encoded, done_callback then)
        : frame(std::move(encoded)), done(std::move(then)), timer(io) {}
  };
  using task_ptr = std::shared_ptr<task>;

  void attempt(const task_ptr& one);
  void send(const task_ptr& one);
  void open();
  void opened(const result<void>& outcome);
  void failed(const task_ptr& one, const rpc_error& why);
  void answer(const task_ptr& one, const reply& with);

  boost::asio::io_context& io_;
  std::shared_ptr<tls_context> tls_;
  client_options options_;
  std::shared_ptr<client_connection> connection_;
  bool opening_ = false;
  bool closed_ = false;
  std::set<task_ptr> tasks_;
  std::vector<task_ptr> waiting_;  ///< for the connection
  client_connection::notification_callback notified_;
  client_connection::closed_callback closed_callback_;
  std::minstd_rand random_;
};

}  // namespace kith::net
