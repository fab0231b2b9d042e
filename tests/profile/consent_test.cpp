// Consent by purpose: the newest word counts in any order, Global Privacy Control denies what the rules say, and what
// holds is what readers, expressions and segments see.
#include "profile/consent.hpp"

#include <nlohmann/json.hpp>
#include <random>
#include <rapidcheck.h>

#include "profile/accepted_event.hpp"
#include "profile/limits.hpp"
#include "tests/catch.hpp"
#include "tests/profile/support/segments.hpp"

using namespace kith;
using namespace kith::profile;
using namespace kith::tests;

namespace {

json said(const std::string& id, json consent, std::int64_t time_ms = base_ms, bool gpc = false) {
  json context = {{"consent", std::move(consent)}};
  if (gpc) context["globalPrivacyControl"] = true;
  return {{"type", "track"}, {"event", "Seen"},      {"messageId", id},
          {"userId", "ada"}, {"timestamp", time_ms}, {"context", std::move(context)}};
}

json prefers(const std::string& purpose, bool granted) { return {{"categoryPreferences", {{purpose, granted}}}}; }

std::string refusal_of(const json& consent) {
  std::string bytes;
  json::to_msgpack(said("m", consent), bytes);
  reception received;
  received.received_ms = base_ms;
  const auto event = parse_event(bytes, received);
  if (event) return "";
  CHECK(event.error().code == errc::invalid_argument);
  return event.error().message;
}

kith::profile::profile profile_of(const std::vector<json>& events) {
  kith::profile::profile made;
  std::vector<spilled_id> spilled;
  for (const auto& each : events) {
    const held_event held(each);
    if (made.check(held.view) == seen::fresh) made.apply(held.view, spilled, 5000);
  }
  return made;
}

privacy_rules shop_rules() {
  purpose sale{"sale", "ads of others", true, legal_basis::legitimate_interests, true};
  purpose marketing{"marketing", "our news", false, legal_basis::consent, false};
  purpose service{"service", "orders", true, legal_basis::contract, false};
  return {{sale, marketing, service}, {}};
}

json consent_of(const kith::profile::profile& of, const privacy_rules& rules = shop_rules()) {
  std::string bytes;
  msgpack::writer out(bytes);
  consent::write(of.inside(), rules, out);
  return json::from_msgpack(bytes);
}

rc::Gen<json> some_consent() {
  return rc::gen::exec([]() -> json {
    const auto name = [] { return *rc::gen::element<std::string>("marketing", "sale", "service", "z", "\xc3\xa4"); };
    json made = json::object();
    if (*rc::gen::inRange(0, 2) == 0) made["categoryPreferences"] = {{name(), *rc::gen::inRange(0, 2) == 0}};
    if (*rc::gen::inRange(0, 2) == 0) {
      const auto status = *rc::gen::element<std::string>("granted", "denied", "withdrawn");
      json one = {{"status", status}, {"version", std::to_string(*rc::gen::inRange(0, 3))}};
      if (status == "granted") one["overridesGpc"] = *rc::gen::inRange(0, 2) == 0;
      if (*rc::gen::inRange(0, 2) == 0) one["basis"] = "consent";
      made["purposes"] = {{name(), std::move(one)}};
    }
    return made;
  });
}

std::vector<json> generate_events() {
  const auto count = *rc::gen::inRange(1, 12);
  std::vector<json> events;
  for (int i = 0; i < count; ++i) {
    // Times and ids that are the same or close, so that ties are met.
    const auto time_ms = base_ms + *rc::gen::inRange(0, 3) * 1000;
    events.push_back(said("m-" + std::to_string(i), *some_consent(), time_ms, *rc::gen::inRange(0, 4) == 0));
  }
  return events;
}

}  // namespace

