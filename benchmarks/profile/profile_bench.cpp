// What the domain costs by itself: one thread, no I/O. Prints one JSON object a line; times are CPU time, so that a
// busy machine disturbs them little.
#include <algorithm>
#include <cstdio>
#include <ctime>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "profile/profile.hpp"

using namespace kith::profile;
using nlohmann::json;

namespace {

constexpr std::int64_t base_ms = 1'700'000'000'000;

std::string event(int number, int names, std::int64_t step_ms) {
  const json described = {{"type", "track"},
                          {"messageId", "0190a3b4-5c6d-7e8f-" + std::to_string(100'000'000 + number)},
                          {"userId", "customer-00012345"},
                          {"event", "Order Completed " + std::to_string(number % names)},
                          {"timestamp", base_ms + number * step_ms},
                          {"properties", {{"orderId", number}, {"total", 19.99}, {"currency", "EUR"}}},
                          {"traits", {{"plan", "gold"}, {"country", "DE"}, {"orders", number}}}};
  std::string bytes;
  json::to_msgpack(described, bytes);
  return bytes;
}

template <class F>
double nanoseconds_each(std::size_t count, F work) {
  const auto start = std::clock();
  work();
  return static_cast<double>(std::clock() - start) * (1e9 / CLOCKS_PER_SEC) / static_cast<double>(count);
}

event_view parsed(const std::string& bytes) { return *parse_event(bytes, {base_ms + 1'000'000'000'000, 0, {}}); }

void report(const char* what, double each_ns) { std::printf("{\"what\":\"%s\",\"ns\":%.0f}\n", what, each_ns); }

void measure_parse() {
  const auto bytes = event(7, 1, 1000);
  constexpr std::size_t rounds = 1'000'000;
  std::uint64_t sum = 0;
  const auto each = nanoseconds_each(rounds, [&] {
    for (std::size_t i = 0; i < rounds; ++i) sum += parsed(bytes).id.low;
  });
  report(("parse_event of " + std::to_string(bytes.size()) + " bytes" + (sum == 0 ? "!" : "")).c_str(), each);
}

/// Events that were parsed before, over `profiles` profiles in turn.
void measure_apply(const char* what, int count, int profiles, int names, std::int64_t step_ms) {
  std::vector<std::string> bytes;
  for (int i = 0; i < count; ++i) bytes.push_back(event(i, names, step_ms));
  std::vector<event_view> events;
  for (const auto& each : bytes) events.push_back(parsed(each));
  std::vector<profile> states(static_cast<std::size_t>(profiles));
  std::vector<spilled_id> spilled;
  std::uint64_t fresh = 0;
  const auto each = nanoseconds_each(events.size(), [&] {
    std::size_t at = 0;
    for (const auto& one : events) {
      auto& state = states[at++ % states.size()];
      fresh += state.check(one) != seen::duplicate ? 1U : 0U;
      state.apply(one, spilled);
    }
  });
  report(fresh == events.size() ? what : "wrong", each);
}

void measure_memory(int events) {
  profile state;
  std::vector<spilled_id> spilled;
  std::vector<std::string> bytes;
  for (int i = 0; i < events; ++i) bytes.push_back(event(i, 3, 8 * 3'600'000));
  for (const auto& each : bytes) state.apply(parsed(each), spilled);
  const auto encoded = state.encode();
  std::printf("{\"what\":\"%d events, 3 traits, %d names\",\"heap_bytes\":%zu,\"encoded_bytes\":%zu}\n", events,
              std::min(events, 3), state.heap_bytes(), encoded.size());
  constexpr std::size_t rounds = 200'000;
  std::size_t sum = 0;
  report("decode", nanoseconds_each(rounds, [&] {
           for (std::size_t i = 0; i < rounds; ++i) sum += profile::decode(encoded)->version();
         }));
  report("encode", nanoseconds_each(rounds, [&] {
           for (std::size_t i = 0; i < rounds; ++i) sum += state.encode().size();
         }));
  std::string map;
  report(sum == 0 ? "wrong" : "write_map", nanoseconds_each(rounds, [&] {
           for (std::size_t i = 0; i < rounds; ++i) {
             map.clear();
             msgpack::writer out(map);
             state.write_map(out, {1, 2});
           }
         }));
}

}  // namespace

int main() {
  measure_parse();
  measure_apply("check and apply, one profile, events a second apart", 30'000, 1, 1, 1000);
  measure_apply("check and apply, 1000 small profiles", 20'000, 1000, 3, 60'000);
  measure_apply("check and apply, 100000 profiles, 3 events each", 300'000, 100'000, 3, 60'000);
  measure_memory(1);
  measure_memory(20);
}
