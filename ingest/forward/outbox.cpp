#include "ingest/forward/outbox.hpp"

#include <algorithm>

#include "actors/journal_record.hpp"
#include "ingest/forward/spooler.hpp"
#include "profile/msgpack.hpp"

namespace kith::ingest::forward {

namespace {

constexpr std::size_t read_bytes = 1024 * 1024;  ///< from the spool at a time

}  // namespace

result<void> outbox::refill(persistence::spool& from) {
  if (has_unsent()) return {};
  auto at = at_;
  auto records = from.read(of_, at, read_bytes);
  if (!records) return tl::make_unexpected(std::move(records.error()));
  for (const auto& each : *records) {
    if (auto taken = take(each); !taken) return taken;
    at_ = each.end;
  }
  at_ = at;
  return {};
}

/// Records of one source and one time make one batch, for the store takes these for a batch. One that is traced goes
/// alone.
result<void> outbox::take(const persistence::spooled& record) {
  const auto parsed = actors::parse_record(record.payload);
  if (!parsed) {
    // Its checksum holds: another version of this program wrote it, and may send it.
    return fail(errc::unavailable, "spool, lane " + std::string(name_of(of_)) + ", segment " +
                                       std::to_string(record.end.segment) + ": " + parsed.error().message +
                                       "; this lane waits: use the program that wrote it");
  }
  auto* last = sent_ < queue_.size() ? queue_.back().get() : nullptr;
  const auto trace = traces_ != nullptr ? traces_->recall(trace_key(record.payload)) : actors::trace_context();
  const bool joins = last != nullptr && !trace.sampled && !last->trace.sampled && last->source == parsed->source &&
                     last->received_ms == parsed->received_ms &&
                     last->events.size() + parsed->events.size() <= batch_bytes_;
  if (!joins) {
    last = queue_.emplace_back(std::make_shared<outgoing_batch>()).get();
    last->of = of_;
    last->source = parsed->source;
    last->received_ms = parsed->received_ms;
    last->trace = trace;
  }
  last->events += parsed->events;
  last->count += parsed->count;
  last->end = record.end;
  last->bytes += record.bytes;
  return {};
}

bool outbox::has_unsent() {
  while (sent_ < queue_.size() && (queue_[sent_]->settled || queue_[sent_]->kept)) ++sent_;
  return sent_ < queue_.size();
}

batch_ptr outbox::next() { return has_unsent() ? queue_[sent_++] : nullptr; }

void outbox::acknowledge(persistence::spool& to) {
  while (!queue_.empty() && queue_.front()->settled) {
    const auto& first = *queue_.front();
    if (first.end.segment != 0) to.acknowledge(of_, first.end, first.bytes);
    queue_.pop_front();
    if (sent_ > 0) --sent_;
  }
}

void outbox::split(const batch_ptr& one) {
  const auto at = std::find(queue_.begin(), queue_.end(), one);
  if (at == queue_.end()) return;
  auto front = std::make_shared<outgoing_batch>(*one);
  profile::msgpack::reader in(one->events);
  for (front->count = 0; front->count < one->count / 2; ++front->count) in.skip();
  front->events.resize(in.offset());
  front->end = {};
  front->bytes = 0;
  one->events.erase(0, front->events.size());
  one->count -= front->count;
  queue_.insert(at, front);
  rewind();
}

}  // namespace kith::ingest::forward
