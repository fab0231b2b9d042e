// A progress bar on stderr, on a terminal only.
#pragma once

#include <chrono>
#include <cstdint>
#include <cstdio>
#include <string>
#include <string_view>
#include <unistd.h>

namespace kith::cli {

/// From the start of the line on; `part` of 1 is done.
inline void draw_bar(double part) {
  constexpr int width = 30;
  std::fprintf(stderr, "\r\033[K[");
  for (int i = 0; i < width; ++i) std::fputc(i < part * width ? '#' : '.', stderr);
  std::fprintf(stderr, "] %3.0f %%", part * 100);
}

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
    const auto seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - started_).count();
    const auto rate = seconds > 0 ? static_cast<double>(events) / seconds : 0.0;
    const double part = total_ == 0 ? 0.0 : static_cast<double>(done) / static_cast<double>(total_);
    draw_bar(part);
    std::fprintf(stderr, "  %llu events  %.0f/s", static_cast<unsigned long long>(events), rate);
    if (part > 0 && part < 1) std::fprintf(stderr, "  %.0f s left", seconds / part * (1 - part));
  }

  const std::uint64_t total_;
  const bool shown_;
  const std::chrono::steady_clock::time_point started_ = std::chrono::steady_clock::now();
  std::chrono::steady_clock::time_point drawn_{};
};

/// The same for work of several steps, whose names are told; each begins anew. The bar is gone at the end.
class step_progress {
 public:
  /// `shown`: whether to, on a terminal.
  explicit step_progress(bool shown = true) : shown_(shown && ::isatty(STDERR_FILENO) != 0) {}
  ~step_progress() { clear(); }
  step_progress(const step_progress&) = delete;
  step_progress& operator=(const step_progress&) = delete;

  void update(std::string_view step, std::uint64_t done, std::uint64_t total) {
    if (!shown_) return;
    const auto now = std::chrono::steady_clock::now();
    if (step != step_) {
      step_ = step;
      started_ = now;
    }
    if (now - drawn_ < std::chrono::milliseconds(100)) return;
    drawn_ = now;
    // Totals are estimates.
    const double part = done >= total ? 1.0 : static_cast<double>(done) / static_cast<double>(total);
    draw_bar(part);
    std::fprintf(stderr, "  %s", step_.c_str());
    const auto seconds = std::chrono::duration<double>(now - started_).count();
    if (part > 0 && part < 1) std::fprintf(stderr, "  %.0f s left", seconds / part * (1 - part));
  }
  /// Before other lines are printed.
  void clear() {
    if (shown_) std::fputs("\r\033[K", stderr);
  }

 private:
  const bool shown_;
  std::string step_;
  std::chrono::steady_clock::time_point started_{};
  std::chrono::steady_clock::time_point drawn_{};
};

}  // namespace kith::cli
