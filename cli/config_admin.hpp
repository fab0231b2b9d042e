// [admin], [audit], [pii], [encryption] and the requests of [privacy] in the configuration: who may ask how often, what
// is recorded, what is masked, what wraps keys, and what is kept of people's requests.
#pragma once

#include "cli/config_reader.hpp"

namespace kith::cli {

void describe_admin(table_reader& reader, admin::access_settings& into);
void describe_audit(table_reader& reader, audit_settings& into);
void describe_requests(table_reader& reader, admin::request_settings& into);
void describe_personal(table_reader& reader, admin::personal_settings& into);
void describe_encryption(table_reader& reader, config& into);

}  // namespace kith::cli
