// kith top: what a server does, drawn anew each second, by the admin API.
#include <array>
#include <atomic>
#include <cerrno>
#include <clocale>
#include <condition_variable>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <fcntl.h>
#include <langinfo.h>
#include <mutex>
#include <optional>
#include <poll.h>
#include <sys/ioctl.h>
#include <system_error>
#include <termios.h>
#include <thread>
#include <unistd.h>

#include "admin/json.hpp"
#include "cli/admin_client.hpp"
#include "cli/exit_codes.hpp"
#include "cli/top_view.hpp"

namespace kith::cli {

namespace {

using nlohmann::json;
using std::chrono::milliseconds;
using clock = std::chrono::steady_clock;

constexpr milliseconds patience{3000};  ///< of one request
constexpr milliseconds between_segments{5000};
constexpr std::size_t points_kept = 300;
constexpr std::size_t most_segments = 1000;
constexpr std::size_t plain_columns = 100;  ///< where there is no terminal

struct top_flags {
  admin_flags server;
  bool once = false;
  bool json = false;
  double interval = 1;  ///< seconds
};

double seconds_since(clock::time_point when) { return std::chrono::duration<double>(clock::now() - when).count(); }

/// Asks the server again and again. Thread safety: state() from any thread, look() from one.
class observer {
 public:
  explicit observer(net::client_options options) : options_(std::move(options)) {
    options_.request_timeout = options_.connect_timeout = patience;
    state_.server = options_.host + ":" + std::to_string(options_.port);
  }

  /// Errors: whatever keeps the server from answering; it is also in the state.
  result<void> look() {
    auto outcome = understood();
    const std::lock_guard lock(mutex_);
    if (outcome) {
      if (!state_.trouble.empty()) back_ = clock::now();
      state_.trouble.clear();
      answered_ = clock::now();
    } else {
      link_.reset();
      state_.trouble = outcome.error().message;
    }
    return outcome;
  }

  top_state state() const {
    const std::lock_guard lock(mutex_);
    auto now = state_;
    now.silent_seconds = seconds_since(answered_);
    if (back_) now.back_seconds = seconds_since(*back_);
    return now;
  }

 private:
  /// An answer of another shape, of another version or of what stands between, is an error as any.
  result<void> understood() {
    try {
      return ask();
    } catch (const json::exception& why) {
      return fail(errc::unavailable, "the answer of " + options_.host + " is not a Kith server's: " + why.what());
    }
  }

  result<void> ask() {
    if (!link_) {
      auto made = admin_client::connect(options_);
      if (!made) return tl::make_unexpected(made.error());
      link_ = std::make_unique<admin_client>(std::move(*made));
    }
    auto sample = link_->ask("GET", "/v1/live?format=json");
    if (!sample) return tl::make_unexpected(sample.error());
    auto latency = link_->ask("GET", "/v1/latency");
    if (!latency) return tl::make_unexpected(latency.error());
    std::optional<json> segments;
    if (clock::now() >= next_segments_) {
      auto listed = read_list(*link_, "/v1/segments", most_segments);
      if (!listed) return tl::make_unexpected(listed.error());
      segments = std::move(*listed);
      next_segments_ = clock::now() + between_segments;
    }
    take(std::move(*sample), std::move(*latency), std::move(segments));
    return {};
  }

  void take(json sample, json latency, std::optional<json> segments) {
    const std::lock_guard lock(mutex_);
    const auto now = clock::now();
    const auto seconds = std::max(0.001, std::chrono::duration<double>(now - taken_).count());
    // A server that was started anew counts from 0.
    const auto rate = [&](const char* key) {
      const auto is = sample.at("stats").value(key, 0.0);
      if (!state_.sample.is_object()) return 0.0;
      const auto more = is - state_.sample.at("stats").value(key, 0.0);
      return more > 0 ? more / seconds : 0.0;
    };
    state_.syncs = rate("journalSyncs");
    state_.entered = rate("segmentsEntered");
    state_.left = rate("segmentsLeft");
    const auto letters = sample.at("deadLetters").value("letters", std::uint64_t{0});
    if (!letters_at_first_) letters_at_first_ = letters;
    state_.new_letters = letters > *letters_at_first_ ? letters - *letters_at_first_ : 0;
    state_.applied.push_back(sample.at("point").value("applied", 0.0));
    if (state_.applied.size() > points_kept) state_.applied.pop_front();
    state_.sample = std::move(sample);
    state_.latency = std::move(latency);
    if (segments) state_.segments = std::move(*segments);
    taken_ = now;
  }

