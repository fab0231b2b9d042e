// Dead letters through kill -9 and a disk that takes no more. Another process of this executable is what is killed.
#include <csignal>
#include <spawn.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/persistence/support/letter_rig.hpp"

using namespace kith;
using namespace kith::persistence;
using namespace kith::tests;

namespace {

/// Another process of this executable that runs one hidden test, with a pipe to tell by.
class child {
 public:
  child(const char* test, const std::string& directory) {
    REQUIRE(::pipe(pipe_) == 0);
    REQUIRE(::setenv("KITH_LETTERS_DIRECTORY", directory.c_str(), 1) == 0);
    REQUIRE(::setenv("KITH_LETTERS_PIPE", std::to_string(pipe_[1]).c_str(), 1) == 0);
    std::string name = "test_persistence";
    std::string tag = test;
    char* arguments[] = {name.data(), tag.data(), nullptr};
    REQUIRE(::posix_spawn(&pid_, "/proc/self/exe", nullptr, nullptr, arguments, environ) == 0);
    ::close(pipe_[1]);
  }
  ~child() {
    kill();
    ::close(pipe_[0]);
  }
  child(const child&) = delete;
  child& operator=(const child&) = delete;

  /// What it told next; empty: nothing more.
  std::string read() const {
    char bytes[256];
    const auto got = ::read(pipe_[0], bytes, sizeof bytes);
    return got > 0 ? std::string(bytes, static_cast<std::size_t>(got)) : std::string();
  }
  void kill() {
    if (pid_ == 0) return;
    ::kill(pid_, SIGKILL);
    ::waitpid(pid_, nullptr, 0);
    pid_ = 0;
  }

 private:
  int pipe_[2] = {-1, -1};
  pid_t pid_ = 0;
};

void tell(const std::string& text) {
  const int pipe = std::atoi(std::getenv("KITH_LETTERS_PIPE"));
  REQUIRE(::write(pipe, text.data(), text.size()) == static_cast<ssize_t>(text.size()));
}

dead_letter_options in_child() {
  dead_letter_options options;
  options.now_ms = [] { return start_ms; };
  return options;
}

}  // namespace

TEST_CASE("child: keeps letters until it is killed", "[.letters_killed]") {
  const auto store = dead_letters::open(real_files(), std::getenv("KITH_LETTERS_DIRECTORY"), in_child()).value();
  // Several at a time, each told of when it is acknowledged; the killing ends it, or this bound.
  for (int i = 0; i < 200'000; i += 4) {
    std::vector<std::future<result<void>>> all;
    for (int j = i; j < i + 4; ++j) {
      auto kept = std::make_shared<std::promise<result<void>>>();
      all.push_back(kept->get_future());
      store->put({letter(std::to_string(j) + std::string(200, '.'))},
                 [kept](const result<void>& outcome) { kept->set_value(outcome); });
    }
    for (auto& each : all) {
      REQUIRE(each.get());
      tell("+");
    }
  }
}

TEST_CASE("what was acknowledged is there after kill -9", "[dead_letters]") {
  const letter_directory where;
  std::size_t acknowledged = 0;
  for (int round = 0; round < 3; ++round) {
    child writer("[.letters_killed]", where.letters());
    std::size_t told = 0;
    while (told < 300) {
      const auto more = writer.read();
      REQUIRE_FALSE(more.empty());
      told += more.size();
    }
    writer.kill();
    for (auto more = writer.read(); !more.empty(); more = writer.read()) told += more.size();
    acknowledged += told;
  }
  std::uint64_t found = 0;
  CHECK(dead_letters::verify(
            real_files(), where.letters(), [](auto, auto, auto) {}, found)
            .value()
            .empty());
  CHECK(found >= acknowledged);
  CHECK(found <= acknowledged + 3 * 4);  // those that were under way
  const auto store = dead_letters::open(real_files(), where.letters(), in_child()).value();
  CHECK(store->status().letters == found);
}

TEST_CASE("child: the disk takes no more", "[.letters_full]") {
  std::signal(SIGXFSZ, SIG_IGN);
  std::string logged;
  std::mutex mutex;
  auto options = in_child();
  options.log = [&](std::string_view, std::string_view message) {
    const std::lock_guard lock(mutex);
    logged.append(message).append("\n");
  };
  const std::string where = std::getenv("KITH_LETTERS_DIRECTORY");
  auto store = dead_letters::open(real_files(), where, options).value();
  const auto put = [&] {
    std::promise<result<void>> kept;
    store->put({letter(std::string(256 * 1024, 'x'))}, [&](const result<void>& got) { kept.set_value(got); });
    return kept.get_future().get();
  };
  rlimit before{};
  REQUIRE(::getrlimit(RLIMIT_FSIZE, &before) == 0);
  rlimit low = before;
  low.rlim_cur = 1 << 20;
  REQUIRE(::setrlimit(RLIMIT_FSIZE, &low) == 0);
  std::uint64_t kept = 0;
  result<void> outcome;
  while (kept < 100 && (outcome = put())) ++kept;
  REQUIRE(::setrlimit(RLIMIT_FSIZE, &before) == 0);
  REQUIRE_FALSE(outcome);
  CHECK(kept > 0);
  CHECK(outcome.error().code == errc::unavailable);
  CHECK_THAT(outcome.error().message, Contains("dead letters: keeping letters: IO error"));
  // Like the journal it does not write on behind a failure; what it has can be read.
  CHECK_FALSE(put());
  CHECK(store->status().letters == kept);
  CHECK(store->status().refused == 2);
  CHECK(store->list({}).value().letters.size() == kept);
  CHECK_THAT(logged, Contains("letters are refused"));
  store.reset();
  store = dead_letters::open(real_files(), where, options).value();
  CHECK(store->status().letters == kept);
  REQUIRE(put());
  tell("done " + std::to_string(kept + 1));
}

TEST_CASE("a disk that takes no more is told, and loses nothing that was acknowledged", "[dead_letters]") {
  const letter_directory where;
  child writer("[.letters_full]", where.letters());
  const auto told = writer.read();
  REQUIRE(told.substr(0, 5) == "done ");
  writer.kill();
  std::uint64_t found = 0;
  CHECK(dead_letters::verify(
            real_files(), where.letters(), [](auto, auto, auto) {}, found)
            .value()
            .empty());
  CHECK(std::to_string(found) == told.substr(5));
}
