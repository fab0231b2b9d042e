#include "ingest/webhook/event_maker.hpp"

#include <algorithm>

#include "profile/cel/text.hpp"
#include "profile/event.hpp"

namespace kith::ingest::webhook {

namespace cel = profile::cel;
using cel::kind;
using cel::value;
using profile::msgpack::writer;

namespace {

constexpr std::string_view external_ids_key = "externalIds";

tl::unexpected<error> failed(const expression& of, const error& why) {
  return fail(why.code, shown(of.field, of.text) + ": " + why.message);
}
tl::unexpected<error> failed(const expression& of, std::string why) {
  return failed(of, error{errc::invalid_argument, std::move(why)});
}

bool is_id(std::string_view name) noexcept {
  return name == "userId" || name == "anonymousId" || name == "previousId" || name == "messageId";
}

/// The part of "properties.total" behind the first dot.
std::string_view name_in(std::string_view field) noexcept { return field.substr(field.find('.') + 1); }

template <class Each>
result<void> for_each_entry(const cel::map_source& map, cel::arena& memory, Each each) {
  std::uint64_t position = 0;
  for (auto left = map.size(); left > 0; --left) {
    const auto entry = map.next(position, memory);
    const auto key = entry.key.is(kind::string) ? std::string(entry.key.as_text()) : cel::to_text(entry.key);
    if (auto good = each(key, entry.held); !good) return good;
  }
  return {};
}

/// A map of parts that were encoded one by one.
std::string map_of(const std::vector<std::pair<std::string, std::string>>& parts) {
  event_fields fields;
  for (const auto& [name, encoded] : parts) fields.set(name, encoded);
  return fields.encoded();
}

}  // namespace

found_value evaluate(const expression& of, payload_values& from, cel::arena& memory, std::uint64_t steps) {
  const auto given = of.run->evaluate(from, memory, {steps, nullptr});
  if (given.is(kind::null) || (given.is_error() && is_missing(given))) return std::optional<value>();
  if (given.is_error()) return failed(of, cel::error_text(given));
  return std::optional(given);
}

result<std::string> event_maker::make(const compiled_rule& by, std::size_t index, std::uint64_t steps) {
  steps_ = steps;
  memory_.reset();
  fields_ = {};
  base_context_.reset();
  absent_ids_.clear();
  const auto all = [&]() -> result<void> {
    if (auto good = take_base(by.base); !good) return good;
    if (auto good = take_text("type", by.type); !good) return good;
    if (auto good = take_text("event", by.event); !good) return good;
    if (auto good = take_ids(by); !good) return good;
    if (auto good = take_timestamp(by.timestamp); !good) return good;
    if (auto good = take_text("priority", by.priority); !good) return good;
    if (auto good = take_map("properties", by.properties, by.property); !good) return good;
    if (auto good = take_map("traits", by.traits, by.trait); !good) return good;
    return take_context(by);
  }();
  if (!all) return tl::make_unexpected(all.error());
  return finish(by, index);
}

result<void> event_maker::take_base(const expression& base) {
  if (!base.given()) return {};
  const auto found = value_of(base);
  if (!found) return tl::make_unexpected(found.error());
  if (!*found) return failed(base, "is missing");
  if (!(*found)->is(kind::map)) {
    return failed(base, "gives a " + std::string(cel::short_name((*found)->is())) + "; an event is a map");
  }
  std::size_t bytes = 0;
  auto good =
      for_each_entry((*found)->as_map(), memory_, [&](const std::string& name, const value& held) -> result<void> {
        if (held.is(kind::null)) return {};
        if (name == "context") base_context_ = held;
        if (is_id(name)) return take_id(name, held);
        std::string encoded;
        if (auto written = append_value(held, encoded, memory_); !written) return written;
        bytes += name.size() + encoded.size();
        if (bytes > limits::event{}.bytes) {
          return fail(errc::too_large, "has over " + std::to_string(limits::event{}.bytes) + " bytes");
        }
        fields_.set(name, std::move(encoded));
        return {};
      });
  if (!good) return failed(base, good.error());
  return {};
}

result<void> event_maker::take_id(std::string_view name, const value& of) {
  const auto text = id_text(of);
  if (!text) return fail(text.error().code, std::string(name) + " " + text.error().message);
  if (!text->empty()) fields_.set_text(name, *text);
  return {};
}

result<void> event_maker::take_ids(const compiled_rule& by) {
  const auto take = [&](const expression& each) -> result<void> {
    const auto found = value_of(each);
    if (!found) return tl::make_unexpected(found.error());
    const bool empty = *found && (*found)->is(kind::string) && (*found)->as_text().empty();
    if (!*found || empty) {
      if (each.field != "messageId") absent_ids_ += "; " + shown(each.field, each.text) + " is missing";
      return {};
    }
    if (auto good = take_id(each.field, **found); !good) return failed(each, good.error());
    return {};
  };
  for (const auto& each : by.ids) {
    if (auto good = take(each); !good) return good;
  }
  return by.message_id.given() ? take(by.message_id) : result<void>();
}

result<void> event_maker::take_text(std::string_view name, const expression& of) {
  if (!of.given()) return {};
  const auto found = value_of(of);
  if (!found) return tl::make_unexpected(found.error());
  if (!*found) return {};
  if (!(*found)->is(kind::string)) {
    return failed(of, "gives a " + std::string(cel::short_name((*found)->is())) + "; it must give a string");
  }
  fields_.set_text(name, (*found)->as_text());
  return {};
}

result<void> event_maker::take_timestamp(const expression& of) {
  if (!of.given()) return {};
  const auto found = value_of(of);
  if (!found) return tl::make_unexpected(found.error());
  if (!*found) return {};
  std::string encoded;
  if (auto good = append_value(**found, encoded, memory_); !good) return failed(of, good.error());
  fields_.set("timestamp", std::move(encoded));
  return {};
}

result<void> event_maker::take_map(std::string_view name, const expression& whole,
                                   const std::vector<expression>& parts) {
  if (whole.given()) {
    const auto found = value_of(whole);
    if (!found) return tl::make_unexpected(found.error());
    if (!*found) return {};
    if (!(*found)->is(kind::map)) {
      return failed(whole, "gives a " + std::string(cel::short_name((*found)->is())) + "; it must give a map");
    }
    std::string encoded;
    if (auto good = append_value(**found, encoded, memory_); !good) return failed(whole, good.error());
    fields_.set(name, std::move(encoded));
    return {};
  }
  std::vector<std::pair<std::string, std::string>> made;
  for (const auto& each : parts) {
    const auto found = value_of(each);
    if (!found) return tl::make_unexpected(found.error());
    if (!*found) continue;
    std::string encoded;
    if (auto good = append_value(**found, encoded, memory_); !good) return failed(each, good.error());
    made.emplace_back(name_in(each.field), std::move(encoded));
  }
  if (!parts.empty()) fields_.set(name, map_of(made));
  return {};
}

result<std::vector<std::string>> event_maker::external_ids(const std::vector<expression>& all) {
  std::vector<std::string> made;
  for (const auto& each : all) {
    const auto found = value_of(each);
    if (!found) return tl::make_unexpected(found.error());
    auto text = *found ? id_text(**found) : result<std::string>(std::string());
    if (!text) return failed(each, text.error());
    if (text->empty()) {
      absent_ids_ += "; " + shown(each.field, each.text) + " is missing";
      continue;
    }
    event_fields entry;
    entry.set_text("type", name_in(each.field));
    entry.set_text("id", *text);
    made.push_back(entry.encoded());
  }
  return made;
}

result<void> event_maker::take_context(const compiled_rule& by) {
  auto context = base_context_;
  if (by.context.given()) {
    const auto found = value_of(by.context);
    if (!found) return tl::make_unexpected(found.error());
    if (*found) context = *found;
  }
  auto ids = external_ids(by.external_ids);
  if (!ids) return tl::make_unexpected(ids.error());
  if (!context && ids->empty()) return {};
  event_fields made;
  if (context) {
    if (!context->is(kind::map)) {
      return fail(errc::invalid_argument,
                  "context: is a " + std::string(cel::short_name(context->is())) + "; it must be a map");
    }
    auto good =
        for_each_entry(context->as_map(), memory_, [&](const std::string& name, const value& held) -> result<void> {
          if (name == external_ids_key && held.is(kind::list) && !ids->empty()) {
            std::uint64_t position = 0;
            for (auto left = held.as_list().size(); left > 0; --left) {
              auto& entry = ids->emplace_back();
              if (auto written = append_value(held.as_list().next(position, memory_), entry, memory_); !written)
                return written;
            }
            return {};
          }
          std::string encoded;
          if (auto written = append_value(held, encoded, memory_); !written) return written;
          made.set(name, std::move(encoded));
          return {};
        });
    if (!good) return fail(good.error().code, "context: " + good.error().message);
  }
  if (!ids->empty()) {
    std::string list;
    writer(list).array(ids->size());
    for (const auto& each : *ids) list += each;
    made.set(external_ids_key, std::move(list));
  }
  fields_.set("context", made.encoded());
  return {};
}

result<std::string> event_maker::finish(const compiled_rule& by, std::size_t index) {
  if (!fields_.has("type")) fields_.set_text("type", "track");
  if (!fields_.has("messageId")) fields_.set_text("messageId", message_id_of(of_, from_.digest(), by.id, index));
  auto encoded = fields_.encoded();
  profile::reception received;
  received.received_ms = of_.now_ms;
  if (const auto parsed = profile::parse_event(encoded, received); !parsed) {
    auto why = parsed.error();
    const bool nobody = !fields_.has("userId") && !fields_.has("anonymousId");
    if (nobody) why.message += absent_ids_;
    return tl::make_unexpected(std::move(why));
  }
  return encoded;
}

}  // namespace kith::ingest::webhook