  net::client_options options_;
  std::unique_ptr<admin_client> link_;
  clock::time_point next_segments_{};
  mutable std::mutex mutex_;  ///< of what follows
  top_state state_;
  clock::time_point answered_ = clock::now();
  clock::time_point taken_ = clock::now();
  std::optional<clock::time_point> back_;
  std::optional<std::uint64_t> letters_at_first_;
};

/// Wakes poll() of the one terminal: signals, and what came from the server.
std::array<int, 2> wake_pipe{-1, -1};

void wake(char why) {
  const int before = errno;
  static_cast<void>(!::write(wake_pipe[1], &why, 1));  // full: it will wake anyway
  errno = before;
}

void on_signal(int signal) { wake(signal == SIGWINCH ? 'w' : signal == SIGTSTP ? 'z' : 'q'); }

/// The terminal while it is ours: another screen, keys at once and not shown. What it was before comes back, whatever
/// ends this.
class terminal {
 public:
  terminal() {
    tcgetattr(STDIN_FILENO, &before_);
    enter();
  }
  ~terminal() { leave(); }
  terminal(const terminal&) = delete;
  terminal& operator=(const terminal&) = delete;

  void enter() {
    auto raw = before_;
    raw.c_lflag &= ~static_cast<tcflag_t>(ICANON | ECHO);
    raw.c_cc[VMIN] = 0;
    raw.c_cc[VTIME] = 0;
    tcsetattr(STDIN_FILENO, TCSANOW, &raw);
    write("\033[?1049h\033[?25l\033[?7l");
  }
  void leave() {
    write("\033[?7h\033[?25h\033[?1049l");
    tcsetattr(STDIN_FILENO, TCSANOW, &before_);
  }
  void draw(const std::vector<std::string>& lines) {
    std::string frame = "\033[H";
    for (std::size_t i = 0; i < lines.size(); ++i) {
      // Erased before it is written: behind a full line the cursor stands on the last character.
      const bool last = i + 1 == lines.size();
      frame += (last ? "\033[J" : "\033[K") + lines[i];
      if (!last) frame += "\r\n";
    }
    write(lines.empty() ? frame + "\033[J" : frame);
  }
  static top_screen size() {
    top_screen on;
    winsize window{};
    if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &window) == 0 && window.ws_col > 0 && window.ws_row > 0) {
      on.columns = window.ws_col;
      on.rows = window.ws_row;
    }
    return on;
  }

 private:
  static void write(std::string_view text) {
    while (!text.empty()) {
      const auto written = ::write(STDOUT_FILENO, text.data(), text.size());
      if (written < 0 && errno == EINTR) continue;
      if (written <= 0) return;  // it is gone, and reading will tell
      text.remove_prefix(static_cast<std::size_t>(written));
    }
  }

  termios before_{};
};

bool has_colours() {
  const char* none = std::getenv("NO_COLOR");  // NOLINT(concurrency-mt-unsafe): nobody sets any
  const char* kind = std::getenv("TERM");      // NOLINT(concurrency-mt-unsafe)
  return (none == nullptr || *none == '\0') && (kind == nullptr || std::strcmp(kind, "dumb") != 0);
}

bool has_unicode() {
  std::setlocale(LC_CTYPE, "");                            // NOLINT(concurrency-mt-unsafe): before any thread
  return std::strcmp(nl_langinfo(CODESET), "UTF-8") == 0;  // NOLINT(concurrency-mt-unsafe)
}

class dashboard {
 public:
  dashboard(observer& of, milliseconds interval)
      : of_(of), interval_(interval), colours_(has_colours()), unicode_(has_unicode()) {}

  int run() {
    if (::pipe2(wake_pipe.data(), O_CLOEXEC | O_NONBLOCK) != 0) {
      return report("top", {errc::unavailable, "pipe: " + std::generic_category().message(errno)});
    }
    struct sigaction action {};
    action.sa_handler = on_signal;
    for (const int each : {SIGINT, SIGTERM, SIGQUIT, SIGHUP, SIGWINCH, SIGTSTP}) sigaction(each, &action, nullptr);
    {
      terminal on;
      std::thread asking([this] { ask(); });
      while (!ended_) turn(on);
      {
        const std::lock_guard lock(mutex_);
        ending_ = true;
      }
      changed_.notify_all();
      asking.join();
    }
    return exit_ok;
  }

 private:
  void ask() {
    for (;;) {
      static_cast<void>(of_.look());  // the state tells
      wake('.');
      std::unique_lock lock(mutex_);
      if (changed_.wait_for(lock, interval_, [this] { return ending_; })) return;
    }
  }

