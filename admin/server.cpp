#include "admin/server.hpp"

#include <array>
#include <atomic>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/ssl/stream.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/strand.hpp>
#include <boost/beast/core.hpp>
#include <boost/beast/http.hpp>
#include <boost/beast/ssl.hpp>
#include <thread>
#include <vector>

#include "actors/clock.hpp"
#include "admin/compression.hpp"
#include "admin/routes.hpp"
#include "persistence/thread_name.hpp"

namespace kith::admin {

namespace {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace http = beast::http;
using tcp = asio::ip::tcp;

/// What the sessions share.
struct shared_state {
  access& door;
  admin_options options;
  request_handler handle;
  std::atomic<std::size_t> connections{0};
};

std::string address_of(const tcp::socket& socket) {
  beast::error_code failed;
  const auto peer = socket.remote_endpoint(failed);
  return failed ? std::string() : peer.address().to_string();
}

/// What browsers are told with each answer, unless its handler says otherwise (docs/security.md).
void set_security_fields(http::response<http::string_body>& to, std::string_view host) {
  to.set(http::field::cache_control, "no-store");
  to.set("X-Content-Type-Options", "nosniff");
  to.set("X-Frame-Options", "DENY");
  to.set("Content-Security-Policy", "default-src 'none'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'");
  to.set("Referrer-Policy", "no-referrer");
  to.set("Cross-Origin-Resource-Policy", "same-origin");
  // It would hold for all that runs on localhost, whatever its port.
  if (host != "localhost" && !host.starts_with("localhost:")) {
    to.set("Strict-Transport-Security", "max-age=31536000");
  }
}

/// One connection, one request at a time.
class session : public std::enable_shared_from_this<session> {
 public:
  session(tcp::socket socket, std::shared_ptr<net::tls_context> tls, shared_state& shared)
      : tls_(std::move(tls)),
        stream_(beast::tcp_stream(std::move(socket)), *tls_),
        shared_(shared),
        address_(address_of(beast::get_lowest_layer(stream_).socket())) {
    ++shared_.connections;
  }
  ~session() { --shared_.connections; }
  session(const session&) = delete;
  session& operator=(const session&) = delete;

  void start() {
    beast::error_code ignored;
    beast::get_lowest_layer(stream_).socket().set_option(tcp::no_delay(true), ignored);
    expire();
    stream_.async_handshake(asio::ssl::stream_base::server,
                            [self = shared_from_this()](const beast::error_code& failed) {
                              if (failed) return;
                              self->take_certificate();
                              self->read();
                            });
  }

 private:
  void expire() { beast::get_lowest_layer(stream_).expires_after(shared_.options.request_timeout); }

  void take_certificate() {
    auto* certificate = SSL_get_peer_certificate(stream_.native_handle());
    if (certificate == nullptr) return;
    if (SSL_get_verify_result(stream_.native_handle()) == X509_V_OK) common_name_ = net::common_name_of(certificate);
    X509_free(certificate);
  }

  void read() {
    parser_.emplace();
    parser_->header_limit(static_cast<std::uint32_t>(shared_.options.header_bytes));
    parser_->body_limit(shared_.options.body_bytes);
    expire();
    http::async_read(
        stream_, buffer_, *parser_,
        [self = shared_from_this()](const beast::error_code& failed, std::size_t) { self->received(failed); });
  }

  void received(const beast::error_code& failed) {
    if (failed == http::error::end_of_stream) return close();
    if (failed == http::error::header_limit) {
      return refuse(
          problem(431, "too_large", "the header is over " + std::to_string(shared_.options.header_bytes) + " bytes"));
    }
    if (failed == http::error::body_limit) {
      return refuse(
          problem(413, "too_large", "the body is over " + std::to_string(shared_.options.body_bytes) + " bytes"));
    }
    if (failed && failed.category() == http::make_error_code(http::error::bad_method).category() &&
        failed != http::error::partial_message) {
      return refuse(problem(400, "invalid_argument", "the request is not HTTP/1.1: " + failed.message()));
    }
    if (failed) return;
    const auto& message = parser_->get();
    if (message.version() >= 11 && message.count(http::field::host) != 1) {
      return refuse(problem(400, "invalid_argument", "header Host: must be there, once"));
    }
    auto asked = asked_by(message);
    host_ = asked.host;
    takes_gzip_ = takes_gzip(asked.accept_encoding);
    auto made = answered([&] {
      auto refused = shared_.door.admit(asked);
      return refused ? std::move(*refused) : shared_.handle(asked);
    });
    answer(std::move(made), message.keep_alive(), message.method() == http::verb::head);
  }

