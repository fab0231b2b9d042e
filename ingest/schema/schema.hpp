// One version of the schema of one event, compiled.
//
// Invariants
//   - Immutable once made; every keyword in it is checked (translation.hpp refuses those that would not be).
//   - Checking a value is bounded: by bounds::checks steps, and regular expressions are RE2's, linear in the text.
// Thread safety: all of it, from any thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>
#include <vector>

#include "ingest/schema/translation.hpp"
#include "profile/result.hpp"

namespace kith::ingest::schema {

namespace bounds {
inline constexpr std::size_t checks = 100'000;  ///< keywords and members looked at for one value
inline constexpr std::size_t violations = 32;   ///< told of one value
}  // namespace bounds

/// What is wrong with a value, without saying the value.
struct violation {
  std::string pointer;   ///< JSON pointer (RFC 6901) into the event; keys that may be personal data are "*"
  std::string rule;      ///< the keyword
  std::string expected;  ///< what the schema allows
  std::string found;     ///< the value's type: "string", …; "absent"

  friend bool operator==(const violation&, const violation&) = default;
};

/// "/properties/total: minimum: expected at least 0, found number"
std::string text_of(const violation& one);

/// Compiled constraints; see evaluation.hpp.
class compiled;

class schema {
 public:
  /// Errors: as of translate().
  static result<std::shared_ptr<const schema>> make(std::string event, std::uint32_t version, nlohmann::json document);

  const std::string& event() const noexcept { return event_; }
  std::uint32_t version() const noexcept { return version_; }
  const nlohmann::json& document() const noexcept { return document_; }
  const translation& translated() const noexcept { return translated_; }
  std::string description() const;  ///< `description`, else `title`
  std::string owner() const;        ///< `x-kith-owner`

  /// Of a whole, well-formed MessagePack value; `where`: the pointer that violations begin with. At most
  /// bounds::violations.
  std::vector<violation> validate(std::string_view value, std::string_view where = {}) const;
  bool is_valid(std::string_view value) const;

 private:
  schema(std::string event, std::uint32_t version, nlohmann::json document, translation translated,
         std::shared_ptr<const compiled> constraints);

  std::string event_;
  std::uint32_t version_;
  nlohmann::json document_;
  translation translated_;
  std::shared_ptr<const compiled> constraints_;
};

}  // namespace kith::ingest::schema
