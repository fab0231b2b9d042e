// How many events a second one thread judges by a schema: evaluated on MessagePack; beside it the same constraints by
// the library's own validator on a JSON value made of each event, as is usual. CPU time.
//   schema_bench [EVENTS]
#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <valijson/adapters/nlohmann_json_adapter.hpp>
#include <valijson/schema.hpp>
#include <valijson/schema_parser.hpp>
#include <valijson/validator.hpp>

#include "ingest/schema/gate.hpp"
#include "ingest/schema/value.hpp"

namespace {

using namespace kith;
using nlohmann::json;
namespace schema = ingest::schema;

constexpr std::int64_t now_ms = 1'767'600'000'000;

const char* const order_schema = R"({
  "type": "object", "required": ["orderId", "total", "currency"],
  "properties": {
    "orderId": {"type": "string", "pattern": "^o-[0-9]+$"}, "total": {"type": "number", "minimum": 0},
    "currency": {"enum": ["EUR", "USD", "GBP"]}, "coupon": {"type": "string", "maxLength": 20},
    "products": {"type": "array", "maxItems": 50, "items": {
      "type": "object", "required": ["sku", "price"],
      "properties": {"sku": {"type": "string"}, "price": {"type": "number"}, "quantity": {"type": "integer"}}}}}})";

json order() {
  auto products = json::array();
  for (int i = 0; i < 3; ++i) products.push_back({{"sku", "s-" + std::to_string(i)}, {"price", 9.5}, {"quantity", i}});
  return {{"type", "track"},
          {"event", "Order Completed"},
          {"messageId", "m-1"},
          {"userId", "ada"},
          {"context", {{"library", {{"name", "bench"}, {"version", "1"}}}}},
          {"properties", {{"orderId", "o-17"}, {"total", 28.5}, {"currency", "EUR"}, {"products", products}}}};
}

template <class Judge>
void measure(const char* what, long events, Judge judge) {
  const auto begun = std::clock();
  long good = 0;
  for (long i = 0; i < events; ++i) good += judge() ? 1 : 0;
  const auto seconds = static_cast<double>(std::clock() - begun) / CLOCKS_PER_SEC;
  std::printf("%-44s %10.0f events/s  %6.2f us each  (%ld good)\n", what, static_cast<double>(events) / seconds,
              seconds / static_cast<double>(events) * 1e6, good);
}

}  // namespace

int main(int argc, char** argv) {
  const long events = argc > 1 ? std::atol(argv[1]) : 500'000;
  const auto bytes = schema::encoded(order());
  const auto view = profile::parse_event(bytes, {now_ms}).value();
  const auto made = schema::schema::make("Order Completed", 1, json::parse(order_schema)).value();
  schema::registry empty;
  schema::registry declared;
  declared.replace(std::make_shared<const schema::schema_set>(
      schema::settings{}, std::vector<schema::known_schema>{{made, false, now_ms}}));
  schema::gate without(empty, 1);
  schema::gate with(declared, 1);
  const auto properties = schema::encoded(order()["properties"]);

  measure("no schema applies (counted)", events, [&] { return without.at(0)("web", view, now_ms).violations.empty(); });
  measure("gate: found, judged, counted", events, [&] { return with.at(0)("web", view, now_ms).violations.empty(); });
  measure("evaluation on MessagePack alone", events, [&] { return made->validate(properties).empty(); });

  valijson::Schema theirs;
  valijson::SchemaParser(valijson::SchemaParser::kDraft7)
      .populateSchema(valijson::adapters::NlohmannJsonAdapter(made->translated().document), theirs);
  valijson::Validator validator;
  measure("valijson's validator, JSON made of each", events / 10, [&] {
    const auto value = json::from_msgpack(properties);
    return validator.validate(theirs, valijson::adapters::NlohmannJsonAdapter(value), nullptr);
  });
  return 0;
}
