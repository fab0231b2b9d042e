#include "tests/net/support/raw_client.hpp"

#include <algorithm>
#include <boost/asio/write.hpp>
#include <poll.h>
#include <stdexcept>

namespace kith::test {

namespace {

using kind = net::tls_step::kind;
using clock = std::chrono::steady_clock;

}  // namespace

raw_client::raw_client(unsigned short port) : socket_(io_), finder_({256 * 1024 * 1024, 60}) {
  socket_.connect({boost::asio::ip::make_address("127.0.0.1"), port});
  socket_.set_option(boost::asio::ip::tcp::no_delay(true));  // else a request behind the handshake waits for 40 ms
}

bool raw_client::handshake(const net::tls_files& files) {
  auto tls = net::make_client_context(files);
  if (!tls) throw std::runtime_error(tls.error().message);
  return handshake(*tls);
}

bool raw_client::handshake(const std::shared_ptr<net::tls_context>& tls) {
  socket_.non_blocking(true);
  stream_ = std::make_unique<net::tls_stream>(std::move(socket_), tls, net::tls_role::client, "127.0.0.1");
  const auto deadline = clock::now() + std::chrono::seconds(10);
  for (;;) {
    const net::tls_step step = stream_->handshake();
    if (step.is == kind::done) return true;
    if (!wait(step.is, deadline)) return false;
  }
}

bool raw_client::wait(kind which, clock::time_point deadline) {
  if (which != kind::want_read && which != kind::want_write) return false;
  const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(deadline - clock::now()).count();
  if (left <= 0) return false;
  pollfd one{stream_->socket().native_handle(), static_cast<short>(which == kind::want_read ? POLLIN : POLLOUT), 0};
  if (::poll(&one, 1, static_cast<int>(left)) <= 0) return false;
  if (which == kind::want_read) stream_->readable();
  return true;
}

bool raw_client::send(std::string_view bytes, std::chrono::milliseconds patience) {
  const auto deadline = clock::now() + patience;
  while (!bytes.empty()) {
    const net::tls_step step = stream_->write(bytes.data(), bytes.size());
    if (step.is == kind::done) {
      bytes.remove_prefix(step.bytes);
    } else if (!wait(step.is, deadline)) {
      return false;
    }
  }
  return true;
}

void raw_client::send_plain(std::string_view bytes) {
  boost::asio::write(socket_, boost::asio::buffer(bytes.data(), bytes.size()));
}

std::optional<raw_client::json> raw_client::receive(std::chrono::milliseconds patience) {
  const auto deadline = clock::now() + patience;
  for (;;) {
    const net::frame_finder::outcome frame = finder_.find(in_.bytes());
    if (frame.is == net::frame_finder::status::failed) throw std::runtime_error("the server sent no MessagePack");
    if (frame.is == net::frame_finder::status::found) {
      const std::string bytes(in_.bytes().substr(0, frame.bytes));
      in_.consume(frame.bytes);
      return json::from_msgpack(bytes);
    }
    if (!read_some(deadline)) return {};
  }
}

bool raw_client::read_some(clock::time_point deadline) {
  for (;;) {
    char* to = in_.space(64 * 1024);
    const net::tls_step step = stream_->read(to, in_.space_left());
    if (step.is == kind::done) {
      in_.commit(step.bytes);
      return true;
    }
    if (!wait(step.is, deadline)) return false;
  }
}

std::string raw_client::http_answer::field(const std::string& name) const {
  const auto at = head.find("\r\n" + name + ": ");
  if (at == std::string::npos) return {};
  const auto begin = at + name.size() + 4;
  return head.substr(begin, head.find("\r\n", begin) - begin);
}

std::optional<raw_client::http_answer> raw_client::receive_http(std::chrono::milliseconds patience, bool head_only) {
  const auto deadline = clock::now() + patience;
  http_answer made;
  std::size_t length = 0;
  for (;;) {
    const auto end = in_.bytes().find("\r\n\r\n");
    if (end != std::string_view::npos) {
      made.head = in_.bytes().substr(0, end + 2);
      in_.consume(end + 4);
      made.status = static_cast<unsigned>(std::stoul(made.head.substr(9, 3)));
      const auto said = made.field("Content-Length");
      if (!said.empty() && !head_only) length = std::stoul(said);
      break;
    }
    if (!read_some(deadline)) return {};
  }
  while (in_.bytes().size() < length) {
    if (!read_some(deadline)) return {};
  }
  made.body = in_.bytes().substr(0, length);
  in_.consume(length);
  return made;
}

raw_client::http_answer raw_client::ask(const std::string& method, const std::string& target, const std::string& body,
                                        const std::string& more_fields) {
  send(method + " " + target + " HTTP/1.1\r\nHost: localhost\r\nContent-Length: " + std::to_string(body.size()) +
       "\r\n" + more_fields + "\r\n" + body);
  auto got = receive_http(std::chrono::seconds(10), method == "HEAD");
  if (!got) throw std::runtime_error("no answer to " + method + " " + target);
  return *got;
}

bool raw_client::is_closed_by_server() {
  const auto deadline = clock::now() + std::chrono::seconds(10);
  std::array<char, 4096> discarded;
  if (!stream_) {
    boost::system::error_code ec;
    socket_.non_blocking(true, ec);
    for (;;) {
      socket_.read_some(boost::asio::buffer(discarded), ec);
      if (ec && ec != boost::asio::error::would_block) return true;
      pollfd one{socket_.native_handle(), POLLIN, 0};
      if (ec && (clock::now() > deadline || ::poll(&one, 1, 10'000) <= 0)) return false;
    }
  }
  for (;;) {
    const net::tls_step step = stream_->read(discarded.data(), discarded.size());
    if (step.is == kind::closed || step.is == kind::failed) return true;
    if (step.is != kind::done && !wait(step.is, deadline)) return false;
  }
}

void raw_client::reset() {
  boost::system::error_code ignored;
  auto& socket = stream_ ? stream_->socket() : socket_;
  socket.close(ignored);
}

std::string raw_client::encode(std::uint32_t msgid, const std::string& method, const json& params) {
  const auto bytes = json::to_msgpack(json::array({0, msgid, method, params}));
  return {bytes.begin(), bytes.end()};
}

raw_client::json raw_client::exchange(const std::string& request) {
  if (!send(request)) throw std::runtime_error("the server does not read");
  for (;;) {
    const auto got = receive();
    if (!got) throw std::runtime_error("no reply");
    if (got->at(0) == 1 && got->at(1) == last_msgid_) return *got;
  }
}

}  // namespace kith::test
