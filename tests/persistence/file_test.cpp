#include "persistence/file.hpp"

#include <array>
#include <cstdlib>
#include <filesystem>
#include <fstream>

#include "persistence/simulated_files.hpp"
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
