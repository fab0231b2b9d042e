// [admin], [audit], [pii] and [tracing] of the configuration: who may ask how often, what is recorded, what is masked,
// and where spans go.
#pragma once

#include "cli/config_reader.hpp"

namespace kith::cli {

void describe_admin(table_reader& reader, admin::access_settings& into);
void describe_audit(table_reader& reader, audit_settings& into);
void describe_personal(table_reader& reader, admin::personal_settings& into);
void describe_tracing(table_reader& reader, net::tracing_settings& into);

}  // namespace kith::cli
