#include "cli/config_privacy.hpp"

#include "profile/limits.hpp"
#include "profile/utf8.hpp"

namespace kith::cli {

namespace {

void read_purpose(table_reader& reader, const std::string& name, const toml::table& table, privacy_tables& into) {
  profile::purpose made;
  made.name = name;
  if (name.empty() || name.size() > limits::consent_text_bytes || !profile::is_utf8(name)) {
    reader.refuse(table, reader.path(),
                  "a purpose's name must be 1 to " + std::to_string(limits::consent_text_bytes) + " bytes of UTF-8");
  }
  if (into.purposes.size() == limits::purposes) {
    reader.refuse(table, reader.path(), "is one too many: at most " + std::to_string(limits::purposes) + " purposes");
  }
  reader
      .word(
          "default", made.granted_by_default,
          [](const std::string& word) -> std::optional<bool> {
            if (word != "granted" && word != "denied") return std::nullopt;
            return word == "granted";
          },
          "\"denied\" or \"granted\"")
      .word(
          "basis", made.basis,
          [](const std::string& word) -> std::optional<profile::legal_basis> {
            profile::legal_basis basis{};
            return profile::basis_named(word, basis) ? std::optional(basis) : std::nullopt;
          },
          "one of " + profile::basis_list())
      .flag("gpc", made.gpc)
      .text("description", made.description);
  reader.read(table);
  into.purposes.push_back(std::move(made));
}

/// A table of free names, each with a duration: calls each(node, where, name, ms).
template <class F>
void describe_durations(table_reader& reader, const char* key, F each) {
  reader.key(key, [&reader, each](const toml::node& node, const std::string& where) {
    const auto* table = node.as_table();
    if (table == nullptr) reader.refuse(node, where, "must hold durations: NAME = \"30d\"");
    if (table->size() > limits::retained_names) {
      reader.refuse(node, where, "holds over " + std::to_string(limits::retained_names) + " names");
    }
    table_reader durations(reader.file(), where);
    for (const auto& [found, one] : *table) {
      const std::string name(found.str());
      auto place = reader.place_of(one);
      place.append(": ").append(where).append(".").append(name);
      durations.milliseconds(name, [each, name, place](std::int64_t ms) {
        if (ms <= 0) throw bad_config{place + ": must be longer than nothing"};
        each(name, ms);
      });
    }
    durations.read(*table);
  });
}

}  // namespace

std::shared_ptr<const profile::privacy_rules> privacy_tables::rules() const {
  auto made = std::make_shared<const profile::privacy_rules>(purposes, traits);
  for (const auto& each : uses) {
    if (made->find(each.purpose) != nullptr) continue;
    throw bad_config{each.place + ": \"" + each.purpose + "\" is no purpose; " +
                     (purposes.empty() ? "none is configured: [consent.purposes." + each.purpose + "]"
                                       : "configured are " + made->purpose_list())};
  }
  return made;
}

void describe_consent(table_reader& reader, privacy_tables& into) {
  reader.tables("purposes", [&into](table_reader& one, const std::string& name, const toml::table& table) {
    read_purpose(one, name, table, into);
  });
}

void describe_retention(table_reader& reader, privacy_tables& into, persistence::event_retention& events) {
  describe_durations(reader, "traits", [&into](const std::string& name, std::int64_t ms) {
    into.traits.push_back({name, ms});
  });
  describe_durations(reader, "events", [&events](const std::string& name, std::int64_t ms) { events[name] = ms; });
}

void describe_purpose(table_reader& reader, std::string& into, privacy_tables& tables) {
  reader.key("purpose", [&](const toml::node& node, const std::string& where) {
    const auto* text = node.as_string();
    if (text == nullptr || text->get().empty())
      reader.refuse(node, where, "must name a purpose: [consent.purposes.NAME]");
    into = text->get();
    tables.uses.push_back({reader.place_of(node) + ": " + where, into});
  });
}

}  // namespace kith::cli
