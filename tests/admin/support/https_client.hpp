// An HTTPS client that can send anything, and blocks, but never for ever.
#pragma once

#include <utility>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ssl.hpp>
#include <boost/beast/core.hpp>
#include <boost/beast/http.hpp>
#include <boost/beast/ssl.hpp>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "net/tls_context.hpp"

namespace kith::test {

class https_client {
 public:
  using response = boost::beast::http::response<boost::beast::http::string_body>;

  /// TCP only.
  explicit https_client(unsigned short port);

  /// False, if the handshake fails.
  bool handshake(const net::tls_files& files);
  bool handshake(std::shared_ptr<net::tls_context> tls);
  /// False, if the server takes no more.
  bool send(std::string_view bytes);
  void send_plain(std::string_view bytes);
  /// Nothing, if the connection ends before the response does. `to_head`: has no body, whatever its length says.
  std::optional<response> receive(bool to_head = false);
  /// Reads and discards until the server closes; false if it does not within ten seconds.
  bool is_closed_by_server();

 private:
  using layer = boost::beast::tcp_stream;

  template <class Start>
  boost::beast::error_code wait_for(Start start);

  boost::asio::io_context io_;
  std::shared_ptr<net::tls_context> tls_;
  std::optional<layer> plain_;
  std::optional<boost::beast::ssl_stream<layer>> stream_;
  boost::beast::flat_buffer buffer_;
};

}  // namespace kith::test
