// A server's connection as its group sees it: something that may be late, and is told when there is room again.
//
// Thread safety: none; it lives on its loop's thread.
#pragma once

#include "actors/clock.hpp"
#include "net/channel.hpp"

namespace kith::net {

class tended_session : public channel {
 public:
  using channel::channel;

  virtual void start() = 0;
  /// Answers what is in flight, then closes.
  virtual void drain() = 0;
  /// Is something late that was due by now?
  virtual bool is_overdue(actors::time_point now) const = 0;
  virtual void give_up(actors::time_point now) = 0;
  /// To be called now and then: idle connections give their buffers back.
  virtual void tidy_memory() = 0;
  /// The loop is ready for more; the group has taken the session off its list of those that wait for that.
  virtual void loop_has_room() = 0;
};

}  // namespace kith::net
