// What systemd is told, by sd_notify(3)'s protocol: datagrams of lines to the socket that NOTIFY_SOCKET names.
#include <csignal>
#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "tests/catch.hpp"
#include "tests/system/support/server.hpp"

using namespace kith::tests;

namespace {

class notify_socket {
 public:
  explicit notify_socket(const std::string& path) : fd_(socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0)) {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    REQUIRE(path.size() < sizeof address.sun_path);
    path.copy(address.sun_path, path.size());
    REQUIRE(bind(fd_, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0);
  }
  ~notify_socket() { close(fd_); }
  notify_socket(const notify_socket&) = delete;
  notify_socket& operator=(const notify_socket&) = delete;

  /// Whether such a line comes; those before it are passed over.
  bool hears(const std::string& line, int patience_ms = 30'000) {
    pollfd waiting{fd_, POLLIN, 0};
    while (poll(&waiting, 1, patience_ms) > 0) {
      char buffer[4096];
      const auto size = recv(fd_, buffer, sizeof buffer, 0);
      if (size < 0) return false;
      const auto message = "\n" + std::string(buffer, static_cast<std::size_t>(size)) + "\n";
      if (message.find("\n" + line + "\n") != std::string::npos) return true;
    }
    return false;
  }

 private:
  int fd_;
};

}  // namespace

TEST_CASE("systemd is told when the store is ready, that it lives, reloads and stops") {
  const scratch room;
  notify_socket manager(room.path("notify"));
  process serving({"/usr/bin/env", "NOTIFY_SOCKET=" + room.path("notify"), "WATCHDOG_USEC=2000000", KITH_EXECUTABLE,
                   "serve", "--dev", "--data", room.path("data"), "--port-base", std::to_string(free_ports())},
                  room.path("log"));
  INFO(serving.output());
  CHECK(manager.hears("READY=1"));
  for (int i = 0; i < 3; ++i) CHECK(manager.hears("WATCHDOG=1"));
  serving.send(SIGHUP);
  CHECK(manager.hears("RELOADING=1"));
  CHECK(manager.hears("READY=1"));
  serving.send(SIGTERM);
  CHECK(manager.hears("STOPPING=1"));
  CHECK(serving.wait() == 0);
}
