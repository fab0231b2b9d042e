// Making bytes of a file that is to be removed unreadable.
#pragma once

#include <string>

namespace kith::persistence {

/// Writes zeros over a file's bytes, synced, as well as can be: a file system that writes elsewhere (btrfs, ZFS), or a
/// disk that does (an SSD), keeps the old ones for some time. What must not be read later is encrypted, too.
void overwrite(const std::string& path) noexcept;

}  // namespace kith::persistence
