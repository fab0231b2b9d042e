#include "persistence/file.hpp"

#include <array>
#include <atomic>
#include <csignal>
#include <cstdlib>
#include <fcntl.h>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <poll.h>
#include <pthread.h>
#include <sys/stat.h>
#include <thread>
#include <unistd.h>

#include "persistence/overwriting.hpp"
#include "persistence/simulated_files.hpp"
#include "persistence/whole_file.hpp"
#include "tests/catch.hpp"

using namespace kith;
using namespace kith::persistence;

namespace {

class temporary {
 public:
  temporary() {
    auto pattern = (std::filesystem::temp_directory_path() / "kith-file-XXXXXX").string();
    path = ::mkdtemp(pattern.data());
  }
  ~temporary() {
    std::error_code ignored;
    std::filesystem::remove_all(path, ignored);
  }
  std::string path;
};

result<void> append(file& to, std::string_view bytes) {
  const std::array<std::string_view, 1> pieces{bytes};
  return to.append(pieces);
}

/// The contract of file.hpp, which the disk and its twin both keep.
void keeps_the_contract(file_system& files, const std::string& root) {
  const auto directory = root + "/a/b";
  REQUIRE(files.make_directory(directory));
  REQUIRE(files.make_directory(directory));
  CHECK(*files.exists(root + "/a"));
  CHECK_FALSE(*files.exists(directory + "/x"));
  CHECK(files.open(directory + "/x", open_mode::read).error().code == errc::not_found);
  CHECK(files.open(directory + "/x", open_mode::append).error().code == errc::not_found);
  CHECK(files.open(root + "/none/x", open_mode::create).error().code == errc::not_found);
  CHECK(files.list(root + "/none").error().code == errc::not_found);
  CHECK(files.remove(directory + "/x").error().code == errc::not_found);
  CHECK(files.rename(directory + "/x", directory + "/y").error().code == errc::not_found);

  {
    auto made = files.open(directory + "/x", open_mode::create);
    REQUIRE(made);
    CHECK(files.open(directory + "/x", open_mode::create).error().code == errc::unavailable);
    CHECK(files.make_directory(directory + "/x").error().code == errc::unavailable);
    const std::array<std::string_view, 4> pieces{"one", "", "two", "three"};
    REQUIRE((*made)->append(pieces));
    REQUIRE((*made)->append({}));
    REQUIRE((*made)->sync());
    REQUIRE(files.sync_directory(directory));
    CHECK(*(*made)->size() == 11);
  }
  auto opened = files.open(directory + "/x", open_mode::append);
  REQUIRE(opened);
  REQUIRE(append(**opened, "four"));
  std::string read;
  REQUIRE((*opened)->read_at(3, 5, read));
  CHECK(read == "twoth");
  REQUIRE((*opened)->read_at(9, 100, read));
  CHECK(read == "eefour");
  REQUIRE((*opened)->read_at(15, 1, read));
  CHECK(read.empty());
  REQUIRE((*opened)->truncate(3));
  REQUIRE(append(**opened, "!"));
  REQUIRE((*opened)->read_at(0, 100, read));
  CHECK(read == "one!");

  auto reader = files.open(directory + "/x", open_mode::read);
  REQUIRE(reader);
  CHECK(append(**reader, "no").error().code == errc::unavailable);

  REQUIRE(files.open(directory + "/w", open_mode::create));
  REQUIRE(files.rename(directory + "/x", directory + "/w"));  // over one that is there
  CHECK(*files.list(directory) == std::vector<std::string>{"w"});
  CHECK(*files.list(root + "/a") == std::vector<std::string>{"b"});
  REQUIRE(files.remove(directory + "/w"));
  REQUIRE((*reader)->read_at(0, 100, read));  // open files outlive their names
  CHECK(read == "one!");
  CHECK(*files.list(directory) == std::vector<std::string>{});
  CHECK(*files.free_bytes(root) > 0);
}

}  // namespace

TEST_CASE("the operating system's files keep the contract", "[file]") {
  const temporary at;
  keeps_the_contract(real_files(), at.path);
}

TEST_CASE("simulated files keep the contract", "[file]") {
  simulated_files files;
  REQUIRE(files.make_directory("/root"));
  keeps_the_contract(files, "/root");
}

