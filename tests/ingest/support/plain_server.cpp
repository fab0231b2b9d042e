#include "tests/ingest/support/plain_server.hpp"

#include <boost/asio/ip/tcp.hpp>
#include <boost/beast/core.hpp>
#include <boost/beast/http.hpp>
#include <mutex>

namespace kith::tests {

namespace beast = boost::beast;
namespace http = boost::beast::http;
using boost::asio::ip::tcp;

struct plain_server::impl {
  explicit impl(std::function<plain_response(const plain_request&)> what) : answer(std::move(what)) {
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
      if (answer) threads.emplace_back([this, &kept] { serve(kept); });
    }
  }

  void serve(tcp::socket& socket) {
    beast::flat_buffer buffer;
    beast::error_code failed;
    for (;;) {
      http::request<http::string_body> request;
      http::read(socket, buffer, request, failed);
      if (failed) return;
      const auto what = answer({std::string(request.method_string()), std::string(request.target()),
                                std::string(request[http::field::authorization]), request.body()});
      http::response<http::string_body> response;
      response.result(what.status);
      if (!what.location.empty()) response.set(http::field::location, what.location);
      response.body() = what.body;
      response.prepare_payload();
      http::write(socket, response, failed);
      if (failed) return;
    }
  }

  std::function<plain_response(const plain_request&)> answer;
  boost::asio::io_context io;
  tcp::acceptor acceptor{io, {boost::asio::ip::make_address("127.0.0.1"), 0}};
  mutable std::mutex mutex;
  bool stopping = false;
  std::list<tcp::socket> sockets;
  std::list<std::thread> threads;
  std::thread thread;
};

plain_server::plain_server(std::function<plain_response(const plain_request&)> answer)
    : impl_(std::make_unique<impl>(std::move(answer))) {}
plain_server::~plain_server() = default;

unsigned short plain_server::port() const { return impl_->acceptor.local_endpoint().port(); }

std::size_t plain_server::connections() const {
  const std::lock_guard lock(impl_->mutex);
  return impl_->sockets.size();
}

}  // namespace kith::tests
