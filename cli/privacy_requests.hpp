// kith privacy requests …
#pragma once

#include <memory>
#include <string>

#include "cli/verbs.hpp"

namespace kith::cli {

command_body add_privacy_requests(CLI::App& app, const std::shared_ptr<verb_flags>& shared);

/// What the URL tells goes to the file, which is there only if all of it came; empty: to the standard output.
int save_document(admin_client& admin, const std::string& url, const std::string& file);

}  // namespace kith::cli
