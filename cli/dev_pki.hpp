// The private certificates and tokens of `kith serve --dev`.
#pragma once

#include <string>

#include "profile/result.hpp"

namespace kith::cli {

/// Makes, at the first start or when they have expired, ca.pem, server.pem, server.key, client.pem, client.key,
/// admin.token and ingest.token in `directory`. Keys and tokens are readable by their owner only. The server's
/// certificate is for localhost, 127.0.0.1 and ::1. The CA's own key is not kept.
result<void> make_dev_files(const std::string& directory);

}  // namespace kith::cli
