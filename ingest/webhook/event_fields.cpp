#include "ingest/webhook/event_fields.hpp"

#include <algorithm>
#include <cmath>

#include "profile/cel/collections.hpp"
#include "profile/cel/text.hpp"
#include "profile/encoding.hpp"
#include "profile/event.hpp"

namespace kith::ingest::webhook {

namespace cel = profile::cel;
using cel::kind;
using cel::value;
using profile::msgpack::writer;

namespace {

constexpr double exact_doubles_end = 9007199254740992.0;  // 2^53

std::string time_text(cel::instant at) { return profile::format_time(at.seconds * 1000 + at.nanos / 1'000'000); }

class value_writer {
 public:
  value_writer(std::string& out, cel::arena& memory) noexcept : out_(out), to_(out), memory_(memory) {}

  result<void> write(const value& of, std::size_t level) {
    if (out_.size() > limits::event{}.bytes) {
      return fail(errc::too_large, "makes the event larger than " + std::to_string(limits::event{}.bytes) + " bytes");
    }
    switch (of.is()) {
      case kind::list: return write_list(of.as_list(), level);
      case kind::map: return write_map(of.as_map(), level);
      case kind::error: return fail(errc::invalid_argument, cel::error_text(of));
      case kind::opaque: return fail(errc::invalid_argument, "gives what no event can hold");
      default: write_scalar(of); return {};
    }
  }

 private:
  void write_scalar(const value& of) {
    switch (of.is()) {
      case kind::boolean: return to_.boolean(of.as_boolean());
      case kind::integer: return to_.integer(of.as_integer());
      case kind::natural: return to_.natural(of.as_natural());
      case kind::real: return to_.real(of.as_real());
      case kind::string:
      case kind::type: return to_.string(of.as_text());
      case kind::bytes: return to_.string(profile::base64_of(of.as_text()));
      case kind::timestamp: return to_.string(time_text(of.as_timestamp()));
      case kind::duration: return to_.string(cel::to_text(of));
      default: return to_.nil();
    }
  }

  static result<void> too_deep() {
    return fail(errc::invalid_argument, "nests over " + std::to_string(limits::max_nesting) + " levels");
  }

  result<void> write_list(const cel::list_source& list, std::size_t level) {
    if (level == 0) return too_deep();
    to_.array(list.size());
    std::uint64_t position = 0;
    for (auto left = list.size(); left > 0; --left) {
      if (auto good = write(list.next(position, memory_), level - 1); !good) return good;
    }
    return {};
  }

  result<void> write_map(const cel::map_source& map, std::size_t level) {
    if (level == 0) return too_deep();
    to_.map(map.size());
    std::uint64_t position = 0;
    for (auto left = map.size(); left > 0; --left) {
      const auto entry = map.next(position, memory_);
      to_.string(entry.key.is(kind::string) ? std::string(entry.key.as_text()) : cel::to_text(entry.key));
      if (auto good = write(entry.held, level - 1); !good) return good;
    }
    return {};
  }

  std::string& out_;
  writer to_;
  cel::arena& memory_;
};

}  // namespace

result<void> append_value(const value& of, std::string& out, cel::arena& memory) {
  return value_writer(out, memory).write(of, limits::max_nesting);
}

result<std::string> id_text(const value& of) {
  switch (of.is()) {
    case kind::string: return std::string(of.as_text());
    case kind::integer: return std::to_string(of.as_integer());
    case kind::natural: return std::to_string(of.as_natural());
    case kind::real: {
      const auto number = of.as_real();
      if (std::abs(number) < exact_doubles_end && std::trunc(number) == number) {
        return std::to_string(static_cast<std::int64_t>(number));
      }
      return fail(errc::invalid_argument, "gives " + cel::to_text(of) + ", which is no whole number");
    }
    default:
      return fail(errc::invalid_argument,
                  "gives a " + std::string(cel::short_name(of.is())) + "; an id is a text or a whole number");
  }
}

void event_fields::set(std::string_view name, std::string encoded) {
  const auto same = [&](const auto& each) { return each.first == name; };
  const auto found = std::find_if(fields_.begin(), fields_.end(), same);
  if (found != fields_.end()) found->second = std::move(encoded);
  else fields_.emplace_back(name, std::move(encoded));
}

void event_fields::set_text(std::string_view name, std::string_view text) {
  std::string encoded;
  writer(encoded).string(text);
  set(name, std::move(encoded));
}

bool event_fields::has(std::string_view name) const noexcept {
  return std::any_of(fields_.begin(), fields_.end(), [&](const auto& each) { return each.first == name; });
}

std::string event_fields::encoded() const {
  std::string out;
  writer to(out);
  to.map(fields_.size());
  for (const auto& [name, held] : fields_) {
    to.string(name);
    to.raw(held);
  }
  return out;
}

}  // namespace kith::ingest::webhook
