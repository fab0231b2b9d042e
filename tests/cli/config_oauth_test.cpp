#include "cli/config_oauth.hpp"

#include <cstdlib>
#include <filesystem>
#include <fstream>

#include "tests/catch.hpp"

using namespace kith;
using ingest::oauth::rights;

namespace {

const std::string issuer =
    "[[oauth.issuers]]\nissuer = \"https://login.example\"\naudience = \"https://kith.example\"\n";

cli::config good(const std::string& toml) {
  auto parsed = cli::parse_config(toml, "kith.toml");
  if (!parsed) FAIL(parsed.error().message);
  return std::move(*parsed);
}

void refuses(const std::string& toml, const std::string& why) {
  const auto parsed = cli::parse_config(toml, "kith.toml");
  INFO(toml);
  REQUIRE_FALSE(parsed);
  CHECK_THAT(parsed.error().message, tests::Contains(why));
}

}  // namespace

TEST_CASE("[oauth] is read, with its secret from a file or the environment") {
  const auto path = std::filesystem::temp_directory_path() / "kith-oauth-secret.test";
  std::ofstream(path) << "hush\n";
  const auto made = good(
      "[oauth]\nresource = \"https://kith.example\"\n" + issuer +
      "jwks_uri = \"https://login.example/keys\"\nalgorithms = [\"ES256\", \"PS384\"]\nleeway = \"5s\"\n"
      "scopes = {\"events:write\" = [\"publish\"], all = [\"publish\", \"read\", \"admin\"]}\nsource_claim = "
      "\"tenant\"\n"
      "introspection_endpoint = \"https://login.example/introspect\"\nclient_id = \"kith\"\nclient_secret_file = \"" +
      path.string() +
      "\"\nca = \"ca.pem\"\n[[oauth.issuers]]\nissuer = \"http://localhost:3000\"\naudience = [\"a\", \"b\"]\n"
      "accept_type_jwt = true\nsource = \"partners\"\n");
  std::filesystem::remove(path);
  CHECK(made.oauth.resource == "https://kith.example");
  REQUIRE(made.oauth.issuers.size() == 2);
  const auto& first = made.oauth.issuers[0];
  CHECK(first.issuer == "https://login.example");
  CHECK(first.jwks_uri == "https://login.example/keys");
  CHECK(first.audiences == std::vector<std::string>{"https://kith.example"});
  CHECK(first.algorithms == std::vector{ingest::oauth::algorithm::es256, ingest::oauth::algorithm::ps384});
  CHECK(first.leeway == std::chrono::seconds(5));
  CHECK(first.scopes ==
        std::map<std::string, rights>{{"events:write", {true, false, false}}, {"all", {true, true, true}}});
  CHECK(first.source_claim == "tenant");
  CHECK(first.client_secret == "hush");
  CHECK(first.ca == "ca.pem");
  CHECK_FALSE(first.accept_type_jwt);
  const auto& second = made.oauth.issuers[1];
  CHECK(second.audiences == std::vector<std::string>{"a", "b"});
  CHECK(second.accept_type_jwt);
  CHECK(second.source == "partners");
  CHECK(second.algorithms.size() == 3);
  CHECK(second.leeway == std::chrono::seconds(60));

  ::setenv("KITH_TEST_OAUTH_SECRET", "quiet", 1);
  const auto by_environment =
      good(issuer +
           "introspection_endpoint = \"https://login.example/i\"\nclient_id = \"kith\"\nclient_secret_env = "
           "\"KITH_TEST_OAUTH_SECRET\"\n");
  CHECK(by_environment.oauth.issuers[0].client_secret == "quiet");
  ::unsetenv("KITH_TEST_OAUTH_SECRET");
  CHECK(good("").oauth.issuers.empty());
}

TEST_CASE("a wrong [oauth] is refused with its place") {
  refuses("oauth = 5\n", "kith.toml:1:9: oauth: must be a table: [oauth]");
  refuses("[oauth]\nissuers = 5\n", "oauth.issuers: must be an array of tables: [[oauth.issuers]]");
  refuses("[oauth]\nresource = \"kith\"\n", "kith.toml:2:12: oauth.resource: is no URL");
  refuses("[[oauth.issuers]]\naudience = \"a\"\n", "oauth.issuers: needs an issuer");
  refuses("[[oauth.issuers]]\nissuer = \"https://login.example\"\n", "needs an audience");
  refuses("[[oauth.issuers]]\nissuer = \"http://login.example\"\n", "oauth.issuers.issuer: must be an https URL");
  refuses("[[oauth.issuers]]\nissuer = \"https://login.example/?x\"\n", "without query and fragment");
  refuses(issuer + "jwks_uri = \"ftp://login.example\"\n", "oauth.issuers.jwks_uri: must be an https URL");
  refuses(issuer + "algorithms = [\"HS256\"]\n", "holds \"HS256\"; allowed are RS256");
  refuses(issuer + "algorithms = [\"none\"]\n", "holds \"none\"");
  refuses(issuer + "algorithms = []\n", "must hold one or more");
  const auto roles = good(issuer + "scopes = {a = [\"viewer\", \"privacy\"], b = [\"read\", \"operator\"]}\n");
  CHECK(roles.oauth.issuers.at(0).scopes.at("a").role == net::role::privacy);
  CHECK(roles.oauth.issuers.at(0).scopes.at("b").role == net::role::operations);
  CHECK(roles.oauth.issuers.at(0).scopes.at("b").read);
  refuses(issuer + "scopes = {a = [\"write\"]}\n", "oauth.issuers.scopes.\"a\": holds something else than \"publish\"");
  refuses(issuer + "scopes = [\"a\"]\n", "must be a table like");
  refuses(issuer + "source = \"a\"\nsource_claim = \"b\"\n", "one of them is enough");
  refuses(issuer + "introspection_endpoint = \"https://login.example/i\"\n", "needs client_id, and client_secret_file");
  refuses(issuer + "client_secret_env = \"KITH_NOT_SET\"\n",
          "names an environment variable that is not set: KITH_NOT_SET");
  refuses(issuer + "client_secret_file = \"no/such/file\"\n", "no/such/file");
  refuses(issuer + "client_secret = \"hush\"\n", "oauth.issuers.client_secret: is not a key");
  refuses(issuer + "leeway = \"11m\"\n", "leeway is over 10m");
  refuses(issuer + issuer, "\"https://login.example\" is there twice");
}

