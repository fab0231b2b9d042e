// A small HTTPS client that blocks: HTTP/1.1 over TLS 1.3, one request at a time on one connection.
//
// Thread safety: none.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>

#include "net/client_connection.hpp"
#include "profile/result.hpp"

namespace kith::net {

struct https_request {
  std::string method = "GET";
  std::string target = "/";
  std::string body;  ///< JSON; empty: none
  std::map<std::string, std::string> headers;
};

struct https_response {
  unsigned status = 0;
  std::string body;
  std::string retry_after;  ///< the header; empty: there is none
};

class https_client {
 public:
  /// TCP and TLS, with the address, the files, the token and the time-outs of these options; connects once, without
  /// retries. Errors: invalid_argument (a file), unavailable (not reached, with the cause).
  static result<std::unique_ptr<https_client>> connect(const client_options& options);
  ~https_client();
  https_client(const https_client&) = delete;
  https_client& operator=(const https_client&) = delete;

  /// Whatever the status. Errors: unavailable (the connection is lost, or the time is up), too_large (a response over
  /// `reply_bytes`); after one the connection is of no use any more.
  result<https_response> send(const https_request& request);

  /// As send(), but the body of an answer with a status below 300 goes to `take` piece by piece, whatever its size, and
  /// is empty in the response. Errors: also what `take` says.
  result<https_response> send(const https_request& request, const std::function<result<void>(std::string_view)>& take);

  /// The code that stands behind an HTTP status of the admin API.
  static errc code_of(unsigned status) noexcept;

 private:
  struct impl;
  explicit https_client(std::unique_ptr<impl> made);
  std::unique_ptr<impl> impl_;
};

/// A text as one part of a path or query.
std::string percent_encoded(std::string_view text);

}  // namespace kith::net