  request asked_by(const http::request<http::string_body>& message) const {
    const auto field = [&](auto name) { return std::string(message[name]); };
    request asked;
    asked.method = std::string(message.method_string());
    asked.target = std::string(message.target());
    asked.body = message.body();
    asked.if_match = field(http::field::if_match);
    asked.accept = field(http::field::accept);
    asked.if_none_match = field(http::field::if_none_match);
    asked.authorization = field(http::field::authorization);
    asked.cookie = field(http::field::cookie);
    asked.host = field(http::field::host);
    asked.origin = field(http::field::origin);
    asked.fetch_site = field("Sec-Fetch-Site");
    asked.kith_request = field("X-Kith-Request");
    asked.idempotency_key = field("Idempotency-Key");
    // An empty key is a mistake, and not none.
    if (asked.idempotency_key.empty() && message.count("Idempotency-Key") != 0) asked.idempotency_key = "\"\"";
    asked.accept_encoding = field(http::field::accept_encoding);
    asked.traceparent = field("traceparent");
    asked.address = address_;
    asked.certificate = common_name_;
    return asked;
  }

  /// The rest of what comes is not understood, so the connection ends.
  void refuse(response with) { answer(std::move(with), false, parser_->get().method() == http::verb::head); }

  void answer(response with, bool keep_alive, bool head_only) {
    compress(with);
    more_ = std::move(with.more);
    pause_ = with.pause;
    reply_.emplace(http::status(with.status), 11);
    reply_->set(http::field::server, "kith");
    if (!with.content_type.empty()) reply_->set(http::field::content_type, with.content_type);
    set_security_fields(*reply_, host_);
    for (const auto& [name, value] : with.headers) reply_->set(name, value);
    reply_->keep_alive(keep_alive);
    const auto size = with.body.size();
    if (!head_only) reply_->body() = std::move(with.body);
    if (more_) {
      reply_->chunked(true);
    } else if (reply_->result() != http::status::no_content && reply_->result() != http::status::not_modified) {
      reply_->content_length(size);
    }
    expire();
    const auto sent = [self = shared_from_this(), keep_alive](const beast::error_code& failed, std::size_t) {
      if (failed) return;
      if (keep_alive) {
        self->read();
      } else {
        self->close();
      }
    };
    if (head_only || more_) {
      serializer_.emplace(*reply_);
      http::async_write_header(stream_, *serializer_,
                               [self = shared_from_this(), sent, head_only](const beast::error_code& failed, auto n) {
                                 if (head_only || failed) return sent(failed, n);
                                 self->send_more(std::move(self->reply_->body()), sent);
                               });
    } else {
      http::async_write(stream_, *reply_, sent);
    }
  }

  void compress(response& what) const {
    if (what.body.empty() || what.more || what.headers.contains("Content-Encoding")) return;
    auto& vary = what.headers["Vary"];
    if (vary.find("Accept-Encoding") == std::string::npos)
      vary += vary.empty() ? "Accept-Encoding" : ", Accept-Encoding";
    if (!takes_gzip_) return;
    if (auto smaller = gzipped(what.body)) {
      what.body = std::move(*smaller);
      what.headers["Content-Encoding"] = "gzip";
    }
  }