TEST_CASE("what does not read as consent is refused, and the message says where and what is allowed") {
  CHECK(refusal_of(nullptr).empty());
  CHECK(refusal_of(json::object()).empty());
  CHECK(refusal_of({{"status", "unknown to us"}, {"categoryPreferences", nullptr}}).empty());
  CHECK(refusal_of(prefers("ads", true)).empty());
  CHECK(refusal_of(7) == "context.consent: must be a map");
  CHECK(refusal_of({{"categoryPreferences", {"ads"}}}) == "context.consent.categoryPreferences: must be a map");
  CHECK(refusal_of({{"categoryPreferences", {{"ads", "yes"}}}}) ==
        "context.consent.categoryPreferences.ads: must be true or false");
  const auto purpose = [](json one) { return json{{"purposes", {{"ads", std::move(one)}}}}; };
  CHECK(refusal_of(purpose({{"granted", true}, {"basis", "consent"}, {"version", "2"}, {"source", "banner"}})).empty());
  CHECK(refusal_of(purpose(true)) == "context.consent.purposes.ads: must be a map");
  CHECK(refusal_of(purpose({{"basis", "consent"}})).find("needs granted") != std::string::npos);
  CHECK(refusal_of(purpose({{"granted", 1}})) == "context.consent.purposes.ads.granted: must be true or false");
  CHECK(refusal_of(purpose({{"status", "maybe"}})).find("denied, granted or withdrawn") != std::string::npos);
  CHECK(refusal_of(purpose({{"granted", true}, {"status", "denied"}})).find("different things") != std::string::npos);
  CHECK(refusal_of(purpose({{"granted", true}, {"basis", "because"}})).find("legitimate_interests") !=
        std::string::npos);
  CHECK(refusal_of(purpose({{"granted", false}, {"overridesGpc", true}})).find("granted") != std::string::npos);
  CHECK(refusal_of(purpose({{"granted", true}, {"source", std::string(65, 'x')}})).find("at most 64") !=
        std::string::npos);
  CHECK(refusal_of(prefers(std::string(65, 'x'), true)).find("1 to 64 bytes") != std::string::npos);
  json many = json::object();
  for (std::size_t i = 0; i <= limits::consent_purposes_per_event; ++i) many["p" + std::to_string(i)] = true;
  CHECK(refusal_of({{"categoryPreferences", many}}).find("over 64 purposes") != std::string::npos);
  auto signal = said("m", json::object());
  signal["context"]["globalPrivacyControl"] = "1";
  std::string bytes;
  json::to_msgpack(signal, bytes);
  CHECK(parse_event(bytes, {}).error().message.find("context.globalPrivacyControl: is a string") == 0);
}

TEST_CASE("any order and repetition of events, and any way of joining, gives the same consent, byte for byte") {
  REQUIRE(rc::check("order, repetition and joins", [] {
    const auto events = generate_events();
    const auto straight = profile_of(events);
    auto again = events;
    again.insert(again.end(), events.begin(), events.end());
    std::mt19937 random(*rc::gen::arbitrary<unsigned>());
    std::shuffle(again.begin(), again.end(), random);
    RC_ASSERT(profile_of(again).encode() == straight.encode());
    std::vector<json> left;
    std::vector<json> right;
    for (const auto& each : events) (random() % 2 == 0 ? left : right).push_back(each);
    std::vector<spilled_id> spilled;
    auto joined = profile_of(left);
    joined.join(profile_of(right), spilled, 5000);
    RC_ASSERT(joined.encode() == straight.encode());
    const auto decoded = kith::profile::profile::decode(straight.encode());
    RC_ASSERT(decoded.has_value());
    RC_ASSERT(decoded->encode() == straight.encode());
    RC_ASSERT(consent_of(*decoded) == consent_of(straight));
  }));
}

