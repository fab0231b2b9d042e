// Loops for connections where there is no runtime: a thread each.
//
// Thread safety: all of it.
#pragma once

#include <utility>
#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <memory>
#include <thread>
#include <vector>

#include "net/event_loops.hpp"

namespace kith::net {

class thread_loops final : public event_loops {
 public:
  explicit thread_loops(unsigned threads);
  ~thread_loops() override;  ///< stop()
  thread_loops(const thread_loops&) = delete;
  thread_loops& operator=(const thread_loops&) = delete;

  unsigned count() const override { return static_cast<unsigned>(loops_.size()); }
  boost::asio::io_context& io(unsigned which) override { return loops_[which]->io; }
  /// What waits is bounded elsewhere: http_limits::waiting_bytes.
  bool ready_for_more(unsigned) const override { return true; }
  void on_resumed(unsigned, std::function<void()>) override {}

  /// Ends the threads; what is posted from then on is not run. Not from a loop's thread.
  void stop();

 private:
  struct loop {
    boost::asio::io_context io{1};
    boost::asio::executor_work_guard<boost::asio::io_context::executor_type> work{io.get_executor()};
    std::thread thread;
  };

  std::vector<std::unique_ptr<loop>> loops_;
};

}  // namespace kith::net
