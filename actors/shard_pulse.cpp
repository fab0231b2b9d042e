#include "actors/shard_pulse.hpp"

#include <algorithm>
#include <boost/asio/post.hpp>

#include "actors/service.hpp"

namespace kith::actors {

shard_pulse::shard_pulse(service& watched) : watched_(watched), questions_(watched.shard_count()) {
  for (auto& each : questions_) each.answered = std::make_shared<std::atomic<bool>>(true);
}

std::chrono::nanoseconds shard_pulse::silence(time_point now) {
  const bool recovering = watched_.state().now == phase::recovering;
  const std::lock_guard lock(mutex_);
  std::chrono::nanoseconds longest{0};
  for (shard_id i = 0; i < questions_.size(); ++i) {
    auto& [answered, asked] = questions_[i];
    if (answered->load()) {
      answered->store(false);
      asked = now;
      boost::asio::post(watched_.io(i), [answer = answered] { answer->store(true); });
    } else if (recovering) {
      asked = now;
    } else {
      longest = std::max<std::chrono::nanoseconds>(longest, now - asked);
    }
  }
  return longest;
}

}  // namespace kith::actors