TEST_CASE("the newest word counts, with all that came with it") {
  const json granted = {
      {"purposes",
       {{"marketing", {{"granted", true}, {"basis", "consent"}, {"version", "2026-01"}, {"source", "banner"}}}}}};
  auto at = profile_of({said("m-2", granted, base_ms + 10), said("m-1", prefers("marketing", false), base_ms)});
  CHECK(consent_of(at)["marketing"] == json{{"status", "granted"},
                                            {"granted", true},
                                            {"basis", "consent"},
                                            {"source", "banner"},
                                            {"version", "2026-01"},
                                            {"at", format_time(base_ms + 10)},
                                            {"messageId", "m-2"}});
  // At the same time the larger id wins.
  at = profile_of({said("m-3", {{"purposes", {{"marketing", {{"status", "withdrawn"}}}}}}, base_ms + 10),
                   said("m-2", granted, base_ms + 10)});
  CHECK(consent_of(at)["marketing"]["status"] == "withdrawn");
  CHECK(consent_of(at)["marketing"]["basis"] == "consent");  // the configured one
  // Within one event the long form.
  auto both = granted;
  both["categoryPreferences"] = {{"marketing", false}, {"other", true}};
  at = profile_of({said("m-1", both)});
  CHECK(consent_of(at)["marketing"]["granted"] == true);
  CHECK(consent_of(at)["other"] ==
        json{{"status", "granted"}, {"granted", true}, {"at", format_time(base_ms)}, {"messageId", "m-1"}});
}

TEST_CASE("those who said nothing stand as the configuration says") {
  const auto silent = profile_of({order_event("m-1", base_ms)});
  CHECK(consent_of(silent, {}) == json::object());
  CHECK(consent_of(silent) ==
        json{{"marketing", {{"status", "denied"}, {"granted", false}, {"basis", "consent"}, {"source", "default"}}},
             {"sale",
              {{"status", "granted"}, {"granted", true}, {"basis", "legitimate_interests"}, {"source", "default"}}},
             {"service", {{"status", "granted"}, {"granted", true}, {"basis", "contract"}, {"source", "default"}}}});
  CHECK_FALSE(consent::judge(silent.inside(), shop_rules(), "not there").granted());
}

TEST_CASE("an event that was accepted once is read again, whatever its consent looks like") {
  REQUIRE(!refusal_of("yes").empty());
  auto event = said("m", "yes");
  event["context"]["globalPrivacyControl"] = "1";
  std::string bytes;
  json::to_msgpack(event, bytes);
  const auto kept = parse_event(bytes, reception_of_accepted(base_ms, bytes.size()));
  REQUIRE(kept);
  CHECK(kept->consent.empty());
  CHECK(!kept->opted_out);
}

TEST_CASE("Global Privacy Control denies what the rules say, until somebody grants it knowing that") {
  const auto signal = said("m-5", json::object(), base_ms + 50, true);
  const json denied = {{"status", "denied"},
                       {"granted", false},
                       {"basis", "legitimate_interests"},
                       {"source", "gpc"},
                       {"at", format_time(base_ms + 50)},
                       {"messageId", "m-5"}};
  CHECK(consent_of(profile_of({signal}))["sale"] == denied);
  CHECK(consent_of(profile_of({signal}))["service"]["granted"] == true);  // not of gpc = true
  // A banner's word, before it or behind it, is no answer to it; the first signal is the one that is told.
  for (const auto time_ms : {base_ms, base_ms + 100}) {
    CHECK(consent_of(profile_of({signal, said("m-1", prefers("sale", true), time_ms),
                                 said("m-9", json::object(), base_ms + 200, true)}))["sale"] == denied);
  }
  const json knowing = {{"purposes", {{"sale", {{"granted", true}, {"overridesGpc", true}}}}}};
  for (const auto time_ms : {base_ms, base_ms + 100}) {
    CHECK(consent_of(profile_of({signal, said("m-1", knowing, time_ms, true)}))["sale"]["granted"] == true);
  }
  // Who denies it afterwards has denied it.
  CHECK(consent_of(profile_of({signal, said("m-1", knowing, base_ms),
                               said("m-2", prefers("sale", false), base_ms + 1)}))["sale"]["granted"] == false);
  // Another configuration judges the same state anew.
  CHECK(consent_of(profile_of({signal, said("m-1", prefers("sale", true))}), {})["sale"]["granted"] == true);
}

