#include "cli/config_oauth.hpp"

#include <algorithm>
#include <cstdlib>

#include "ingest/oauth/resource_metadata.hpp"

namespace kith::cli {

namespace {

using ingest::oauth::issuer_settings;

constexpr std::chrono::minutes most_leeway{10};

void read_hosts(const table_reader& reader, const toml::node& node, const std::string& where,
                std::vector<std::string>& into) {
  read_texts(reader, node, where, into);
  for (const auto& each : into) {
    if (auto good = net::check_host_pattern(each); !good) reader.refuse(node, where, good.error().message);
  }
}

/// A URL that will be asked, or an identifier that is one. [outgoing] is looked at by check_outgoing.
void describe_url(table_reader& reader, const std::string& name, std::string& into, bool is_identifier) {
  reader.key(name, [&reader, &into, is_identifier](const toml::node& node, const std::string& where) {
    into = node.value_or(std::string());
    const auto good = is_identifier ? ingest::oauth::check_identifier(into) : net::check_outgoing_url(into, {});
    if (!good && good.error().code == errc::invalid_argument) reader.refuse(node, where, good.error().message);
  });
}

void read_scopes(const table_reader& reader, const toml::node& node, const std::string& where, issuer_settings& into) {
  const auto* table = node.as_table();
  const std::string form = "must be a table like {\"events:write\" = [\"publish\"]}";
  if (table == nullptr) reader.refuse(node, where, form);
  for (const auto& [key, value] : *table) {
    std::vector<std::string> words;
    const auto place = where + ".\"" + std::string(key.str()) + '"';
    read_texts(reader, value, place, words);
    auto& allows = into.scopes[std::string(key.str())];
    for (const auto& word : words) {
      if (word == "publish") {
        allows.publish = true;
      } else if (word == "read") {
        allows.read = true;
      } else if (word == "admin") {
        allows.admin = true;
      } else if (const auto role = net::parse_role(word)) {
        allows.role = std::max(allows.role, *role);
      } else {
        reader.refuse(value, place,
                      "holds something else than \"publish\", \"read\", \"viewer\", \"operator\", \"privacy\", "
                      "\"admin\"");
      }
    }
  }
}

void read_algorithms(const table_reader& reader, const toml::node& node, const std::string& where,
                     std::vector<ingest::oauth::algorithm>& into) {
  std::vector<std::string> names;
  read_texts(reader, node, where, names);
  into.clear();
  for (const auto& name : names) {
    const auto algorithm = ingest::oauth::parse_algorithm(name);
    if (!algorithm) {
      reader.refuse(
          node, where,
          "holds \"" + name + "\"; allowed are RS256, RS384, RS512, PS256, PS384, PS512, ES256, ES384 and ES512");
    }
    into.push_back(*algorithm);
  }
  if (into.empty()) reader.refuse(node, where, "must hold one or more");
}

/// Ours, at an authorization server.
void describe_client_secret(table_reader& reader, std::string& into) {
  reader
      .key("client_secret_file",
           [&](const toml::node& node, const std::string& where) { into = first_line_named(reader, node, where); })
      .key("client_secret_env", [&](const toml::node& node, const std::string& where) {
        const auto name = node.value_or(std::string());
        const char* value = std::getenv(name.c_str());  // NOLINT(concurrency-mt-unsafe): nobody sets any
        if (value == nullptr || *value == '\0') {
          reader.refuse(node, where, "names an environment variable that is not set: " + shown_variable(name));
        }
        into = value;
      });
}

void check_client_secret(const table_reader& reader, const toml::table& table) {
  if (table.contains("client_secret_file") && table.contains("client_secret_env")) {
    reader.refuse(table, reader.path(), "has client_secret_file and client_secret_env; one of them is enough");
  }
}

void describe_issuer(table_reader& reader, issuer_settings& into) {
  describe_url(reader, "issuer", into.issuer, true);
  describe_url(reader, "jwks_uri", into.jwks_uri, false);
  describe_url(reader, "introspection_endpoint", into.introspection_endpoint, false);
  reader
      .key("audience",
           [&](const toml::node& node, const std::string& where) {
             if (const auto* one = node.as_string()) {
               into.audiences = {one->get()};
             } else {
               read_texts(reader, node, where, into.audiences);
             }
           })
      .key("algorithms", [&](const toml::node& node,
                             const std::string& where) { read_algorithms(reader, node, where, into.algorithms); })
      .key("scopes", [&](const toml::node& node, const std::string& where) { read_scopes(reader, node, where, into); })
      .flag("accept_type_jwt", into.accept_type_jwt)
      .milliseconds("leeway", [&](std::int64_t ms) { into.leeway = std::chrono::seconds(ms / 1000); })
      .text("source", into.source)
      .text("source_claim", into.source_claim)
      .text("client_id", into.client_id)
      .text("ca", into.ca);
  describe_client_secret(reader, into.client_secret);
}

void check_issuer(const table_reader& reader, const toml::table& table, const issuer_settings& made) {
  const auto refuse = [&](const std::string& why) { reader.refuse(table, reader.path(), why); };
  if (made.issuer.empty()) refuse("needs an issuer, the https URL that its tokens name");
  if (made.audiences.empty() || std::count(made.audiences.begin(), made.audiences.end(), "") != 0) {
    refuse("needs an audience, as its tokens for this server name it");
  }
  check_client_secret(reader, table);
  if (made.leeway > most_leeway) refuse("leeway is over 10m: clocks that are so wrong are to be set right");
  if (!made.source.empty() && !made.source_claim.empty()) refuse("has source and source_claim; one of them is enough");
  if (!made.introspection_endpoint.empty() && (made.client_id.empty() || made.client_secret.empty())) {
    refuse("needs client_id, and client_secret_file or client_secret_env, for its introspection_endpoint");
  }
}

void read_issuers(const table_reader& reader, const toml::node& node, const std::string& where,
                  std::vector<issuer_settings>& into) {
  const auto* list = node.as_array();
  if (list == nullptr || !list->is_homogeneous(toml::node_type::table)) {
    reader.refuse(node, where, "must be an array of tables: [[oauth.issuers]]");
  }
  for (const auto& each : *list) {
    const auto& table = *each.as_table();
    table_reader one(reader.file(), where);
    issuer_settings made;
    describe_issuer(one, made);
    one.read(table);
    check_issuer(one, table, made);
    for (const auto& other : into) {
      if (other.issuer == made.issuer) one.refuse(table, where, "\"" + made.issuer + "\" is there twice");
      // An opaque token does not say whose it is, and one server's tokens are not for another to see.
      if (!other.introspection_endpoint.empty() && !made.introspection_endpoint.empty()) {
        one.refuse(table, where, "only one issuer may have an introspection_endpoint");
      }
    }
    into.push_back(std::move(made));
  }
}

void read_roles(const table_reader& reader, const toml::node& node, const std::string& where,
                std::map<std::string, net::role>& into) {
  const auto* table = node.as_table();
  if (table == nullptr) reader.refuse(node, where, "must be a table like {\"kith-operators\" = \"operator\"}");
  for (const auto& [key, value] : *table) {
    const auto role = net::parse_role(value.value_or(std::string()));
    if (!role) {
      reader.refuse(value, where + ".\"" + std::string(key.str()) + '"',
                    "must be \"viewer\", \"operator\", \"privacy\" or \"admin\"");
    }
    into[std::string(key.str())] = *role;
  }
}

/// As browsers name the console: what stands between https:// and the path.
void read_console_hosts(const table_reader& reader, const toml::node& node, const std::string& where,
                        std::vector<std::string>& into) {
  read_texts(reader, node, where, into);
  for (const auto& each : into) {
    const auto url = net::parse_outgoing_url("https://" + each + "/");
    if (!url || each.find_first_of("/?#@") != std::string::npos || each.find('*') != std::string::npos) {
      reader.refuse(node, where,
                    "holds \"" + each + "\"; hosts like \"kith.example\" or \"kith.example:7442\" are allowed");
    }
  }
}

void check_openid(const table_reader& reader, const toml::table& table, const admin::openid_settings& made) {
  const auto refuse = [&](const std::string& why) { reader.refuse(table, reader.path(), why); };
  if (made.issuer.empty()) refuse("needs an issuer, the https URL of the OpenID provider");
  if (made.client_id.empty()) refuse("needs a client_id, as the provider has registered this server");
  if (made.hosts.empty())
    refuse("needs hosts, for example [\"kith.example:7442\"]: where the console is, as browsers name it");
  if (made.roles.empty()) refuse("needs roles, for example {\"kith-operators\" = \"operator\"}: nobody has one else");
  if (std::count(made.scopes.begin(), made.scopes.end(), "openid") == 0) refuse("scopes must hold \"openid\"");
  if (made.leeway > most_leeway) refuse("leeway is over 10m: clocks that are so wrong are to be set right");
  if (made.session < std::chrono::minutes(1)) refuse("session must be a minute or more");
  check_client_secret(reader, table);
}

}  // namespace

void read_openid(const table_reader& root, const toml::node& node, const std::string& where,
                 admin::openid_settings& into) {
  const auto* table = node.as_table();
  if (table == nullptr) root.refuse(node, where, "must be a table: [" + where + "]");
  table_reader reader(root.file(), where);
  describe_url(reader, "issuer", into.issuer, true);
  describe_client_secret(reader, into.client_secret);
  reader.text("name", into.name)
      .text("client_id", into.client_id)
      .text("role_claim", into.role_claim)
      .text("name_claim", into.name_claim)
      .text("ca", into.ca)
      .key("scopes", [&](const toml::node& list, const std::string& at) { read_texts(reader, list, at, into.scopes); })
      .key("hosts",
           [&](const toml::node& list, const std::string& at) { read_console_hosts(reader, list, at, into.hosts); })
      .key("roles", [&](const toml::node& of, const std::string& at) { read_roles(reader, of, at, into.roles); })
      .key("algorithms",
           [&](const toml::node& list, const std::string& at) { read_algorithms(reader, list, at, into.algorithms); })
      .milliseconds("session", [&](std::int64_t ms) { into.session = std::chrono::milliseconds(ms); })
      .milliseconds("leeway", [&](std::int64_t ms) { into.leeway = std::chrono::seconds(ms / 1000); });
  reader.read(*table);
  check_openid(reader, *table, into);
}

void describe_outgoing(table_reader& outgoing, net::outgoing_rules& into) {
  outgoing
      .key("allow_hosts", [&](const toml::node& node,
                              const std::string& where) { read_hosts(outgoing, node, where, into.allow_hosts); })
      .key("allow_private", [&](const toml::node& node, const std::string& where) {
        read_hosts(outgoing, node, where, into.allow_private);
      });
}

void describe_oauth(table_reader& oauth, ingest::oauth::settings& into) {
  describe_url(oauth, "resource", into.resource, true);
  oauth.key("issuers",
            [&](const toml::node& node, const std::string& where) { read_issuers(oauth, node, where, into.issuers); });
}

void check_outgoing(const std::string& file_name, const config& made) {
  const auto check = [&](const std::string& where, const std::string& url) {
    if (url.empty()) return;
    const auto good = net::check_outgoing_url(url, made.outgoing);
    if (!good) throw bad_config{file_name + ": " + where + ": " + net::shown_url(url) + ": " + good.error().message};
  };
  for (const auto& each : made.webhooks) check("webhooks." + each.name, each.url);
  for (const auto& each : made.oauth.issuers) {
    check("oauth.issuers", each.jwks_uri.empty() ? each.issuer : each.jwks_uri);
    check("oauth.issuers", each.introspection_endpoint);
  }
  check("oidc", made.openid.issuer);
}

}  // namespace kith::cli
