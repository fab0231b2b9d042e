#include "admin/personal.hpp"

#include "tests/catch.hpp"

using namespace kith;
using nlohmann::json;

namespace {

const std::string hidden(admin::personal_rules::mask);

json masked(json answer, const admin::personal_settings& settings = {}) {
  admin::personal_rules(settings).mask_answer(answer);
  return answer;
}

}  // namespace

TEST_CASE("a profile's personal traits are masked, at any depth and however their names are written") {
  const auto seen = masked({{"profile", "ab"},
                            {"userIds", {"u-1", "ada@example.com"}},
                            {"externalIds", {{{"type", "email"}, {"id", "x"}}, {{"type", "crm"}, {"id", "17"}}}},
                            {"traits",
                             {{"email", "ada@example.com"},
                              {"first_name", "Ada"},
                              {"LastName", "L"},
                              {"plan", "gold"},
                              {"address", {{"city", "Bonn"}}},
                              {"contact", {{"phone", 4917}, {"best", "mail"}}},
                              {"ssn", nullptr}}},
                            {"computed", {{"orders", 3}, {"email", "a"}}}});
  CHECK(seen["profile"] == "ab");
  CHECK(seen["userIds"] == json::array({"u-1", hidden}));
  CHECK(seen["externalIds"][0]["id"] == hidden);
  CHECK(seen["externalIds"][1]["id"] == "17");
  const auto& traits = seen["traits"];
  for (const auto* each : {"email", "first_name", "LastName", "address"}) CHECK(traits[each] == hidden);
  CHECK(traits["contact"] == json{{"phone", hidden}, {"best", "mail"}});
  CHECK(traits["plan"] == "gold");
  CHECK(traits["ssn"].is_null());
  CHECK(seen["computed"] == json{{"orders", 3}, {"email", hidden}});
  CHECK(seen["masked"] == json::array({"computed.email", "externalIds.0.id", "traits.LastName", "traits.address",
                                       "traits.contact.phone", "traits.email", "traits.first_name", "userIds.1"}));
}

TEST_CASE("each personal name has a class, and one that is only classified is masked as a trait") {
  admin::personal_settings settings;
  settings.classes = {{"blood_type", "health"}, {"gender", "special"}};
  settings.traits.emplace_back("petName");
  const admin::personal_rules rules(settings);
  const auto class_of = [&](std::string_view name, std::string_view held) -> std::string {
    for (const auto& each : rules.names()) {
      if (each.name == name && each.held == held) return each.what;
    }
    return "none";
  };
  CHECK(class_of("email", "traits") == "contact");
  CHECK(class_of("email", "ids") == "contact");
  CHECK(class_of("iban", "properties") == "financial");
  CHECK(class_of("device.id", "context") == "device");
  CHECK(class_of("petName", "traits") == "personal");
  CHECK(class_of("gender", "traits") == "special");
  CHECK(class_of("blood_type", "traits") == "health");
  const auto seen = masked({{"traits", {{"bloodType", "A"}, {"petName", "Rex"}, {"plan", "gold"}}}}, settings);
  CHECK(seen["traits"] == json{{"bloodType", hidden}, {"petName", hidden}, {"plan", "gold"}});
}

TEST_CASE("of events properties and context are masked, by rules of their own") {
  const auto seen = masked(
      {{"items",
        {{{"userId", "u-1"},
          {"properties", {{"name", "Monopoly"}, {"email", "x"}, {"products", {{{"name", "Go"}, {"phone", "1"}}}}}},
          {"context", {{"ip", "10.0.0.1"}, {"device", {{"id", "d"}, {"type", "ios"}}}, {"traits", {{"name", "Ada"}}}}}},
         {{"userId", "u-2"}}}},
       {"next", nullptr}});
  const auto& event = seen["items"][0];
  CHECK(event["properties"]["name"] == "Monopoly");
  CHECK(event["properties"]["email"] == hidden);
  CHECK(event["properties"]["products"][0] == json{{"name", "Go"}, {"phone", hidden}});
  CHECK(event["context"]["ip"] == hidden);
  CHECK(event["context"]["device"] == json{{"id", hidden}, {"type", "ios"}});
  CHECK(event["context"]["traits"]["name"] == hidden);
  CHECK(event["masked"].size() == 5);
  CHECK(seen["items"][1]["masked"] == json::array());
  CHECK_FALSE(seen.contains("masked"));
}

