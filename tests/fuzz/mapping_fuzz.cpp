// A payload of anybody against the presets and some odd mappings: mapping ends within its bounds, what it makes is a
// well-formed array of events that pass, the same ones each time, and each event that was not made says why.
//
// The input: a byte for the mapping, a line with the topic, the body as JSON.
#include <array>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>
#include <vector>

#include "ingest/webhook/bounds.hpp"
#include "ingest/webhook/mapping.hpp"
#include "ingest/webhook/presets.hpp"
#include "profile/event.hpp"
#include "profile/from_json.hpp"
#include "profile/msgpack.hpp"

namespace {

namespace msgpack = kith::profile::msgpack;
namespace webhook = kith::ingest::webhook;

constexpr std::int64_t now_ms = 1'793'500'000'000;

void require(bool holds) {
  if (!holds) std::abort();
}

webhook::rule odd_rule() {
  webhook::rule made;
  made.when = "!has(body.no) || body.no != true";
  made.each = "body.items";
  made.base = "item.base";
  made.type = "has(item.type) ? item.type : 'track'";
  made.event = "string(item.name) + string(index)";
  made.user_id = "item.user";
  made.anonymous_id = "body.session + '-' + string(size(body.items))";
  made.message_id = "has(item.id) ? string(item.id) : digest + '-' + string(index)";
  made.timestamp = "item.at";
  made.priority = "item.urgent ? 'critical' : 'normal'";
  made.context = "body.context";
  made.properties = "item.map";
  made.external_ids = {{"email", "item.email"}, {"shop", "headers['x-topic'] + item.shop"}};
  return made;
}

webhook::rule identify_rule() {
  webhook::rule made;
  made.type = "identify";
  made.when = "headers['x-topic'] == 'person' && query['a'] == 'b'";
  made.user_id = "body.id";
  made.trait = {{"all", "body"},
                {"tags", "body.tags.filter(t, t != '').map(t, t + '!')"},
                {"n", "body.n * 2"},
                {"deep", "body.a.b.c.d"}};
  return made;
}

webhook::rule everything_rule() {
  webhook::rule made;
  made.each = "body";
  made.event = "'Seen'";
  made.user_id = "string(item)";
  made.property = {{"item", "item"}, {"body", "body"}};  // grows as the square of the body
  return made;
}

const webhook::mapping& mapping_of(std::uint8_t which) {
  static const auto all = [] {
    std::vector<webhook::mapping> made;
    for (const auto& rules : {webhook::shopify_rules(), webhook::stripe_rules(), webhook::generic_rules(),
                              std::vector{odd_rule(), identify_rule()}, std::vector{everything_rule()}}) {
      auto one = webhook::mapping::make(rules, "map");
      require(one.has_value());
      made.push_back(std::move(*one));
    }
    return made;
  }();
  return all[which % all.size()];
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  std::string_view rest(reinterpret_cast<const char*>(data) + 1, size - 1);
  const auto topic = rest.substr(0, rest.find('\n'));
  rest.remove_prefix(topic.size() < rest.size() ? topic.size() + 1 : rest.size());
  const auto body = kith::profile::msgpack_from_json(rest, "body");
  if (!body) {
    require(!body.error().message.empty());
    return 0;
  }
  const std::array<kith::net::http_field, 2> fields = {{{"X-Shopify-Topic", topic}, {"X-Topic", topic}}};
  webhook::delivery of;
  of.source = "shop";
  of.id = topic;
  of.raw_body = rest;
  of.body = *body;
  of.headers = fields;
  of.query = "a=b&c";
  of.now_ms = now_ms;
  const auto& mapping = mapping_of(data[0]);
  const auto made = mapping.map(of);
  if (!made) {
    require(made.error().code == kith::errc::too_large && !made.error().message.empty());
    return 0;
  }
  require(made->count <= webhook::bounds::events && made->events.size() <= webhook::bounds::bytes);
  for (const auto& each : made->skipped_events) require(!each.reason.empty());
  msgpack::reader in(made->events);
  require(in.next().size == made->count);
  kith::profile::reception received;
  received.received_ms = now_ms;
  for (std::size_t i = 0; i < made->count; ++i) require(kith::profile::parse_event(in.skip(), received).has_value());
  require(in.done());
  const auto again = mapping.map(of);
  require(again && again->events == made->events && again->skipped_events.size() == made->skipped_events.size());
  return 0;
}
