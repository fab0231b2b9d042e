// Keys from files and from what commands print.
#include "cli/encryption_keys.hpp"

#include <cstdlib>
#include <filesystem>
#include <fstream>

#include "cli/check.hpp"
#include "cli/config.hpp"
#include "tests/catch.hpp"

using namespace kith;

namespace {

constexpr char hex[] = "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f";
constexpr char base64[] = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=";

struct file_of {
  explicit file_of(const std::string& text) : path(std::filesystem::temp_directory_path() / "kith-key-XXXXXX") {
    const int made = ::mkstemp(path.data());
    REQUIRE(made >= 0);
    std::ofstream(path) << text;
  }
  ~file_of() { std::filesystem::remove(path); }
  std::string path;
};

std::string error_of(const cli::encryption_keys& from) {
  persistence::encryption_settings into;
  const auto loaded = cli::load_keys(from, into);
  REQUIRE(!loaded);
  CHECK(loaded.error().code == errc::invalid_argument);
  return loaded.error().message;
}

bool has(const std::string& text, const std::string& part) { return text.find(part) != std::string::npos; }

}  // namespace

TEST_CASE("a key comes from a file or a command, and so does the old one") {
  const file_of key(std::string(hex) + "\n");
  persistence::encryption_settings into;
  REQUIRE(cli::load_keys({}, into));
  CHECK(!into.key);
  REQUIRE(cli::load_keys({key.path, {}, {}, {"printf", "%s", base64}}, into));
  REQUIRE(into.key);
  REQUIRE(into.old_key);
  CHECK(*into.key == *into.old_key);
  REQUIRE(cli::load_keys({{}, {"cat", key.path}, {}, {}}, into));
  CHECK(into.key);
  CHECK(!into.old_key);
}

TEST_CASE("where no key comes from, the error says which file or command and why, and shows no key") {
  const file_of wrong("not a key");
  CHECK(has(error_of({"/nowhere/kith.key", {}, {}, {}}), "encryption.key_file: /nowhere/kith.key: cannot be read"));
  const auto no_key = error_of({wrong.path, {}, {}, {}});
  CHECK(has(no_key, wrong.path));
  CHECK(has(no_key, "64 hexadecimal digits"));
  CHECK(!has(no_key, "not a key"));
  CHECK(has(error_of({{}, {"/nowhere/program"}, {}, {}}), "\"/nowhere/program\" cannot be run"));
  CHECK(has(error_of({{}, {"false"}, {}, {}}), "end with 0"));
  CHECK(has(error_of({{}, {"echo", "nothing"}, {}, {}}), "encryption.key_command: what it prints is no key"));
  CHECK(has(error_of({wrong.path, {"true"}, {}, {}}), "encryption.key_file and encryption.key_command"));
  CHECK(has(error_of({{}, {}, wrong.path, {}}), "encryption.old_key_file"));
  CHECK(has(error_of({{}, {"yes"}, {}, {}}), "printed more than a key"));
}

TEST_CASE("[encryption] is read, and what is wrong with it refused") {
  const auto made = cli::parse_config(R"([encryption]
journal = false
key_file = "a"
old_key_command = ["pass", "show", "old"]
key_cache = "1MiB"
)",
                                      "kith.toml");
  REQUIRE(made);
  CHECK(!made->runtime.encryption.journal);
  CHECK(made->runtime.encryption.cache_bytes == 1024 * 1024);
  CHECK(made->keys.file == "a");
  CHECK(made->keys.old_command == std::vector<std::string>{"pass", "show", "old"});
  CHECK(cli::parse_config("", "kith.toml")->runtime.encryption.journal);
  for (const std::string wrong : {"journal = 1", "key_command = []", "key_command = \"cat key\"", "key = \"x\""}) {
    INFO(wrong);
    const auto refused = cli::parse_config("[encryption]\n" + wrong, "kith.toml");
    REQUIRE(!refused);
    CHECK(has(refused.error().message, "encryption."));
  }
}

TEST_CASE("kith check says how many encrypted records it did not look into, and why") {
  persistence::check_report found;
  CHECK(cli::unopened_text(found).empty());
  found.unopened = "no key";
  found.encrypted = 1;
  CHECK(cli::unopened_text(found) ==
        "1 encrypted record is whole, and was not looked into: no key; kith check --key-file does\n");
  found.encrypted = 2;
  CHECK(cli::unopened_text(found) ==
        "2 encrypted records are whole, and were not looked into: no key; kith check --key-file does\n");
}
