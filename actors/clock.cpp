#include "actors/clock.hpp"

#include <sched.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

namespace kith::actors {

namespace {

/// As sched_setattr(2) takes it: the kernel's header of it does not go together with glibc's before 2.41.
struct scheduling {
  std::uint32_t size = sizeof(scheduling);
  std::uint32_t policy = SCHED_OTHER;
  std::uint64_t flags = 0;
  std::int32_t nice = 0;
  std::uint32_t priority = 0;
  std::uint64_t runtime_ns = 0;
  std::uint64_t deadline_ns = 0;
  std::uint64_t period_ns = 0;
};
static_assert(sizeof(scheduling) == 48);  // SCHED_ATTR_SIZE_VER0

}  // namespace

// Linux's scheduler since 6.6, EEVDF, lets a turn that has begun go on although a shard wakes up that has more weight.
// From 6.12 on it takes the length of turns for a thread; before, it passes over it.
void be_nice() noexcept {
  scheduling wanted;
  wanted.nice = 15;
  wanted.runtime_ns = 100'000;  // the shortest that Linux takes
  if (syscall(SYS_sched_setattr, 0, &wanted, 0U) == 0) return;
  // A filter of system calls may allow no more than this.
  setpriority(PRIO_PROCESS, static_cast<id_t>(syscall(SYS_gettid)), wanted.nice);
}

}  // namespace kith::actors
