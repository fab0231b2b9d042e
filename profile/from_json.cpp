#include "profile/from_json.hpp"

#include <nlohmann/json.hpp>

#include "profile/event.hpp"
#include "profile/msgpack_scan.hpp"

namespace kith::profile {

namespace {

struct too_deep {};

}  // namespace

result<std::string> msgpack_from_json(std::string_view text, std::string_view what) {
  using json = nlohmann::json;
  const std::string named(what);
  try {
    // The depth is bounded while parsing: what comes later may recurse.
    const auto bounded = [](int depth, json::parse_event_t step, json&) {
      const bool opens = step == json::parse_event_t::object_start || step == json::parse_event_t::array_start;
      if (opens && depth >= static_cast<int>(limits::max_nesting)) throw too_deep{};
      return true;
    };
    const auto value = json::parse(text.begin(), text.end(), bounded);
    std::string bytes;
    json::to_msgpack(value, bytes);
    return bytes;
  } catch (const too_deep&) {
    return fail(errc::invalid_argument, named + ": nests over " + std::to_string(limits::max_nesting) + " levels");
  } catch (const json::parse_error& error) {
    return fail(errc::invalid_argument,
                named + ": is not JSON at byte " + std::to_string(error.byte) + ": " + error.what());
  } catch (const json::exception& error) {
    return fail(errc::invalid_argument, named + ": cannot be read: " + error.what());
  }
}

result<std::string> event_from_json(std::string_view text) {
  auto bytes = msgpack_from_json(text, "event");
  if (bytes && !msgpack::is_map(*bytes)) return fail(errc::invalid_argument, "event: must be a JSON object");
  return bytes;
}

}  // namespace kith::profile
