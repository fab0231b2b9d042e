// A copy of what the runtime has on disk, taken while it serves.
#include "actors/runtime_impl.hpp"
#include "persistence/copying.hpp"

namespace kith::actors {

result<void> runtime_impl::copy_to(const std::string& directory) {
  // So that the copy is of few segments, and a start from it replays little.
  if (auto saved = checkpoint(catching_up::yes); !saved) return saved;
  const std::lock_guard nothing_retires(checkpoint_mutex_);
  if (auto made = files_.make_directory(directory + "/journal"); !made) return made;
  // The store first: what it lacks of the moment at which the journals are sealed is in their segments, since none
  // has gone meanwhile. The other way round it would hold what no segment of the copy accounts for.
  if (auto copied = store_->copy_to(directory + "/store"); !copied) return copied;
  std::map<unsigned, std::uint64_t> sealed;
  for (const auto& each : shards_) {
    const auto segment = each->journal().seal();
    if (!segment) return tl::make_unexpected(segment.error());
    sealed[each->id()] = *segment;
  }
  const auto segments = persistence::list_segments(files_, journal_directory());
  if (!segments) return tl::make_unexpected(segments.error());
  for (const auto& each : *segments) {
    // Those of shards that are no more are complete, too.
    if (const auto last = sealed.find(each.shard); last != sealed.end() && each.segment > last->second) continue;
    const auto name = each.path.substr(each.path.rfind('/'));
    if (auto copied = copy_file(files_, each.path, directory + "/journal" + name); !copied) return copied;
  }
  if (auto synced = files_.sync_directory(directory + "/journal"); !synced) return synced;
  for (const auto* name : {"/checkpoint", "/definitions"}) {
    auto copied = copy_file(files_, options_.data + name, directory + name);
    if (!copied && copied.error().code != errc::not_found) return copied;
  }
  return {};
}

}  // namespace kith::actors
