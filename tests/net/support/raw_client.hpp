// A client that can send anything, and blocks, but never for ever.
#pragma once

#include <boost/asio/io_context.hpp>
#include <chrono>
#include <memory>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <string_view>

#include "net/frame_finder.hpp"
#include "net/receive_buffer.hpp"
#include "net/tls_stream.hpp"

namespace kith::test {

class raw_client {
 public:
  using json = nlohmann::json;

  /// TCP only.
  explicit raw_client(unsigned short port);

  /// False, if the handshake fails.
  bool handshake(const net::tls_files& files);
  /// As many clients do, for which files are read once.
  bool handshake(const std::shared_ptr<net::tls_context>& tls);
  /// False, if the server takes no more within `patience`.
  bool send(std::string_view bytes, std::chrono::milliseconds patience = std::chrono::seconds(10));
  void send_plain(std::string_view bytes);
  /// The next MessagePack value; nothing if the connection ended or none came within `patience`.
  std::optional<json> receive(std::chrono::milliseconds patience = std::chrono::seconds(10));
  struct http_answer {
    unsigned status = 0;
    std::string head;  ///< its lines
    std::string body;

    /// Of a header field; empty: there is none.
    std::string field(const std::string& name) const;
  };
  /// The next HTTP response that says its Content-Length; `head_only`: no body follows.
  std::optional<http_answer> receive_http(std::chrono::milliseconds patience = std::chrono::seconds(10),
                                          bool head_only = false);
  /// Sends a request with Host and Content-Length, and takes the answer.
  http_answer ask(const std::string& method, const std::string& target, const std::string& body = {},
                  const std::string& more_fields = {});
  /// Reads and discards until the server closes; false if it does not within ten seconds.
  bool is_closed_by_server();
  void reset();  ///< closes without a good-bye

  /// [0, msgid, method, params], and its response [1, msgid, error, result].
  /// `params`: each as it stands in the array. (An array given whole is too easily taken for its only element.)
  static std::string request(std::uint32_t msgid, const std::string& method) {
    return encode(msgid, method, json::array());
  }
  static std::string request(std::uint32_t msgid, const std::string& method, const json& first) {
    return encode(msgid, method, json::array({first}));
  }
  static std::string request(std::uint32_t msgid, const std::string& method, const json& first, const json& second) {
    return encode(msgid, method, json::array({first, second}));
  }
  json call(const std::string& method) { return exchange(request(++last_msgid_, method)); }
  json call(const std::string& method, const json& first) { return exchange(request(++last_msgid_, method, first)); }
  json call(const std::string& method, const json& first, const json& second) {
    return exchange(request(++last_msgid_, method, first, second));
  }

 private:
  static std::string encode(std::uint32_t msgid, const std::string& method, const json& params);
  json exchange(const std::string& request);
  /// Reads once. False: none came in time, or the connection ended.
  bool read_some(std::chrono::steady_clock::time_point deadline);
  bool wait(net::tls_step::kind which, std::chrono::steady_clock::time_point deadline);

  static inline boost::asio::io_context io_;  // of all: each would take descriptors of its own
  boost::asio::ip::tcp::socket socket_;
  std::unique_ptr<net::tls_stream> stream_;
  net::receive_buffer in_;
  net::frame_finder finder_;
  std::uint32_t last_msgid_ = 0;
};

}  // namespace kith::test
