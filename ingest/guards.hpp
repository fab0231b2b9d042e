// What keeps noise out of the profiles: filters of a source, more events than one person makes
// (and crawlers, see crawlers.hpp).
//
// Invariants: nothing is dropped: what a guard holds back becomes a dead letter with its reason.
// Thread safety: guard_settings: none, they are a value; rate_guard: all of it.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "profile/cel/program.hpp"
#include "profile/event.hpp"
#include "profile/result.hpp"

namespace kith::ingest {

/// An expression over `event`; true: the event is held back.
struct event_filter {
  std::string text;
  profile::cel::program run;

  /// Errors: invalid_argument: "1:1: no such variable …".
  static result<event_filter> make(std::string_view text);
  /// One that errs, for a field that is not there, holds nothing back.
  bool holds_back(std::string_view event, profile::cel::arena& memory) const;
};

struct guard_settings {
  std::vector<event_filter> filters;
  bool crawlers = false;     ///< are events of known crawlers let through?
  double profile_rate = 25;  ///< events a second of one profile, for long; 0: no bound
  double profile_burst = 250;
  bool crawlers_said = false;  ///< by the configuration, and not only the usual
  bool rate_said = false;

  /// For what programs publish over the protocol: only what the configuration says.
  guard_settings for_programs() const;
  /// Is there anything that may hold an event back?
  bool may_hold_back() const noexcept { return !filters.empty() || !crawlers || profile_rate > 0; }
};

/// How many events one profile may have, told by its primary identifier. Bounded: past `most_kept` profiles of a part
/// those that had not used up their burst are forgotten.
class rate_guard {
 public:
  static constexpr std::size_t parts = 64;
  static constexpr std::size_t most_kept = 4096;  ///< of each part

  /// False: one too many.
  bool let_through(profile::hash128 address, std::int64_t now_ms, const guard_settings& by);

 private:
  struct bucket {
    double left = 0;
    std::int64_t at_ms = 0;
  };
  struct hasher {
    std::size_t operator()(profile::hash128 of) const noexcept { return of.low; }
  };
  struct part {
    std::mutex mutex;
    std::unordered_map<profile::hash128, bucket, hasher> buckets;
  };
  static void forget_full(part& of, std::int64_t now_ms, const guard_settings& by);

  std::array<part, parts> parts_;
};

}  // namespace kith::ingest
