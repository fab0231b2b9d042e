#include "ingest/body.hpp"

#include <algorithm>
#include <libdeflate.h>

#include "ingest/json_events.hpp"

namespace kith::ingest {

namespace {

tl::unexpected<error> too_large(std::size_t most_bytes) {
  return fail(errc::too_large, "the body is over " + std::to_string(most_bytes) + " bytes; send smaller batches");
}

}  // namespace

void body_decoder::free_decompressor::operator()(libdeflate_decompressor* one) const noexcept {
  libdeflate_free_decompressor(one);
}

body_decoder::body_decoder() : inflater_(libdeflate_alloc_decompressor()) {}
body_decoder::~body_decoder() = default;

result<const std::string*> body_decoder::decode(const net::http_request& request, std::size_t most_bytes) {
  const auto encoding = request.field("content-encoding");
  const auto is = [&](std::string_view name) { return net::same_field_name(encoding, name); };
  const bool plain = encoding.empty() || is("identity");
  if (is("gzip") || is("x-gzip") || (plain && request.body.starts_with("\x1f\x8b"))) {
    return inflate(request.body, true, most_bytes);
  }
  if (is("deflate")) return inflate(request.body, false, most_bytes);
  if (!plain) {
    return fail(errc::invalid_argument, "Content-Encoding: only gzip, deflate and identity are understood");
  }
  if (request.body.size() > most_bytes) return too_large(most_bytes);
  body_.clear();
  body_.reserve(request.body.size() + json_events::padding);
  body_ = request.body;
  return &body_;
}

result<const std::string*> body_decoder::inflate(std::string_view from, bool gzip, std::size_t most_bytes) {
  // One byte more than is allowed tells what is too large from what just fits.
  if (body_.capacity() < most_bytes + 1 + json_events::padding) body_.reserve(most_bytes + 1 + json_events::padding);
  body_.resize(most_bytes + 1);
  std::size_t written = 0;
  // A gzip body may have several members (RFC 1952, section 2.2).
  do {
    std::size_t used = 0;
    std::size_t made = 0;
    const auto inflate_one = gzip ? libdeflate_gzip_decompress_ex : libdeflate_zlib_decompress_ex;
    const auto outcome = inflate_one(inflater_.get(), from.data(), from.size(), body_.data() + written,
                                     body_.size() - written, &used, &made);
    written += made;
    if (outcome == LIBDEFLATE_INSUFFICIENT_SPACE || written > most_bytes) return too_large(most_bytes);
    if (outcome != LIBDEFLATE_SUCCESS) {
      return fail(errc::invalid_argument, std::string("Content-Encoding: the body is not whole ") +
                                              (gzip ? "gzip (RFC 1952)" : "zlib (RFC 1950)"));
    }
    from.remove_prefix(used);
  } while (gzip && !from.empty());
  if (!from.empty()) return fail(errc::invalid_argument, "Content-Encoding: there are bytes behind the body");
  body_.resize(written);
  return &body_;
}

}  // namespace kith::ingest
