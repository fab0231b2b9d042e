// What the configuration says of where events come from: [sources.NAME].
#pragma once

#include <optional>
#include <string>

#include "ingest/guards.hpp"
#include "ingest/webhook/settings.hpp"

namespace kith::ingest {

struct source_settings {
  std::string name;
  std::optional<webhook::settings> webhook;  ///< nothing: it takes no webhooks
  guard_settings guards;
};

}  // namespace kith::ingest
