// What has become of the lines that `kith publish` read.
//
// Invariants: an outcome's index leads to the line its event stood in, in whatever order the batches are answered.
// Thread safety: all of it.
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "actors/service.hpp"

namespace kith::cli {

class publish_tally {
 public:
  struct counts {
    std::uint64_t events = 0;
    std::uint64_t applied = 0;
    std::uint64_t duplicate = 0;
    std::uint64_t rejected = 0;
    std::uint64_t failed = 0;  ///< in batches that the server did not answer
    std::uint64_t done() const noexcept { return applied + duplicate + rejected + failed; }
  };
  using on_rejected = std::function<void(std::uint64_t line, errc code, const std::string& message)>;

  explicit publish_tally(std::size_t publishers, on_rejected rejected)
      : rejected_(std::move(rejected)), sent_(publishers) {}

  /// Publisher `from`'s next event stands in this line.
  void sent(std::size_t from, std::uint64_t line);
  /// The line is no event.
  void refused(std::uint64_t line, const error& why);
  /// `first`: the number of the batch's first event among those of the publisher, from 0 on.
  void answered(std::size_t from, std::uint64_t first, std::size_t count,
                const result<actors::publish_outcome>& outcome);

  counts so_far() const;
  /// Why a batch failed, the first that did.
  std::optional<error> failure() const;

 private:
  struct in_flight {
    std::uint64_t base = 0;  ///< the number of lines.front()'s event
    std::deque<std::uint64_t> lines;
    std::map<std::uint64_t, std::size_t> answered;  ///< batches behind ones that are not: first event, events
  };
  void reject(std::uint64_t line, errc code, const std::string& message);

  const on_rejected rejected_;
  mutable std::mutex mutex_;
  std::vector<in_flight> sent_;
  counts counts_;
  std::optional<error> failure_;
};

}  // namespace kith::cli
