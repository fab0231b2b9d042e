// Watching changes. Each shard's hub keeps the recent changes of its own profiles (source) and the watches of its own
// connections (home); sources hand matching changes to homes at the end of a turn.
//
// A cursor is `<start of this process>.<sequence at shard 0>.<sequence at shard 1>…`: what has been seen of each
// source.
//
// Invariants
//   - A source keeps at most `kept_changes` changes and `kept_bytes` of what they hold; a watch that needs older ones
//   ends with
//     not_found. Nothing is kept before the first watch of this process.
//   - A watch gets each change of a profile once, in the order in which they were applied.
// Thread safety: belongs to the shard's thread; hubs talk by posting.
#pragma once

#include <deque>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "actors/service.hpp"

namespace kith::actors {

class shard;
struct shard_environment;

class watch_hub {
 public:
  static constexpr std::size_t kept_changes = 65536;
  static constexpr std::size_t kept_bytes = 64 * 1024 * 1024;

  watch_hub(shard& home, shard_environment& environment) : home_(home), environment_(environment) {}

  /// Errors: invalid_argument (a cursor that is malformed or from before a restart).
  result<watch_id> add(const watch_filter& filter, watch_callback callback);
  void remove(watch_id id);
  /// Ends every watch of this home with the error.
  void end_all(const error& why);

  /// A profile of this shard changed; `traits`: MessagePack map, maybe empty.
  /// `others`: the addresses of its identifiers, under which it may be watched too; null: only its own.
  void record(profile::hash128 profile, std::uint64_t version, std::string_view traits,
              const std::shared_ptr<const membership_change>& memberships,
              const std::shared_ptr<const std::vector<profile::hash128>>& others);
  void send();

 private:
  struct kept_change {
    profile::hash128 profile;
    std::uint64_t version;
    std::shared_ptr<const std::string> traits;
    std::shared_ptr<const membership_change> memberships;
    std::shared_ptr<const std::vector<profile::hash128>> others;
    std::size_t bytes;  ///< of traits, and of addresses that no change before held
  };
  struct sequenced_change {
    std::uint64_t sequence;
    kept_change what;
  };
  struct subscription {
    shard_id home;
    watch_id id;
    std::optional<profile::hash128> profile;
    std::string segment;
    std::uint64_t next;
  };
  struct watch {
    watch_callback callback;
    std::vector<std::optional<std::uint64_t>> seen;            ///< by source; nothing until the source has answered
    std::vector<std::pair<shard_id, sequenced_change>> early;  ///< came before every source had answered
  };

  void subscribe(shard_id home, watch_id id, const watch_filter& filter, std::optional<std::uint64_t> from);
  static bool wants(const subscription& to, const kept_change& change);
  void unsubscribe(shard_id home, watch_id id);
  void subscribed(watch_id id, shard_id source, std::uint64_t seen);
  void arrived(watch_id id, shard_id source, const std::vector<sequenced_change>& changes);
  void lost(watch_id id);
  void hand_out(watch& to, shard_id source, const sequenced_change& change);
  std::string cursor_of(const watch& of) const;
  std::uint64_t end() const noexcept { return first_ + kept_.size(); }

  shard& home_;
  shard_environment& environment_;

  // As a source.
  std::deque<kept_change> kept_;
  std::uint64_t first_ = 1;  ///< sequence of kept_.front()
  std::size_t bytes_ = 0;
  std::vector<subscription> subscriptions_;
  bool changed_ = false;

  // As a home.
  std::map<watch_id, watch> watches_;
  watch_id next_id_ = 1;
};

}  // namespace kith::actors
