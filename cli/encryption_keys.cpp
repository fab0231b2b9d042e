#include "cli/encryption_keys.hpp"

#include <utility>
#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <csignal>
#include <fcntl.h>
#include <fstream>
#include <iterator>
#include <poll.h>
#include <spawn.h>
#include <sys/wait.h>
#include <system_error>
#include <unistd.h>

namespace kith::cli {

namespace {

constexpr std::chrono::seconds patience{10};
constexpr std::size_t most_bytes = 4096;  ///< that a file or a command may give

class descriptor {
 public:
  explicit descriptor(int number) : number_(number) {}
  ~descriptor() { close(); }
  descriptor(const descriptor&) = delete;
  descriptor& operator=(const descriptor&) = delete;
  int get() const noexcept { return number_; }
  void close() noexcept {
    if (number_ >= 0) ::close(std::exchange(number_, -1));
  }

 private:
  int number_;
};

result<std::string> text_of_file(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  std::string text(most_bytes + 1, '\0');
  if (in) in.read(text.data(), static_cast<std::streamsize>(text.size()));
  if (!in && !in.eof()) return fail(errc::invalid_argument, path + ": cannot be read");
  text.resize(static_cast<std::size_t>(in.gcount()));
  return text;
}

/// What comes out of it until it ends, or time is over.
bool read_all(int from, std::string& text) {
  const auto until = std::chrono::steady_clock::now() + patience;
  std::array<char, 1024> piece{};
  while (text.size() <= most_bytes) {
    const auto left =
        std::chrono::duration_cast<std::chrono::milliseconds>(until - std::chrono::steady_clock::now()).count();
    pollfd waits{from, POLLIN, 0};
    const int ready = ::poll(&waits, 1, static_cast<int>(std::max<std::int64_t>(left, 0)));
    if (ready < 0 && errno == EINTR) continue;
    if (ready <= 0) return false;
    const auto got = ::read(from, piece.data(), piece.size());
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return false;
    if (got == 0) return true;
    text.append(piece.data(), static_cast<std::size_t>(got));
  }
  return true;
}

result<std::string> text_of_command(const std::vector<std::string>& words) {
  const auto failed = [&](const std::string& why) {
    return fail(errc::invalid_argument, "\"" + words[0] + "\" " + why);
  };
  int ends[2];
  if (::pipe2(ends, O_CLOEXEC) != 0)
    return failed(std::string("cannot be run: ") + std::generic_category().message(errno));
  const descriptor out(ends[0]);
  descriptor in(ends[1]);
  std::vector<char*> arguments;
  arguments.reserve(words.size() + 1);
  for (const auto& each : words) arguments.push_back(const_cast<char*>(each.c_str()));
  arguments.push_back(nullptr);
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0);
  posix_spawn_file_actions_adddup2(&actions, in.get(), 1);
  pid_t pid = 0;
  const int code = ::posix_spawnp(&pid, arguments[0], &actions, nullptr, arguments.data(), environ);
  posix_spawn_file_actions_destroy(&actions);
  if (code != 0) return failed(std::string("cannot be run: ") + std::generic_category().message(code));
  in.close();
  std::string text;
  const bool ended = read_all(out.get(), text);
  const bool too_much = text.size() > most_bytes;  // it would go on, and wait for a reader
  if (!ended || too_much) ::kill(pid, SIGKILL);
  int status = 0;
  while (::waitpid(pid, &status, 0) < 0 && errno == EINTR) {
  }
  if (!ended) return failed("printed nothing whole within ten seconds and was ended");
  if (too_much) return failed("printed more than a key");
  if (!WIFEXITED(status) || WEXITSTATUS(status) != 0) return failed("failed; it has to print the key and end with 0");
  return text;
}

result<std::optional<persistence::secret>> load(const std::string& name, const std::string& file,
                                                const std::vector<std::string>& command) {
  if (file.empty() && command.empty()) return std::optional<persistence::secret>();
  if (!file.empty() && !command.empty()) {
    return fail(errc::invalid_argument, name + "_file and " + name + "_command: name one of them");
  }
  const auto where = name + (file.empty() ? "_command: " : "_file: ");
  auto text = file.empty() ? text_of_command(command) : text_of_file(file);
  if (!text) return fail(text.error().code, where + text.error().message);
  auto key = persistence::parse_secret(*text);
  persistence::cleanse(*text);
  if (!key)
    return fail(key.error().code, where + (file.empty() ? "what it prints " : file + " ") + key.error().message);
  return std::optional(*key);
}

}  // namespace

result<void> load_keys(const encryption_keys& from, persistence::encryption_settings& into) {
  auto key = load("encryption.key", from.file, from.command);
  if (!key) return tl::make_unexpected(key.error());
  auto old_key = load("encryption.old_key", from.old_file, from.old_command);
  if (!old_key) return tl::make_unexpected(old_key.error());
  into.key = *key;
  into.old_key = *old_key;
  return {};
}

}  // namespace kith::cli
