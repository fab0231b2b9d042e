// A thread that waits for another server serves nobody else, and anybody can have it wait: so only few may at once.
//
// Thread safety: all of it.
#pragma once

#include <atomic>

namespace kith::admin {

class waiting_room {
 public:
  static constexpr unsigned places = 2;  ///< of the server's threads

  /// Held for as long as it lives; false: all are taken.
  class place {
   public:
    explicit place(std::atomic<unsigned>& of) : taken_(of), free_(of.fetch_add(1) < places) {}
    ~place() { --taken_; }
    place(const place&) = delete;
    place& operator=(const place&) = delete;
    explicit operator bool() const noexcept { return free_; }

   private:
    std::atomic<unsigned>& taken_;
    const bool free_;
  };
  place enter() { return place(taken_); }

 private:
  std::atomic<unsigned> taken_{0};
};

}  // namespace kith::admin
