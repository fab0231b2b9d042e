#include "net/http_parser.hpp"

#include <utility>
#include <boost/asio/buffer.hpp>
#include <boost/beast/http/basic_parser.hpp>

namespace kith::net {

namespace {

namespace beast = boost::beast;
namespace http = beast::http;

constexpr std::size_t kept_bytes = 4 * 1024;

std::string_view view_of(beast::string_view text) noexcept { return {text.data(), text.size()}; }

/// What an error of Beast's parser is to a client.
http_parser::refusal refusal_of(const beast::error_code& why, const http_limits& bounds) {
  if (why == http::error::header_limit) {
    return {431, "the header is over " + std::to_string(bounds.header_bytes) + " bytes"};
  }
  if (why == http::error::body_limit) {
    return {413, "the body is over " + std::to_string(bounds.body_bytes) + " bytes; send smaller batches"};
  }
  if (why == http::error::bad_version) return {505, "the request is not HTTP/1.1"};
  return {400, "the request is not HTTP/1.1: " + why.message()};
}

}  // namespace

/// Beast finds the parts; what they are is kept in the owner.
class http_parser::reader final : public http::basic_parser<true> {
 public:
  explicit reader(http_parser& owner) : owner_(owner) {
    eager(true);
    header_limit(static_cast<std::uint32_t>(owner.bounds_.header_bytes));
    body_limit(owner.bounds_.body_bytes);
  }
  unsigned version = 0;

 private:
  using string_view = beast::string_view;
  using error_code = beast::error_code;

  void on_request_impl(http::verb, string_view method, string_view target, int of, error_code& ec) override {
    ec = {};
    version = static_cast<unsigned>(of);
    owner_.method_ = view_of(method);
    owner_.target_ = view_of(target);
    if (target.size() > owner_.bounds_.target_bytes) {
      owner_.refuse(414, "the target is over " + std::to_string(owner_.bounds_.target_bytes) + " bytes");
      ec = http::error::bad_target;
    }
  }
  void on_response_impl(int, string_view, int, error_code& ec) override { ec = http::error::bad_version; }
  void on_field_impl(http::field, string_view name, string_view value, error_code& ec) override {
    ec = {};
    if (is_header_done()) return;  // a trailer: nothing in it is trusted
    if (owner_.places_.size() == owner_.bounds_.fields) {
      owner_.refuse(431, "the header has over " + std::to_string(owner_.bounds_.fields) + " fields");
      ec = http::error::header_limit;
      return;
    }
    auto& text = owner_.text_;
    owner_.places_.push_back({text.size(), name.size(), text.size() + name.size(), value.size()});
    text.append(name.data(), name.size()).append(value.data(), value.size());
  }
  void on_header_impl(error_code& ec) override {
    ec = {};
    if (!owner_.check_header()) ec = http::error::bad_field;
  }
  void on_body_init_impl(const boost::optional<std::uint64_t>& length, error_code& ec) override {
    ec = {};
    if (length) owner_.body_.reserve(static_cast<std::size_t>(*length));
  }
  std::size_t on_body_impl(string_view bytes, error_code& ec) override {
    ec = {};
    owner_.body_.append(bytes.data(), bytes.size());
    return bytes.size();
  }
  void on_chunk_header_impl(std::uint64_t, string_view, error_code& ec) override { ec = {}; }
  std::size_t on_chunk_body_impl(std::uint64_t, string_view bytes, error_code& ec) override {
    return on_body_impl(bytes, ec);
  }
  void on_finish_impl(error_code& ec) override { ec = {}; }

  http_parser& owner_;
};

http_parser::http_parser(const http_limits& bounds) : bounds_(bounds) { reset(); }

http_parser::~http_parser() = default;

http_parser::status http_parser::refuse(unsigned http_status, std::string message) {
  if (why_.message.empty()) why_ = {http_status, std::move(message)};
  return status::failed;
}

http_parser::status http_parser::parse(std::string_view bytes, std::size_t& used) {
  used = 0;
  if (!why_.message.empty()) return status::failed;
  while (used < bytes.size() && !reader_->is_done()) {
    // Blank lines before a request are skipped (RFC 9112, section 2.2).
    if (!begun_ && (bytes[used] == '\r' || bytes[used] == '\n')) {
      ++used;
      continue;
    }
    begun_ = true;
    beast::error_code ec;
    used += reader_->put(boost::asio::buffer(bytes.data() + used, bytes.size() - used), ec);
    // Beast goes on to the body although on_header_impl() failed, and forgets its error.
    if (!why_.message.empty()) return status::failed;
    if (ec == http::error::need_more) {
      // Beast bounds the header only once its end is there.
      if (!has_header() && bytes.size() - used > bounds_.header_bytes) {
        const auto why = refusal_of(http::error::header_limit, bounds_);
        return refuse(why.http_status, why.message);
      }
      break;
    }
    if (ec) {
      auto why = refusal_of(ec, bounds_);
      return refuse(why.http_status, std::move(why.message));
    }
  }
  return reader_->is_done() ? status::complete : status::need_more;
}

void http_parser::reset() {
  reader_ = std::make_unique<reader>(*this);
  method_.clear();
  target_.clear();
  text_.clear();
  places_.clear();
  body_.clear();
  why_ = {};
  begun_ = continue_ = false;
}

bool http_parser::has_header() const noexcept { return reader_->is_header_done(); }

bool http_parser::wants_continue() noexcept {
  return std::exchange(continue_, false) && body_.empty() && !reader_->is_done();
}

bool http_parser::keep_alive() const { return reader_->keep_alive(); }

http_request http_parser::request() const {
  fields_.clear();
  const std::string_view text = text_;
  for (const auto& at : places_) {
    fields_.push_back({text.substr(at.name, at.name_size), text.substr(at.value, at.value_size)});
  }
  return {method_, target_, fields_, body_};
}

bool http_parser::check_header() {
  std::size_t hosts = 0;
  const auto bad = [this](unsigned code, const char* message) {
    refuse(code, message);
    return false;
  };
  for (const auto& each : request().fields) {
    if (same_field_name(each.name, "host")) ++hosts;
    if (same_field_name(each.name, "transfer-encoding")) {
      if (!same_field_name(each.value, "chunked")) return bad(501, "Transfer-Encoding: only \"chunked\" is understood");
      if (reader_->version < 11) return bad(400, "Transfer-Encoding: is not for HTTP/1.0");
    }
    if (same_field_name(each.name, "expect")) {
      if (!same_field_name(each.value, "100-continue")) return bad(417, "Expect: only \"100-continue\" is understood");
      continue_ = reader_->version >= 11;
    }
  }
  if (reader_->version >= 11 && hosts != 1) return bad(400, "Host: must be there, once");
  if (target_.empty() || (target_.front() != '/' && target_ != "*")) {
    return bad(400, "the request's target must be a path, such as /v1/batch");
  }
  return true;
}

void http_parser::release() {
  for (std::string* each : {&method_, &target_, &text_, &body_}) {
    if (each->capacity() > kept_bytes) std::string().swap(*each);
  }
  if (places_.capacity() * sizeof(place) > kept_bytes) std::vector<place>().swap(places_);
}

}  // namespace kith::net
