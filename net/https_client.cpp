#include "net/https_client.hpp"

#include <boost/asio/connect.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/ssl/host_name_verification.hpp>
#include <boost/beast/core.hpp>
#include <boost/beast/http.hpp>
#include <boost/beast/ssl.hpp>
#include <limits>
#include <optional>

namespace kith::net {

namespace {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace http = beast::http;
using tcp = asio::ip::tcp;

constexpr std::size_t piece_bytes = 64 * 1024;  ///< of a body that is not kept whole

}  // namespace

struct https_client::impl {
  impl(std::shared_ptr<tls_context> context, client_options with)
      : options(std::move(with)), tls(std::move(context)), stream(io, *tls) {}

  result<void> connect();
  result<void> write(const https_request& request);
  result<void> failed(const std::string& doing, const beast::error_code& why) const;

  /// Starts one operation and runs it to its end, or to the time-out.
  template <class Start>
  beast::error_code run(std::chrono::milliseconds patience, Start start) {
    beast::get_lowest_layer(stream).expires_after(patience);
    beast::error_code outcome = asio::error::would_block;
    start([&outcome](const beast::error_code& code, auto&&...) { outcome = code; });
    io.restart();
    io.run();
    return outcome;
  }

  client_options options;
  asio::io_context io{1};
  std::shared_ptr<tls_context> tls;
  beast::ssl_stream<beast::tcp_stream> stream;
  beast::flat_buffer buffer;
};

result<void> https_client::impl::failed(const std::string& doing, const beast::error_code& why) const {
  return fail(errc::unavailable, "https://" + options.host + ":" + std::to_string(options.port) + ": " + doing + ": " +
                                     (why == beast::error::timeout ? "no answer in time" : why.message()));
}

result<void> https_client::impl::connect() {
  beast::error_code code;
  const auto found = tcp::resolver(io).resolve(options.host, std::to_string(options.port), code);
  if (code) return failed("resolve", code);
  code = run(options.connect_timeout,
             [&](auto done) { beast::get_lowest_layer(stream).async_connect(found, std::move(done)); });
  if (code) return failed("connect", code);
  const auto& name = options.server_name.empty() ? options.host : options.server_name;
  beast::error_code is_no_ip;
  asio::ip::make_address(name, is_no_ip);
  if (is_no_ip) SSL_set_tlsext_host_name(stream.native_handle(), name.c_str());
  stream.set_verify_callback(asio::ssl::host_name_verification(name), code);
  if (code) return failed("TLS", code);
  code = run(options.connect_timeout,
             [&](auto done) { stream.async_handshake(asio::ssl::stream_base::client, std::move(done)); });
  if (code) return failed("TLS handshake", code);
  return {};
}

https_client::https_client(std::unique_ptr<impl> made) : impl_(std::move(made)) {}
https_client::~https_client() = default;

result<std::unique_ptr<https_client>> https_client::connect(const client_options& options) {
  auto tls = make_client_context({options.cert_file, options.key_file, options.ca_file}, "http/1.1");
  if (!tls) return tl::make_unexpected(std::move(tls.error()));
  auto made = std::make_unique<impl>(std::move(*tls), options);
  if (auto connected = made->connect(); !connected) return tl::make_unexpected(std::move(connected.error()));
  return std::unique_ptr<https_client>(new https_client(std::move(made)));
}

result<void> https_client::impl::write(const https_request& request) {
  http::request<http::string_body> message;
  message.version(11);
  message.method_string(request.method);
  message.target(request.target);
  message.set(http::field::host, options.host);
  message.set(http::field::user_agent, options.agent);
  if (!options.token.empty()) message.set(http::field::authorization, "Bearer " + options.token);
  if (!request.body.empty()) message.set(http::field::content_type, "application/json");
  for (const auto& [name, value] : request.headers) message.set(name, value);
  message.body() = request.body;
  message.prepare_payload();
  const auto code =
      run(options.request_timeout, [&](auto done) { http::async_write(stream, message, std::move(done)); });
  return code ? failed("send", code) : result<void>();
}

result<https_response> https_client::send(const https_request& request) {
  if (auto sent = impl_->write(request); !sent) return tl::make_unexpected(std::move(sent.error()));
  http::response_parser<http::string_body> parser;
  parser.body_limit(impl_->options.reply_bytes);
  auto code = impl_->run(impl_->options.request_timeout, [&](auto done) {
    http::async_read_header(impl_->stream, impl_->buffer, parser, std::move(done));
  });
  // Beast 1.74 forgets its own limit where header and body come in one piece.
  const auto size = parser.content_length();
  const bool too_large = size && *size > impl_->options.reply_bytes;
  if (!code && !too_large) {
    code = impl_->run(impl_->options.request_timeout,
                      [&](auto done) { http::async_read(impl_->stream, impl_->buffer, parser, std::move(done)); });
  }
  if (too_large || code == http::error::body_limit) {
    return fail(errc::too_large, "the response is over " + std::to_string(impl_->options.reply_bytes) + " bytes");
  }
  if (code) return tl::make_unexpected(impl_->failed("receive", code).error());
  const auto retry_after = parser.get()[http::field::retry_after];
  return https_response{
      parser.get().result_int(), std::move(parser.get().body()), {retry_after.data(), retry_after.size()}};
}

result<https_response> https_client::send(const https_request& request,
                                          const std::function<result<void>(std::string_view)>& take) {
  if (auto sent = impl_->write(request); !sent) return tl::make_unexpected(std::move(sent.error()));
  http::response_parser<http::buffer_body> parser;
  parser.body_limit(std::numeric_limits<std::uint64_t>::max());  // Beast 1.74 takes no limit for one of nothing
  auto code = impl_->run(impl_->options.request_timeout, [&](auto done) {
    http::async_read_header(impl_->stream, impl_->buffer, parser, std::move(done));
  });
  if (code) return tl::make_unexpected(impl_->failed("receive", code).error());
  https_response made{parser.get().result_int(), {}, {}};
  std::string piece(piece_bytes, '\0');
  while (!parser.is_done()) {
    auto& body = parser.get().body();
    body.data = piece.data();
    body.size = piece.size();
    code = impl_->run(impl_->options.request_timeout,
                      [&](auto done) { http::async_read(impl_->stream, impl_->buffer, parser, std::move(done)); });
    if (code && code != http::error::need_buffer) return tl::make_unexpected(impl_->failed("receive", code).error());
    const std::string_view got(piece.data(), piece.size() - body.size);
    if (made.status < 300) {
      if (auto taken = take(got); !taken) return tl::make_unexpected(std::move(taken.error()));
    } else if (made.body.append(got).size() > impl_->options.reply_bytes) {
      return fail(errc::too_large, "the response is over " + std::to_string(impl_->options.reply_bytes) + " bytes");
    }
  }
  return made;
}

errc https_client::code_of(unsigned status) noexcept {
  switch (status) {
    case 401: return errc::unauthenticated;
    case 403: return errc::forbidden;
    case 404: return errc::not_found;
    case 413: return errc::too_large;
    case 429: return errc::resource_exhausted;
    case 503: return errc::unavailable;
    case 507: return errc::resource_exhausted;
    default: return status < 500 ? errc::invalid_argument : errc::internal;
  }
}

std::string percent_encoded(std::string_view text) {
  constexpr std::string_view plain = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~";
  constexpr std::string_view digits = "0123456789ABCDEF";
  std::string made;
  for (const char each : text) {
    if (plain.find(each) != std::string_view::npos) {
      made += each;
    } else {
      const auto byte = static_cast<unsigned char>(each);
      made.append({'%', digits[byte >> 4], digits[byte & 15]});
    }
  }
  return made;
}

}  // namespace kith::net
