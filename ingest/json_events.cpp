#include "ingest/json_events.hpp"

#include <algorithm>
#include <random>

#include "ingest/json_writer.hpp"
#include "profile/hash.hpp"
#include "profile/limits.hpp"
#include "profile/msgpack_scan.hpp"

namespace kith::ingest {

namespace {

namespace msgpack = profile::msgpack;
namespace ondemand = simdjson::ondemand;
using outcome = json_writer::outcome;

constexpr std::size_t array_head_bytes = 5;

void write_text(std::string& out, std::string_view key, std::string_view value) {
  msgpack::writer to(out);
  to.string(key);
  to.string(value);
}

/// A messageId that nobody else has.
std::string new_message_id() {
  thread_local std::mt19937_64 random = [] {
    std::random_device device;
    std::seed_seq seed{device(), device(), device(), device(), device(), device(), device(), device()};
    return std::mt19937_64(seed);
  }();
  return "kith-" + profile::to_hex({random(), random()});
}

/// What a batch says of all its events.
struct batch_defaults {
  std::string sent_at;  ///< MessagePack; empty: not said
  std::string context;
  std::string integrations;
};

enum class known_key : unsigned char {
  other,
  type,
  message_id,
  user_id,
  anonymous_id,
  previous_id,
  group_id,
  timestamp,
  original_timestamp,
  sent_at,
  context,
  traits,
  integrations,
  write_key,
};

known_key key_of(std::string_view key) noexcept {
  switch (key.size()) {
    case 4: return key == "type" ? known_key::type : known_key::other;
    case 6:
      if (key == "userId") return known_key::user_id;
      if (key == "traits") return known_key::traits;
      return key == "sentAt" ? known_key::sent_at : known_key::other;
    case 7:
      if (key == "context") return known_key::context;
      return key == "groupId" ? known_key::group_id : known_key::other;
    case 8: return key == "writeKey" ? known_key::write_key : known_key::other;
    case 9:
      if (key == "messageId") return known_key::message_id;
      return key == "timestamp" ? known_key::timestamp : known_key::other;
    case 10: return key == "previousId" ? known_key::previous_id : known_key::other;
    case 11: return key == "anonymousId" ? known_key::anonymous_id : known_key::other;
    case 12: return key == "integrations" ? known_key::integrations : known_key::other;
    case 17: return key == "originalTimestamp" ? known_key::original_timestamp : known_key::other;
    default: return known_key::other;
  }
}

bool is_identifier(known_key key) noexcept {
  return key == known_key::message_id || key == known_key::user_id || key == known_key::anonymous_id ||
         key == known_key::previous_id || key == known_key::group_id;
}

/// One event, from the document to the end of `out`.
class event_writer {
 public:
  event_writer(std::string& out, const json_events_options& options, const batch_defaults& defaults)
      : out_(out), options_(options), defaults_(defaults), json_(out, options.nesting) {}

  outcome write(ondemand::object from) {
    open_container map(out_, true);
    const auto began = out_.size();
    for (auto field : from) {
      std::string_view key;
      ondemand::value value;
      if (field.unescaped_key().get(key) || field.value().get(value)) return outcome::broken;
      const auto before = out_.size();
      bool kept = true;
      const auto got = write_field(key, value, kept);
      if (got == outcome::bad_value) json_.within(key);
      if (got != outcome::good) return got;
      kept ? map.count() : out_.resize(before);
    }
    map.count(complete(began));
    map.close();
    return outcome::good;
  }
  const std::string& problem() const noexcept { return json_.problem(); }

 private:
  outcome write_field(std::string_view key, ondemand::value value, bool& kept) {
    const auto known = key_of(key);
    if (known == known_key::write_key) {  // a credential, not a fact about somebody
      kept = false;
      return outcome::good;
    }
    if (known == known_key::sent_at && options_.historical) {
      kept = false;
      return outcome::good;
    }
    msgpack::writer(out_).string(key);
    const auto at = out_.size();
    if (is_identifier(known)) {
      const auto got = write_identifier(value, kept);
      if (got == outcome::good && kept) seen(known, at);
      return got;
    }
    const auto got = known == known_key::context ? write_context(value) : json_.value(value, 2);
    if (got != outcome::good) return got;
    if (out_[at] == '\xc0') {  // null: as if it were not there
      kept = false;
      return got;
    }
    seen(known, at);
    return got;
  }

