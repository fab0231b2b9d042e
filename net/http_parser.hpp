// One request of HTTP/1.1 after another out of a stream of bytes (RFC 9112), strict where leniency would let two
// servers see two requests in the same bytes.
//
// Invariants: after an error nothing more is parsed.
// Thread safety: none.
#pragma once

#include <cstddef>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "net/http_limits.hpp"
#include "net/http_message.hpp"

namespace kith::net {

class http_parser {
 public:
  enum class status : unsigned char { need_more, complete, failed };
  struct refusal {
    unsigned http_status = 400;
    std::string message;
  };

  explicit http_parser(const http_limits& bounds);
  ~http_parser();
  http_parser(const http_parser&) = delete;
  http_parser& operator=(const http_parser&) = delete;

  /// Parses on; `used`: how many of the bytes are done with, the rest must stand at the front next time. Once it is
  /// complete, what follows is the next request's.
  status parse(std::string_view bytes, std::size_t& used);
  /// For the next request.
  void reset();

  bool has_begun() const noexcept { return begun_; }
  bool has_header() const noexcept;
  /// The client waits for `100 Continue` before it sends the body; true once.
  bool wants_continue() noexcept;
  /// REQUIRES: complete.
  bool keep_alive() const;
  /// REQUIRES: the header is there. Views hold until reset().
  http_request request() const;
  std::size_t body_bytes() const noexcept { return body_.size(); }
  const refusal& why() const noexcept { return why_; }
  /// Gives back the memory of large requests. REQUIRES: reset() and nothing parsed since.
  void release();

 private:
  class reader;
  struct place {
    std::size_t name;
    std::size_t name_size;
    std::size_t value;
    std::size_t value_size;
  };

  status refuse(unsigned http_status, std::string message);
  bool check_header();

  const http_limits& bounds_;
  std::unique_ptr<reader> reader_;
  std::string method_;
  std::string target_;
  std::string text_;  ///< names and values of fields
  std::vector<place> places_;
  mutable std::vector<http_field> fields_;
  std::string body_;
  refusal why_;
  bool begun_ = false;
  bool continue_ = false;
};

}  // namespace kith::net