  /// A slow reader slows down what is read for it.
  template <class Sent>
  void send_more(std::string text, Sent sent) {
    if (text.empty()) {
      auto next = next_piece();
      if (!next) return;  // the answer is cut off, and who reads it sees that
      text = std::move(*next);
    }
    expire();
    if (text.empty()) return asio::async_write(stream_, http::make_chunk_last(), sent);
    piece_ = std::move(text);
    asio::async_write(stream_, http::make_chunk(asio::buffer(piece_)),
                      [self = shared_from_this(), sent](const beast::error_code& failed, std::size_t) {
                        if (!failed) self->send_more_later(sent);
                      });
  }

  result<std::string> next_piece() {
    try {
      return more_();
    } catch (const std::exception& why) {
      return fail(errc::internal, why.what());
    }
  }

  template <class Sent>
  void send_more_later(Sent sent) {
    if (pause_.count() == 0) return send_more({}, sent);
    expire();
    next_.expires_after(pause_);
    next_.async_wait([self = shared_from_this(), sent](const beast::error_code& failed) {
      if (!failed) self->send_more({}, sent);
    });
  }

  void close() {
    expire();
    stream_.async_shutdown([self = shared_from_this()](const beast::error_code& failed) {
      if (failed) self->close_while_sending();
    });
  }

  /// The client has more on its way. Closing with bytes unread would reset the connection, and the answer might be
  /// lost: they are discarded until the client ends, or the time is up.
  void close_while_sending() {
    beast::error_code ignored;
    beast::get_lowest_layer(stream_).socket().shutdown(tcp::socket::shutdown_send, ignored);
    discard();
  }

  void discard() {
    beast::get_lowest_layer(stream_).async_read_some(
        asio::buffer(discarded_), [self = shared_from_this()](const beast::error_code& failed, std::size_t) {
          if (!failed) self->discard();
        });
  }

  std::shared_ptr<net::tls_context> tls_;  // lives as long as the stream that uses it
  beast::ssl_stream<beast::tcp_stream> stream_;
  shared_state& shared_;
  const std::string address_;  ///< the client's
  std::string common_name_;    ///< of the client's certificate, if our CA signed it
  // Of the request that is being answered:
  std::string host_;
  bool takes_gzip_ = false;
  beast::flat_buffer buffer_;
  std::optional<http::request_parser<http::string_body>> parser_;
  std::optional<http::response<http::string_body>> reply_;
  std::optional<http::response_serializer<http::string_body>> serializer_;
  std::function<result<std::string>()> more_;  ///< of the response
  std::chrono::milliseconds pause_{0};         ///< before each
  asio::steady_timer next_{stream_.get_executor()};
  std::string piece_;
  std::array<char, 4096> discarded_;
};

}  // namespace

struct admin_server::impl {
  impl(std::shared_ptr<net::reloadable_tls> contexts, std::shared_ptr<net::credential_store> credentials,
       admin_options options, token_store* tokens)
      : tls(std::move(contexts)),
        door({std::move(credentials), tokens, &counts, actors::wall_clock_ms, actors::now}),
        shared{door, std::move(options), {}, {}},
        acceptor(io),
        retry(io),
        look(io),
        count(io) {}

  parts completed(parts with) {
    with.door = &door;
    with.counts = &counts;
    return with;
  }
  result<void> start();
  result<void> listen();
  void accept();
  void accept_later();
  void look_around();
  void count_members();

