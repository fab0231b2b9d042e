// Arbitrary bytes in arbitrary pieces: the finder's answer depends on the bytes alone, and is the reader's.
//
// The input: one byte that seeds the pieces, then the stream.
#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <random>
#include <string_view>

#include "net/frame_finder.hpp"
#include "net/rpc.hpp"
#include "profile/msgpack.hpp"

namespace {

using kith::net::frame_finder;
using status = frame_finder::status;

constexpr kith::net::frame_limits bounds{64 * 1024, 35};

void check(bool holds) {
  if (!holds) std::abort();
}

frame_finder::outcome in_pieces(std::string_view stream, unsigned seed) {
  frame_finder finder(bounds);
  std::minstd_rand random(seed);
  frame_finder::outcome last = finder.find({});
  for (std::size_t shown = 0; last.is == status::need_more && shown < stream.size();) {
    shown = std::min(stream.size(), shown + 1 + random() % 16);
    last = finder.find(stream.substr(0, shown));
  }
  return last;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  std::string_view stream(reinterpret_cast<const char*>(data) + 1, size - 1);
  for (;;) {
    frame_finder finder(bounds);
    const auto whole = finder.find(stream);
    const auto split = in_pieces(stream, data[0]);
    check(whole.is == split.is && whole.bytes == split.bytes && whole.message == split.message);
    if (whole.is != status::found) return 0;
    kith::profile::msgpack::reader reader(stream);
    check(reader.skip() == stream.substr(0, whole.bytes));
    if (const auto call = kith::net::parse_envelope(stream.substr(0, whole.bytes))) {
      check(call->method.size() + call->params.size() <= whole.bytes);
      kith::net::parse_error(call->error);
    }
    stream.remove_prefix(whole.bytes);
    if (stream.empty()) return 0;
  }
}
