// What a thread is called, and a library's threads.
#include "persistence/thread_name.hpp"

#include <thread>

#include "tests/catch.hpp"

using namespace kith::persistence;

namespace {

std::string own_name() {
  std::array<char, 64> name{};
  pthread_getname_np(pthread_self(), name.data(), name.size());
  return name.data();
}

}  // namespace

TEST_CASE("a thread names itself, cut to what Linux takes, and whom it starts meanwhile") {
  std::string named;
  std::string numbered;
  std::string cut;
  std::string started;
  std::string behind;
  std::thread([&] {
    name_thread("journal");
    named = own_name();
    name_thread("shard", 12);
    numbered = own_name();
    name_thread("0123456789abcdefgh");
    cut = own_name();
    name_thread("starter");
    {
      const name_of_started library("library");
      std::thread([&] { started = own_name(); }).join();
    }
    behind = own_name();
  }).join();
  CHECK(named == "journal");
  CHECK(numbered == "shard-12");
  CHECK(cut == "0123456789abcde");
  CHECK(started == "library");
  CHECK(behind == "starter");
}
