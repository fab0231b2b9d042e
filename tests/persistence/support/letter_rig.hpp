// A store of dead letters on a directory of its own, with a clock that is moved, and letters to put in.
#pragma once

#include <atomic>
#include <cstdlib>
#include <filesystem>
#include <future>
#include <mutex>
#include <string>
#include <vector>

#include "persistence/dead_letters.hpp"
#include "tests/catch.hpp"

namespace kith::tests {

using namespace persistence;

inline constexpr std::int64_t start_ms = 1'714'557'600'000;
inline constexpr std::int64_t day_ms = 86'400'000;

struct letter_directory {
  letter_directory() {
    std::string pattern = (std::filesystem::temp_directory_path() / "kith-letters-XXXXXX").string();
    path = ::mkdtemp(pattern.data());
  }
  ~letter_directory() { std::filesystem::remove_all(path); }
  letter_directory(const letter_directory&) = delete;
  letter_directory& operator=(const letter_directory&) = delete;

  std::string letters() const { return path + "/dead-letters"; }
  std::string path;
};

/// A store with a clock that is moved, and what it logged.
struct letter_rig {
  explicit letter_rig(std::uint64_t bytes = 1 << 30, std::size_t letter_bytes = 1 << 20) {
    options.bytes = bytes;
    options.letter_bytes = letter_bytes;
    options.now_ms = [this] { return clock.load(); };
    options.log = [this](std::string_view level, std::string_view message) {
      const std::lock_guard lock(mutex);
      logged.append(level).append(": ").append(message).append("\n");
    };
    open();
  }
  ~letter_rig() { store.reset(); }
  letter_rig(const letter_rig&) = delete;
  letter_rig& operator=(const letter_rig&) = delete;

  void open() {
    store.reset();
    store = dead_letters::open(real_files(), where.letters(), options).value();
  }
  result<void> put(std::vector<dead_letter> letters) {
    std::promise<result<void>> kept;
    store->put(std::move(letters), [&](const result<void>& outcome) { kept.set_value(outcome); });
    return kept.get_future().get();
  }
  std::string log() {
    const std::lock_guard lock(mutex);
    return logged;
  }
  /// The texts of those that match, over all pages.
  std::vector<std::string> listed(dead_letter_query query) {
    std::vector<std::string> all;
    do {
      auto page = store->list(query).value();
      for (const auto& each : page.letters) all.push_back(each.bytes);
      query.cursor = page.next;
    } while (!query.cursor.empty());
    return all;
  }
  std::vector<std::string> ids() {
    std::vector<std::string> all;
    dead_letter_query query;
    query.newest_first = false;
    do {
      auto page = store->list(query).value();
      for (const auto& each : page.letters) all.push_back(each.id);
      query.cursor = page.next;
    } while (!query.cursor.empty());
    return all;
  }
  /// A put behind which the bounds hold: its `done` comes before they are looked at, the next one's behind that.
  void settle() {
    REQUIRE(put({}));
    REQUIRE(put({}));
  }

  letter_directory where;
  std::atomic<std::int64_t> clock{start_ms};
  std::mutex mutex;
  std::string logged;
  dead_letter_options options;
  std::unique_ptr<dead_letters> store;
};

inline dead_letter letter(const std::string& text, const std::string& source = "shop",
                          const std::string& code = "invalid_argument") {
  dead_letter made;
  made.source = source;
  made.edge = "protocol";
  made.code = code;
  made.message = "messageId: missing";
  made.content_type = "text/plain";
  made.bytes = text;
  return made;
}

using texts = std::vector<std::string>;

}  // namespace kith::tests
