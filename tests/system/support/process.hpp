// A child process whose output goes to a file: started, signalled and waited for by its id only.
#pragma once

#include <chrono>
#include <functional>
#include <optional>
#include <string>
#include <sys/types.h>
#include <vector>

namespace kith::tests {

/// Polls until `condition` holds; false after `deadline`.
bool eventually(const std::function<bool()>& condition, std::chrono::milliseconds deadline = std::chrono::seconds(30));

/// Invariants: a process that was started is reaped, killed if need be, at the latest by the destructor.
class process {
 public:
  /// `output`: the file that gets its standard output and error.
  process(std::vector<std::string> command, std::string output);
  ~process();
  process(const process&) = delete;
  process& operator=(const process&) = delete;

  void send(int signal) const;
  bool running();
  /// The exit code (128 + signal if it was killed); nothing if it still runs at the deadline.
  std::optional<int> wait(std::chrono::milliseconds deadline = std::chrono::seconds(60));
  std::string output() const;
  pid_t id() const noexcept { return pid_; }

 private:
  pid_t pid_ = -1;
  std::optional<int> status_;
  std::string output_;
};

/// Under the system's temporary directory, removed at the end.
class scratch {
 public:
  scratch();
  ~scratch();
  scratch(const scratch&) = delete;
  scratch& operator=(const scratch&) = delete;

  std::string path(const std::string& name) const { return directory_ + "/" + name; }
  void write(const std::string& name, const std::string& text) const;

 private:
  std::string directory_;
};

}  // namespace kith::tests
