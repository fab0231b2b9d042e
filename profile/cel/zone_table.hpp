// Named time zones from the bytes of TZif files (RFC 8536), such as those below /usr/share/zoneinfo. Reading the files
// is the caller's.
//
// Invariants: of each zone, moments ascend and each has an offset.
// Thread safety: `add` is for one thread before the table is shared; after that it is immutable.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "profile/cel/civil.hpp"

namespace kith::profile::cel {

class zone_table final : public zone_source {
 public:
  /// False, and nothing changes, if the bytes are no TZif file of version 2 or later. What follows the last change of
  /// the file keeps its offset: the rule in the footer is not read (Debian's files list the changes up to 2037).
  bool add(std::string name, std::string_view tzif);

  std::optional<int> offset_at(std::string_view zone, std::int64_t seconds_since_1970) const noexcept override;
  std::size_t size() const noexcept { return zones_.size(); }

 private:
  struct zone {
    int first = 0;  ///< offset before the first change
    std::vector<std::int64_t> changes;
    std::vector<int> offsets;
  };
  std::map<std::string, zone, std::less<>> zones_;
};

}  // namespace kith::profile::cel
