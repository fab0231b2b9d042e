#include "cli/config.hpp"

#include <algorithm>
#include <fstream>
#include <iterator>

#include "cli/config_admin.hpp"
#include "cli/config_edges.hpp"
#include "cli/config_oauth.hpp"
#include "cli/config_privacy.hpp"
#include "cli/config_reader.hpp"
#include "cli/config_schemas.hpp"
#include "cli/config_tracing.hpp"
#include "cli/config_webhook_source.hpp"

namespace kith::cli {

namespace {

constexpr std::int64_t most_frame_bytes = 32 * 1024 * 1024;  ///< a frame's events fit in one journal record

/// A role without rights is for the admin API alone.
void read_role(const table_reader& reader, const toml::node& node, const std::string& where, const toml::table& table,
               net::credential_config& into) {
  const auto role = net::parse_role(node.value_or(std::string()));
  if (!role) reader.refuse(node, where, "must be \"viewer\", \"operator\", \"privacy\" or \"admin\"");
  into.granted = *role;
  if (!table.contains("rights")) into.can_publish = into.can_read = into.can_admin = false;
}

void read_rights(const table_reader& reader, const toml::node& node, const std::string& where,
                 net::credential_config& into) {
  const auto* list = node.as_array();
  if (list == nullptr) reader.refuse(node, where, "must be an array of \"publish\", \"read\", \"admin\", \"forward\"");
  into.can_publish = into.can_read = into.can_admin = into.can_forward = false;
  for (const auto& each : *list) {
    const auto right = each.value<std::string>().value_or("");
    if (right == "publish") {
      into.can_publish = true;
    } else if (right == "read") {
      into.can_read = true;
    } else if (right == "admin") {
      into.can_admin = true;
    } else if (right == "forward") {
      into.can_publish = into.can_forward = true;
    } else {
      reader.refuse(each, where, "holds something else than \"publish\", \"read\", \"admin\", \"forward\"");
    }
  }
}

/// What credential_store would refuse at the start, said with its place.
void check_credential(const table_reader& reader, const toml::node& node, const std::string& where,
                      const net::credential_config& made) {
  if (made.name.empty()) reader.refuse(node, where, "has no name");
  const auto named = where + " \"" + made.name + "\"";
  if (made.token.empty() && made.token_sha256.empty() && made.common_name.empty()) {
    reader.refuse(node, named, "needs a token, token_file, token_sha256 or common_name to be known by");
  }
  const auto& digest = made.token_sha256;
  if (!digest.empty() && (digest.size() != 64 || digest.find_first_not_of("0123456789abcdefABCDEF") != digest.npos)) {
    reader.refuse(node, named, "token_sha256 must be 64 hexadecimal digits");
  }
}

void describe_credential(table_reader& reader, const toml::table& table, net::credential_config& into) {
  reader.text("name", into.name)
      .text("token", into.token)
      .text("token_sha256", into.token_sha256)
      .text("common_name", into.common_name)
      .text("source", into.source)
      .rate("events_per_second", into.events_per_second)
      .key("token_file", [&](const toml::node& node,
                             const std::string& where) { into.token = first_line_named(reader, node, where); })
      .key("rights", [&](const toml::node& node, const std::string& where) { read_rights(reader, node, where, into); })
      .key("role",
           [&](const toml::node& node, const std::string& where) { read_role(reader, node, where, table, into); })
      .flag("pii", into.personal);
}

void read_definition(table_reader& reader, const std::string& name, const toml::table& table,
                     admin::definition_kind kind, config& into, privacy_tables& privacy) {
  admin::configured_definition made;
  made.what.kind = kind;
  made.what.name = name;
  reader.text("expression", made.what.expression)
      .text("description", made.what.description)
      .text("owner", made.what.owner);
  describe_purpose(reader, made.what.purpose, privacy);
  reader.read(table);
  const auto* expression = table.get("expression");
  if (expression == nullptr || made.what.expression.empty()) {
    reader.refuse(table, reader.path(), "needs an expression, for example \"traits.country == 'DE'\"");
  }
  made.place = reader.place_of(*expression);
  into.definitions.push_back(std::move(made));
}

/// A path of a view: "traits.plan", or an array of keys.
profile::view_path read_path(const table_reader& reader, const toml::node& node, const std::string& where) {
  profile::view_path path;
  if (const auto* text = node.as_string()) {
    auto parsed = profile::parse_path(text->get());
    if (!parsed) reader.refuse(node, where, parsed.error().message);
    return std::move(*parsed);
  }
  if (!node.is_array()) reader.refuse(node, where, "must hold paths like \"traits.plan\", or arrays of keys");
  read_texts(reader, node, where, path);
  if (auto good = profile::check_path(path); !good) reader.refuse(node, where, good.error().message);
  return path;
}

void read_view(table_reader& reader, const std::string& name, const toml::table& table,
               std::vector<profile::view>& into, privacy_tables& privacy) {
  check_name(reader, table, name);
  std::string description;
  std::string purpose;
  std::vector<profile::view_path> paths;
  describe_purpose(reader, purpose, privacy);
  reader.text("description", description).key("fields", [&](const toml::node& node, const std::string& where) {
    const auto* list = node.as_array();
    if (list == nullptr || list->empty() || list->size() > limits::view_paths) {
      reader.refuse(node, where,
                    "must be an array of 1 to " + std::to_string(limits::view_paths) +
                        " paths, for example [\"traits.plan\", \"segments\"]");
    }
    for (const auto& each : *list) paths.push_back(read_path(reader, each, where));
  });
  reader.read(table);
  if (paths.empty()) reader.refuse(table, reader.path(), "needs fields, for example [\"traits.plan\", \"segments\"]");
  if (into.size() == limits::views) {
    reader.refuse(table, reader.path(), "is one too many: at most " + std::to_string(limits::views) + " views");
  }
  into.emplace_back(name, std::move(description), std::move(paths), std::move(purpose));
}

void read_webhook(table_reader& reader, const std::string& name, const toml::table& table, config& into,
                  privacy_tables& privacy) {
  check_name(reader, table, name);
  auto& made = into.webhooks.emplace_back();
  made.name = name;
  const auto add_secret = [&](const toml::node& node, const std::string& where, const std::string& text) {
    auto secret = webhooks::parse_secret(text);
    if (!secret) reader.refuse(node, where, secret.error().message);
    made.secrets.push_back(std::move(*secret));
  };
  reader
      .key("url",
           [&](const toml::node& node, const std::string& where) {
             made.url = node.value_or(std::string());
             const auto checked = net::check_outgoing_url(made.url, {});
             if (!checked && checked.error().code == errc::invalid_argument) {
               reader.refuse(node, where, checked.error().message);
             }
           })
      .key("secrets",
           [&](const toml::node& node, const std::string& where) {
             std::vector<std::string> texts;
             read_texts(reader, node, where, texts);
             for (const auto& text : texts) add_secret(node, where, text);
           })
      .key("segments",
           [&](const toml::node& node, const std::string& where) {
             read_texts(reader, node, where, made.segments);
             std::sort(made.segments.begin(), made.segments.end());
           })
      .text("ca", made.ca)
      .number("concurrency", made.concurrency, 1, 256)
      .milliseconds("timeout", [&](std::int64_t ms) { made.timeout = std::chrono::milliseconds(ms); })
      .milliseconds("retry_for", [&](std::int64_t ms) { made.retry_for = std::chrono::milliseconds(ms); });
  describe_purpose(reader, made.purpose, privacy);
  reader.read(table);
  if (made.url.empty()) reader.refuse(table, reader.path(), "needs a url");
  if (made.secrets.empty()) {
    reader.refuse(table, reader.path(), "needs secrets = [\"whsec_…\"], which the receiver checks signatures with");
  }
}

/// What of a source is held back.
void describe_guards(table_reader& reader, const toml::table& table, ingest::guard_settings& into) {
  into.crawlers_said = table.contains("crawlers");
  into.rate_said = table.contains("profile_rate") || table.contains("profile_burst");
  reader
      .key("drop",
           [&](const toml::node& node, const std::string& where) {
             std::vector<std::string> texts;
             read_texts(reader, node, where, texts);
             into.filters.clear();
             for (const auto& text : texts) {
               auto made = ingest::event_filter::make(text);
               if (!made) reader.refuse(node, where, "\"" + text + "\": " + made.error().message);
               into.filters.push_back(std::move(*made));
             }
           })
      .word(
          "crawlers", into.crawlers,
          [](const std::string& word) -> std::optional<bool> {
            if (word != "allow" && word != "quarantine") return std::nullopt;
            return word == "allow";
          },
          "\"allow\" or \"quarantine\"")
      .rate("profile_rate", into.profile_rate)
      .rate("profile_burst", into.profile_burst);
}

/// Which crawlers there are.
void describe_crawlers(table_reader& root, std::shared_ptr<const ingest::crawler_list>& into) {
  root.key("crawlers_file", [&root, &into](const toml::node& node, const std::string& where) {
    const auto path = node.value<std::string>().value_or("");
    std::ifstream in(path, std::ios::binary);
    if (path.empty() || !in) root.refuse(node, where, "must name a file that can be read, and \"" + path + "\" cannot");
    const std::string text{std::istreambuf_iterator<char>(in), {}};
    auto made = ingest::crawler_list::make(text);
    if (!made) root.refuse(node, where, path + ": " + made.error().message);
    into = std::move(*made);
  });
}

void read_source(table_reader& reader, const std::string& name, const toml::table& table,
                 std::vector<ingest::source_settings>& into, ingest::schema::settings& schemas) {
  check_name(reader, table, name);
  auto& made = into.emplace_back();
  made.name = name;
  webhook_source_keys webhook;
  describe_webhook_source(reader, webhook);
  describe_guards(reader, table, made.guards);
  reader.table("schemas", [&](table_reader& t) { describe_source_schemas(t, schemas.sources[name]); });
  reader.read(table);
  made.webhook = made_webhook_source(reader, name, table, webhook);
}

void describe_limit(table_reader& reader, const std::string& prefix, profile::identity::id_limit& into) {
  reader.number(prefix, into.most, 0, 10'000'000)
      .milliseconds(
          prefix + "_window", [&into](std::int64_t ms) { into.window_ms = ms; }, true);
}

void describe_identity(table_reader& t, profile::identity::settings& into) {
  const auto texts = [](table_reader& reader, const char* name, std::vector<std::string>& list) {
    reader.key(name, [&](const toml::node& node, const std::string& where) { read_texts(reader, node, where, list); });
  };
  texts(t, "priority", into.priority);
  texts(t, "blocked", into.blocked);
  texts(t, "blocked_patterns", into.blocked_patterns);
  describe_limit(t, "limit", into.limit);
  t.tables("types", [&into, texts](table_reader& reader, const std::string& type, const toml::table& table) {
    auto& of = into.types[type];
    profile::identity::id_limit limit = type == "user" ? into.user_limit : into.limit;
    texts(reader, "blocked", of.blocked);
    texts(reader, "blocked_patterns", of.blocked_patterns);
    reader.flag("unique", of.unique);
    describe_limit(reader, "limit", limit);
    reader.read(table);
    if (table.contains("limit") || table.contains("limit_window")) of.limit = limit;
  });
}

void describe(table_reader& root, config& into, std::vector<profile::view>& views, privacy_tables& privacy) {
  auto& runtime = into.runtime;
  auto& connection = into.connection;
  root.text("data", into.data).text("node", into.node).number("shards", runtime.shards, 1, 256);
  root.table("listen", [&](table_reader& t) {
    t.text("address", into.address)
        .number("port_base", into.port_base, 1, 65533)
        .listen("protocol", into.protocol)
        .listen("ingest", into.ingest)
        .listen("admin", into.admin);
  });
  root.table("tls", [&](table_reader& t) {
    t.text("certificate", into.tls.certificate)
        .text("key", into.tls.key)
        .text("client_ca", into.tls.ca)
        .flag("require_client_certificate", into.require_client_certificate)
        .flag("unlisted_certificates", into.unlisted_certificates);
  });
  root.table("memory", [&](table_reader& t) {
    t.bytes("profiles", runtime.memory_bytes, 4 * kib, 1024 * 1024 * gib).milliseconds("idle", [&](std::int64_t ms) {
      runtime.idle = std::chrono::seconds(ms / 1000);
    });
    t.bytes("in_flight", runtime.in_flight_bytes, 64 * kib, 64 * gib)
        .bytes("store_cache", runtime.store.cache_bytes, 0, 1024 * gib);
  });
  root.table("journal", [&](table_reader& t) {
    t.bytes("segment", runtime.journal.segment_bytes, 4 * kib, 16 * gib)
        .bytes("checkpoint_bytes", runtime.checkpoint_bytes, 4 * kib, 1024 * gib)
        .milliseconds("checkpoint_interval",
                      [&](std::int64_t ms) { runtime.checkpoint_interval = std::chrono::seconds(ms / 1000); });
  });
  root.table("dedup", [&](table_reader& t) {
    t.milliseconds(
         "retention", [&](std::int64_t ms) { runtime.dedup_retention_ms = ms; }, true)
        .number("recent_days", runtime.recent_days, 1, 365);
  });
  root.table("history", [&](table_reader& t) {
    t.milliseconds(
        "retention", [&](std::int64_t ms) { runtime.store.history_retention_ms = ms; }, true);
    t.bytes("lag", runtime.history_lag_bytes, 1024 * kib, 1024 * 1024 * gib);
  });
  root.table("backup", [&](table_reader& t) {
    t.text("directory", into.backup.directory).number("keep", into.backup.keep, 0, 100'000);
  });
  root.table("watch", [&](table_reader& t) {
    t.milliseconds("keep", [&](std::int64_t ms) { runtime.watch_keep = std::chrono::milliseconds(ms); });
    t.bytes("bytes", runtime.watch_bytes, 1024 * kib, 1024 * gib);
  });
  root.table("limits", [&](table_reader& t) {
    const auto time = [&](const char* name, std::chrono::milliseconds& field) {
      t.milliseconds(name, [&field](std::int64_t ms) { field = std::chrono::milliseconds(ms); });
    };
    t.bytes("event", runtime.event.bytes, 256, most_frame_bytes)
        .number("nesting", runtime.event.nesting, 1, static_cast<std::int64_t>(limits::max_nesting))
        .bytes("frame", connection.frame_bytes, 4 * kib, most_frame_bytes)
        .number("batch_events", connection.batch_events, 1, 1'000'000)
        .number("get_many_ids", connection.get_many_ids, 1, 1'000'000)
        .number("in_flight_requests", connection.in_flight_requests, 1, 1'000'000)
        .bytes("in_flight_bytes", connection.in_flight_bytes, 4 * kib, 64 * gib)
        .bytes("outbound_bytes", connection.outbound_bytes, 4 * kib, 64 * gib)
        .number("watches", connection.watches, 0, 100'000)
        .number("connections", connection.connections, 1, 1'000'000)
        .rate("events_per_second", connection.events_per_second)
        .rate("requests_per_second", connection.requests_per_second);
    time("handshake_timeout", connection.handshake_timeout);
    time("frame_timeout", connection.frame_timeout);
    time("hello_timeout", connection.hello_timeout);
  });
  root.key("identity", [&](const toml::node& node, const std::string& where) {
    const auto* table = node.as_table();
    if (table == nullptr) root.refuse(node, where, "must be a table: [identity]");
    profile::identity::settings settings;
    table_reader reader(root.file(), where);
    describe_identity(reader, settings);
    reader.read(*table);
    auto rules = profile::identity::rules::make(settings);
    if (!rules) root.refuse(node, where, rules.error().message);
    runtime.identity = std::move(*rules);
  });
  root.table("admin", [&](table_reader& t) { describe_admin(t, into.access); });
  root.key("oidc",
           [&](const toml::node& node, const std::string& where) { read_openid(root, node, where, into.openid); });
  root.table("privacy", [&](table_reader& t) {
    t.milliseconds("purge_after", [&](std::int64_t ms) { into.runtime.purge_after = std::chrono::seconds(ms / 1000); });
    t.milliseconds("purge_within",
                   [&](std::int64_t ms) { into.runtime.purge_within = std::chrono::seconds(ms / 1000); });
    describe_requests(t, into.requests);
  });
  root.table("consent", [&privacy](table_reader& t) { describe_consent(t, privacy); });
  root.table("retention", [&into, &privacy](table_reader& t) {
    describe_retention(t, privacy, into.runtime.store.event_retention_ms);
  });
  root.table("encryption", [&](table_reader& t) { describe_encryption(t, into); });
  root.table("audit", [&](table_reader& t) { describe_audit(t, into.audit); });
  root.table("pii", [&](table_reader& t) { describe_personal(t, into.personal); });
  root.tables("views", [&views, &privacy](table_reader& reader, const std::string& key, const toml::table& table) {
    read_view(reader, key, table, views, privacy);
  });
  root.tables("webhooks", [&into, &privacy](table_reader& reader, const std::string& key, const toml::table& table) {
    read_webhook(reader, key, table, into, privacy);
  });
  const auto definitions = [&](const char* name, admin::definition_kind kind, auto... settings) {
    root.tables(
        name,
        [&into, &privacy, kind](table_reader& reader, const std::string& key, const toml::table& table) {
          read_definition(reader, key, table, kind, into, privacy);
        },
        settings...);
  };
  definitions("computed", admin::definition_kind::computed);
  auto settings = std::make_shared<table_reader>(root.file(), "segments");
  settings->rate("backfill_rate", runtime.backfill_rate).number("error_limit", runtime.error_limit, 0, INT64_MAX);
  definitions("segments", admin::definition_kind::segment, std::move(settings));
  describe_edges(root, into);
}

}  // namespace

void check_edges(const std::string& file_name, const config& made) {
  if (auto good = persistence::check(made.dead_letters); !good)
    throw bad_config{file_name + ": " + good.error().message};
  if (auto good = net::check(made.tracing); !good) {
    throw bad_config{file_name + ": tracing.endpoint: " + good.error().message};
  }
  check_outgoing(file_name, made);
}

void describe_edges(table_reader& root, config& into) {
  describe_crawlers(root, into.crawlers);
  root.table("dead_letters", [&into](table_reader& t) {
    auto& letters = into.dead_letters;
    t.milliseconds(
        "keep", [&letters](std::int64_t ms) { letters.keep_ms = ms; }, true);
    t.bytes("bytes", letters.bytes, 1024 * kib, 1024 * 1024 * gib)
        .bytes("letter_bytes", letters.letter_bytes, kib, 64 * 1024 * kib);
  });
  root.table("log", [&into](table_reader& t) {
    t.word("level", into.log_at_least, parse_log_level, "\"debug\", \"info\", \"warning\" or \"error\"")
        .word("format", into.log_as, parse_log_format, "\"auto\", \"text\" or \"json\"");
  });
  root.table("tracing", [&into](table_reader& t) { describe_tracing(t, into.tracing); });
  root.table("schemas", [&into](table_reader& t) { describe_schemas(t, into.schemas); });
  root.table("outgoing", [&into](table_reader& t) { describe_outgoing(t, into.outgoing); });
  root.table("oauth", [&into](table_reader& t) { describe_oauth(t, into.oauth); });
  root.tables("sources", [&into](table_reader& reader, const std::string& key, const toml::table& table) {
    read_source(reader, key, table, into.sources, into.schemas);
  });
  root.key("credentials", [&root, &into](const toml::node& node, const std::string& where) {
    const auto* list = node.as_array();
    if (list == nullptr || !list->is_homogeneous(toml::node_type::table)) {
      root.refuse(node, where, "must be an array of tables: [[credentials]]");
    }
    for (const auto& each : *list) {
      table_reader reader(root.file(), where);
      auto& credential = into.credentials.emplace_back();
      describe_credential(reader, *each.as_table(), credential);
      reader.read(*each.as_table());
      check_credential(reader, each, where, credential);
    }
  });
}

result<config> parse_config(std::string_view toml_text, const std::string& file_name) {
  return read_toml<config>(toml_text, file_name, [&](const toml::table& table) {
    config made;
    table_reader root(file_name, "");
    std::vector<profile::view> views;
    privacy_tables privacy;
    describe(root, made, views, privacy);
    root.read(table);
    made.privacy = privacy.rules();
    check_edges(file_name, made);
    made.runtime.views = std::make_shared<const profile::view_set>(std::move(views));
    return made;
  });
}

result<std::string> text_of_config(const std::string& file_name) {
  std::ifstream in(file_name);
  if (!in) return fail(errc::not_found, file_name + ": cannot be read");
  return std::string{std::istreambuf_iterator<char>(in), {}};
}

result<config> load_config(const std::string& file_name) {
  const auto text = text_of_config(file_name);
  return text ? parse_config(*text, file_name) : tl::make_unexpected(text.error());
}

}  // namespace kith::cli
