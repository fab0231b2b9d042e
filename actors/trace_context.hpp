// A place in a distributed trace, as W3C Trace Context (https://www.w3.org/TR/trace-context/) names it.
//
// Thread safety: none; values.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace kith::actors {

struct trace_context {
  std::uint64_t high = 0;  ///< of the trace's id; with `low` 0: there is no trace
  std::uint64_t low = 0;
  std::uint64_t span = 0;  ///< whose children come next; 0: what comes next is the first of its trace
  bool sampled = false;    ///< spans are recorded

  bool exists() const noexcept { return (high | low) != 0; }
};

/// The header `traceparent`. Nothing if it is malformed: then it counts as not sent.
std::optional<trace_context> parse_traceparent(std::string_view text) noexcept;
/// REQUIRES: neither the trace nor the span is 0.
std::string traceparent_of(const trace_context& at);
/// 32 hexadecimal digits.
std::string trace_id_of(const trace_context& at);
/// 16 hexadecimal digits.
std::string span_id_of(std::uint64_t span);

}  // namespace kith::actors