TEST_CASE("an append of more pieces than writev takes arrives whole", "[file]") {
  const temporary at;
  auto made = real_files().open(at.path + "/many", open_mode::create);
  REQUIRE(made);
  std::vector<std::string> words;
  std::string expected;
  for (int i = 0; i < 3000; ++i) {
    words.push_back(std::to_string(i) + (i % 7 == 0 ? std::string() : ","));
    expected += words.back();
  }
  const std::vector<std::string_view> pieces(words.begin(), words.end());
  REQUIRE((*made)->append(pieces));
  std::string read;
  REQUIRE((*made)->read_at(0, expected.size() + 1, read));
  CHECK(read == expected);
}

TEST_CASE("an append that signals cut short and interrupt goes on where it stopped", "[file]") {
  // A pipe takes 64 KiB at once; a signal then makes writev return what it has written, or EINTR.
  const temporary at;
  const auto path = at.path + "/pipe";
  REQUIRE(::mkfifo(path.c_str(), 0600) == 0);
  struct sigaction nothing {};
  nothing.sa_handler = [](int) {};
  struct sigaction before {};
  REQUIRE(::sigaction(SIGUSR1, &nothing, &before) == 0);

  std::vector<std::string> words;
  std::string expected;
  for (int i = 0; i < 2000; ++i) {
    words.push_back(std::to_string(i) + std::string(static_cast<std::size_t>(i) % 997, '.'));
    expected += words.back();
  }
  auto pipe = real_files().open(path, open_mode::append);
  REQUIRE(pipe);
  const int reader = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  REQUIRE(reader >= 0);
  result<void> outcome;
  std::atomic<bool> written{false};
  std::thread writer([&] {
    const std::vector<std::string_view> pieces(words.begin(), words.end());
    outcome = (*pipe)->append(pieces);
    written = true;
  });
  std::string read;
  std::array<char, 3001> buffer{};
  pollfd ready{reader, POLLIN, 0};
  while (read.size() < expected.size() && ::poll(&ready, 1, 10000) == 1) {
    const auto got = ::read(reader, buffer.data(), buffer.size());
    if (got > 0) read.append(buffer.data(), static_cast<std::size_t>(got));
    if (!written) ::pthread_kill(writer.native_handle(), SIGUSR1);
  }
  writer.join();
  ::close(reader);
  ::sigaction(SIGUSR1, &before, nullptr);
  REQUIRE(outcome);
  CHECK((read == expected));  // two megabytes are no help in a message
}

TEST_CASE("a full disk is told from a broken one, with the path and the call", "[file]") {
  if (!std::filesystem::exists("/dev/full")) return;
  auto full = real_files().open("/dev/full", open_mode::append);
  REQUIRE(full);
  const auto outcome = append(**full, "x");
  REQUIRE_FALSE(outcome);
  CHECK(outcome.error().code == errc::resource_exhausted);
  CHECK(outcome.error().message == "/dev/full: write: No space left on device");

  const temporary at;
  std::ofstream(at.path + "/plain") << "x";
  const auto listed = real_files().list(at.path + "/plain");
  REQUIRE_FALSE(listed);
  CHECK(listed.error().code == errc::unavailable);
  CHECK(listed.error().message == at.path + "/plain: readdir: Not a directory");
}

TEST_CASE("a file that cannot be replaced leaves nothing beside it", "[file]") {
  const std::string directory = "/data";
  for (std::uint64_t nth = 0; nth < 5; ++nth) {  // exists, create, append, sync, rename
    for (const auto how : {simulated_files::fault::no_space, simulated_files::fault::short_write}) {
      INFO("call " << nth);
      simulated_files disk(1);
      REQUIRE(disk.make_directory(directory));
      REQUIRE(replace_file(disk, directory, "one", "before"));
      disk.fail(disk.calls() + nth, how);
      const auto replaced = replace_file(disk, directory, "one", "a name of somebody");
      disk.heal();
      if (nth > 0) REQUIRE(!replaced);
      CHECK(disk.contents(directory + "/one") == (replaced ? "a name of somebody" : "before"));
      CHECK(*disk.list(directory) == std::vector<std::string>{"one"});
    }
  }
}

TEST_CASE("a file that is overwritten has none of its bytes any more", "[file]") {
  const temporary at;
  const auto path = at.path + "/secret";
  std::ofstream(path) << std::string(10'000, 's');
  overwrite(path);
  std::ifstream in(path, std::ios::binary);
  const std::string bytes((std::istreambuf_iterator<char>(in)), {});
  CHECK(bytes == std::string(10'000, '\0'));
}
