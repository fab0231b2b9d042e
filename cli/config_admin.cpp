#include "cli/config_admin.hpp"

namespace kith::cli {

namespace {

constexpr std::size_t most_names = 1000;
constexpr std::size_t name_bytes = 255;

bool is_name(const std::string& text) {
  return !text.empty() && text.size() <= name_bytes && text.front() != '.' && text.back() != '.' &&
         text.find("..") == std::string::npos;
}

[[noreturn]] void refuse_name(const table_reader& reader, const toml::node& node, const std::string& where,
                              const std::string& name) {
  reader.refuse(node, where, "holds \"" + name + "\"; names like \"email\" or \"address.street\" are allowed");
}

/// Names, or dotted paths of names.
void read_names(table_reader& reader, const char* key, std::vector<std::string>& into) {
  reader.key(key, [&reader, &into](const toml::node& node, const std::string& where) {
    read_texts(reader, node, where, into);
    if (into.size() > most_names) reader.refuse(node, where, "holds over " + std::to_string(most_names) + " names");
    for (const auto& each : into) {
      if (!is_name(each)) refuse_name(reader, node, where, each);
    }
  });
}

}  // namespace

void describe_admin(table_reader& reader, admin::access_settings& into) {
  const auto time = [&reader](const char* name, std::chrono::milliseconds& field) {
    reader.milliseconds(name, [&reader, &field, name](std::int64_t ms) {
      if (ms < 1000) throw bad_config{reader.file() + ": " + reader.path() + "." + name + ": must be a second or more"};
      field = std::chrono::milliseconds(ms);
    });
  };
  time("session", into.session.lifetime);
  time("session_idle", into.session.idle);
  reader.rate("requests_per_second", into.requests_per_second).rate("failures_per_second", into.failures_per_second);
}

void describe_audit(table_reader& reader, audit_settings& into) {
  reader.bytes("file", into.file_bytes, 64 * kib, 64 * 1024 * kib).flag("reads", into.reads);
}

void describe_requests(table_reader& reader, admin::request_settings& into) {
  const auto time = [&reader](const char* name, std::int64_t& field) {
    reader.milliseconds(name, [&reader, &field, name](std::int64_t ms) {
      if (ms < 1000) throw bad_config{reader.file() + ": " + reader.path() + "." + name + ": must be a second or more"};
      field = ms;
    });
  };
  time("requests_keep", into.keep_ms);
  time("export_keep", into.export_keep_ms);
  time("due_soon", into.soon_ms);
  reader.bytes("export_bytes", into.export_bytes, 1024 * kib, 1024 * 1024 * 1024 * kib);
}

void describe_encryption(table_reader& reader, config& into) {
  const auto command = [&reader](const char* name, std::vector<std::string>& words) {
    reader.key(name, [&reader, &words](const toml::node& node, const std::string& where) {
      read_texts(reader, node, where, words);
      if (words.empty() || words[0].empty()) {
        reader.refuse(node, where, "must be a program and its arguments, for example [\"pass\", \"show\", \"kith\"]");
      }
    });
  };
  auto& keys = into.keys;
  reader.flag("journal", into.runtime.encryption.journal)
      .text("key_file", keys.file)
      .text("old_key_file", keys.old_file)
      .bytes("key_cache", into.runtime.encryption.cache_bytes, 64 * kib, 64 * gib);
  command("key_command", keys.command);
  command("old_key_command", keys.old_command);
}

void describe_personal(table_reader& reader, admin::personal_settings& into) {
  read_names(reader, "traits", into.traits);
  read_names(reader, "properties", into.properties);
  read_names(reader, "context", into.context);
  read_names(reader, "ids", into.ids);
  reader.flag("detect", into.detect);
  reader.key("classes", [&reader, &into](const toml::node& node, const std::string& where) {
    const auto* table = node.as_table();
    if (table == nullptr || table->size() > most_names) {
      reader.refuse(node, where, "must hold up to " + std::to_string(most_names) + " classes: NAME = \"health\"");
    }
    for (const auto& [name, what] : *table) {
      const auto text = what.value<std::string>().value_or("");
      const bool good = !text.empty() && text.size() <= 32 &&
                        text.find_first_not_of("abcdefghijklmnopqrstuvwxyz_") == std::string::npos;
      const std::string key(name.str());
      if (!is_name(key)) refuse_name(reader, what, where, key);
      if (!good) {
        auto place = where;
        reader.refuse(what, place.append(".").append(key), "must be a word of a-z and _, like \"health\"");
      }
      into.classes[key] = text;
    }
  });
}

}  // namespace kith::cli
