#include "cli/config_admin.hpp"

#include <algorithm>
#include <fstream>

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

/// "Name: value", one a line. What is in the file is secret: errors tell its lines by number.
result<std::vector<std::string>> header_lines_of(const std::string& path) {
  std::ifstream in(path);
  if (path.empty() || !in) return fail(errc::invalid_argument, "must name a file that can be read, not " + path);
  std::vector<std::string> lines;
  std::size_t number = 0;
  for (std::string line; std::getline(in, line);) {
    ++number;
    if (line.ends_with('\r')) line.pop_back();
    if (line.empty() || line.front() == '#') continue;
    const auto colon = line.find(':');
    constexpr std::string_view token = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_";
    const bool named = colon != std::string::npos && colon > 0 && line.find_first_not_of(token) == colon;
    const bool clean = std::all_of(line.begin(), line.end(), [](char c) { return c >= ' ' && c != '\x7f'; });
    if (!named || !clean) {
      return fail(errc::invalid_argument, path + ":" + std::to_string(number) + ": is no header like \"Name: value\"");
    }
    lines.push_back(line);
  }
  return lines;
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

void describe_tracing(table_reader& reader, net::tracing_settings& into) {
  const auto time = [&reader](const char* name, std::chrono::milliseconds& field) {
    reader.milliseconds(name, [&field](std::int64_t ms) { field = std::chrono::milliseconds(ms); });
  };
  reader
      .key("endpoint",
           [&](const toml::node& node, const std::string& where) {
             into.endpoint = node.value_or(std::string());
             if (into.endpoint.empty()) reader.refuse(node, where, "must be a URL like \"http://127.0.0.1:4318\"");
           })
      .key("headers_file",
           [&](const toml::node& node, const std::string& where) {
             const auto path = node.value_or(std::string());
             auto lines = header_lines_of(path);
             if (!lines) reader.refuse(node, where, lines.error().message);
             into.headers = std::move(*lines);
           })
      .key("sample",
           [&](const toml::node& node, const std::string& where) {
             const auto ratio = node.value<double>();
             if (!node.is_number() || !ratio || !(*ratio >= 0 && *ratio <= 1)) {
               reader.refuse(node, where, "must be a number from 0 (none) to 1 (all)");
             }
             into.sample = *ratio;
           })
      .text("ca", into.ca)
      .text("service", into.service)
      .number("queue", into.queue, 512, 1'000'000);
  time("interval", into.interval);
  time("timeout", into.timeout);
}

}  // namespace kith::cli
