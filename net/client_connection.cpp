#include "net/client_connection.hpp"

#include <algorithm>
#include <boost/asio/connect.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>
#include <unordered_map>
#include <vector>

#include "net/channel.hpp"
#include "net/frame_finder.hpp"
#include "net/requests.hpp"

namespace kith::net {

namespace {

using tcp = boost::asio::ip::tcp;
using time_point = std::chrono::steady_clock::time_point;

constexpr std::size_t reply_nesting = 60;

time_point now() { return std::chrono::steady_clock::now(); }

}  // namespace

result<std::shared_ptr<tls_context>> make_client_context(const client_options& options) {
  return make_client_context({options.cert_file, options.key_file, options.ca_file});
}

struct client_connection::impl : std::enable_shared_from_this<impl> {
  /// The connection once TCP stands.
  class link final : public channel {
   public:
    link(tcp::socket socket, const std::shared_ptr<impl>& owner)
        : channel(std::move(socket), owner->tls, tls_role::client,
                  owner->options.server_name.empty() ? owner->options.host : owner->options.server_name),
          owner_(owner),
          finder_({owner->options.reply_bytes, reply_nesting}) {}

    using channel::flush_soon;
    using channel::outbound;
    using channel::start_handshake;

   private:
    void handshaken() override {
      if (const auto owner = owner_.lock()) owner->say_hello();
    }
    bool received(receive_buffer& in) override {
      const auto owner = owner_.lock();
      while (owner && !is_lost() && !in.empty()) {
        const frame_finder::outcome frame = finder_.find(in.bytes());
        if (frame.is == frame_finder::status::need_more) break;
        if (frame.is == frame_finder::status::failed) {
          cut(errc::unavailable, "the server's reply: " + std::string(frame.message));
          break;
        }
        owner->take(in.bytes().substr(0, frame.bytes));
        in.consume(frame.bytes);
      }
      return !is_lost();
    }
    void arrived(std::size_t) override {}
    void departed(std::size_t) override {}
    void lost(const error& why) override {
      if (const auto owner = owner_.lock()) owner->on_lost(why);
    }

    std::weak_ptr<impl> owner_;
    frame_finder finder_;
  };

  struct waiting {
    reply_callback done;
    time_point due;
  };

  impl(boost::asio::io_context& context, std::shared_ptr<tls_context> certificates, client_options chosen)
      : io(context),
        tls(std::move(certificates)),
        options(std::move(chosen)),
        resolver(io),
        connect_timer(io),
        request_timer(io) {}

  void connect(std::function<void(const result<void>&)> done) {
    connected = std::move(done);
    connect_timer.expires_after(options.connect_timeout);
    connect_timer.async_wait([weak = weak_from_this()](const boost::system::error_code& ec) {
      const auto self = weak.lock();
      if (!ec && self) self->give_up_connecting("timed out");
    });
    resolver.async_resolve(options.host, std::to_string(options.port),
                           [self = shared_from_this()](const boost::system::error_code& ec, const auto& found) {
                             if (!self->connected) return;
                             if (ec) return self->give_up_connecting(ec.message());
                             self->connect_to(found);
                           });
  }

  void connect_to(const tcp::resolver::results_type& endpoints) {
    auto socket = std::make_shared<tcp::socket>(io);
    dialling = socket;
    boost::asio::async_connect(*socket, endpoints,
                               [self = shared_from_this(), socket](const boost::system::error_code& ec, const auto&) {
                                 self->dialling.reset();
                                 if (!self->connected) return;
                                 if (ec) return self->give_up_connecting(ec.message());
                                 self->peer = std::make_shared<link>(std::move(*socket), self);
                                 self->peer->start_handshake();
                               });
  }

  void say_hello() {
    const std::uint32_t msgid = ++last_msgid;
    std::string frame;
    write_hello(frame, msgid, options.agent, options.token);
    send(frame, msgid, [weak = weak_from_this()](const reply& answer) {
      const auto self = weak.lock();
      if (!self || !self->connected) return;
      if (!answer) return self->give_up_connecting(answer.error().message, answer.error().code);
      self->open = true;
      self->connect_timer.cancel();
      std::exchange(self->connected, nullptr)({});
    });
  }

  void give_up_connecting(const std::string& why, errc code = errc::unavailable) {
    const auto done = std::exchange(connected, nullptr);
    if (!done) return;
    close();
    done(fail(code, options.host + ":" + std::to_string(options.port) + ": " + why));
  }

