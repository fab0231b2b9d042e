#include "cli/config_webhook_source.hpp"

#include <array>
#include <cstdlib>

#include "ingest/webhook/presets.hpp"
#include "ingest/webhook/signature.hpp"

namespace kith::cli {

namespace {

namespace webhook = ingest::webhook;
using webhook::place;

template <class T>
auto one_of(std::string_view first, T as_first, std::string_view second, T as_second) {
  return [=](const std::string& word) -> std::optional<T> {
    if (word == first) return as_first;
    return word == second ? std::optional(as_second) : std::nullopt;
  };
}

std::string from_environment(const std::string& name) {
  const char* const held = std::getenv(name.c_str());  // NOLINT(concurrency-mt-unsafe): nobody sets it
  if (held == nullptr || *held == '\0')
    throw bad_config{"names an environment variable that is not set or is empty: " + shown_variable(name)};
  return held;
}

void describe_secrets(table_reader& t, webhook_source_keys& into) {
  const auto from = [&t, &into](const char* name, auto text_of) {
    t.key(name, [&t, &into, text_of](const toml::node& node, const std::string& where) {
      std::vector<std::string> texts;
      read_texts(t, node, where, texts);
      for (const auto& each : texts) {
        try {
          into.secrets.push_back({&node, where, text_of(each)});
        } catch (const bad_config& why) {
          t.refuse(node, where, why.message);
        }
      }
    });
  };
  from("secrets", [](const std::string& text) { return text; });
  from("secret_files", first_line_of);
  from("secret_env", from_environment);
}

/// The expressions of one [[sources.NAME.map]].
class rule_reader {
 public:
  rule_reader(table_reader& reader, const toml::table& table, webhook::rule& into)
      : reader_(reader), with_item_(table.contains("each")), into_(into) {}

  void describe() {
    reader_.text("name", into_.name);
    one("when", place::when, into_.when, false);
    one("each", place::each, into_.each, false);
    one("base", place::base, into_.base);
    one("type", place::type, into_.type);
    one("event", place::event, into_.event);
    one("userId", place::id, into_.user_id);
    one("anonymousId", place::id, into_.anonymous_id);
    one("previousId", place::id, into_.previous_id);
    one("messageId", place::id, into_.message_id);
    one("timestamp", place::timestamp, into_.timestamp);
    one("priority", place::priority, into_.priority);
    one("context", place::map, into_.context);
    several("properties", place::any, into_.property, &into_.properties);
    several("traits", place::any, into_.trait, &into_.traits);
    several("externalIds", place::id, into_.external_ids, nullptr);
  }

 private:
  std::string expression(const toml::node& node, const std::string& where, place at, bool with_item) const {
    const auto* text = node.as_string();
    if (text == nullptr || text->get().empty())
      reader_.refuse(node, where, "must be a string that holds an expression");
    if (auto good = webhook::check_expression(at, text->get(), with_item); !good) {
      reader_.refuse(node, where, good.error().message);
    }
    return text->get();
  }
  void one(const char* name, place at, std::string& into, bool may_use_item = true) {
    reader_.key(name, [this, at, &into, may_use_item](const toml::node& node, const std::string& where) {
      into = expression(node, where, at, may_use_item && with_item_);
    });
  }
  /// A table of expressions, or, if it may be, one expression that gives a map.
  void several(const char* name, place at, std::vector<std::pair<std::string, std::string>>& into, std::string* whole) {
    reader_.key(name, [this, at, &into, whole](const toml::node& node, const std::string& where) {
      if (whole != nullptr && node.is_string()) {
        *whole = expression(node, where, place::map, with_item_);
        return;
      }
      const auto* table = node.as_table();
      if (table == nullptr) {
        reader_.refuse(node, where,
                       whole == nullptr ? "must be a table of expressions, like { email = \"body.email\" }"
                                        : "must be an expression, or a table of them");
      }
      for (const auto& [key, held] : *table) {
        const std::string called(key.str());
        auto path = where;
        into.emplace_back(called, expression(held, path.append(".").append(called), at, with_item_));
      }
    });
  }

