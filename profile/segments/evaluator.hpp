// Runs the expressions of a catalog over one profile at a time that is handed in.
//
// Thread safety: none; memory that the thread keeps is behind it, so one evaluator at a time a thread. What the thread
// keeps grows to the largest catalog and profile it met; from then on nothing is taken from the heap.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "profile/counters.hpp"
#include "profile/profile.hpp"
#include "profile/segments/aggregates.hpp"
#include "profile/segments/compiled.hpp"

namespace kith::profile::segments {

/// What definitions that others need came to.
class results {
 public:
  virtual bool member(std::uint32_t segment) = 0;
  /// MessagePack; empty: no value.
  virtual std::string_view computed(std::uint32_t definition) = 0;

 protected:
  ~results() = default;
};

class evaluator final : private cel::activation {
 public:
  /// The profile must not change while this lives.
  evaluator(const profile& of, const catalog::body& with, results& others);

  struct verdict {
    bool holds = false;      ///< of a segment
    std::string_view value;  ///< of a computed trait, in keep(); empty: none
    bool is_error = false;
  };
  /// Without consent to its purpose a definition does not hold, whatever its expression says.
  verdict judge(std::uint32_t definition, std::int64_t now_ms);
  /// What is wrong if judge() says that it is an error, for people. Runs the expression once more.
  std::string error_of(std::uint32_t definition, std::int64_t now_ms);
  /// The value of a program that reads the definition's slots; valid until the next run.
  cel::value run(const cel::program& program, std::uint32_t definition, std::int64_t now_ms);

  std::string_view body(std::uint32_t aggregate);  ///< the aggregate's bytes; empty: nothing
  const counter& counted(std::uint32_t name);      ///< count 0: nothing
  /// The first instant after `after_ms` at which something that the definition itself reads stops counting.
  std::int64_t next_expiry(std::uint32_t definition, std::int64_t after_ms);
  std::int64_t next_expiry_of_aggregate(std::uint32_t aggregate, std::int64_t after_ms);
  std::int64_t next_expiry_of_all(std::int64_t after_ms) const noexcept;  ///< that any definition reads

  /// Calls each(aggregate, body) for those of the profile's that are read by a window.
  template <class F>
  void for_each_timed(F each) const {
    auto groups = of_.inside().view(part::aggregates);
    for (aggregates::group group; aggregates::take_group(groups, group);) {
      const auto* const name = with_.named(group.name_hash);
      if (name == nullptr) continue;
      auto next = name->first_aggregate;
      for (aggregates::entry one; aggregates::take_entry(group.entries, one);) {
        while (next < name->end_aggregate && with_.aggregates[next].key < one.key) ++next;
        if (next == name->end_aggregate) break;
        const auto& of = with_.aggregates[next];
        if (of.key == one.key && of.held == one.held && !of.windows.empty()) each(of, one.body);
      }
    }
  }

  cel::arena& keep() noexcept;    ///< lives as long as this
  cel::arena& memory() noexcept;  ///< of the last run

 private:
  bool has_consent(std::uint32_t definition) const;
  cel::value variable(std::uint32_t index, cel::arena& memory) override;
  cel::value slot(std::uint32_t index, cel::arena& memory) override;
  cel::value counter_value(const segments::slot& of);
  void load(std::uint32_t name);

  const profile& of_;
  const catalog::body& with_;
  results& others_;
  const compiled_definition* current_ = nullptr;
  std::int64_t now_ms_ = 0;
};

/// The first instant after `after_ms` at which something in `body` stops counting for a window that reads it.
std::int64_t next_expiry_in(const aggregate& of, std::string_view body, std::int64_t after_ms) noexcept;

/// What `of` at `body` says.
cel::value aggregate_value(const aggregate& of, std::string_view body, const slot& reads, std::int64_t now_ms,
                           cel::arena& memory) noexcept;

}  // namespace kith::profile::segments
