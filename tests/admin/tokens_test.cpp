#include "admin/tokens.hpp"

#include "persistence/simulated_files.hpp"
#include "profile/time_range.hpp"
#include "tests/catch.hpp"

using namespace kith;
using persistence::simulated_files;

namespace {

struct desk {
  simulated_files files;
  std::int64_t now_ms = 1'714'557'600'000;
  std::shared_ptr<net::credential_store> configured =
      net::credential_store::make({{"config", "token-config", {}, {}, {}}}, std::nullopt).value();

  std::unique_ptr<admin::token_store> open() {
    return admin::token_store::open(files, "/data", configured, [this] { return now_ms; }).value();
  }
};

admin::token_wanted wanted(const std::string& name, net::role role = net::role::viewer) {
  admin::token_wanted made;
  made.name = name;
  made.role = role;
  return made;
}

}  // namespace

TEST_CASE("a token is told once, is known by its hash only, and is there after a restart") {
  desk at;
  std::string secret;
  {
    const auto store = at.open();
    const auto made = store->put(wanted("ci", net::role::operations), "boss").value();
    secret = made.token;
    REQUIRE(secret.size() == 48);
    REQUIRE(made.now.created_by == "boss");
    REQUIRE(made.now.expires_ms == at.now_ms + admin::token_store::usual_life_ms);
    REQUIRE(at.files.contents("/data/tokens.json").find(secret) == std::string::npos);
    REQUIRE(store->put(wanted("other"), "boss")->token != secret);
    at.now_ms += 5000;
    REQUIRE(net::role_of(store->find(secret).who->rights) == net::role::operations);
  }
  const auto store = at.open();
  const auto found = store->find(secret);
  REQUIRE(found.who);
  REQUIRE(found.who->rights.name == "ci");
  REQUIRE_FALSE(found.who->rights.can_publish);
  REQUIRE_FALSE(found.who->rights.can_read);
  REQUIRE(store->get("ci")->used_ms == at.now_ms);
  REQUIRE_FALSE(store->find(secret + "x").who);
  REQUIRE_FALSE(store->find("token-config").who);
  REQUIRE_FALSE(store->find("").who);
}

TEST_CASE("a token ends when it is to, and when it is taken away") {
  desk at;
  const auto store = at.open();
  auto brief = wanted("brief");
  brief.expires_ms = at.now_ms + 1000;
  const auto secret = store->put(brief, "boss")->token;
  REQUIRE(store->find(secret).until_ms == at.now_ms + 1000);
  at.now_ms += 1000;
  REQUIRE_FALSE(store->find(secret).who);
  REQUIRE(store->find(secret).why.find("\"brief\" has ended") != std::string::npos);
  // It may be given more time.
  brief.expires_ms = 0;
  REQUIRE(store->put(brief, "boss")->token.empty());
  REQUIRE(store->find(secret).who);
  REQUIRE(store->remove("brief"));
  REQUIRE_FALSE(store->find(secret).who);
  REQUIRE(store->remove("brief").error().status == 404);
}

TEST_CASE("a token that is rotated has a new secret, and the old one for as long as is said") {
  desk at;
  const auto store = at.open();
  const auto first = store->put(wanted("ci"), "boss").value();
  at.now_ms += 10'000;
  const auto second = store->rotate("ci", 60'000).value();
  REQUIRE(second.token != first.token);
  REQUIRE(second.now.version == 2);
  REQUIRE(second.now.expires_ms == at.now_ms + admin::token_store::usual_life_ms);
  REQUIRE(store->find(second.token).who);
  REQUIRE(store->find(first.token).until_ms == at.now_ms + 60'000);
  at.now_ms += 60'000;
  REQUIRE_FALSE(store->find(first.token).who);
  const auto third = store->rotate("ci", 0).value();
  REQUIRE_FALSE(store->find(second.token).who);
  REQUIRE(at.open()->find(third.token).who);
  REQUIRE(store->rotate("nobody", 0).error().status == 404);
}

TEST_CASE("a token for the longest time was rotated into a year that no time can name") {
  desk at;
  const auto store = at.open();
  auto lasting = wanted("lasting");
  lasting.expires_ms = profile::latest_ms;
  REQUIRE(store->put(lasting, "boss"));
  at.now_ms += 10'000;
  REQUIRE(store->rotate("lasting", 0).value().now.expires_ms == profile::latest_ms);
}

TEST_CASE("a token is changed only as the precondition says, and wrong ones are refused") {
  desk at;
  const auto store = at.open();
  const auto only_new = [](const admin::token_info* there) { return there == nullptr; };
  REQUIRE(store->put(wanted("ci"), "boss", only_new));
  REQUIRE(store->put(wanted("ci"), "boss", only_new).error().status == 412);
  REQUIRE(store->remove("ci", [](const auto* there) { return there->version == 2; }).error().status == 412);
  const auto changed = store->put(wanted("ci", net::role::admin), "boss").value();
  REQUIRE(changed.now.role == net::role::admin);
  REQUIRE(changed.now.version == 2);
  REQUIRE(store->put(wanted("config"), "boss").error().status == 409);
  for (const auto* name : {"", "a b", "a/b", "ä"}) REQUIRE(store->put(wanted(name), "boss").error().status == 400);
  REQUIRE(store->put(wanted(std::string(65, 'a')), "boss").error().status == 400);
  auto past = wanted("past");
  past.expires_ms = at.now_ms;
  REQUIRE(store->put(past, "boss").error().status == 400);
  REQUIRE(store->put({"roleless", {}, {}, {}}, "boss").error().status == 400);
  REQUIRE(store->list().size() == 1);
}

TEST_CASE("a token whose change does not reach the disk stays as it was") {
  desk at;
  const auto store = at.open();
  const auto secret = store->put(wanted("ci"), "boss")->token;
  for (const auto how : {simulated_files::fault::io_error, simulated_files::fault::no_space}) {
    at.files.fail(at.files.calls(), how, true);
    const auto refused = store->put(wanted("ci", net::role::admin), "boss");
    REQUIRE_FALSE(refused);
    REQUIRE(refused.error().status == (how == simulated_files::fault::no_space ? 507 : 503));
    REQUIRE_FALSE(store->remove("ci"));
    REQUIRE_FALSE(store->rotate("ci", 0));
    at.files.heal();
    REQUIRE(net::role_of(store->find(secret).who->rights) == net::role::viewer);
  }
  at.files.put("/data/tokens.json", "{\"version\": 1, \"tokens\": [{}]}");
  const auto damaged = admin::token_store::open(at.files, "/data", at.configured, [] { return 0; });
  REQUIRE_FALSE(damaged);
  REQUIRE(damaged.error().message.find("tokens.json: is damaged") != std::string::npos);
}

TEST_CASE("a name that the configuration took later is the configuration's") {
  desk at;
  const auto store = at.open();
  const auto secret = store->put(wanted("ci"), "boss")->token;
  REQUIRE(at.configured->replace({{"ci", "token-ci", {}, {}, {}}}, std::nullopt));
  REQUIRE_FALSE(store->find(secret).who);
  REQUIRE(store->find(secret).why.find("configuration") != std::string::npos);
}
