// kith top on a terminal, as somebody who sits there sees it.
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/read_until.hpp>
#include <boost/asio/ssl.hpp>
#include <boost/asio/streambuf.hpp>
#include <boost/asio/write.hpp>
#include <csignal>
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/wait.h>
#include <termios.h>
#include <thread>
#include <unistd.h>

#include "tests/catch.hpp"
#include "tests/system/support/server.hpp"

using namespace kith;
using namespace kith::tests;
using nlohmann::json;

namespace {

/// A program on a terminal of its own.
class on_terminal {
 public:
  on_terminal(std::vector<std::string> command, unsigned short columns, unsigned short rows) {
    master_ = ::posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC);
    REQUIRE(master_ >= 0);
    REQUIRE(::grantpt(master_) == 0);
    REQUIRE(::unlockpt(master_) == 0);
    const std::string name = ::ptsname(master_);  // NOLINT(concurrency-mt-unsafe)
    slave_ = ::open(name.c_str(), O_RDWR | O_NOCTTY | O_CLOEXEC);
    resize(columns, rows);
    tcgetattr(slave_, &before_);
    std::vector<char*> words;
    for (auto& each : command) words.push_back(each.data());
    words.push_back(nullptr);
    pid_ = ::fork();
    if (pid_ == 0) {
      ::setsid();
      const int own = ::open(name.c_str(), O_RDWR);
      ::ioctl(own, TIOCSCTTY, 0);
      for (int each = 0; each < 3; ++each) ::dup2(own, each);
      ::setenv("LC_ALL", "C.UTF-8", 1);
      ::execv(words[0], words.data());
      ::_exit(127);
    }
  }
  ~on_terminal() {
    if (!status_) {
      ::kill(pid_, SIGKILL);
      ::waitpid(pid_, nullptr, 0);
    }
    ::close(slave_);
    ::close(master_);
  }
  on_terminal(const on_terminal&) = delete;
  on_terminal& operator=(const on_terminal&) = delete;

  void resize(unsigned short columns, unsigned short rows) const {
    const winsize size{rows, columns, 0, 0};
    ::ioctl(master_, TIOCSWINSZ, &size);
  }
  void press(const std::string& keys) const { REQUIRE(::write(master_, keys.data(), keys.size()) > 0); }
  /// Waits until it has printed that, since the last time.
  bool shows(const std::string& text, std::chrono::milliseconds within = std::chrono::seconds(20)) {
    const bool found = eventually(
        [&] {
          read();
          return output_.find(text, seen_) != std::string::npos;
        },
        within);
    if (found) seen_ = output_.find(text, seen_) + text.size();
    return found;
  }
  std::optional<int> wait() {
    eventually([&] {
      read();
      int status = 0;
      if (::waitpid(pid_, &status, WNOHANG) != pid_) return false;
      status_ = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
      return true;
    });
    read();
    return status_;
  }
  /// As before it began: lines, with echo, on the usual screen, with a cursor.
  bool is_restored() const {
    termios now{};
    tcgetattr(slave_, &now);
    return now.c_lflag == before_.c_lflag && output_.rfind("\033[?1049l") != std::string::npos &&
           output_.rfind("\033[?1049l") > output_.rfind("\033[?1049h") &&
           output_.rfind("\033[?25h") > output_.rfind("\033[?25l");
  }
  const std::string& output() const { return output_; }
  void forget() { seen_ = output_.size(); }

 private:
  void read() {
    std::array<char, 4096> some{};
    pollfd ready{master_, POLLIN, 0};
    while (::poll(&ready, 1, 0) > 0 && (ready.revents & POLLIN) != 0) {
      const auto count = ::read(master_, some.data(), some.size());
      if (count <= 0) return;
      output_.append(some.data(), static_cast<std::size_t>(count));
    }
  }

  int master_ = -1;
  int slave_ = -1;
  pid_t pid_ = -1;
  termios before_{};
  std::optional<int> status_;
  std::string output_;
  std::size_t seen_ = 0;
};

/// Answers one connection's requests with 200 and `{}`, with the certificate of a server that is no more than that.
class answers_nothing {
 public:
  explicit answers_nothing(const std::string& certificates) : tls_(boost::asio::ssl::context::tls_server) {
    tls_.use_certificate_chain_file(certificates + "/server.pem");
    tls_.use_private_key_file(certificates + "/server.key", boost::asio::ssl::context::pem);
    thread_ = std::thread([this] { serve(); });
  }
  ~answers_nothing() {
    boost::system::error_code ignored;
    boost::asio::ip::tcp::socket waker(io_);  // if nobody came, accept() waits for this
    waker.connect({boost::asio::ip::address_v4::loopback(), port()}, ignored);
    waker.close(ignored);
    thread_.join();
  }
  answers_nothing(const answers_nothing&) = delete;
  answers_nothing& operator=(const answers_nothing&) = delete;

