#include "cli/config_schemas.hpp"

#include "ingest/schema/files.hpp"

namespace kith::cli {

namespace {

constexpr const char* allowed_modes = "\"allow\", \"quarantine\" or \"reject\"";

/// Event names are free: each key is one.
void describe_events(table_reader& reader, ingest::schema::event_modes& into) {
  reader.key("events", [&reader, &into](const toml::node& node, const std::string& where) {
    const auto* table = node.as_table();
    if (table == nullptr) reader.refuse(node, where, "must be a table of modes by event name: [" + where + "]");
    if (table->size() > ingest::schema::bounds::events) {
      reader.refuse(node, where, "holds over " + std::to_string(ingest::schema::bounds::events) + " events");
    }
    for (const auto& [key, value] : *table) {
      const std::string event(key.str());
      const auto said = value.is_string() ? ingest::schema::parse_mode(value.as_string()->get()) : std::nullopt;
      if (!said)
        reader.refuse(value, std::string(where).append(".\"").append(event).append("\""),
                      std::string("must be ") + allowed_modes);
      into[event] = *said;
    }
  });
}

}  // namespace

void describe_schemas(table_reader& reader, ingest::schema::settings& into) {
  reader.text("directory", into.directory)
      .word("mode", into.invalid, ingest::schema::parse_mode, allowed_modes)
      .word("unknown", into.unknown, ingest::schema::parse_mode, allowed_modes)
      .word("compatibility", into.required, ingest::schema::parse_compatibility,
            "\"none\", \"backward\", \"forward\" or \"full\"");
  describe_events(reader, into.events);
}

void describe_source_schemas(table_reader& reader, ingest::schema::source_modes& into) {
  reader.word("mode", into.invalid, ingest::schema::parse_mode, allowed_modes)
      .word("unknown", into.unknown, ingest::schema::parse_mode, allowed_modes);
  describe_events(reader, into.events);
}

}  // namespace kith::cli
