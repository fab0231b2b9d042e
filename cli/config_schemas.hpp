// The table [schemas], and what a source has otherwise: [sources.NAME.schemas].
#pragma once

#include "cli/config_reader.hpp"
#include "ingest/schema/modes.hpp"

namespace kith::cli {

void describe_schemas(table_reader& reader, ingest::schema::settings& into);
void describe_source_schemas(table_reader& reader, ingest::schema::source_modes& into);

}  // namespace kith::cli
