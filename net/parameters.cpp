#include "net/parameters.hpp"

#include "profile/identifier.hpp"
#include "profile/msgpack.hpp"

namespace kith::net {

namespace msgpack = profile::msgpack;

namespace {

constexpr std::size_t most_source_bytes = 255;  ///< what a journal record has room for
constexpr std::string_view id_forms = "give one of {userId}, {anonymousId}, {externalId: {type, id}}, {profile}";

template <class... Parts>
tl::unexpected<error> refuse(Parts&&... parts) {
  std::string message;
  (message.append(parts), ...);
  return fail(errc::invalid_argument, std::move(message));
}

tl::unexpected<error> pass_on(error&& cause) { return tl::make_unexpected(std::move(cause)); }

std::string quoted(std::string_view text) {
  constexpr std::size_t shown = 64;
  return '"' + std::string(text.substr(0, shown)) + (text.size() > shown ? "…\"" : "\"");
}

/// The reader of the elements of `params`; how many there are goes to `count`.
result<msgpack::reader> open_params(std::string_view params, std::uint32_t least, std::uint32_t most,
                                    std::string_view form, std::uint32_t& count) {
  msgpack::reader in(params);
  count = in.next().size;  // the envelope's reader saw that it is an array
  if (count < least || count > most) return refuse("params: ", std::to_string(count), " elements; give ", form);
  return in;
}

result<std::string_view> identifier_text(std::string_view key, msgpack::reader& in, std::size_t most) {
  const msgpack::token value = in.next();
  if (!value.is_string()) return refuse(key, ": not a string");
  if (value.bytes.empty()) return refuse(key, ": empty");
  if (value.bytes.size() > most) {
    return refuse(key, ": ", std::to_string(value.bytes.size()), " bytes; at most ", std::to_string(most));
  }
  return value.bytes;
}

result<profile::hash128> external_address(msgpack::reader& in) {
  const msgpack::token head = in.next();
  if (!head.is_map() || head.size != 2) return refuse("externalId: not a map of type and id");
  std::string_view type;
  std::string_view id;
  for (int i = 0; i < 2; ++i) {
    const msgpack::token key = in.next();
    const bool is_type = key.is_string() && key.bytes == "type";
    if (!is_type && !(key.is_string() && key.bytes == "id")) return refuse("externalId: not a map of type and id");
    auto text = is_type ? identifier_text("externalId.type", in, limits::identifier_type_bytes)
                        : identifier_text("externalId.id", in, limits::identifier_bytes);
    if (!text) return pass_on(std::move(text.error()));
    (is_type ? type : id) = *text;
  }
  if (type.empty() || id.empty()) return refuse("externalId: not a map of type and id");
  return profile::address_of(profile::id_kind::external, type, id);
}

result<profile::hash128> parse_id(msgpack::reader& in) {
  const msgpack::token head = in.next();
  if (!head.is_map()) return refuse("id: not a map; ", id_forms);
  if (head.size != 1) return refuse("id: ", std::to_string(head.size), " keys; ", id_forms);
  const msgpack::token key = in.next();
  if (!key.is_string()) return refuse("id: its key is not a string; ", id_forms);
  if (key.bytes == "externalId") return external_address(in);
  const bool user = key.bytes == "userId";
  const bool anonymous = key.bytes == "anonymousId";
  if (!user && !anonymous && key.bytes != "profile") {
    return refuse("id: unknown key ", quoted(key.bytes), "; ", id_forms);
  }
  auto text = identifier_text(key.bytes, in, limits::identifier_bytes);
  if (!text) return pass_on(std::move(text.error()));
  if (user) return profile::address_of(profile::id_kind::user, {}, *text);
  if (anonymous) return profile::address_of(profile::id_kind::anonymous, {}, *text);
  profile::hash128 address;
  if (!profile::from_hex(*text, address)) return refuse("profile: not 32 hexadecimal digits");
  return address;
}

result<profile::field_set> parse_fields(msgpack::reader& in) {
  const msgpack::token head = in.next();
  if (!head.is_array()) return refuse("fields: not an array; allowed are ", profile::field_list());
  profile::field_set fields{0};
  for (std::uint32_t i = 0; i < head.size; ++i) {
    const msgpack::token name = in.next();
    unsigned field = 0;
    if (!name.is_string()) return refuse("fields: an element is not a string; allowed are ", profile::field_list());
    if (!profile::field_index(name.bytes, field)) {
      return refuse("fields: unknown field ", quoted(name.bytes), "; allowed are ", profile::field_list());
    }
    fields.bits |= 1U << field;
  }
  return fields;
}

/// Calls `option(key, in)` for each entry of a map of options, which reads the value.
template <class Option>
result<void> for_each_option(msgpack::reader& in, std::string_view what, Option option) {
  const msgpack::token head = in.next();
  if (head.type == msgpack::kind::nil) return {};
  if (!head.is_map()) return refuse(what, ": not a map");
  for (std::uint32_t i = 0; i < head.size; ++i) {
    const msgpack::token key = in.next();
    if (!key.is_string()) return refuse(what, ": a key is not a string");
    if (result<void> read = option(key.bytes, in); !read) return read;
  }
  return {};
}

result<void> parse_read_options(msgpack::reader& in, read_parameters& out) {
  bool has_fields = false;
  auto read = for_each_option(in, "options", [&](std::string_view key, msgpack::reader& value) -> result<void> {
    if (key == "fields") {
      auto parsed = parse_fields(value);
      if (!parsed) return pass_on(std::move(parsed.error()));
      out.fields = *parsed;
      has_fields = true;
      return {};
    }
    if (key != "view") return refuse("options: unknown key ", quoted(key), "; allowed are view, fields");
    const msgpack::token name = value.next();
    if (!name.is_string() || name.bytes.empty()) return refuse("view: not the name of a view");
    out.view = name.bytes;
    return {};
  });
  if (read && has_fields && !out.view.empty()) {
    return refuse("options: view and fields; give one of them, since a view says which fields");
  }
  return read;
}

result<void> publish_option(std::string_view key, msgpack::reader& in, publish_parameters& out) {
  auto& options = out.options;
  const msgpack::token value = in.next();
  if (key == "durability") {
    if (value.is_string() && value.bytes == "fsync") {
      options.wait_for = actors::durability::fsync;
    } else if (value.is_string() && value.bytes == "memory") {
      options.wait_for = actors::durability::memory;
    } else {
      return refuse("durability: give \"fsync\" or \"memory\"");
    }
    return {};
  }
  if (key == "source") {
    if (!value.is_string() || value.bytes.empty() || value.bytes.size() > most_source_bytes) {
      return refuse("source: not a string of 1 to ", std::to_string(most_source_bytes), " bytes");
    }
    out.source = value.bytes;
    return {};
  }
  if (key == "receivedAt") {
    if (value.type != msgpack::kind::integer || value.integer <= 0) {
      return refuse("receivedAt: not a number of milliseconds since 1970");
    }
    options.received_ms = value.integer;
    return {};
  }
  if (key == "traceparent") {
    if (!value.is_string()) return refuse("traceparent: not a string; give the header of W3C Trace Context");
    out.traceparent = value.bytes;
    return {};
  }
  if (key != "detail" && key != "ordered") {
    return refuse("options: unknown key ", quoted(key),
                  "; allowed are durability, detail, ordered, traceparent, and for forwarders source, receivedAt");
  }
  if (value.type != msgpack::kind::boolean) return refuse(key, ": not a boolean");
  (key == "detail" ? options.detail : out.ordered) = value.integer != 0;
  return {};
}

}  // namespace

result<publish_parameters> parse_publish(std::string_view params, const limits::connection& bounds) {
  std::uint32_t count = 0;
  auto in = open_params(params, 1, 2,
                        "[[event, …], {durability?, detail?, ordered?, traceparent?, source?, receivedAt?}]", count);
  if (!in) return pass_on(std::move(in.error()));
  publish_parameters out;
  const std::string_view rest = in->rest();
  const msgpack::token events = msgpack::reader(rest).next();
  if (!events.is_array()) return refuse("events: not an array");
  out.count = events.size;
  if (out.count > bounds.batch_events) {
    return fail(errc::too_large, "events: " + std::to_string(out.count) + " in one batch; at most " +
                                     std::to_string(bounds.batch_events));
  }
  if (count == 1) {
    out.events = rest;
    return out;
  }
  out.events = in->skip();
  auto read = for_each_option(
      *in, "options", [&](std::string_view key, msgpack::reader& value) { return publish_option(key, value, out); });
  if (!read) return pass_on(std::move(read.error()));
  return out;
}

result<read_parameters> parse_get(std::string_view params) {
  std::uint32_t count = 0;
  auto in = open_params(params, 1, 2, "[id, {view?, fields?}]", count);
  if (!in) return pass_on(std::move(in.error()));
  auto address = parse_id(*in);
  if (!address) return pass_on(std::move(address.error()));
  read_parameters out{{*address}, {}, {}};
  if (count == 1) return out;
  if (auto read = parse_read_options(*in, out); !read) return pass_on(std::move(read.error()));
  return out;
}

result<read_parameters> parse_get_many(std::string_view params, const limits::connection& bounds) {
  std::uint32_t count = 0;
  auto in = open_params(params, 1, 2, "[[id, …], {view?, fields?}]", count);
  if (!in) return pass_on(std::move(in.error()));
  const msgpack::token ids = in->next();
  if (!ids.is_array()) return refuse("ids: not an array");
  if (ids.size > bounds.get_many_ids) {
    return fail(errc::too_large,
                "ids: " + std::to_string(ids.size) + " at once; at most " + std::to_string(bounds.get_many_ids));
  }
  read_parameters out;
  out.addresses.reserve(ids.size);
  for (std::uint32_t i = 0; i < ids.size; ++i) {
    auto address = parse_id(*in);
    if (!address) return refuse("ids[", std::to_string(i), "]: ", address.error().message);
    out.addresses.push_back(*address);
  }
  if (count == 1) return out;
  if (auto read = parse_read_options(*in, out); !read) return pass_on(std::move(read.error()));
  return out;
}

result<hello_parameters> parse_hello(std::string_view params) {
  std::uint32_t count = 0;
  auto in = open_params(params, 1, 1, "[{client, version, token?}]", count);
  if (!in) return pass_on(std::move(in.error()));
  hello_parameters out;
  auto read = for_each_option(*in, "hello", [&](std::string_view key, msgpack::reader& value) -> result<void> {
    const bool known = key == "client" || key == "version" || key == "token";
    if (!known) {  // a later client may tell more
      value.skip();
      return {};
    }
    const msgpack::token text = value.next();
    if (key == "token" && text.type == msgpack::kind::nil) return {};
    if (!text.is_string()) return refuse(key, ": not a string");
    if (key == "client") out.client = text.bytes;
    if (key == "token") out.token = text.bytes;
    return {};
  });
  if (!read) return pass_on(std::move(read.error()));
  return out;
}

result<actors::watch_filter> parse_watch(std::string_view params) {
  std::uint32_t count = 0;
  auto in = open_params(params, 1, 1, "[{profile?, segment?, from?}]", count);
  if (!in) return pass_on(std::move(in.error()));
  actors::watch_filter out;
  auto read = for_each_option(*in, "watch", [&](std::string_view key, msgpack::reader& value) -> result<void> {
    if (key == "profile") {
      auto address = parse_id(value);
      if (!address) return pass_on(std::move(address.error()));
      out.profile = *address;
      return {};
    }
    if (key == "segment") {
      const msgpack::token name = value.next();
      if (!name.is_string() || name.bytes.empty()) return refuse("segment: not the name of a segment");
      out.segment = name.bytes;
      return {};
    }
    if (key != "from") return refuse("watch: unknown key ", quoted(key), "; allowed are profile, segment, from");
    const msgpack::token cursor = value.next();
    if (!cursor.is_string()) return refuse("from: not a string; give the cursor of a change");
    out.from = cursor.bytes;
    return {};
  });
  if (!read) return pass_on(std::move(read.error()));
  return out;
}

result<profile::hash128> parse_segments(std::string_view params) {
  std::uint32_t count = 0;
  auto in = open_params(params, 1, 1, "[id]", count);
  if (!in) return pass_on(std::move(in.error()));
  return parse_id(*in);
}

result<explain_parameters> parse_explain(std::string_view params) {
  std::uint32_t count = 0;
  auto in = open_params(params, 2, 2, "[id, segment]", count);
  if (!in) return pass_on(std::move(in.error()));
  const auto address = parse_id(*in);
  if (!address) return tl::make_unexpected(address.error());
  const msgpack::token name = in->next();
  if (!name.is_string() || name.bytes.empty()) return refuse("segment: not the name of a segment");
  return explain_parameters{*address, std::string(name.bytes)};
}

result<erase_parameters> parse_erase(std::string_view params) {
  constexpr std::size_t most_reason = 1000;
  std::uint32_t count = 0;
  auto in = open_params(params, 2, 2, "[id, {reason}]", count);
  if (!in) return pass_on(std::move(in.error()));
  const auto address = parse_id(*in);
  if (!address) return tl::make_unexpected(address.error());
  erase_parameters made{*address, {}};
  const msgpack::token options = in->next();
  if (!options.is_map()) return refuse("params[1]: must be a map {reason}");
  for (std::uint32_t i = 0; i < options.size; ++i) {
    const msgpack::token key = in->next();
    const msgpack::token value = in->next();
    if (!key.is_string() || key.bytes != "reason" || !value.is_string()) {
      return refuse("params[1]: must hold nothing but `reason`, a string");
    }
    made.reason = value.bytes;
  }
  if (made.reason.empty() || made.reason.size() > most_reason) {
    return refuse("reason: must be a string of 1 to 1000 bytes");
  }
  return made;
}

result<std::uint64_t> parse_unwatch(std::string_view params) {
  std::uint32_t count = 0;
  auto in = open_params(params, 1, 1, "[n], the number that watch gave", count);
  if (!in) return pass_on(std::move(in.error()));
  const msgpack::token n = in->next();
  if (n.type != msgpack::kind::integer || n.integer < 0) return refuse("n: not the number that watch gave");
  return static_cast<std::uint64_t>(n.integer);
}

}  // namespace kith::net
