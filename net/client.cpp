#include "net/client.hpp"

#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/post.hpp>
#include <future>
#include <map>
#include <thread>

#include "net/retrying_connection.hpp"
#include "persistence/thread_name.hpp"
#include "profile/msgpack.hpp"

namespace kith::net {

namespace msgpack = profile::msgpack;

namespace {

result<std::uint64_t> parse_watch_result(std::string_view encoded) {
  msgpack::reader in(encoded);
  const msgpack::token head = in.next();
  const msgpack::token key = in.next();
  const msgpack::token number = in.next();
  if (!head.is_map() || !key.is_string() || number.type != msgpack::kind::integer) {
    return fail(errc::internal, "the server's reply to watch is not as agreed");
  }
  return static_cast<std::uint64_t>(number.integer);
}

/// The error of a change notification, if that is what it holds.
std::optional<rpc_error> error_in(std::string_view change) {
  msgpack::reader in(change);
  const msgpack::token head = in.next();
  const msgpack::token key = in.next();
  if (!head.is_map() || head.size != 1 || !key.is_string() || key.bytes != "error") return {};
  return parse_error(in.skip());
}

}  // namespace

struct client::impl {
  impl(std::shared_ptr<tls_context> tls, client_options options)
      : work(io.get_executor()), link(std::make_shared<retrying_connection>(io, std::move(tls), std::move(options))) {
    link->on_notification([this](std::string_view method, std::string_view params) { notified(method, params); });
    link->on_closed([this](const error& why) { end_watches(why); });
    thread = std::thread([this] {
      persistence::name_thread("kith-client");
      io.run();
    });
  }

  ~impl() {
    boost::asio::post(io, [this] { link->close(); });
    work.reset();
    boost::asio::post(io, [this] { io.stop(); });
    thread.join();
  }

  /// `use` sees the result on the io thread, while its bytes are valid.
  template <class T, class Use>
  result<T> call(std::string frame, Use use) {
    std::promise<result<T>> answer;
    auto answered = answer.get_future();
    boost::asio::post(io, [&, frame = std::move(frame)]() mutable {
      link->request(std::move(frame), [&answer, &use](const reply& got) {
        if (got) return answer.set_value(use(*got));
        answer.set_value(fail(got.error().code, got.error().message));
      });
    });
    return answered.get();
  }

  result<std::string> call(std::string frame) {
    return call<std::string>(std::move(frame), [](std::string_view got) { return std::string(got); });
  }

  void notified(std::string_view method, std::string_view params) {
    msgpack::reader in(params);
    const msgpack::token list = in.next();
    const msgpack::token number = in.next();
    if (method != "change" || !list.is_array() || number.type != msgpack::kind::integer) return;
    const auto found = watches.find(static_cast<std::uint64_t>(number.integer));
    if (found == watches.end()) return;
    const std::string_view change = in.skip();
    const auto ended = error_in(change);
    if (!ended) return found->second(change);
    const change_callback callback = std::move(found->second);
    watches.erase(found);
    callback(fail(ended->code, ended->message));
  }

  void end_watches(const error& why) {
    for (const auto& [number, callback] : std::exchange(watches, {})) callback(tl::make_unexpected(why));
  }

  boost::asio::io_context io{1};
  boost::asio::executor_work_guard<boost::asio::io_context::executor_type> work;
  std::shared_ptr<retrying_connection> link;
  std::map<std::uint64_t, change_callback> watches;  ///< on the io thread
  std::thread thread;
};

client::client(std::unique_ptr<impl> made) : impl_(std::move(made)) {}
client::~client() = default;

result<std::unique_ptr<client>> client::connect(client_options options) {
  auto tls = make_client_context(options);
  if (!tls) return tl::make_unexpected(std::move(tls.error()));
  auto made = std::make_unique<impl>(std::move(*tls), std::move(options));
  std::promise<result<void>> connected;
  boost::asio::post(made->io, [&] {
    made->link->connect([&connected](const result<void>& outcome) { connected.set_value(outcome); });
  });
  if (auto outcome = connected.get_future().get(); !outcome) return tl::make_unexpected(std::move(outcome.error()));
  return std::unique_ptr<client>(new client(std::move(made)));
}

result<actors::publish_outcome> client::publish(const std::vector<std::string>& events,
                                                actors::publish_options options) {
  std::string joined;
  for (const std::string& event : events) joined += event;
  std::string frame;
  write_publish(frame, 0, joined, events.size(), options);
  return impl_->call<actors::publish_outcome>(std::move(frame), parse_publish_outcome);
}

result<std::string> client::get(const profile::identifier& id, const std::vector<std::string>& fields,
                                std::string_view view) {
  std::string frame;
  write_get(frame, 0, id, fields, view);
  return impl_->call(std::move(frame));
}

result<std::string> client::get_many(const std::vector<profile::identifier>& ids,
                                     const std::vector<std::string>& fields, std::string_view view) {
  std::string frame;
  write_get_many(frame, 0, ids, fields, view);
  return impl_->call(std::move(frame));
}

result<std::string> client::segments(const profile::identifier& id) {
  std::string frame;
  write_segments(frame, 0, id);
  return impl_->call(std::move(frame));
}

result<std::string> client::explain(const profile::identifier& id, std::string_view segment) {
  std::string frame;
  write_explain(frame, 0, id, segment);
  return impl_->call(std::move(frame));
}

result<std::string> client::stats() {
  std::string frame;
  begin_request(frame, 0, "stats", 0);
  return impl_->call(std::move(frame));
}

result<std::uint64_t> client::watch(const watch_request& request, change_callback callback) {
  std::string frame;
  begin_request(frame, 0, "watch", 1);
  msgpack::writer to(frame);
  to.map((request.profile ? 1U : 0U) + (request.segment.empty() ? 0U : 1U) + (request.from.empty() ? 0U : 1U));
  if (request.profile) {
    to.string("profile");
    write_identifier(frame, *request.profile);
  }
  for (const auto& [key, text] : {std::pair("segment", &request.segment), std::pair("from", &request.from)}) {
    if (text->empty()) continue;
    to.string(key);
    to.string(*text);
  }
  // Known before the next frame is looked at, which may be its first change.
  return impl_->call<std::uint64_t>(std::move(frame), [&](std::string_view got) {
    auto number = parse_watch_result(got);
    if (number) impl_->watches[*number] = std::move(callback);
    return number;
  });
}

result<void> client::unwatch(std::uint64_t watch) {
  std::string frame;
  begin_request(frame, 0, "unwatch", 1);
  msgpack::writer(frame).natural(watch);
  return impl_->call<void>(std::move(frame), [&](std::string_view) {
    impl_->watches.erase(watch);
    return result<void>{};
  });
}

result<std::string> client::call(std::string_view method, std::string_view params) {
  std::string frame;
  begin_request(frame, 0, method, 0);
  frame.pop_back();  // the empty params
  frame.append(params);
  return impl_->call(std::move(frame));
}

}  // namespace kith::net
