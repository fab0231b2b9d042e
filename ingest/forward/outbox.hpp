// What of one lane was read from the spool and is not acknowledged: batches in order, sent or to be sent.
//
// Invariants: the first `sent` batches were sent on the present connection, or need not be.
// Thread safety: none; it belongs to the sender's thread.
#pragma once

#include <cstdint>
#include <deque>
#include <memory>
#include <string>

#include "actors/tracing.hpp"
#include "persistence/spool.hpp"
#include "profile/result.hpp"

namespace kith::ingest::forward {

/// Events of one source that came in at one time.
struct outgoing_batch {
  persistence::lane of = persistence::lane::normal;
  std::string source;
  std::int64_t received_ms = 0;
  std::string events;  ///< MessagePack maps, one after another
  std::uint32_t count = 0;
  persistence::journal_position end;  ///< segment 0: there is more of its record behind it
  std::uint64_t bytes = 0;            ///< of records that end with it
  bool settled = false;               ///< nothing of it is to be sent any more
  bool kept = false;                  ///< on its way to the dead letters: not to be sent, not settled
  actors::trace_context trace;        ///< of the request that brought it, if that is sampled and still known
  actors::open_span sending;          ///< since it was sent last
};
using batch_ptr = std::shared_ptr<outgoing_batch>;

class outbox {
 public:
  /// `traces`: null: nothing is traced; outlives it.
  outbox(persistence::lane of, persistence::journal_position from, std::size_t batch_bytes,
         const actors::tracer* traces = nullptr)
      : of_(of), at_(from), batch_bytes_(batch_bytes), traces_(traces) {}

  /// Reads on if there is nothing to send. Errors: as of spool::read; unavailable (a record of another version).
  result<void> refill(persistence::spool& from);
  /// The next one to send, which counts as sent then; null: none.
  batch_ptr next();
  bool has_unsent();
  bool empty() const noexcept { return queue_.empty(); }
  /// All that is unsettled is to be sent again.
  void rewind() noexcept { sent_ = 0; }
  /// Acknowledges what is settled, up to the first that is not.
  void acknowledge(persistence::spool& to);
  /// Two of one, in its place.
  void split(const batch_ptr& one);
  /// When the oldest event came; 0: none.
  std::int64_t oldest_ms() const noexcept { return queue_.empty() ? 0 : queue_.front()->received_ms; }

 private:
  result<void> take(const persistence::spooled& record);

  const persistence::lane of_;
  persistence::journal_position at_;
  const std::size_t batch_bytes_;
  const actors::tracer* traces_;
  std::deque<batch_ptr> queue_;
  std::size_t sent_ = 0;
};

}  // namespace kith::ingest::forward
