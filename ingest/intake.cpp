#include "ingest/intake.hpp"

#include <algorithm>
#include <boost/asio/post.hpp>
#include <memory>

#include "actors/clock.hpp"
#include "actors/publish_span.hpp"
#include "persistence/event_letter.hpp"
#include "profile/msgpack.hpp"

namespace kith::ingest {

namespace msgpack = profile::msgpack;

struct intake::under_way {
  actors::shard_id home;
  arrival what;
  intake_done done;
  intake_outcome outcome;
};

namespace {

actors::open_span begin_publish(const arrival& what, bool only_keeps) {
  auto made = what.span.child(actors::span_kind::internal, only_keeps ? "spool" : "publish");
  if (made.on()) {
    made.note("kith.source", what.source);
    made.note("kith.events", std::int64_t{what.count});
  }
  return made;
}

/// Of the rejected ones, which are in the order of the array.
void add_rejected(const std::vector<actors::rejection>& rejected, arrival& what) {
  if (rejected.empty()) return;
  msgpack::reader in(what.events);
  in.next();
  std::uint32_t at = 0;
  for (const auto& each : rejected) {
    for (; at < each.index; ++at) in.skip();
    ++at;
    const auto index = what.indexes.empty() ? each.index : what.indexes[each.index];
    what.refused.push_back(
        {index, std::string(name_of(each.code)), each.message, "application/msgpack", std::string(in.skip())});
  }
}

persistence::dead_letter letter_of(const arrival& what, refused_event& refused) {
  if (refused.content_type == "application/msgpack") {
    return persistence::letter_of_event(std::move(refused.bytes), what.source, name_of(what.by), refused.code,
                                        refused.message);
  }
  persistence::dead_letter made;
  made.source = what.source;
  made.edge = name_of(what.by);
  made.code = refused.code;
  made.message = refused.message;
  made.content_type = refused.content_type;
  made.bytes = std::move(refused.bytes);
  return made;
}

}  // namespace

void intake::take(actors::shard_id home, arrival what, intake_done done) {
  probe::add(counts_.of(what.by).events, what.count + what.refused.size());
  guards_.pass(home, what, actors::wall_clock_ms());
  auto work = std::make_shared<under_way>(under_way{home, std::move(what), std::move(done), {}});
  if (work->what.count == 0) return keep_refused(work);
  const std::string_view events = work->what.events;
  auto publishing = begin_publish(work->what, to_.only_keeps());
  const auto trace = publishing.context();
  to_.publish(home, events, work->what.source, trace,
              [this, work, publishing](result<actors::publish_outcome> outcome) mutable {
                actors::end_publish(publishing, outcome);
                if (!outcome) return work->done(tl::make_unexpected(std::move(outcome.error())));
                work->outcome.applied = outcome->applied;
                work->outcome.duplicate = outcome->duplicate;
                work->outcome.only_kept = to_.only_keeps();
                add_rejected(outcome->rejected, work->what);
                keep_refused(work);
              });
}

void intake::keep_refused(const std::shared_ptr<under_way>& work) {
  auto& refused = work->what.refused;
  auto letters = std::move(work->what.letters);
  if (refused.empty() && letters.empty()) return work->done(std::move(work->outcome));
  std::stable_sort(refused.begin(), refused.end(), [](const auto& a, const auto& b) { return a.index < b.index; });
  probe::add(counts_.of(work->what.by).refused, refused.size() + letters.size());
  // Nothing is kept of who was erased, whatever else the event was refused for.
  for (auto& each : refused) {
    if (!to_.is_to_be_forgotten(each.code, each.bytes)) letters.push_back(letter_of(work->what, each));
  }
  for (auto& each : refused) each.bytes.clear();
  work->outcome.refused = std::move(refused);
  if (letters.empty()) return work->done(std::move(work->outcome));
  letters_.put(std::move(letters), [this, work](result<void> kept) {
    boost::asio::post(to_.loops().io(work->home), [work, kept = std::move(kept)] {
      if (!kept) return work->done(tl::make_unexpected(kept.error()));
      work->done(std::move(work->outcome));
    });
  });
}

}  // namespace kith::ingest
