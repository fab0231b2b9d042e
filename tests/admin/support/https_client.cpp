#include "tests/admin/support/https_client.hpp"

#include <array>
#include <stdexcept>

namespace kith::test {

namespace {

namespace asio = boost::asio;
namespace beast = boost::beast;

constexpr std::chrono::seconds patience{10};

}  // namespace

https_client::https_client(unsigned short port) : plain_(io_) {
  plain_->socket().connect({asio::ip::make_address("127.0.0.1"), port});
  plain_->socket().set_option(asio::ip::tcp::no_delay(true));
}

template <class Start>
beast::error_code https_client::wait_for(Start start) {
  (stream_ ? beast::get_lowest_layer(*stream_) : *plain_).expires_after(patience);
  beast::error_code outcome = asio::error::would_block;
  start([&outcome](const beast::error_code& code, auto...) { outcome = code; });
  io_.restart();
  io_.run();
  return outcome;
}

bool https_client::handshake(const net::tls_files& files) {
  auto tls = net::make_client_context(files, "http/1.1");
  if (!tls) throw std::runtime_error(tls.error().message);
  return handshake(std::move(*tls));
}

bool https_client::handshake(std::shared_ptr<net::tls_context> tls) {
  tls_ = std::move(tls);
  stream_.emplace(std::move(*plain_), *tls_);
  plain_.reset();
  return !wait_for([&](auto done) { stream_->async_handshake(asio::ssl::stream_base::client, std::move(done)); });
}

bool https_client::send(std::string_view bytes) {
  return !wait_for(
      [&](auto done) { asio::async_write(*stream_, asio::buffer(bytes.data(), bytes.size()), std::move(done)); });
}

void https_client::send_plain(std::string_view bytes) {
  asio::write(plain_->socket(), asio::buffer(bytes.data(), bytes.size()));
}

std::optional<https_client::response> https_client::receive(bool to_head) {
  beast::http::response_parser<beast::http::string_body> parser;
  parser.skip(to_head);
  if (wait_for([&](auto done) { beast::http::async_read(*stream_, buffer_, parser, std::move(done)); })) return {};
  return parser.release();
}

bool https_client::is_closed_by_server() {
  std::array<char, 4096> discarded{};
  for (;;) {
    const auto failed = wait_for([&](auto done) {
      if (stream_) {
        stream_->async_read_some(asio::buffer(discarded), std::move(done));
      } else {
        plain_->async_read_some(asio::buffer(discarded), std::move(done));
      }
    });
    if (failed) return failed != beast::error::timeout;
  }
}

}  // namespace kith::test