  std::shared_ptr<net::reloadable_tls> tls;
  probe counts;
  access door;
  std::unique_ptr<routes> handlers;  ///< null: others than a server's
  shared_state shared;
  asio::io_context io;
  tcp::acceptor acceptor;
  asio::steady_timer retry;
  asio::steady_timer look;
  asio::steady_timer count;
  std::vector<std::thread> threads;
};

result<void> admin_server::impl::listen() {
  beast::error_code failed;
  const auto address = asio::ip::make_address(shared.options.address, failed);
  if (failed) return fail(errc::invalid_argument, "admin address \"" + shared.options.address + "\" is no IP address");
  const tcp::endpoint endpoint(address, shared.options.port);
  acceptor.open(endpoint.protocol(), failed);
  if (!failed) acceptor.set_option(tcp::acceptor::reuse_address(true), failed);
  if (!failed) acceptor.bind(endpoint, failed);
  if (!failed) acceptor.listen(asio::socket_base::max_listen_connections, failed);
  if (failed) {
    return fail(errc::unavailable, "admin: cannot listen on " + shared.options.address + ":" +
                                       std::to_string(shared.options.port) + ": " + failed.message());
  }
  return {};
}

void admin_server::impl::accept() {
  acceptor.async_accept(asio::make_strand(io), [this](const beast::error_code& failed, tcp::socket socket) {
    if (failed == asio::error::operation_aborted) return;
    if (failed) return accept_later();
    // Over the bound the connection is closed at once: its client sees that, and /metrics of the others works on.
    if (shared.connections < shared.options.connections) {
      std::make_shared<session>(std::move(socket), tls->current(), shared)->start();
    }
    accept();
  });
}

/// Out of descriptors, most likely: trying at once again would only burn the processor.
void admin_server::impl::accept_later() {
  retry.expires_after(std::chrono::milliseconds(100));
  retry.async_wait([this](const beast::error_code& canceled) {
    if (!canceled) accept();
  });
}

void admin_server::impl::look_around() {
  handlers->look();
  look.expires_after(live::pace);
  look.async_wait([this](const beast::error_code& canceled) {
    if (!canceled) look_around();
  });
}

/// Beside look_around(): saving the memberships of a million profiles takes seconds, and what is live goes on
/// meanwhile.
void admin_server::impl::count_members() {
  handlers->count_members();
  count.expires_after(live::pace);
  count.async_wait([this](const beast::error_code& canceled) {
    if (!canceled) count_members();
  });
}

admin_server::admin_server(std::unique_ptr<impl> made) : impl_(std::move(made)) {}

admin_server::~admin_server() {
  impl_->io.stop();
  for (auto& thread : impl_->threads) thread.join();
}

void admin_server::configure(const access_settings& settings, std::shared_ptr<ingest::oauth::authorizer> issuers) {
  impl_->door.configure(settings, std::move(issuers));
}

void admin_server::sign_in_at(const std::shared_ptr<sign_in>& provider) { impl_->door.sign_in_at(provider); }

unsigned short admin_server::port() const noexcept {
  beast::error_code ignored;
  return impl_->acceptor.local_endpoint(ignored).port();
}

result<void> admin_server::impl::start() {
  if (auto listening = listen(); !listening) return listening;
  accept();
  if (handlers) {
    asio::post(io, [this] { look_around(); });
    asio::post(io, [this] { count_members(); });
  }
  for (unsigned i = 0; i < shared.options.threads; ++i) {
    threads.emplace_back([this] {
      persistence::name_thread("admin");
      actors::be_nice();  // where processors are few, events go first
      io.run();
    });
  }
  return {};
}

result<std::unique_ptr<admin_server>> admin_server::start(actors::service& service, definition_store& definitions,
                                                          std::shared_ptr<net::reloadable_tls> tls,
                                                          std::shared_ptr<net::credential_store> credentials,
                                                          admin_options options, parts with) {
  auto made = std::make_unique<impl>(std::move(tls), std::move(credentials), std::move(options), with.tokens);
  made->handlers = std::make_unique<routes>(service, definitions, made->completed(std::move(with)));
  made->shared.handle = [handlers = made->handlers.get()](const request& asked) { return handlers->handle(asked); };
  if (auto started = made->start(); !started) return tl::make_unexpected(started.error());
  return std::unique_ptr<admin_server>(new admin_server(std::move(made)));
}

result<std::unique_ptr<admin_server>> admin_server::start(request_handler handle,
                                                          std::shared_ptr<net::reloadable_tls> tls,
                                                          std::shared_ptr<net::credential_store> credentials,
                                                          admin_options options) {
  auto made = std::make_unique<impl>(std::move(tls), std::move(credentials), std::move(options), nullptr);
  made->shared.handle = std::move(handle);
  if (auto started = made->start(); !started) return tl::make_unexpected(started.error());
  return std::unique_ptr<admin_server>(new admin_server(std::move(made)));
}

}  // namespace kith::admin
