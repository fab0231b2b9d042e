#include "net/thread_loops.hpp"

#include "persistence/thread_name.hpp"

namespace kith::net {

thread_loops::thread_loops(unsigned threads) {
  for (unsigned i = 0; i < threads; ++i) {
    auto& one = *loops_.emplace_back(std::make_unique<loop>());
    one.thread = std::thread([&io = one.io, i] {
      persistence::name_thread("net", i);
      io.run();
    });
  }
}

thread_loops::~thread_loops() { stop(); }

void thread_loops::stop() {
  for (const auto& each : loops_) each->io.stop();
  for (const auto& each : loops_) {
    if (each->thread.joinable()) each->thread.join();
  }
}

}  // namespace kith::net
