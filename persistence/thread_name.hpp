// Names of threads, for who looks at a process by ps -L, top -H, perf or gdb.
//
// Thread safety: all of it; each is about the calling thread.
#pragma once

#include <algorithm>
#include <array>
#include <pthread.h>
#include <string>
#include <string_view>

namespace kith::persistence {

inline constexpr std::size_t most_thread_name = 15;  ///< bytes; Linux refuses longer ones

/// The calling thread is called so; what is over `most_thread_name` bytes is cut.
inline void name_thread(std::string_view name) noexcept {
  std::array<char, most_thread_name + 1> cut{};
  std::copy_n(name.data(), std::min(name.size(), most_thread_name), cut.data());
  pthread_setname_np(pthread_self(), cut.data());
}

/// The name of one of several: "shard-3".
inline void name_thread(std::string_view kind, std::size_t number) {
  name_thread(std::string(kind) + "-" + std::to_string(number));
}

/// A thread begins with the name of the one that started it. So those of a library, which cannot name themselves, are
/// called so if they are started while this lives.
class name_of_started {
 public:
  explicit name_of_started(std::string_view name) noexcept {
    pthread_getname_np(pthread_self(), before_.data(), before_.size());
    name_thread(name);
  }
  ~name_of_started() { name_thread(before_.data()); }
  name_of_started(const name_of_started&) = delete;
  name_of_started& operator=(const name_of_started&) = delete;

 private:
  std::array<char, most_thread_name + 1> before_{};
};

}  // namespace kith::persistence
