// The threads that connections live on: the shards of a runtime, or others.
#pragma once

#include <utility>
#include <boost/asio/io_context.hpp>
#include <functional>

#include "actors/service.hpp"

namespace kith::net {

class event_loops {
 public:
  virtual ~event_loops() = default;

  virtual unsigned count() const = 0;
  virtual boost::asio::io_context& io(unsigned loop) = 0;
  /// On that loop's thread. False while it has too much to do: its sockets are not read until `resumed` is called.
  virtual bool ready_for_more(unsigned loop) const = 0;
  virtual void on_resumed(unsigned loop, std::function<void()> resumed) = 0;
};

class shard_loops final : public event_loops {
 public:
  explicit shard_loops(actors::service& service) : service_(service) {}

  unsigned count() const override { return service_.shard_count(); }
  boost::asio::io_context& io(unsigned loop) override { return service_.io(loop); }
  bool ready_for_more(unsigned loop) const override { return service_.ready_for_more(loop); }
  void on_resumed(unsigned loop, std::function<void()> resumed) override {
    service_.on_resumed(loop, std::move(resumed));
  }

 private:
  actors::service& service_;
};

}  // namespace kith::net
