#include "actors/latency.hpp"

#include <utility>
#include <algorithm>
#include <deque>
#include <mutex>
#include <vector>

#include "actors/clock.hpp"

namespace kith::actors {

namespace {

constexpr std::size_t short_slices = 6;  ///< of ten seconds
constexpr std::size_t long_slices = 60;  ///< of a minute
constexpr std::size_t short_slices_a_long = 6;
constexpr std::size_t long_slices_in_five_minutes = 5;

using stage_histograms = std::array<histogram, stage_count>;

constexpr std::size_t slow_kept = 8;  ///< a lane and stage
/// Of a minute.
struct slow_samples {
  std::array<latency_sample, slow_kept> all{};
  std::size_t fastest = 0;  ///< of them, which the next slower one replaces

  bool takes(std::uint64_t microseconds) const noexcept {
    return all[fastest].at_ms == 0 || microseconds > all[fastest].microseconds;
  }
  void take(const latency_sample& one) noexcept {
    all[fastest] = one;
    const auto before = [](const latency_sample& a, const latency_sample& b) {
      return a.microseconds < b.microseconds;
    };
    fastest = static_cast<std::size_t>(std::min_element(all.begin(), all.end(), before) - all.begin());
  }
};

std::size_t bucket_of(std::uint64_t microseconds) noexcept {
  std::size_t at = 0;
  while (at < latency_bounds.size() && microseconds > latency_bounds[at]) ++at;
  return at;
}

}  // namespace

std::string_view name_of(stage stage) noexcept {
  switch (stage) {
    case stage::ingest: return "ingest";
    case stage::journal: return "journal";
    case stage::apply: return "apply";
    case stage::segment: return "segment";
    case stage::read: return "read";
    case stage::end_to_end: return "end_to_end";
  }
  return "unknown";
}

struct latency_recorder::impl {
  struct lane {
    std::mutex mutex;  // taken by its shard for each sample and by others seldom: all but free
    stage_histograms live;
    std::array<latency_buckets, stage_count> since_start;
    std::array<slow_samples, stage_count> slow;         ///< of this minute
    std::array<slow_samples, stage_count> slow_before;  ///< of the one before
  };

  explicit impl(unsigned lanes) : lanes_(lanes) {}

  std::vector<lane> lanes_;
  mutable std::mutex mutex_;  ///< of what follows
  std::deque<stage_histograms> short_;
  std::deque<stage_histograms> long_;
  stage_histograms minute_;  ///< the long slice that is being filled
  std::size_t in_minute_ = 0;
  stage_histograms ever_;
};

latency_recorder::latency_recorder(unsigned lanes) : impl_(std::make_unique<impl>(lanes == 0 ? 1 : lanes)) {}
latency_recorder::~latency_recorder() = default;

void latency_recorder::record(unsigned lane, stage stage, std::chrono::nanoseconds latency,
                              const trace_context& of) noexcept {
  const auto microseconds = latency.count() <= 0 ? 0 : static_cast<std::uint64_t>((latency.count() + 999) / 1000);
  const auto index = static_cast<std::size_t>(stage);
  const auto bucket = bucket_of(microseconds);
  auto& into = impl_->lanes_[lane];
  const std::lock_guard lock(into.mutex);
  into.live[index].record(microseconds);
  auto& counted = into.since_start[index];
  ++counted.counts[bucket];
  counted.sum += microseconds;
  const bool is_slow = into.slow[index].takes(microseconds);
  if (!is_slow && !of.sampled) return;
  const latency_sample one{microseconds, wall_clock_ms(), of.sampled ? of : trace_context()};
  if (is_slow) into.slow[index].take(one);
  if (of.sampled) counted.exemplars[bucket] = one;
}

latency_buckets latency_recorder::buckets(stage stage) const {
  latency_buckets sum;
  for (auto& lane : impl_->lanes_) {
    const std::lock_guard lock(lane.mutex);
    const auto& mine = lane.since_start[static_cast<std::size_t>(stage)];
    sum.sum += mine.sum;
    for (std::size_t i = 0; i < sum.counts.size(); ++i) {
      sum.counts[i] += mine.counts[i];
      if (mine.exemplars[i].at_ms > sum.exemplars[i].at_ms) sum.exemplars[i] = mine.exemplars[i];
    }
  }
  return sum;
}

std::vector<latency_sample> latency_recorder::slowest(stage stage) const {
  const auto index = static_cast<std::size_t>(stage);
  std::vector<latency_sample> all;
  for (auto& lane : impl_->lanes_) {
    const std::lock_guard lock(lane.mutex);
    for (const auto* from : {&lane.slow[index], &lane.slow_before[index]}) {
      for (const auto& each : from->all) {
        if (each.at_ms != 0) all.push_back(each);
      }
    }
  }
  std::sort(all.begin(), all.end(), [](const auto& a, const auto& b) { return a.microseconds > b.microseconds; });
  if (all.size() > slow_kept) all.resize(slow_kept);
  return all;
}

histogram latency_recorder::snapshot(stage stage, window window, std::chrono::steady_clock::time_point) const {
  const auto index = static_cast<std::size_t>(stage);
  histogram sum;
  const std::lock_guard lock(impl_->mutex_);
  const auto add_newest = [&](const std::deque<stage_histograms>& slices, std::size_t most) {
    for (std::size_t i = slices.size() - std::min(most, slices.size()); i < slices.size(); ++i)
      sum.add(slices[i][index]);
  };
  switch (window) {
    case window::minute: add_newest(impl_->short_, short_slices); break;
    case window::five_minutes:
      add_newest(impl_->long_, long_slices_in_five_minutes);
      sum.add(impl_->minute_[index]);
      break;
    case window::hour:
      add_newest(impl_->long_, long_slices);
      sum.add(impl_->minute_[index]);
      break;
    case window::ever: sum.add(impl_->ever_[index]); break;
  }
  for (auto& lane : impl_->lanes_) {
    const std::lock_guard lane_lock(lane.mutex);
    sum.add(lane.live[index]);
  }
  return sum;
}

void latency_recorder::rotate(std::chrono::steady_clock::time_point) {
  const auto slice = std::make_unique<stage_histograms>();
  const std::lock_guard lock(impl_->mutex_);  // who looks finds each sample in one place
  for (auto& lane : impl_->lanes_) {
    const std::lock_guard lane_lock(lane.mutex);
    for (std::size_t i = 0; i < stage_count; ++i) {
      (*slice)[i].add(lane.live[i]);
      if (lane.live[i].count() > 0) lane.live[i] = histogram();
    }
  }
  for (std::size_t i = 0; i < stage_count; ++i) {
    impl_->minute_[i].add((*slice)[i]);
    impl_->ever_[i].add((*slice)[i]);
  }
  impl_->short_.push_back(*slice);
  if (impl_->short_.size() > short_slices) impl_->short_.pop_front();
  if (++impl_->in_minute_ == short_slices_a_long) {
    impl_->long_.push_back(impl_->minute_);
    if (impl_->long_.size() > long_slices) impl_->long_.pop_front();
    for (auto& histogram_of_stage : impl_->minute_) histogram_of_stage = histogram();
    impl_->in_minute_ = 0;
    for (auto& lane : impl_->lanes_) {
      const std::lock_guard lane_lock(lane.mutex);
      lane.slow_before = std::exchange(lane.slow, {});
    }
  }
}

}  // namespace kith::actors
