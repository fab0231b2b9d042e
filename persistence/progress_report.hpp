// How far a long look at a directory has come.
#pragma once

#include <cstdint>
#include <functional>
#include <string_view>

namespace kith::persistence {

/// `done` of about `total` of that step; called often. Each step has a name of its own and is told from its start to
/// its end.
using progress_report = std::function<void(std::string_view step, std::uint64_t done, std::uint64_t total)>;

}  // namespace kith::persistence
