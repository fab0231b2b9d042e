// Reads a table of the configuration: its known keys, what each does, and errors that name file, line and column.
#pragma once

#include <utility>
#include <algorithm>
#include <cmath>
#include <cstdint>
#include <functional>
#include <limits>
#include <memory>
#include <optional>
#include <string>
#include <toml++/toml.h>
#include <vector>

#include "cli/command.hpp"
#include "cli/config.hpp"

namespace kith::cli {

inline constexpr std::int64_t kib = 1024;
inline constexpr std::int64_t gib = 1024 * 1024 * 1024;

/// Thrown while the configuration is read; parse_config catches it.
struct bad_config {
  std::string message;
};

/// An environment variable's name for an error. What looks like none may be the secret itself, and is not shown.
std::string shown_variable(const std::string& name);

/// "64 MiB"
std::string size_text(std::int64_t bytes);

/// A table's known keys and what to do with each.
class table_reader {
 public:
  using setter = std::function<void(const toml::node&, const std::string& key)>;

  table_reader(std::string file, std::string path) : file_(std::move(file)), path_(std::move(path)) {}

  table_reader& key(const std::string& name, setter set) {
    setters_.emplace_back(name, std::move(set));
    return *this;
  }
  table_reader& text(const std::string& name, std::string& into) {
    return key(name, [this, &into](const toml::node& node, const std::string& where) {
      const auto* value = node.as_string();
      if (value == nullptr) refuse(node, where, "must be a string");
      into = value->get();
    });
  }
  /// Into a bool, or an optional one that tells whether it was said.
  template <class T>
  table_reader& flag(const std::string& name, T& into) {
    return key(name, [this, &into](const toml::node& node, const std::string& where) {
      const auto* value = node.as_boolean();
      if (value == nullptr) refuse(node, where, "must be true or false");
      into = value->get();
    });
  }
  template <class T>
  table_reader& number(const std::string& name, T& into, std::int64_t least, std::int64_t most) {
    return key(name, [this, &into, least, most](const toml::node& node, const std::string& where) {
      const auto value = node.value<std::int64_t>();
      if (!node.is_integer() || !value || *value < least || *value > most) {
        refuse(node, where, "must be a whole number from " + std::to_string(least) + " to " + std::to_string(most));
      }
      into = static_cast<T>(*value);
    });
  }
  table_reader& rate(const std::string& name, double& into) {
    return key(name, [this, &into](const toml::node& node, const std::string& where) {
      const auto value = node.value<double>();
      if (!node.is_number() || !value || !std::isfinite(*value) || *value < 0) {
        refuse(node, where, "must be a number from 0 (none) on");
      }
      into = *value;
    });
  }
  /// "64MiB", "2GiB", or a number of bytes.
  table_reader& bytes(const std::string& name, std::size_t& into, std::int64_t least, std::int64_t most) {
    return key(name, [this, &into, least, most](const toml::node& node, const std::string& where) {
      const auto value = quantity(node, where, {{"GiB", 1 << 30}, {"MiB", 1 << 20}, {"KiB", 1 << 10}, {"B", 1}},
                                  "must be a number of bytes, or a size like \"64MiB\" or \"2GiB\"");
      if (value < least || value > most) {
        refuse(node, where, "must be from " + size_text(least) + " to " + size_text(most));
      }
      into = static_cast<std::size_t>(value);
    });
  }
  /// "250ms", "30s", "10m", "6h", "90d".
  table_reader& milliseconds(const std::string& name, const std::function<void(std::int64_t)>& set,
                             bool or_forever = false) {
    return key(name, [this, set, or_forever](const toml::node& node, const std::string& where) {
      const auto* word = node.as_string();
      if (or_forever && word != nullptr && word->get() == "forever") return set(0);
      set(quantity(node, where, {{"ms", 1}, {"s", 1000}, {"m", 60'000}, {"h", 3'600'000}, {"d", 86'400'000}},
                   std::string("must be a duration like \"250ms\", \"30s\", \"10m\", \"6h\" or \"90d\"") +
                       (or_forever ? ", or \"forever\"" : "")));
    });
  }
  /// One of some words, as `parse` understands them.
  template <class T, class Parse>
  table_reader& word(const std::string& name, T& into, Parse parse, const std::string& allowed) {
    return key(name, [this, &into, parse, allowed](const toml::node& node, const std::string& where) {
      const auto* text = node.as_string();
      const auto parsed = text == nullptr ? std::nullopt : parse(text->get());
      if (!parsed) refuse(node, where, "must be " + allowed);
      into = *parsed;
    });
  }
  table_reader& listen(const std::string& name, std::optional<listen_address>& into) {
    return key(name, [this, &into](const toml::node& node, const std::string& where) {
      const auto parsed = parse_address(node.value<std::string>().value_or(""));
      if (!parsed) refuse(node, where, "must be an address with a port, like \"0.0.0.0:7440\" or \"[::]:7440\"");
      into = listen_address{parsed->host, parsed->port};
    });
  }
  table_reader& table(const std::string& name, const std::function<void(table_reader&)>& describe) {
    return key(name, [this, name, describe](const toml::node& node, const std::string& where) {
      const auto* inner = node.as_table();
      if (inner == nullptr) refuse(node, where, "must be a table: [" + where + "]");
      table_reader reader(file_, where);
      describe(reader);
      reader.read(*inner);
    });
  }

  /// Tables whose names are free: [segments.loyal]. `settings`: the keys beside them, which are no tables.
  table_reader& tables(const std::string& name,
                       const std::function<void(table_reader&, const std::string&, const toml::table&)>& read_one,
                       const std::shared_ptr<const table_reader>& settings = nullptr) {
    return key(name, [this, name, read_one, settings](const toml::node& node, const std::string& where) {
      const auto* all = node.as_table();
      if (all == nullptr) refuse(node, where, "must hold tables: [" + where + ".NAME]");
      for (const auto& [key, one] : *all) {
        const std::string called(key.str());
        auto path = where;
        path.append(".").append(called);
        if (const auto* set = settings ? settings->find(called) : nullptr; set != nullptr && !one.is_table()) {
          (*set)(one, path);
          continue;
        }
        if (!one.is_table()) refuse(one, path, "must be a table: [" + path + "]");
        table_reader reader(file_, path);
        read_one(reader, called, *one.as_table());
      }
    });
  }

  void read(const toml::table& table) const {
    for (const auto& [key, node] : table) {
      const std::string name(key.str());
      const auto* set = find(name);
      if (set == nullptr) refuse_key(key.source(), name);
      (*set)(node, path_.empty() ? name : path_ + "." + name);
    }
  }
  const std::string& file() const { return file_; }
  const std::string& path() const { return path_; }
  /// file:line:column
  std::string place_of(const toml::node& node) const { return place_of(node.source()); }
  [[noreturn]] void refuse(const toml::node& node, const std::string& where, const std::string& why) const {
    refuse(node.source(), where + ": " + why);
  }

 private:
  const setter* find(const std::string& name) const {
    const auto known =
        std::find_if(setters_.begin(), setters_.end(), [&](const auto& each) { return each.first == name; });
    return known == setters_.end() ? nullptr : &known->second;
  }
  std::string place_of(const toml::source_region& at) const {
    return file_ + ":" + std::to_string(at.begin.line) + ":" + std::to_string(at.begin.column);
  }
  [[noreturn]] void refuse(const toml::source_region& at, const std::string& message) const {
    throw bad_config{place_of(at) + ": " + message};
  }
  [[noreturn]] void refuse_key(const toml::source_region& at, const std::string& name) const;
  std::int64_t quantity(const toml::node& node, const std::string& where,
                        const std::vector<std::pair<std::string, std::int64_t>>& units, const std::string& why) const;

  std::string file_;
  std::string path_;
  std::vector<std::pair<std::string, setter>> setters_;
};

/// An array of strings.
void read_texts(const table_reader& reader, const toml::node& node, const std::string& where,
                std::vector<std::string>& into);
/// Of a table whose name is free.
void check_name(const table_reader& reader, const toml::table& table, const std::string& name);
/// Of a file that holds a secret. Throws bad_config.
std::string first_line_of(const std::string& path);
/// Of the file that a key names. Throws bad_config, with the key's place.
std::string first_line_named(const table_reader& reader, const toml::node& node, const std::string& where);

}  // namespace kith::cli
