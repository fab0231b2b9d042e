// A request's body without its Content-Encoding (RFC 9110, section 8.4).
//
// Invariants: what comes out is bounded before it is written, however well it was compressed.
// Thread safety: none; a thread has its own.
#pragma once

#include <memory>
#include <string>

#include "net/http_message.hpp"
#include "profile/result.hpp"

struct libdeflate_decompressor;

namespace kith::ingest {

class body_decoder {
 public:
  body_decoder();
  ~body_decoder();
  body_decoder(const body_decoder&) = delete;
  body_decoder& operator=(const body_decoder&) = delete;

  /// The body, good until the next call, with json_events::padding bytes of capacity behind it. `gzip`, `deflate`
  /// (zlib) and none are understood; bytes that look like gzip are taken as such without a header too, since
  /// navigator.sendBeacon can set none. Errors: too_large, invalid_argument (damaged; or an encoding that is not
  /// understood).
  result<const std::string*> decode(const net::http_request& request, std::size_t most_bytes);

 private:
  struct free_decompressor {
    void operator()(libdeflate_decompressor* one) const noexcept;
  };
  result<const std::string*> inflate(std::string_view from, bool gzip, std::size_t most_bytes);

  std::unique_ptr<libdeflate_decompressor, free_decompressor> inflater_;
  std::string body_;
};

}  // namespace kith::ingest
