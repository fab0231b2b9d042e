#include "ingest/forward/spooler.hpp"

#include <utility>
#include <array>
#include <boost/asio/post.hpp>
#include <memory>

#include "actors/journal_record.hpp"
#include "profile/event.hpp"
#include "profile/msgpack.hpp"

namespace kith::ingest::forward {

namespace {

using persistence::lane;
using persistence::lane_count;

/// A request on its way into the spool. Thread safety: none; on its loop's thread.
struct request {
  actors::publish_outcome outcome;
  actors::publish_done done;
  std::optional<error> failed;
  std::size_t left = 0;  ///< records that are not durable yet
};

void answer(request& work) {
  if (work.failed) return work.done(tl::make_unexpected(std::move(*work.failed)));
  work.done(std::move(work.outcome));
}

/// The events by lane, one after another.
struct sorted_events {
  struct share {
    std::string_view whole;  ///< if all of them are in this lane
    std::string some;
    std::uint32_t count = 0;
    std::string_view bytes() const { return whole.empty() ? std::string_view(some) : whole; }
  };
  std::array<share, lane_count> lanes;
  std::vector<actors::rejection> rejected;
};

lane lane_of(const profile::event_view& event) noexcept {
  return event.urgency == profile::priority::critical ? lane::critical : lane::normal;
}

/// False: the bytes are no such thing.
bool sort(std::string_view bytes, std::uint32_t count, const profile::reception& received, sorted_events& into) {
  const auto all = bytes;
  auto alone = lane::normal;  ///< in which all have been so far
  bool mixed = false;
  const auto part = [&](const char* end) { return all.substr(0, static_cast<std::size_t>(end - all.data())); };
  for (std::uint32_t index = 0; index < count; ++index) {
    const auto* before = bytes.data();
    profile::event_view event;
    const bool good = profile::parse_front_event(bytes, received, event);
    if (index == 0 && good) alone = lane_of(event);
    if (!mixed && (!good || lane_of(event) != alone)) {
      mixed = true;
      into.lanes[static_cast<std::size_t>(alone)].some = part(before);
    }
    if (!good) {
      const auto encoded = profile::msgpack::reader(bytes).skip();
      if (encoded.empty()) return false;
      bytes.remove_prefix(encoded.size());
      auto why = profile::parse_event(encoded, received);
      into.rejected.push_back({index, why.error().code, std::move(why.error().message), std::string(encoded)});
      continue;
    }
    auto& mine = into.lanes[static_cast<std::size_t>(lane_of(event))];
    if (mixed) mine.some += event.encoded;
    ++mine.count;
  }
  if (!mixed) into.lanes[static_cast<std::size_t>(alone)].whole = part(bytes.data());
  return true;
}

}  // namespace

profile::hash128 trace_key(std::string_view record) noexcept {
  constexpr std::size_t enough = 1024;  ///< when and from where it came, and its first events
  auto key = profile::hash_of(record.substr(0, enough));
  key.low += record.size();
  return key;
}

void spooler::publish(unsigned home, std::string_view events, std::string_view source,
                      const actors::trace_context& trace, actors::publish_done done) {
  auto work = std::make_shared<request>();
  work->done = std::move(done);
  const auto answer_later = [&] { boost::asio::post(loops_.io(home), [work] { answer(*work); }); };
  const auto refuse = [&](error why) {
    work->failed = std::move(why);
    answer_later();
  };
  profile::reception received;
  received.received_ms = now_ms_();
  received.bounds = bounds_;
  profile::msgpack::reader in(events);
  const auto head = in.next();
  sorted_events sorted;
  if (!head.is_array() || !sort(in.rest(), head.size, received, sorted)) {
    return refuse({errc::invalid_argument, "the events are not a well-formed MessagePack array"});
  }
  work->outcome.rejected = std::move(sorted.rejected);
  for (std::size_t i = 0; i < lane_count; ++i) {
    const auto& mine = sorted.lanes[i];
    if (mine.count == 0) continue;
    std::string record;
    record.reserve(mine.bytes().size() + source.size() + 32);
    actors::begin_record(record, received.received_ms, mine.count, source);
    record += mine.bytes();
    if (trace.sampled && traces_ != nullptr) traces_->remember(trace_key(record), trace);
    ++work->left;
    auto taken = into_.append(static_cast<lane>(i), std::move(record),
                              [this, home, work, events_in_it = mine.count](const result<void>& outcome) {
                                if (outcome) spooled_.fetch_add(events_in_it, std::memory_order_relaxed);
                                boost::asio::post(loops_.io(home), [work, outcome] {
                                  if (!outcome) work->failed = outcome.error();
                                  if (--work->left == 0) answer(*work);
                                });
                              });
    if (!taken) {
      // What of it is being written already will be a duplicate when the sender tries again.
      work->failed = std::move(taken.error());
      if (--work->left == 0) answer_later();
      return;
    }
    work->outcome.applied += mine.count;
  }
  if (work->left == 0) answer_later();
}

bool spooler::takes_events() const {
  const auto now = into_.status();
  return !now.full && now.failed.empty();
}

}  // namespace kith::ingest::forward