  void send(std::string_view frame, std::uint32_t msgid, reply_callback done) {
    if (!peer || peer->is_lost()) {
      boost::asio::post(io, [done = std::move(done)] {
        done(tl::make_unexpected(rpc_error{errc::unavailable, "not connected", 0}));
      });
      return;
    }
    requests[msgid] = {std::move(done), now() + options.request_timeout};
    if (!timing) time_requests();
    peer->outbound().append(frame);
    peer->flush_soon();
  }

  void take(std::string_view frame) {
    const auto call = parse_envelope(frame);
    if (!call || call->kind == envelope_kind::request) {
      return peer->cut(errc::unavailable, "the server sent what is no reply");
    }
    if (call->kind == envelope_kind::notification) {
      if (const auto callback = notified) callback(call->method, call->params);
      return;
    }
    const auto found = requests.find(call->msgid);
    if (found == requests.end()) return;  // answered by its time-out
    const reply_callback done = std::move(found->second.done);
    requests.erase(found);
    if (auto failed = parse_error(call->error)) {
      done(tl::make_unexpected(std::move(*failed)));
    } else {
      done(call->result);
    }
  }

  void time_requests() {
    timing = true;
    request_timer.expires_after(std::clamp<std::chrono::milliseconds>(
        options.request_timeout / 4, std::chrono::milliseconds(10), std::chrono::milliseconds(1000)));
    request_timer.async_wait([weak = weak_from_this()](const boost::system::error_code& ec) {
      const auto self = weak.lock();
      if (!self) return;
      self->timing = false;
      if (!ec) self->time_out(now());
      if (!ec && !self->requests.empty()) self->time_requests();
    });
  }

  void time_out(time_point at) {
    std::vector<reply_callback> late;
    for (auto one = requests.begin(); one != requests.end();) {
      if (one->second.due > at) {
        ++one;
        continue;
      }
      late.push_back(std::move(one->second.done));
      one = requests.erase(one);
    }
    for (const reply_callback& done : late) {
      done(tl::make_unexpected(rpc_error{errc::unavailable, "no reply in time", 0}));
    }
  }

  void on_lost(const error& why) {
    const bool was_open = std::exchange(open, false);
    for (const auto& [msgid, request] : std::exchange(requests, {})) {
      request.done(tl::make_unexpected(rpc_error{why.code, "connection lost: " + why.message, 0}));
    }
    if (connected) return give_up_connecting(why.message, why.code);
    if (const auto callback = closed; was_open && callback) callback(why);
  }

  void close() {
    open = false;
    resolver.cancel();
    connect_timer.cancel();
    request_timer.cancel();
    if (dialling) {
      boost::system::error_code ignored;
      dialling->close(ignored);
    }
    if (peer) peer->cut(errc::unavailable, "closed");
  }

  void abandon() {
    connected = nullptr;
    closed = nullptr;
    notified = nullptr;
    requests.clear();
    close();
  }

  boost::asio::io_context& io;
  std::shared_ptr<tls_context> tls;
  client_options options;
  tcp::resolver resolver;
  boost::asio::steady_timer connect_timer;
  boost::asio::steady_timer request_timer;
  std::shared_ptr<tcp::socket> dialling;
  std::shared_ptr<link> peer;
  std::function<void(const result<void>&)> connected;  ///< set while connecting
  closed_callback closed;
  notification_callback notified;
  std::unordered_map<std::uint32_t, waiting> requests;
  std::uint32_t last_msgid = 0;
  bool open = false;
  bool timing = false;
};

client_connection::client_connection(boost::asio::io_context& io, std::shared_ptr<tls_context> tls,
                                     client_options options)
    : impl_(std::make_shared<impl>(io, std::move(tls), std::move(options))) {}

client_connection::~client_connection() { impl_->abandon(); }

void client_connection::connect(std::function<void(const result<void>&)> done) { impl_->connect(std::move(done)); }

std::uint32_t client_connection::next_msgid() noexcept {
  do {
    ++impl_->last_msgid;
  } while (impl_->requests.count(impl_->last_msgid) > 0);
  return impl_->last_msgid;
}

void client_connection::send(std::string_view frame, std::uint32_t msgid, reply_callback done) {
  impl_->send(frame, msgid, std::move(done));
}

void client_connection::on_notification(notification_callback callback) { impl_->notified = std::move(callback); }
void client_connection::on_closed(closed_callback callback) { impl_->closed = std::move(callback); }
void client_connection::close() { impl_->close(); }
bool client_connection::is_open() const noexcept { return impl_->open; }
std::size_t client_connection::in_flight() const noexcept { return impl_->requests.size(); }
std::size_t client_connection::outbound_bytes() const noexcept {
  return impl_->peer ? impl_->peer->outbound_bytes() : 0;
}

}  // namespace kith::net
