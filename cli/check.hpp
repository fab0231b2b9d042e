// What `kith check` looks at.
#pragma once

#include <string>

#include "persistence/check.hpp"

namespace kith::cli {

/// All that is in a data directory: journal, store, dead letters, definitions, schemas, tokens, audit log. Shows how
/// far it is on a terminal. Errors: not_found, unavailable (a server has it).
/// `keys` as in persistence::check_directory().
result<persistence::check_report> check_all(const std::string& directory,
                                            const persistence::encryption_settings& keys = {});

/// That encrypted records were not looked into, and why: a line. Empty: there are none, or they were.
std::string unopened_text(const persistence::check_report& found);

}  // namespace kith::cli