TEST_CASE("a profile keeps a bounded number of purposes, the same ones in any order, and says when one is left out") {
  std::vector<json> events;
  for (std::size_t i = 0; i < limits::consent_purposes + 20; ++i) {
    const auto name = std::to_string(1000 + i);
    events.push_back(said("m-" + name, prefers(name, true)));
  }
  const auto straight = profile_of(events);
  std::shuffle(events.begin(), events.end(), std::mt19937(7));
  const auto shuffled = profile_of(events);
  CHECK(straight.encode() == shuffled.encode());
  CHECK(consent_of(straight, {}).size() == limits::consent_purposes);
  CHECK(consent::overflows(straight.inside(), held_event(said("m", prefers("zzz", true))).view));
  CHECK_FALSE(consent::overflows(straight.inside(), held_event(said("m", prefers("1000", false))).view));
  CHECK(consent::names_unknown(held_event(said("m", prefers("zzz", true))).view, shop_rules()));
  CHECK_FALSE(consent::names_unknown(held_event(said("m", prefers("sale", true), base_ms, true)).view, shop_rules()));
  CHECK_FALSE(consent::names_unknown(held_event(said("m", prefers("zzz", true))).view, {}));
}

TEST_CASE("a state of a version without consent is read, and one without consent is written as that") {
  const auto silent = profile_of({order_event("m-1", base_ms)});
  const auto bytes = silent.encode();
  CHECK(bytes.front() == 2);
  CHECK(kith::profile::profile::decode(bytes)->encode() == bytes);
  const auto spoken = profile_of({said("m-1", prefers("sale", true))}).encode();
  CHECK(spoken.front() == 3);
  // Each byte of it that is damaged is seen, or reads as something that encodes to the same.
  for (std::size_t i = 0; i < spoken.size(); ++i) {
    auto damaged = spoken;
    damaged[i] = static_cast<char>(damaged[i] ^ 0x55);
    const auto read = kith::profile::profile::decode(damaged);
    if (read) static_cast<void>(consent_of(*read));
  }
  CHECK_FALSE(kith::profile::profile::decode(spoken.substr(0, spoken.size() - 1)));
}

TEST_CASE("expressions read consent, and definitions with a purpose hold only with it") {
  segments::definition any;
  any.name = "everybody";
  any.expression = "true";
  any.purpose = "marketing";
  segments::definition reads;
  reads.name = "reads";
  reads.expression =
      "consent.marketing.granted && consent.marketing.version == '7' && consent.marketing.at > "
      "timestamp('2020-01-01T00:00:00Z')";
  segments::definition value;
  value.kind = segments::definition_kind::computed;
  value.name = "spent";
  value.expression = "1.0";
  value.purpose = "marketing";
  const auto rules = std::make_shared<const privacy_rules>(shop_rules());
  const auto with = segments::catalog::make({any, reads, value}, rules).value();
  customer ada;
  const auto apply = [&](const json& event) {
    const held_event held(event);
    ada.apply(held, with.get());
    ada.at.evaluate_event(ada.state, *with, held.view, held.view.time_ms, ada.changed);
  };
  apply(order_event("m-1", base_ms));
  CHECK(ada.members(*with).empty());
  CHECK(ada.computed(*with) == json::object());
  CHECK(ada.changed.errors == 0);  // a purpose that is configured is always there
  const json granted = {{"purposes", {{"marketing", {{"granted", true}, {"version", "7"}}}}}};
  apply(said("m-2", granted, base_ms + 1));
  CHECK(ada.members(*with) == std::set<std::string>{"everybody", "reads"});
  CHECK(ada.computed(*with) == json{{"spent", 1.0}});
  const auto told = ada.explanation(*with, "everybody", base_ms + 1);
  CHECK(told["purpose"] == "marketing");
  CHECK(told["consent"]["granted"] == true);
  CHECK(told["consent"]["messageId"] == "m-2");
  apply(said("m-3", prefers("marketing", false), base_ms + 2));
  CHECK(ada.members(*with).empty());
  CHECK(ada.computed(*with) == json::object());
  const auto untold = ada.explanation(*with, "everybody", base_ms + 2);
  CHECK(untold["member"] == false);
  CHECK(untold["parts"][0]["value"] == "true");
  CHECK(untold["consent"]["status"] == "denied");

  // An unknown purpose is a problem of the definition; where nobody knows the rules, it is not.
  any.purpose = "markting";
  const auto refused = segments::catalog::make({any}, rules);
  REQUIRE_FALSE(refused);
  CHECK(refused.error().front().message == "no such purpose \"markting\"; configured are marketing, sale, service");
  CHECK(segments::catalog::make({any}));
  // Purposes decide outcomes.
  const auto fingerprint = [&](segments::definition one, const privacy_rules& by) {
    return segments::catalog::make({std::move(one)}, std::make_shared<const privacy_rules>(by)).value()->fingerprint();
  };
  CHECK(fingerprint(reads, {}) != fingerprint(reads, shop_rules()));
  CHECK(fingerprint(reads, {}) == segments::catalog::make({reads}).value()->fingerprint());
}

