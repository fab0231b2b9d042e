// The keys that the journal is encrypted with: who has them, when new ones begin, when old ones are forgotten.
//
// Invariants
//   - No two processes, and no two shards, write under the same epoch with the same number: no nonce comes twice.
//   - No epoch gets a number that the journal names of one whose keys are lost.
//   - An epoch is forgotten once no segment is left that was written before the next one began.
#include <algorithm>

#include "actors/runtime_impl.hpp"

namespace kith::actors {

namespace {

constexpr std::chrono::hours epoch_lasts{1};

/// That any record of the segment names.
result<std::uint32_t> highest_epoch(persistence::file_system& files, const persistence::segment_file& segment) {
  std::uint32_t highest = 0;
  // Not as the last one of its shard: behind damage, too.
  const auto read = persistence::read_segment(files, segment, false, 0, [&](std::string_view payload, std::uint64_t) {
    highest = std::max(highest, persistence::sealed_epoch(payload).value_or(0));
    return true;
  });
  if (!read && read.error().code != errc::not_found) return tl::make_unexpected(read.error());
  return highest;
}

}  // namespace

result<void> runtime_impl::open_keys() {
  const auto directory = options_.data + "/keys";
  const auto there = files_.exists(directory);
  if (!there) return tl::make_unexpected(there.error());
  if (*there || options_.encryption.journal) {
    auto opened = persistence::key_ring::open(files_, directory, options_.encryption,
                                              [this](auto level, auto message) { log(level, std::string(message)); });
    if (!opened) return tl::make_unexpected(opened.error());
    keys_ = std::move(*opened);
  }
  const auto given_up = check_keys();
  if (!given_up) return tl::make_unexpected(given_up.error());
  if (!keys_) return {};
  opener_ = make_opener();
  if (seals()) {
    if (auto begun = keys_->begin_epoch(*given_up); !begun) return begun;
    checkpoint_marks all;  // what is there was written by earlier processes
    for (shard_id id = 0; id < options_.shards; ++id) all[id].saved = UINT64_MAX;
    return note_keys_changed(all);
  }
  return {};
}

/// That what is encrypted can be read. Each process begins new segments, so the first record of each tells.
result<std::uint32_t> runtime_impl::check_keys() {
  const auto segments = persistence::list_segments(files_, journal_directory());
  if (!segments) return tl::make_unexpected(segments.error());
  std::uint32_t given_up = 0;
  for (const auto& segment : *segments) {
    std::string first;
    const auto read = persistence::read_segment(files_, segment, true, 0, [&](std::string_view payload, std::uint64_t) {
      first = payload.substr(0, persistence::sealed_head_bytes);
      return false;
    });
    if (!read && read.error().code != errc::not_found) return tl::make_unexpected(read.error());
    const auto epoch = persistence::sealed_epoch(first);
    if (!epoch || (keys_ && keys_->find(*epoch))) continue;
    const auto what = segment.path + ": is encrypted by keys of epoch " + std::to_string(*epoch) + ", and " +
                      options_.data + "/keys does not have them";
    if (!options_.accept_missing_journal) {
      return fail(errc::internal,
                  what +
                      "; bring that directory back from a backup, or give up what they held: kith serve "
                      "--accept-missing-journal");
    }
    log("error", what + "; given up as was asked");
    given_up = std::max(given_up, *epoch);
  }
  if (given_up == 0) return given_up;
  for (const auto& segment : *segments) {  // a new epoch may begin in the middle of one
    auto highest = highest_epoch(files_, segment);
    if (!highest) return highest;
    given_up = std::max(given_up, *highest);
  }
  return given_up;
}

std::unique_ptr<persistence::record_opener> runtime_impl::make_opener() const {
  return keys_ ? std::make_unique<persistence::record_opener>(*keys_, options_.encryption.cache_bytes / 4) : nullptr;
}

std::unique_ptr<persistence::record_sealer> runtime_impl::make_sealer(shard_id id) const {
  if (!seals()) return nullptr;
  return std::make_unique<persistence::record_sealer>(keys_->current(), id, options_.encryption.cache_bytes);
}

result<bool> runtime_impl::change_keys(bool at_once) {
  if (!seals() || (!at_once && now() - epoch_began_ < epoch_lasts)) return false;
  if (at_once && keys_->current()->people.is_whole()) return false;  // nobody was erased since it began
  if (auto begun = keys_->begin_epoch(); !begun) {
    failed(begun.error());
    return tl::make_unexpected(begun.error());
  }
  epoch_began_ = now();
  const auto adopted = on_every_shard([epoch = keys_->current()](shard& at, auto done) {
    at.seal_by(epoch, {});
    done({});
  });
  if (!adopted) return tl::make_unexpected(adopted.error());
  return true;
}

result<void> runtime_impl::note_keys_changed(const checkpoint_marks& sealed) {
  key_change change{keys_->current()->number, {}};
  const auto segments = persistence::list_segments(files_, journal_directory());
  if (!segments) return tl::make_unexpected(segments.error());
  for (const auto& each : *segments) {
    const auto mark = sealed.find(each.shard);
    const bool behind = mark != sealed.end() && each.shard < options_.shards && each.segment > mark->second.saved;
    if (!behind) change.through[each.shard] = std::max(change.through[each.shard], each.segment);
  }
  key_changes_.push_back(std::move(change));
  return {};
}

result<void> runtime_impl::forget_keys() {
  if (key_changes_.empty()) return {};
  const auto segments = persistence::list_segments(files_, journal_directory());
  if (!segments) return tl::make_unexpected(segments.error());
  const auto is_left = [&](const key_change& change) {
    return std::any_of(segments->begin(), segments->end(), [&](const auto& each) {
      const auto through = change.through.find(each.shard);
      return through != change.through.end() && each.segment <= through->second;
    });
  };
  const auto first_left = std::find_if(key_changes_.begin(), key_changes_.end(), is_left);
  if (first_left == key_changes_.begin()) return {};
  auto forgotten = keys_->forget_before(std::prev(first_left)->epoch);
  if (!forgotten) {
    failed(forgotten.error());
    return forgotten;
  }
  key_changes_.erase(key_changes_.begin(), first_left);
  return {};
}

result<void> runtime_impl::destroy_keys(const std::vector<profile::hash128>& addresses) {
  if (!keys_) return {};
  if (auto destroyed = keys_->destroy(addresses); !destroyed) {
    if (destroyed.error().code != errc::too_large) failed(destroyed.error());
    return destroyed;
  }
  if (!seals()) return {};
  return on_every_shard([epoch = keys_->current(), addresses](shard& at, auto done) {
    at.seal_by(epoch, addresses);
    done({});
  });
}

result<void> runtime_impl::wrap_keys(const persistence::encryption_settings& by) {
  if (!keys_) return {};
  return keys_->wrap(by, [this](auto level, auto message) { log(level, std::string(message)); });
}

}  // namespace kith::actors
