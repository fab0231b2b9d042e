// The bodies of the tracking API: whatever is sent, decoding and converting end, within bounds, and what comes out is a
// well-formed array of as many maps as it says.
#include <cstdint>
#include <cstdlib>
#include <string>

#include "ingest/body.hpp"
#include "ingest/json_events.hpp"
#include "profile/msgpack.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace kith;
  if (size == 0) return 0;
  static ingest::body_decoder decoder;
  static ingest::json_events parser;
  const std::string_view text(reinterpret_cast<const char*>(data) + 1, size - 1);
  const net::http_field deflate[] = {{"Content-Encoding", "deflate"}};
  net::http_request request{"POST", "/v1/batch", {}, text};
  if ((data[0] & 1U) != 0) request.fields = deflate;
  constexpr std::size_t most = 64 * 1024;
  const auto body = decoder.decode(request, most);
  if (!body) return 0;
  if ((*body)->size() > most) std::abort();
  ingest::json_events_options options;
  if ((data[0] & 2U) != 0) options.type = "track";
  options.opted_out = (data[0] & 4U) != 0;
  options.historical = (data[0] & 8U) != 0;
  const auto made = parser.convert(**body, options);
  if (!made) return 0;
  if (made->count + made->refused.size() != made->sent) std::abort();
  profile::msgpack::reader in(made->events);
  if (in.next().size != made->count) std::abort();
  for (std::uint32_t i = 0; i < made->count; ++i) {
    if (!profile::msgpack::reader(in.rest()).next().is_map() || in.skip().empty()) std::abort();
  }
  if (!in.done()) std::abort();
  return 0;
}