  table_reader& reader_;
  bool with_item_;
  webhook::rule& into_;
};

void describe_mapping(table_reader& t, webhook_source_keys& into) {
  t.key("mapping", [&t, &into](const toml::node& node, const std::string& where) {
    auto rules = webhook::preset_rules(node.value_or(std::string()));
    if (rules.empty()) t.refuse(node, where, "must be \"shopify\", \"stripe\" or \"generic\"");
    into.rules.insert(into.rules.begin(), std::make_move_iterator(rules.begin()), std::make_move_iterator(rules.end()));
  });
  t.key("map", [&t, &into](const toml::node& node, const std::string& where) {
    const auto* list = node.as_array();
    if (list == nullptr || !list->is_homogeneous(toml::node_type::table)) {
      t.refuse(node, where, "must be an array of tables: [[" + where + "]]");
    }
    for (std::size_t i = 0; i < list->size(); ++i) {
      const auto& table = *list->get(i)->as_table();
      table_reader reader(t.file(), where + "[" + std::to_string(i) + "]");
      auto& made = into.rules.emplace_back();
      rule_reader rule(reader, table, made);
      rule.describe();
      reader.read(table);
    }
  });
}

constexpr std::array<const char*, 13> keys_behind_a_scheme = {
    "secrets", "secret_files", "secret_env",       "tolerance",       "header",  "algorithm", "encoding",
    "prefix",  "signed",       "timestamp_header", "delivery_header", "mapping", "map"};

/// Keys that would do nothing are mistakes.
void check_keys(const table_reader& reader, const toml::table& table, const webhook_source_keys& keys) {
  const auto kind = *keys.scheme;
  const auto only = [&](const char* name, bool good, const char* why) {
    if (const auto* node = table.get(name); node != nullptr && !good) {
      reader.refuse(*node, reader.path() + "." + name, why);
    }
  };
  const bool generic = kind == webhook::scheme::hmac;
  const bool timed = kind == webhook::scheme::stripe || kind == webhook::scheme::standard_webhooks ||
                     (generic && !keys.settings.hmac.timestamp_header.empty());
  only("tolerance", timed,
       "is only for schemes that sign a time: stripe, standard-webhooks, hmac with timestamp_header");
  for (const auto* name : {"algorithm", "encoding", "prefix", "signed", "timestamp_header"}) {
    only(name, generic, "is only for the scheme \"hmac\"");
  }
}

}  // namespace

void describe_webhook_source(table_reader& t, webhook_source_keys& into) {
  auto& settings = into.settings;
  t.word("scheme", into.scheme, webhook::parse_scheme,
         "\"stripe\", \"github\", \"shopify\", \"standard-webhooks\", \"hmac\", \"basic\" or \"bearer\"");
  describe_secrets(t, into);
  t.milliseconds("tolerance", [&settings](std::int64_t ms) { settings.tolerance_ms = ms; })
      .text("header", settings.header)
      .word("algorithm", settings.hmac.algorithm,
            one_of("sha256", webhook::hmac_algorithm::sha256, "sha512", webhook::hmac_algorithm::sha512),
            "\"sha256\" or \"sha512\"")
      .word("encoding", settings.hmac.encoding,
            one_of("hex", webhook::text_encoding::hex, "base64", webhook::text_encoding::base64),
            "\"hex\" or \"base64\"")
      .text("prefix", settings.hmac.prefix)
      .word("signed", settings.hmac.content,
            one_of("body", webhook::signed_content::body, "timestamp.body", webhook::signed_content::timestamp_body),
            "\"body\" or \"timestamp.body\"")
      .text("timestamp_header", settings.hmac.timestamp_header)
      .text("delivery_header", settings.delivery_header);
  describe_mapping(t, into);
}

std::optional<webhook::settings> made_webhook_source(const table_reader& reader, const std::string& name,
                                                     const toml::table& table, webhook_source_keys& keys) {
  if (!keys.scheme) {
    for (const auto* key : keys_behind_a_scheme) {
      if (table.contains(key)) reader.refuse(table, reader.path(), std::string("has ") + key + ", but no scheme");
    }
    return std::nullopt;
  }
  webhook::settings made;
  made.source = name;
  made.scheme = std::move(keys.settings);
  made.scheme.kind = *keys.scheme;
  keys.settings = made.scheme;
  check_keys(reader, table, keys);
  for (const auto& each : keys.secrets) {
    if (auto good = webhook::add_secret(made.scheme, each.text); !good) {
      reader.refuse(*each.at, each.where, good.error().message);
    }
  }
  if (auto good = webhook::check(made.scheme); !good) reader.refuse(table, reader.path(), good.error().message);
  if (keys.rules.empty()) {
    reader.refuse(table, reader.path(),
                  "needs mapping = \"shopify\", \"stripe\" or \"generic\", or rules: [[" + reader.path() + ".map]]");
  }
  auto map = webhook::mapping::make(keys.rules, "map");
  if (!map) reader.refuse(table, reader.path(), map.error().message);
  made.map = std::make_shared<const webhook::mapping>(std::move(*map));
  return made;
}

}  // namespace kith::cli
