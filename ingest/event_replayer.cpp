#include "ingest/event_replayer.hpp"

#include <boost/asio/post.hpp>
#include <future>

#include "profile/msgpack.hpp"

namespace kith::ingest {

namespace {

using outcome_or_error = result<actors::publish_outcome>;

/// Is it one map, and nothing behind it?
bool is_one_map(std::string_view bytes) {
  return profile::msgpack::reader(bytes).next().is_map() &&
         profile::msgpack::reader(bytes).skip().size() == bytes.size();
}

}  // namespace

result<persistence::replay_outcome> event_replayer::replay(const persistence::dead_letter& letter) const {
  const auto refuse = [&](const std::string& why) {
    return fail(errc::invalid_argument, "letter " + letter.id + ": " + why);
  };
  if (letter.truncated)
    return refuse("was cut when it was kept, and cannot be replayed; see dead_letters.letter_bytes");
  if (letter.content_type != content_type) {
    return refuse("holds \"" + letter.content_type + "\"; only " + std::string(content_type) + " can be replayed");
  }
  if (!is_one_map(letter.bytes)) return refuse("does not hold one event as a MessagePack map");
  std::string events;
  profile::msgpack::writer(events).array(1);
  events += letter.bytes;
  return publish(std::move(events), letter);
}

result<persistence::replay_outcome> event_replayer::publish(std::string events,
                                                            const persistence::dead_letter& letter) const {
  auto promise = std::make_shared<std::promise<outcome_or_error>>();
  auto answer = promise->get_future();
  // The destination, for this object may be gone when the loop comes to it.
  boost::asio::post(to_.loops().io(0), [&to = to_, promise, events = std::move(events), source = letter.source] {
    to.publish(0, events, source, {}, [promise](const outcome_or_error& outcome) { promise->set_value(outcome); });
  });
  if (answer.wait_for(patience_) != std::future_status::ready) {
    return fail(errc::unavailable, "letter " + letter.id +
                                       ": the event was not durable in time; see /readyz. Replaying "
                                       "it again is safe");
  }
  const auto outcome = answer.get();
  if (!outcome) return tl::make_unexpected(outcome.error());
  persistence::replay_outcome made;
  made.applied = outcome->applied;
  made.duplicate = outcome->duplicate;
  made.again_rejected = static_cast<std::uint32_t>(outcome->rejected.size());
  if (!outcome->rejected.empty()) {
    made.code = name_of(outcome->rejected.front().code);
    made.message = outcome->rejected.front().message;
  }
  return made;
}

}  // namespace kith::ingest
