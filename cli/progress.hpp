// A progress bar on stderr, on a terminal only.
#pragma once

#include <chrono>
#include <cstdint>
#include <cstdio>
#include <unistd.h>

namespace kith::cli {

class progress {
 public:
  /// `total`: in bytes or events; 0: not known.
  explicit progress(std::uint64_t total) : total_(total), shown_(::isatty(STDERR_FILENO) != 0) {}

  /// `done` of total, `events` for people; redraws at most ten times a second.
  void update(std::uint64_t done, std::uint64_t events) {
    if (!shown_) return;
    const auto now = std::chrono::steady_clock::now();
    if (now - drawn_ < std::chrono::milliseconds(100)) return;
    drawn_ = now;
    draw(done, events);
  }
  void finish(std::uint64_t events) {
    if (!shown_) return;
    draw(total_, events);
    std::fputc('\n', stderr);
  }

 private:
  void draw(std::uint64_t done, std::uint64_t events) const {
    constexpr int width = 30;
    const auto seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - started_).count();
    const auto rate = seconds > 0 ? static_cast<double>(events) / seconds : 0.0;
    const double part = total_ == 0 ? 0.0 : static_cast<double>(done) / static_cast<double>(total_);
    std::fprintf(stderr, "\r\033[K[");
    for (int i = 0; i < width; ++i) std::fputc(i < part * width ? '#' : '.', stderr);
    std::fprintf(stderr, "] %3.0f %%  %llu events  %.0f/s", part * 100, static_cast<unsigned long long>(events), rate);
    if (part > 0 && part < 1) std::fprintf(stderr, "  %.0f s left", seconds / part * (1 - part));
  }

  const std::uint64_t total_;
  const bool shown_;
  const std::chrono::steady_clock::time_point started_ = std::chrono::steady_clock::now();
  std::chrono::steady_clock::time_point drawn_{};
};

}  // namespace kith::cli
