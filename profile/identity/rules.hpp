// Which identifiers may join profiles, which of an event's identifiers comes first, and how many a profile may have.
//
// Invariants: immutable once made; safe to share between threads.
#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "profile/identifier.hpp"
#include "profile/result.hpp"

namespace kith::profile::identity {

/// At most so many identifiers of a type in one profile, counting those that were linked within the window.
struct id_limit {
  std::uint32_t most = 1000;
  std::int64_t window_ms = 0;  ///< 0: ever
};

/// Of one type: "user", "anonymous", or an external id's type.
struct type_settings {
  std::vector<std::string> blocked;           ///< beside those for all types
  std::vector<std::string> blocked_patterns;  ///< RE2; they match the whole value
  std::optional<id_limit> limit;
  bool unique = true;  ///< false: several people may have the same one, so it joins nobody
};

/// What a configuration says. The defaults keep the values out that broken trackers send for everybody.
struct settings {
  /// What identifies best comes first. "external" stands for the external types that are not named.
  std::vector<std::string> priority = {"user", "external", "anonymous"};
  /// Compared trimmed and without regard to the case of ASCII letters. UUIDs of zeros only and blank values are blocked
  /// always.
  std::vector<std::string> blocked = {"undefined", "null",      "none",  "0",    "-1",     "true",
                                      "false",     "anonymous", "guest", "test", "unknown"};
  std::vector<std::string> blocked_patterns;
  id_limit user_limit{100, 0};
  id_limit limit{1000, 0};  ///< of every other type
  std::map<std::string, type_settings, std::less<>> types;
};

/// Why an identifier is left out of joining.
enum class ignored : std::uint8_t {
  no,
  blocked,     ///< a value that says nothing
  not_unique,  ///< of a type that does not tell people apart
  excess,      ///< the profile would have too many of the type
  unmerged,    ///< somebody took the two apart
};
std::string_view name_of(ignored reason) noexcept;

class rules {
 public:
  /// Errors: invalid_argument (a pattern that RE2 does not take, a priority that names a type twice).
  static result<std::shared_ptr<const rules>> make(const settings& from);
  ~rules();

  /// `no`, `blocked` or `not_unique`.
  ignored judge(id_kind kind, std::string_view type, std::string_view value) const;
  /// 0 comes first.
  std::uint32_t place(id_kind kind, std::string_view type) const noexcept;
  id_limit limit(id_kind kind, std::string_view type) const noexcept;

 private:
  struct compiled_type;
  rules() noexcept;
  const compiled_type& type_of(id_kind kind, std::string_view type) const noexcept;

  std::unique_ptr<compiled_type> user_, anonymous_, external_;  ///< external_: of the types that are not named
  std::map<std::string, std::unique_ptr<compiled_type>, std::less<>> named_;
};

/// The default settings' rules.
const std::shared_ptr<const rules>& default_rules();

}  // namespace kith::profile::identity
