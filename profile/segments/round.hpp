// One evaluation of a standing: a set of definitions, and those that depend on what changed, in their order.
#pragma once

#include <algorithm>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "profile/segments/evaluator.hpp"
#include "profile/segments/standing.hpp"

namespace kith::profile::segments {

/// Thread safety: none; one a thread at a time, as the evaluator.
class round final : private results {
 public:
  round(standing& at, const profile& of, const catalog::body& with, std::int64_t now_ms, transitions& changed);

  void add(std::uint32_t definition);
  void add_all();
  /// Those that the event can affect.
  void add_touched(const event_view& event, const std::vector<std::string_view>* changing);
  /// Those for which something began or ceased to count between the two times.
  void add_moved(std::int64_t from_ms, std::int64_t to_ms);
  /// Those that read one of these traits.
  void add_readers(std::span<const std::string> traits);
  /// Evaluates them. Then the standing is up to date, but for when it is due.
  void run();
  /// Drops what the catalog does not have any more.
  void drop_vanished();

  std::int64_t due() const { return std::min(run_.next_expiry_of_all(now_ms_), next_forgotten()); }
  /// If nothing was due before, and only the event's aggregates changed.
  std::int64_t due_after(const event_view& event, std::int64_t due_before_ms);

 private:
  void add_readers_of(std::string_view trait);
  std::int64_t next_forgotten() const;
  bool member(std::uint32_t segment) override;
  std::string_view computed(std::uint32_t definition) override;
  void set_member(std::uint32_t segment, bool holds);
  void set_computed(std::uint32_t definition, std::string_view value);

  standing& at_;
  const profile& of_;
  const catalog::body& with_;
  std::int64_t now_ms_;
  transitions& changed_;
  evaluator run_;
};

}  // namespace kith::profile::segments
