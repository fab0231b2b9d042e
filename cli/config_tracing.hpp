// [tracing] in the configuration: where spans go, and which share of them.
#pragma once

#include "cli/config_reader.hpp"

namespace kith::cli {

void describe_tracing(table_reader& reader, net::tracing_settings& into);

}  // namespace kith::cli
