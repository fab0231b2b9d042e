// An event that is being put together from values of expressions: MessagePack that reads as JSON.
#pragma once

#include <utility>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "profile/cel/arena.hpp"
#include "profile/cel/value.hpp"
#include "profile/result.hpp"

namespace kith::ingest::webhook {

/// Keys are texts, timestamps RFC 3339, bytes base64. Errors: invalid_argument (nests too deep, holds an error),
/// too_large (over what an event may have); without the name of what is written.
result<void> append_value(const profile::cel::value& of, std::string& out, profile::cel::arena& memory);

/// An identifier: texts as they are, whole numbers in digits. Errors: invalid_argument: what else it is.
result<std::string> id_text(const profile::cel::value& of);

/// The fields of one event, in the order in which they came; the last of a name counts.
class event_fields {
 public:
  void set(std::string_view name, std::string encoded);
  void set_text(std::string_view name, std::string_view text);
  bool has(std::string_view name) const noexcept;
  /// A MessagePack map.
  std::string encoded() const;

 private:
  std::vector<std::pair<std::string, std::string>> fields_;
};

}  // namespace kith::ingest::webhook