  void turn(terminal& on) {
    if (!paused_) shown_ = of_.state();
    shown_.paused = paused_;
    auto screen = terminal::size();
    screen.colours = colours_;
    screen.unicode = unicode_;
    screen.page = page_;
    on.draw(top_lines(shown_, screen));
    std::array<pollfd, 2> ready{{{STDIN_FILENO, POLLIN, 0}, {wake_pipe[0], POLLIN, 0}}};
    constexpr int longest_ms = 1000;
    if (::poll(ready.data(), ready.size(), longest_ms) < 0) return;
    if ((ready[1].revents & POLLIN) != 0) woken(on);
    if (ready[0].revents != 0) read_keys();
  }

  void woken(terminal& on) {
    std::array<char, 64> why{};
    const auto count = ::read(wake_pipe[0], why.data(), why.size());
    for (ssize_t i = 0; i < count; ++i) {
      if (why[static_cast<std::size_t>(i)] == 'q') ended_ = true;
      if (why[static_cast<std::size_t>(i)] != 'z') continue;
      on.leave();
      ::kill(::getpid(), SIGSTOP);
      on.enter();
    }
  }

  void read_keys() {
    std::array<char, 64> keys{};
    const auto count = ::read(STDIN_FILENO, keys.data(), keys.size());
    if (count <= 0) {
      ended_ = true;  // the terminal is gone
      return;
    }
    const std::string_view pressed(keys.data(), static_cast<std::size_t>(count));
    const auto page = [this](std::size_t by) {
      page_ = static_cast<top_page>((static_cast<std::size_t>(page_) + by) % top_pages);
    };
    if (pressed == "\033[C" || pressed == "\033OC") return page(1);
    if (pressed == "\033[D" || pressed == "\033OD" || pressed == "\033[Z") return page(top_pages - 1);
    if (pressed.front() == '\033' && pressed.size() > 1) return;  // another key
    for (const char key : pressed) {
      if (key == 'q' || key == 'Q') ended_ = true;
      if (key == 'p' || key == 'P' || key == ' ') paused_ = !paused_;
      if (key == '\t') page(1);
      if (key >= '1' && key < '1' + static_cast<char>(top_pages)) page_ = static_cast<top_page>(key - '1');
    }
  }

  observer& of_;
  const milliseconds interval_;
  const bool colours_;
  const bool unicode_;
  top_state shown_;
  top_page page_ = top_page::overview;
  bool paused_ = false;
  bool ended_ = false;
  std::mutex mutex_;
  std::condition_variable changed_;
  bool ending_ = false;
};

int print_once(const observer& of) {
  top_screen on;
  on.rows = 0;
  on.columns = ::isatty(STDOUT_FILENO) != 0 ? terminal::size().columns : plain_columns;
  on.unicode = has_unicode();
  on.colours = ::isatty(STDOUT_FILENO) != 0 && has_colours();
  for (const auto& line : top_lines(of.state(), on)) std::puts(line.c_str());
  return exit_ok;
}

/// An object a line, until nobody reads them or the server goes away.
int print_json(observer& of, const top_flags& flags) {
  for (;;) {
    if (std::puts(admin::dump(top_json(of.state())).c_str()) < 0 || std::fflush(stdout) != 0) return exit_ok;
    if (flags.once) return exit_ok;
    std::this_thread::sleep_for(std::chrono::duration<double>(flags.interval));
    if (const auto looked = of.look(); !looked) return report("top", looked.error());
  }
}

int top(const top_flags& flags) {
  const auto options = flags.server.options();
  if (!options) return report_unreached("top", options.error());
  observer of(*options);
  if (const auto looked = of.look(); !looked) return report_unreached("top", looked.error(), *options);
  if (flags.json) return print_json(of, flags);
  const bool drawn = ::isatty(STDOUT_FILENO) != 0 && ::isatty(STDIN_FILENO) != 0;
  if (flags.once || !drawn) return print_once(of);
  return dashboard(of, milliseconds(static_cast<std::int64_t>(flags.interval * 1000))).run();
}

}  // namespace

command_body add_top(CLI::App& app) {
  auto flags = std::make_shared<top_flags>();
  flags->server.add_to(app);
  app.add_flag("--once", flags->once, "print what there is now, and end; so it is where output is no terminal");
  app.add_flag("--json", flags->json, "print a JSON object, with --once one, else one a line each interval");
  app.add_option("--interval", flags->interval, "seconds between two looks")
      ->check(CLI::Range(0.2, 3600.0))
      ->capture_default_str();
  app.footer(
      "Keys: q ends, p pauses, tab and the arrows change the page, 1 to 3 choose one. NO_COLOR turns colours off.\n"
      "Needs a credential with at least the role viewer. Exit codes: 69 server not reached, 77 no permission.");
  return [flags] { return top(*flags); };
}

}  // namespace kith::cli
