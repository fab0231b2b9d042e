#include "actors/latency.hpp"

#include <algorithm>
#include <deque>
#include <mutex>
#include <vector>

namespace kith::actors {

namespace {

constexpr std::size_t short_slices = 6;  ///< of ten seconds
constexpr std::size_t long_slices = 60;  ///< of a minute
constexpr std::size_t short_slices_a_long = 6;
constexpr std::size_t long_slices_in_five_minutes = 5;

using stage_histograms = std::array<histogram, stage_count>;

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

void latency_recorder::record(unsigned lane, stage stage, std::chrono::nanoseconds latency) noexcept {
  const auto microseconds = latency.count() <= 0 ? 0 : static_cast<std::uint64_t>((latency.count() + 999) / 1000);
  auto& into = impl_->lanes_[lane];
  const std::lock_guard lock(into.mutex);
  into.live[static_cast<std::size_t>(stage)].record(microseconds);
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
  }
}

}  // namespace kith::actors
