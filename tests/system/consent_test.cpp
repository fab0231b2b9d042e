// Consent through the front doors: the signal of a browser by HTTPS, a segment and a view with a purpose, SIGHUP,
// export.
#include <csignal>
#include <thread>

#include "net/https_client.hpp"
#include "tests/catch.hpp"
#include "tests/system/support/edge.hpp"

using namespace kith;
using namespace kith::tests;
using nlohmann::json;

namespace {

std::string config_with(const std::string& sale_by_default) {
  return "[consent.purposes.marketing]\nbasis = \"consent\"\n[consent.purposes.sale]\ngpc = true\ndefault = \"" +
         sale_by_default +
         "\"\n[segments.sold]\nexpression = \"true\"\npurpose = \"sale\"\n"
         "[views.mail]\nfields = [\"traits.plan\"]\npurpose = \"marketing\"\n";
}

json rest(const server& at, const std::string& method, const std::string& target, const json& body = nullptr) {
  auto options = at.client_options(1);
  options.port = static_cast<unsigned short>(options.port + 2);
  auto link = net::https_client::connect(options).value();
  net::https_request request;
  request.method = method;
  request.target = target;
  if (!body.is_null()) {
    request.body = body.dump();
    request.headers["content-type"] = "application/json";
  }
  return json::parse(link->send(request).value().body);
}

}  // namespace

TEST_CASE("a browser's signal, a banner's word and the configuration decide who is in a segment and seen by a view") {
  const scratch room;
  server at(room, config_with("granted"));
  const edge with(at);
  const auto post = [&](const json& event, const edge::headers& more = {}) {
    auto fields = more;
    fields["authorization"] = "Bearer " + with.write_key;
    fields["content-type"] = "application/json";
    const auto [status, text] = with.post("/v1/identify", event.dump(), fields);
    CAPTURE(text);
    CHECK(status == 200);
  };
  post({{"userId", "ada"}, {"messageId", "m-1"}, {"traits", {{"plan", "gold"}}}}, {{"Sec-GPC", "1"}});
  post({{"userId", "bob"},
        {"messageId", "m-1"},
        {"traits", {{"plan", "gold"}}},
        {"context", {{"consent", {{"purposes", {{"marketing", {{"granted", true}, {"version", "2026-01"}}}}}}}}}});
  const auto ada = profile_of(at, "ada");
  CHECK(ada.at("consent").at("sale").at("source") == "gpc");
  CHECK(ada.at("segments").empty());
  CHECK(profile_of(at, "bob").at("segments") == json{"sold"});
  CHECK(rest(at, "GET", "/v1/profiles/user/ada").at("consent") == ada.at("consent"));
  CHECK(rest(at, "GET", "/v1/profiles/user/ada?view=mail").at("withheld") == "consent");
  CHECK(rest(at, "GET", "/v1/profiles/user/bob?view=mail") == json{{"traits", {{"plan", "gold"}}}});
  CHECK(rest(at, "GET", "/v1/profiles/user/ada/explain/sold").at("consent").at("source") == "gpc");
  CHECK(rest(at, "GET", "/v1/privacy/rules").at("purposes").at(1) ==
        json{{"name", "sale"}, {"description", ""}, {"default", "granted"}, {"basis", nullptr}, {"gpc", true}});
  CHECK(rest(at, "GET", "/v1/views").at("items").at(0).at("purpose") == "marketing");

  std::vector<std::string> preview = {"segments", "preview", "true", "--purpose", "marketing"};
  for (const auto& flag : at.flags()) preview.push_back(flag);
  CHECK_THAT(run_kith(room, preview).second, Contains("1 of 2 profiles would be members"));

  const auto refused = rest(at, "PUT", "/v1/segments/mine", {{"expression", "true"}, {"purpose", "mail"}});
  CHECK_THAT(refused.at("detail").get<std::string>(), Contains("no such purpose \"mail\""));
  CHECK(rest(at, "PUT", "/v1/segments/mine", {{"expression", "true"}, {"purpose", "marketing"}}).at("version") == 1);
  CHECK(rest(at, "PUT", "/v1/segments/mine", {{"expression", "true"}, {"purpose", nullptr}}).at("version") == 2);
  CHECK(rest(at, "PUT", "/v1/segments/mine", {{"expression", "true"}, {"purpose", "marketing"}}).at("purpose") ==
        "marketing");

  // What the configuration says of those who said nothing holds from SIGHUP on.
  room.write("kith.toml", config_with("denied"));
  at.send(SIGHUP);
  const auto until = std::chrono::steady_clock::now() + std::chrono::seconds(20);
  const auto sold = [&] { return profile_of(at, "bob").at("segments"); };
  while (sold() != json{"mine"} && std::chrono::steady_clock::now() < until) {
    std::this_thread::sleep_for(std::chrono::milliseconds(20));  // tidy: polls
  }
  CHECK(sold() == json{"mine"});
  REQUIRE(at.stop() == 0);

  const auto [code, text] = run_kith(room, {"export", at.data(), "--purpose", "marketing"});
  CHECK(code == 0);
  CHECK_THAT(text, Contains("\"bob\"") && !Contains("\"ada\"") && Contains("without consent to marketing: 1 profiles"));
  CHECK(run_kith(room, {"export", at.data(), "--purpose", "mail", "--config", room.path("kith.toml")}).first == 78);
}