  /// Numbers become strings; an empty string is none, as RudderStack's SDKs send it.
  outcome write_identifier(ondemand::value value, bool& kept) {
    ondemand::json_type type{};
    if (value.type().get(type)) return outcome::broken;
    if (type == ondemand::json_type::number) {
      ondemand::number number;
      if (value.get_number().get(number)) return json_.refuse(": is no number that can be an id");
      if (number.is_double()) return json_.refuse(": is a number with a fraction; send it as a string");
      msgpack::writer(out_).string(number.is_int64() ? std::to_string(number.get_int64())
                                                     : std::to_string(number.get_uint64()));
      return outcome::good;
    }
    const auto got = json_.value(value, 2);
    if (got == outcome::good && (out_.back() == '\xa0' || out_.back() == '\xc0')) {
      kept = type != ondemand::json_type::string && type != ondemand::json_type::null;
    }
    return got;
  }

  outcome write_context(ondemand::value value) {
    ondemand::json_type type{};
    if (value.type().get(type)) return outcome::broken;
    if (type != ondemand::json_type::object) return json_.value(value, 2);
    ondemand::object all;
    if (value.get_object().get(all)) return outcome::broken;
    open_container map(out_, true);
    std::vector<std::string_view> keys;  // they stay in the parser's buffer
    for (auto field : all) {
      std::string_view key;
      ondemand::value inside;
      if (field.unescaped_key().get(key) || field.value().get(inside)) return outcome::broken;
      if (!defaults_.context.empty()) keys.push_back(key);
      msgpack::writer(out_).string(key);
      const auto at = out_.size();
      const auto got = json_.value(inside, 3);
      if (got == outcome::bad_value) json_.within(key);
      if (got != outcome::good) return got;
      if (key == "traits" && out_[at] != '\xc0') context_traits_ = {at, out_.size() - at};
      map.count();
    }
    map.count(add_missing(keys));
    if (options_.opted_out) map.count(write_opt_out());
    map.close();
    return outcome::good;
  }

  /// Of the batch's context, what the event's own does not say.
  std::size_t add_missing(const std::vector<std::string_view>& keys) {
    if (defaults_.context.empty()) return 0;
    std::size_t added = 0;
    msgpack::reader in(defaults_.context);
    for (auto left = in.next().size; left > 0; --left) {
      const auto key = in.next().bytes;
      const auto value = in.skip();
      if (std::find(keys.begin(), keys.end(), key) != keys.end()) continue;
      msgpack::writer(out_).string(key);
      out_.append(value);
      ++added;
    }
    return added;
  }

  std::size_t write_opt_out() {
    msgpack::writer to(out_);
    to.string("globalPrivacyControl");
    to.boolean(true);
    return 1;
  }

  void seen(known_key key, std::size_t at) {
    seen_ |= 1U << static_cast<unsigned>(key);
    if (key == known_key::original_timestamp) original_timestamp_ = {at, out_.size() - at};
    if (key == known_key::type) type_at_ = at;
  }
  bool has(known_key key) const noexcept { return (seen_ & (1U << static_cast<unsigned>(key))) != 0; }

  bool is_identify() const {
    if (!options_.type.empty()) return options_.type == "identify";
    return has(known_key::type) && msgpack::reader(std::string_view(out_).substr(type_at_)).next().bytes == "identify";
  }

