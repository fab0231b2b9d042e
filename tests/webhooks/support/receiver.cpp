#include "tests/webhooks/support/receiver.hpp"

#include <algorithm>
#include <boost/asio/ip/tcp.hpp>
#include <boost/beast/core.hpp>
#include <boost/beast/http.hpp>
#include <cctype>
#include <list>
#include <mutex>
#include <thread>

namespace kith::tests {

namespace beast = boost::beast;
namespace http = boost::beast::http;
using boost::asio::ip::tcp;

struct receiver::impl {
  explicit impl(std::function<unsigned(const received_message&)> what) : answer(std::move(what)) {
    thread = std::thread([this] { accept(); });
  }
  ~impl() {
    {
      const std::lock_guard lock(mutex);
      stopping = true;
      for (auto& each : sockets) ::shutdown(each.native_handle(), SHUT_RDWR);
    }
    ::shutdown(acceptor.native_handle(), SHUT_RDWR);  // wakes accept()
    thread.join();
    for (auto& each : threads) each.join();
  }

  void accept() {
    for (;;) {
      beast::error_code failed;
      auto socket = acceptor.accept(failed);
      const std::lock_guard lock(mutex);
      if (failed || stopping) return;
      auto& kept = sockets.emplace_back(std::move(socket));
      threads.emplace_back([this, &kept] { serve(kept); });
    }
  }

  void serve(tcp::socket& socket) {
    beast::flat_buffer buffer;
    beast::error_code failed;
    while (!failed) {
      http::request<http::string_body> request;
      http::read(socket, buffer, request, failed);
      if (failed) return;
      const auto header = [&](const char* name) { return std::string(request[name]); };
      received_message message{header("webhook-id"), header("webhook-timestamp"), header("webhook-signature"),
                               header("content-type"), request.body()};
      message.target = std::string(request.target());
      for (const auto& each : request) {
        auto name = std::string(each.name_string());
        std::transform(name.begin(), name.end(), name.begin(), [](unsigned char c) { return std::tolower(c); });
        message.headers[name] = std::string(each.value());
      }
      const unsigned status = answer ? answer(message) : 200;
      {
        const std::lock_guard lock(mutex);
        messages.push_back(message);
      }
      http::response<http::string_body> response;
      response.result(status);
      response.prepare_payload();
      http::write(socket, response, failed);
    }
  }

  std::function<unsigned(const received_message&)> answer;
  boost::asio::io_context io;
  tcp::acceptor acceptor{io, {boost::asio::ip::make_address("127.0.0.1"), 0}};
  mutable std::mutex mutex;
  bool stopping = false;
  std::list<tcp::socket> sockets;
  std::list<std::thread> threads;
  std::vector<received_message> messages;
  std::thread thread;
};

receiver::receiver(std::function<unsigned(const received_message&)> answer)
    : impl_(std::make_unique<impl>(std::move(answer))) {}
receiver::~receiver() = default;

std::string receiver::base() const {
  return "http://127.0.0.1:" + std::to_string(impl_->acceptor.local_endpoint().port());
}

std::vector<received_message> receiver::received() const {
  const std::lock_guard lock(impl_->mutex);
  return impl_->messages;
}

}  // namespace kith::tests
