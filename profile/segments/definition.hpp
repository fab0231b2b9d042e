// What an operator defines: segments and computed traits, each an expression over one profile.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>

namespace kith::profile::segments {

enum class definition_kind : std::uint8_t { computed, segment };

struct definition {
  definition_kind kind = definition_kind::segment;
  std::string name;  ///< 1 to 64 of [A-Za-z0-9_.-], first a letter; unique among its kind
  std::string expression;
  std::string description;
  std::string owner;
  std::uint32_t version = 1;  ///< raised with every change of the expression or the purpose
  std::int64_t created_ms = 0;
  std::int64_t updated_ms = 0;
  std::string purpose{};  ///< of consent, without which nobody is in it, and nobody has the value; empty: none
  bool disabled = false;  ///< nobody is in it, it has no value, whatever the expression says

  friend bool operator==(const definition&, const definition&) = default;
};

/// What is wrong with a definition.
struct problem {
  definition_kind kind = definition_kind::segment;
  std::string name;
  std::string message;     ///< what, and how to mend it
  std::size_t line = 1;    ///< of the expression
  std::size_t column = 1;  ///< in code points, from 1
};

}  // namespace kith::profile::segments
