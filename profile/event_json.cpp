#include <nlohmann/json.hpp>

#include "profile/event.hpp"

namespace kith::profile {

namespace {

struct too_deep {};

}  // namespace

result<std::string> event_from_json(std::string_view text) {
  using json = nlohmann::json;
  try {
    // The depth is bounded while parsing: what comes later may recurse.
    const auto bounded = [](int depth, json::parse_event_t step, json&) {
      const bool opens = step == json::parse_event_t::object_start || step == json::parse_event_t::array_start;
      if (opens && depth >= static_cast<int>(limits::max_nesting)) throw too_deep{};
      return true;
    };
    const auto event = json::parse(text.begin(), text.end(), bounded);
    if (!event.is_object()) return fail(errc::invalid_argument, "event: must be a JSON object");
    std::string bytes;
    json::to_msgpack(event, bytes);
    return bytes;
  } catch (const too_deep&) {
    return fail(errc::invalid_argument, "event: nests over " + std::to_string(limits::max_nesting) + " levels");
  } catch (const json::parse_error& error) {
    return fail(errc::invalid_argument,
                "event: is not JSON at byte " + std::to_string(error.byte) + ": " + error.what());
  } catch (const json::exception& error) {
    return fail(errc::invalid_argument, std::string("event: cannot be read: ") + error.what());
  }
}

}  // namespace kith::profile