TEST_CASE("text that holds an address or is a phone number is masked wherever it stands, unless that is off") {
  const json answer = {{"traits",
                        {{"note", "write to ada.l@mail.example.org today"},
                         {"call", "+49 (170) 123-4567"},
                         {"bob@example.com", 1},
                         {"at", "a@b"},
                         {"sum", "+49"},
                         {"when", "2024-05-01T10:00:00Z"}}},
                       {"userIds", {"@", "x@", "ada@example.com"}}};
  const auto seen = masked(answer);
  CHECK(seen["traits"]["note"] == hidden);
  CHECK(seen["traits"]["call"] == hidden);
  CHECK(seen["traits"][hidden] == hidden);
  CHECK(seen["traits"]["at"] == "a@b");
  CHECK(seen["traits"]["sum"] == "+49");
  CHECK(seen["traits"]["when"] == "2024-05-01T10:00:00Z");
  CHECK(seen.dump().find("example") == std::string::npos);
  admin::personal_settings blind;
  blind.detect = false;
  auto same = masked(answer, blind);
  same.erase("masked");
  CHECK(same == answer);
}

TEST_CASE("what is personal is what the configuration says") {
  admin::personal_settings settings;
  settings.traits = {"plan", "address.street"};
  settings.ids = {"user", "loyalty-card"};
  const auto seen =
      masked({{"userId", "u"},
              {"traits", {{"plan", "gold"}, {"email", "e"}, {"address", {{"street", "s"}, {"city", "c"}}}}},
              {"identifiers",
               {{{"kind", "user"}, {"id", "u"}},
                {{"kind", "external"}, {"type", "loyaltyCard"}, {"id", "9"}},
                {{"kind", "anonymous"}, {"id", "a"}}}}},
             settings);
  CHECK(seen["traits"] == json{{"plan", hidden}, {"email", "e"}, {"address", {{"street", hidden}, {"city", "c"}}}});
  CHECK(seen["userId"] == hidden);
  CHECK(seen["identifiers"][0]["id"] == hidden);
  CHECK(seen["identifiers"][1]["id"] == hidden);
  CHECK(seen["identifiers"][2]["id"] == "a");
}

TEST_CASE("an explanation does not tell the values of personal traits, nor the addresses in an expression") {
  const auto seen = masked({{"segment", "s"},
                            {"expression", "traits.email == 'ada@example.com'"},
                            {"parts",
                             {{{"expression", "traits.email"}, {"value", "\"ada\""}},
                              {{"expression", "traits[\"firstName\"].size()"}, {"value", "3"}},
                              {{"expression", "traits.email.endsWith('.de')"}, {"value", "true"}},
                              {{"expression", "traits.plan"}, {"value", "\"gold\""}}}}});
  CHECK(seen["expression"] == hidden);
  CHECK(seen["parts"][0]["value"] == hidden);
  CHECK(seen["parts"][1]["value"] == hidden);
  CHECK(seen["parts"][2]["value"] == "true");
  CHECK(seen["parts"][3]["value"] == "\"gold\"");
}

TEST_CASE("of a dead letter neither what was sent nor its headers are shown") {
  const json letter = {{"id", "1"},
                       {"message", "properties.total: is no number"},
                       {"encoding", "utf-8"},
                       {"bytes", "{\"userId\": \"ada\"}"},
                       {"headers", json::array({json::array({"x-forwarded-for", "10.1.2.3"})})},
                       {"decoded", {{"traits", {{"phone", "1"}, {"plan", "gold"}}}}}};
  const auto seen = json::parse(admin::personal_rules().mask_lines(letter.dump() + "\n"));
  CHECK(seen["bytes"] == hidden);
  CHECK(seen["headers"] == json::array({json::array({"x-forwarded-for", hidden})}));
  CHECK(seen["decoded"]["traits"] == json{{"phone", hidden}, {"plan", "gold"}});
  CHECK(seen["message"] == "properties.total: is no number");
}