  unsigned short port() const { return acceptor_.local_endpoint().port(); }

 private:
  void serve() {
    boost::system::error_code failed;
    boost::asio::ssl::stream<boost::asio::ip::tcp::socket> with(io_, tls_);
    acceptor_.accept(with.lowest_layer(), failed);
    if (!failed) with.handshake(boost::asio::ssl::stream_base::server, failed);
    boost::asio::streambuf in;
    while (!failed) {
      in.consume(boost::asio::read_until(with, in, "\r\n\r\n", failed));
      if (!failed) {
        const std::string answer = "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n{}";
        boost::asio::write(with, boost::asio::buffer(answer), failed);
      }
    }
  }

  boost::asio::io_context io_;
  boost::asio::ssl::context tls_;
  boost::asio::ip::tcp::acceptor acceptor_{io_, {boost::asio::ip::address_v4::loopback(), 0}};
  std::thread thread_;
};

std::vector<std::string> top(const server& at, std::vector<std::string> more = {}) {
  std::vector<std::string> words = {KITH_EXECUTABLE, "top", "--interval", "0.2"};
  for (const auto& each : at.flags()) words.push_back(each);
  words.insert(words.end(), more.begin(), more.end());
  return words;
}

}  // namespace

TEST_CASE("kith top shows a server, its going away and coming back, and leaves the terminal as it was") {
  const scratch room;
  server kith(room, "[segments.buyers]\nexpression = 'events(\"Order Completed\").any()'\n");
  const auto bytes =
      json::to_msgpack(json{{"type", "track"}, {"event", "Order Completed"}, {"userId", "ada"}, {"messageId", "m-1"}});
  REQUIRE(kith.client()->publish({std::string(bytes.begin(), bytes.end())}));
  on_terminal screen(top(kith), 80, 24);
  INFO(screen.output());
  REQUIRE(screen.shows("\033[?1049h"));
  REQUIRE(screen.shows("ready"));
  REQUIRE(screen.shows("1 in memory"));
  REQUIRE(screen.shows("buyers "));
  screen.press("\t");
  REQUIRE(screen.shows("expression"));
  screen.press("\033[C");
  REQUIRE(screen.shows("waiting: actors with mail"));
  screen.press("1p");
  REQUIRE(screen.shows("PAUSED"));
  screen.press("p");
  screen.resize(120, 40);
  kith.kill();
  REQUIRE(screen.shows("NO ANSWER"));
  REQUIRE(screen.shows("Connection refused"));
  kith.start();
  REQUIRE(screen.shows("it is back"));
  screen.press("\003");
  CHECK(screen.wait() == 0);
  CHECK(screen.is_restored());
  on_terminal small(top(kith), 45, 8);
  REQUIRE(small.shows("ready"));
  small.press("q");
  CHECK(small.wait() == 0);
  CHECK(small.is_restored());
  on_terminal quit(top(kith), 80, 24);
  REQUIRE(quit.shows("ready"));
  quit.press("\034");  // SIGQUIT
  CHECK(quit.wait() == 0);
  CHECK(quit.is_restored());
  // What is erased behind a line that ends in the last column is its last character.
  CHECK(quit.output().find("tab page\033[0m") != std::string::npos);
  CHECK(quit.output().find("tab page\033[0m\033[K") == std::string::npos);
}

TEST_CASE("kith top prints once, for people and programs, and says why it cannot") {
  const scratch room;
  const server kith(room);
  auto words = top(kith, {"--once"});
  words.erase(words.begin());
  auto as_json = words;
  as_json.emplace_back("--json");
  // A server listens while it recovers.
  REQUIRE(eventually([&] { return json::parse(run_kith(room, as_json).second).at("phase") == "ready"; }));
  const auto [code, text] = run_kith(room, words);
  CAPTURE(text);
  CHECK(code == 0);
  CHECK(text.find("end to end") != std::string::npos);
  CHECK(text.find('\033') == std::string::npos);
  const auto [good, one] = run_kith(room, as_json);
  CHECK(good == 0);
  const auto told = json::parse(one);
  CHECK(told.at("phase") == "ready");
  CHECK(told.at("latency").at("stages").contains("end_to_end"));
  CHECK(told.at("alarms").empty());
  CHECK(run_kith(room, {"top", "--once", "--admin", "127.0.0.1:1", "--token", "x"}).first == 69);
  words.insert(words.end(), {"--token", "nobody's"});
  CHECK(run_kith(room, words).first == 77);
}

TEST_CASE("kith top says so where something else than a Kith server answers") {
  const scratch room;
  const server kith(room);
  const answers_nothing other(kith.data() + "/dev");
  auto words = top(kith, {"--once", "--admin", "127.0.0.1:" + std::to_string(other.port())});
  words.erase(words.begin());
  const auto [code, text] = run_kith(room, words);
  CAPTURE(text);
  CHECK(code == 69);
  CHECK(text.find("is not a Kith server's") != std::string::npos);
}