TEST_CASE("opaque tokens are shown to one authorization server only") {
  ::setenv("KITH_TEST_OAUTH_SECRET", "quiet", 1);
  const auto with = [](const std::string& host) {
    return "[[oauth.issuers]]\nissuer = \"https://" + host +
           "\"\naudience = \"a\"\nintrospection_endpoint = \"https://" + host +
           "/i\"\nclient_id = \"kith\"\nclient_secret_env = \"KITH_TEST_OAUTH_SECRET\"\n";
  };
  refuses(with("one.example") + with("two.example"), "only one issuer may have an introspection_endpoint");
  ::unsetenv("KITH_TEST_OAUTH_SECRET");
}

TEST_CASE("[outgoing] says which hosts may be asked, and all URLs are held to it") {
  const std::string hook =
      "[webhooks.crm]\nurl = \"https://10.0.0.5/\"\nsecrets = [\"whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw\"]\n";
  const auto made =
      good("[outgoing]\nallow_hosts = [\"*.example\", \"10.0.0.5\"]\nallow_private = [\"10.0.0.5\"]\n" + hook + issuer);
  CHECK(made.outgoing.allow_hosts == std::vector<std::string>{"*.example", "10.0.0.5"});
  CHECK(made.outgoing.allow_private == std::vector<std::string>{"10.0.0.5"});
  CHECK_FALSE(made.outgoing.allow_loopback);
  refuses(hook,
          "webhooks.crm: https://10.0.0.5: 10.0.0.5 is 10.0.0.5, a private address, which only hosts of "
          "outgoing.allow_private may have");
  refuses("[outgoing]\nallow_hosts = [\"crm.example\"]\n" + issuer,
          "oauth.issuers: https://login.example: the host login.example is not among outgoing.allow_hosts");
  refuses("[outgoing]\nallow_hosts = [\"https://crm.example\"]\n", "kith.toml:2:15: outgoing.allow_hosts: \"https://");
  refuses("[outgoing]\nallow = []\n", "is not a key");
}

TEST_CASE("[oidc] is read, and what could let in nobody or anybody is refused with its place") {
  const std::string least =
      "[oidc]\nissuer = \"https://login.example\"\nclient_id = \"kith\"\nhosts = [\"kith.example:7442\"]\n"
      "roles = {\"kith run\" = \"operator\", dpo = \"privacy\"}\n";
  CHECK(good("").openid.issuer.empty());
  const auto usual = good(least).openid;
  CHECK(usual.scopes == std::vector<std::string>{"openid"});
  CHECK(usual.roles ==
        std::map<std::string, net::role>{{"kith run", net::role::operations}, {"dpo", net::role::privacy}});
  CHECK(usual.client_secret.empty());
  const auto whole = good(least +
                          "name = \"Shop\"\nclient_secret_env = \"PATH\"\nscopes = [\"openid\", \"groups\"]\n"
                          "role_claim = \"realm.roles\"\nname_claim = \"email\"\nalgorithms = [\"ES256\"]\n"
                          "session = \"1h\"\nleeway = \"5s\"\nca = \"ca.pem\"\n")
                         .openid;
  CHECK(whole.name == "Shop");
  CHECK(whole.role_claim == "realm.roles");
  CHECK(whole.session == std::chrono::hours(1));
  CHECK_FALSE(whole.client_secret.empty());
  CHECK_FALSE(whole.says_the_same_as(usual));
  const auto without = [&](const std::string& key) {
    auto text = least;
    const auto at = text.find("\n" + key) + 1;
    return text.erase(at, text.find('\n', at) + 1 - at);
  };
  for (const auto* key : {"issuer", "client_id", "hosts", "roles"}) {
    refuses(without(key), std::string("kith.toml:1:1: oidc: needs ") +
                              (key == std::string("issuer")      ? "an "
                               : key == std::string("client_id") ? "a "
                                                                 : "") +
                              key);
  }
  refuses(least + "scopes = [\"groups\"]\n", "scopes must hold \"openid\"");
  refuses(least + "session = \"5s\"\n", "session must be a minute or more");
  refuses(least + "algorithms = [\"HS256\"]\n", "kith.toml:6:14: oidc.algorithms: holds \"HS256\"");
  refuses(least + "client_secret_file = \"/nowhere/secret\"\n",
          "kith.toml:6:22: oidc.client_secret_file: names /nowhere");
  refuses(without("roles") + "roles = {a = \"root\"}\n", "oidc.roles.\"a\": must be");
  for (const auto* host : {"https://kith.example", "kith.example/x", "*.kith.example", "a@b", ""}) {
    refuses(without("hosts") + "hosts = [\"" + host + "\"]\n", "oidc.hosts: holds");
  }
  refuses(without("issuer") + "issuer = \"http://login.example\"\n", "oidc.issuer");
  refuses(least + "[outgoing]\nallow_hosts = [\"crm.example\"]\n", "kith.toml: oidc: https://login.example");
}