TEST_CASE("a trait is forgotten when its time is up, whatever the order, and what is set anew stays") {
  const privacy_rules rules({}, {{"cart", 10 * day_ms}, {"a.b", day_ms}});
  const auto identify = [](const std::string& id, json traits, std::int64_t time_ms) {
    return json{{"type", "identify"},
                {"messageId", id},
                {"userId", "ada"},
                {"timestamp", time_ms},
                {"traits", std::move(traits)}};
  };
  const std::vector<json> events = {
      identify("m-1", {{"cart", {{"a", 1}, {"b", 2}}}, {"plan", "gold"}, {"a.b", 1}, {"a", 1}}, base_ms),
      identify("m-2", {{"cart", {{"b", 3}}}}, base_ms + day_ms)};
  const auto traits_at = [&](std::int64_t now_ms, const std::vector<json>& in, bool forget_between) {
    kith::profile::profile state;
    std::vector<spilled_id> spilled;
    std::vector<std::string> lost;
    for (const auto& each : in) {
      const held_event held(each);
      state.apply(held.view, spilled, 5000);
      if (forget_between) state.forget_traits(rules, now_ms, lost);
    }
    state.forget_traits(rules, now_ms, lost);
    std::string bytes;
    msgpack::writer out(bytes);
    state.write_map(out, {1, 2}, fields_named({"traits"}));
    return json::from_msgpack(bytes)["traits"];
  };
  auto turned = events;
  std::reverse(turned.begin(), turned.end());
  const auto at = [&](std::int64_t now_ms) {
    const auto found = traits_at(now_ms, events, false);
    for (const bool between : {false, true}) {
      CHECK(traits_at(now_ms, events, between) == found);
      CHECK(traits_at(now_ms, turned, between) == found);
    }
    return found;
  };
  CHECK(at(base_ms + day_ms - 1) == json{{"cart", {{"a", 1}, {"b", 3}}}, {"plan", "gold"}, {"a.b", 1}, {"a", 1}});
  CHECK(at(base_ms + day_ms) == json{{"cart", {{"a", 1}, {"b", 3}}}, {"plan", "gold"}, {"a", 1}});
  CHECK(at(base_ms + 10 * day_ms) == json{{"cart", {{"b", 3}}}, {"plan", "gold"}, {"a", 1}});
  CHECK(at(base_ms + 11 * day_ms) == json{{"plan", "gold"}, {"a", 1}});

  kith::profile::profile state = profile_of(events);
  CHECK(traits::next_end(state.inside(), rules) == base_ms + day_ms);
  std::vector<std::string> lost;
  CHECK(state.forget_traits(rules, base_ms + 20 * day_ms, lost));
  CHECK(lost == std::vector<std::string>{"a.b", "cart"});
  CHECK(traits::next_end(state.inside(), rules) == INT64_MAX);
  CHECK_FALSE(state.forget_traits(rules, base_ms + 20 * day_ms, lost));
}