  /// What the event leaves to others to say; how many entries that makes.
  std::size_t complete(std::size_t began) {
    std::size_t added = 0;
    const auto again = [&](std::string_view key, std::pair<std::size_t, std::size_t> place) {
      const auto value = out_.substr(place.first, place.second);
      msgpack::writer(out_).string(key);
      out_ += value;
      ++added;
    };
    const auto add = [&](std::string_view key, std::string_view encoded) {
      msgpack::writer(out_).string(key);
      out_ += encoded;
      ++added;
    };
    // The endpoint's type holds, whatever the body says: of two keys the last one counts.
    if (!options_.type.empty()) {
      write_text(out_, "type", options_.type);
      ++added;
    }
    if (!has(known_key::timestamp) && has(known_key::original_timestamp)) again("timestamp", original_timestamp_);
    // RudderStack's browser SDK sends the traits of an identify there.
    if (!has(known_key::traits) && context_traits_.second > 0 && is_identify()) again("traits", context_traits_);
    if (!has(known_key::context) && (!defaults_.context.empty() || options_.opted_out)) {
      msgpack::writer(out_).string("context");
      open_container map(out_, true);
      map.count(add_missing({}));
      if (options_.opted_out) map.count(write_opt_out());
      map.close();
      ++added;
    }
    if (!has(known_key::integrations) && !defaults_.integrations.empty()) add("integrations", defaults_.integrations);
    if (!has(known_key::message_id)) {
      const bool has_time = has(known_key::timestamp) || has(known_key::original_timestamp);
      write_text(out_, "messageId", message_id_for(std::string_view(out_).substr(began), has_time));
      ++added;
    }
    // Behind the messageId, so that a retry, which is sent at another time, gets the same one.
    if (!has(known_key::sent_at) && !defaults_.sent_at.empty() && !options_.historical)
      add("sentAt", defaults_.sent_at);
    return added;
  }

  std::string& out_;
  const json_events_options& options_;
  const batch_defaults& defaults_;
  json_writer json_;
  std::uint32_t seen_ = 0;
  std::size_t type_at_ = 0;
  std::pair<std::size_t, std::size_t> original_timestamp_{};
  std::pair<std::size_t, std::size_t> context_traits_{};
};

}  // namespace

std::string message_id_for(std::string_view event, bool has_time) {
  return has_time ? "kith-" + profile::to_hex(profile::hash_of(event)) : new_message_id();
}

struct json_events::impl {
  ondemand::parser parser;
  const char* begin = nullptr;
  std::size_t size = 0;

  tl::unexpected<error> broken(ondemand::document& document) const {
    std::string where;
    const char* at = nullptr;
    if (!document.current_location().get(at) && at >= begin && at <= begin + size) {
      where = " near byte " + std::to_string(at - begin);
    }
    return not_json(where);
  }
  static tl::unexpected<error> not_json(const std::string& where) {
    return fail(errc::invalid_argument,
                "the body is not JSON" + where + "; send the objects of Segment's HTTP tracking API, in UTF-8");
  }

  result<void> one(ondemand::document& document, const json_events_options& options, converted_events& into);
  result<void> batch(ondemand::document& document, const json_events_options& options, converted_events& into);
  result<void> read_defaults(ondemand::document& document, batch_defaults& defaults, converted_events& into,
                             bool& has_batch);
  result<void> entry(ondemand::document& document, ondemand::value from, const json_events_options& options,
                     const batch_defaults& defaults, converted_events& into);
};

json_events::json_events() : impl_(std::make_unique<impl>()) {}
json_events::~json_events() = default;

result<converted_events> json_events::convert(const std::string& body, const json_events_options& options) {
  impl_->begin = body.data();
  impl_->size = body.size();
  converted_events made;
  made.events.reserve(body.size() + 64);
  made.events.assign(array_head_bytes, '\0');
  ondemand::document document;
  // UTF-8 is checked here, for all of it.
  if (const auto failed = impl_->parser.iterate(body.data(), body.size(), body.capacity()).get(document)) {
    if (failed == simdjson::UTF8_ERROR) {
      return fail(errc::invalid_argument, "the body is not UTF-8");
    }
    return impl::not_json("");
  }
  ondemand::json_type type{};
  if (document.type().get(type)) return impl::not_json("");
  if (type != ondemand::json_type::object) {
    return fail(errc::invalid_argument, options.type.empty() ? "the body must be an object: {\"batch\": [event, ...]}"
                                                             : "the body must be an object, the event");
  }
  const auto done = options.type.empty() ? impl_->batch(document, options, made) : impl_->one(document, options, made);
  if (!done) return tl::make_unexpected(done.error());
  if (made.refused.empty()) made.indexes.clear();
  made.events[0] = '\xdd';
  for (std::size_t i = 0; i < 4; ++i) made.events[1 + i] = static_cast<char>((made.count >> (24 - 8 * i)) & 0xff);
  return made;
}

result<void> json_events::impl::one(ondemand::document& document, const json_events_options& options,
                                    converted_events& into) {
  ondemand::value whole;
  if (document.get_value().get(whole)) return broken(document);
  bool unused = false;
  batch_defaults none;
  if (auto read = read_defaults(document, none, into, unused); !read) return read;
  none = {};  // an event's own, not a batch's
  none.context = options.context;
  document.rewind();
  if (document.get_value().get(whole)) return broken(document);
  if (auto done = entry(document, whole, options, none, into); !done) return done;
  return {};
}

result<void> json_events::impl::read_defaults(ondemand::document& document, batch_defaults& defaults,
                                              converted_events& into, bool& has_batch) {
  document.rewind();
  ondemand::object all;
  if (document.get_object().get(all)) return broken(document);
  for (auto field : all) {
    std::string_view key;
    ondemand::value value;
    if (field.unescaped_key().get(key) || field.value().get(value)) return broken(document);
    std::string* place = key == "sentAt"         ? &defaults.sent_at
                         : key == "context"      ? &defaults.context
                         : key == "integrations" ? &defaults.integrations
                                                 : nullptr;
    if (key == "batch") has_batch = true;
    if (key == "writeKey") {
      std::string_view text;
      if (!value.get_string().get(text)) into.write_key = text;
    }
    if (place == nullptr) continue;
    place->clear();
    json_writer to(*place, limits::max_nesting);
    const auto got = to.value(value, 2);
    if (got == outcome::broken) return broken(document);
    if (got == outcome::bad_value) return fail(errc::invalid_argument, std::string(key) + to.problem());
    if (*place == "\xc0" || (place != &defaults.sent_at && !msgpack::is_map(*place))) place->clear();
  }
  // Behind the object there must be nothing.
  if (!document.current_location().error()) return broken(document);
  return {};
}

result<void> json_events::impl::batch(ondemand::document& document, const json_events_options& options,
                                      converted_events& into) {
  batch_defaults defaults;
  bool has_batch = false;
  if (auto read = read_defaults(document, defaults, into, has_batch); !read) return read;
  if (!has_batch) return fail(errc::invalid_argument, "batch: missing; it must be an array of events");
  document.rewind();
  ondemand::array all;
  if (const auto failed = document.find_field_unordered("batch").get_array().get(all)) {
    if (failed == simdjson::INCORRECT_TYPE) return fail(errc::invalid_argument, "batch: must be an array of events");
    return broken(document);
  }
  for (auto each : all) {
    ondemand::value value;
    if (each.get(value)) return broken(document);
    if (into.sent == options.most_events) {
      return fail(errc::too_large, "batch: has over " + std::to_string(options.most_events) + " events; send less");
    }
    if (auto done = entry(document, value, options, defaults, into); !done) return done;
  }
  return {};
}

result<void> json_events::impl::entry(ondemand::document& document, ondemand::value from,
                                      const json_events_options& options, const batch_defaults& defaults,
                                      converted_events& into) {
  const auto index = into.sent++;
  const auto refuse = [&](std::string message, std::string_view raw) {
    into.refused.push_back({index, "invalid_argument", std::move(message), "application/json", std::string(raw)});
    return result<void>();
  };
  ondemand::json_type type{};
  if (from.type().get(type)) return broken(document);
  if (type != ondemand::json_type::object) {
    if (type != ondemand::json_type::array) {
      const auto token = from.raw_json_token();
      std::string unused;
      if (json_writer(unused, options.nesting).value(from, 1) == outcome::broken) return broken(document);
      return refuse("event: must be an object", token.substr(0, token.find_last_not_of(" \t\r\n") + 1));
    }
    ondemand::array list;
    std::string_view raw;
    if (from.get_array().get(list) || list.raw_json().get(raw)) return broken(document);
    return refuse("event: must be an object", raw);
  }
  ondemand::object object;
  if (from.get_object().get(object)) return broken(document);
  const auto before = into.events.size();
  event_writer writer(into.events, options, defaults);
  const auto got = writer.write(object);
  if (got == outcome::good) {
    ++into.count;
    into.indexes.push_back(index);
    return {};
  }
  if (got == outcome::broken) return broken(document);
  into.events.resize(before);
  std::string_view raw;
  if (object.reset().error() || object.raw_json().get(raw)) return broken(document);
  return refuse(writer.problem(), raw);
}

}  // namespace kith::ingest
