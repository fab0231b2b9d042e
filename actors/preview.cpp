#include "actors/preview.hpp"

#include <algorithm>
#include <future>

#include "actors/shard.hpp"
#include "profile/accepted_event.hpp"
#include "profile/segments/history.hpp"
#include "profile/segments/what_if.hpp"

namespace kith::actors {

namespace {

using profile::hash128;
namespace identity = profile::identity;
namespace segments = profile::segments;

tl::unexpected<error> not_readable(hash128 address, const error& why) {
  return fail(why.code, "profile " + to_hex(address) + ": " + why.message + "; run `kith check` on the data directory");
}

}  // namespace

preview::preview(means with, preview_question asked, std::int64_t now_ms)
    : with_(std::move(with)),
      asked_(std::move(asked)),
      now_ms_(now_ms),
      until_(now() + most_time),
      segment_(asked_.definitions->find(segments::definition_kind::segment, asked_.segment).value()) {}

result<preview_outcome> preview::run() {
  const auto begun = now();
  auto looked = look_at_active();
  if (looked && found_.complete) looked = look_at_stored();
  if (!looked) return tl::make_unexpected(looked.error());
  if (with_.stopped()) return fail(errc::unavailable, "the server stopped before all profiles were looked at");
  std::sort(sample_.begin(), sample_.end());
  for (auto& [id, ids] : sample_) found_.sample.push_back(std::move(ids));
  found_.seconds = std::chrono::duration<double>(now() - begun).count();
  return std::move(found_);
}

bool preview::out_of_time() {
  if (now() >= until_ || with_.stopped()) found_.complete = false;
  return !found_.complete;
}

result<void> preview::look_at_active() {
  struct answer {
    std::vector<profile_copy> copies;
    std::size_t hand = SIZE_MAX;
  };
  for (const auto& each : with_.shards) {
    for (std::size_t hand = SIZE_MAX; hand != 0;) {
      // The shard may come to it when nobody waits any more.
      auto promise = std::make_shared<std::promise<answer>>();
      auto copied = promise->get_future();
      each->post([at = each.get(), hand, promise] {
        answer made;
        made.hand = at->copy_some(hand, made.copies);
        promise->set_value(std::move(made));
      });
      while (copied.wait_for(std::chrono::milliseconds(20)) != std::future_status::ready) {
        if (out_of_time()) return {};
      }
      auto got = copied.get();
      hand = got.hand;
      history_current_ = false;
      for (const auto& one : got.copies) {
        if (!seen_.insert(one.id).second) continue;  // it moved up in the shard's list
        seen_.insert(one.identifiers.begin(), one.identifiers.end());
        if (auto judged = judge(one); !judged) return judged;
        if (out_of_time()) return {};
      }
    }
  }
  return {};
}

result<void> preview::look_at_stored() {
  history_current_ = false;
  std::vector<stored> batch;
  result<void> outcome;
  auto walked = with_.store.for_each_snapshot([&](hash128 address, std::string_view state) {
    if (seen_.contains(address)) return true;
    batch.push_back({address, std::string(state)});
    if (batch.size() < snapshots_together) return true;
    outcome = look_at(std::exchange(batch, {}));
    return outcome && !out_of_time();
  });
  if (!walked) return walked;
  if (outcome && found_.complete) outcome = look_at(std::move(batch));
  return outcome;
}

result<void> preview::look_at(std::vector<stored> batch) {
  std::vector<hash128> addresses;
  addresses.reserve(batch.size());
  for (const auto& each : batch) addresses.push_back(each.address);
  const auto identities = with_.store.load_identities(addresses);
  if (!identities) return tl::make_unexpected(identities.error());
  for (std::size_t i = 0; i < batch.size() && !out_of_time(); ++i) {
    auto& [address, state] = batch[i];
    profile_copy one{address, {address}, {}};
    one.facets.push_back({address, std::move(state), {}});
    if (const auto& bytes = (*identities)[i]) {
      auto kin = identity::kin::decode(*bytes);
      if (!kin) return not_readable(address, kin.error());
      const auto relatives = relatives_of(address, std::move(*kin));
      if (!relatives) return tl::make_unexpected(relatives.error());
      if (!*relatives) continue;
      std::vector<hash128> others;
      auto first = identity::rank{(*relatives)->front().kind, address};
      for (const auto& each : **relatives) {
        first = std::min(first, identity::rank{each.kind, each.address});
        if (each.address != address) others.push_back(each.address);
      }
      one.id = first.address;
      auto states = with_.store.load(others);
      if (!states) return tl::make_unexpected(states.error());
      for (std::size_t other = 0; other < others.size(); ++other) {
        if ((*states)[other]) one.facets.push_back({others[other], std::move(*(*states)[other]), {}});
      }
    }
    if (auto judged = judge(one); !judged) return judged;
  }
  return {};
}

result<std::optional<std::vector<preview::relative>>> preview::relatives_of(hash128 address, identity::kin kin) {
  std::vector<relative> all;
  const auto kind = kin.self().kind;
  all.push_back({address, std::move(kin), kind});
  tsl::robin_set<hash128, profile::hash128_hasher> known{address};
  for (std::size_t next = 0; next < all.size();) {
    std::vector<hash128> fresh;
    const auto from = all.size();
    for (; next < from; ++next) {
      std::vector<relative> linked;
      for (const auto& link : all[next].kin.links()) {
        if (!all[next].kin.counts(link)) continue;
        // Each of them comes by in the walk: the lowest address takes all. One that is in memory was counted there.
        if (link.to < address || seen_.contains(link.to)) return std::nullopt;
        if (!known.insert(link.to).second) continue;
        fresh.push_back(link.to);
        linked.push_back({link.to, identity::kin(link.who), link.who.kind});
      }
      std::move(linked.begin(), linked.end(), std::back_inserter(all));
    }
    const auto kins = with_.store.load_identities(fresh);
    if (!kins) return tl::make_unexpected(kins.error());
    for (std::size_t i = 0; i < fresh.size(); ++i) {
      if (!(*kins)[i]) continue;
      auto decoded = identity::kin::decode(*(*kins)[i]);
      if (!decoded) return not_readable(fresh[i], decoded.error());
      all[from + i].kin = std::move(*decoded);
    }
  }
  return all;
}

result<void> preview::judge(const profile_copy& one) {
  std::vector<profile::profile> states;
  for (const auto& facet : one.facets) {
    auto state = profile::profile::decode(facet.state);
    if (!state) return not_readable(facet.address, state.error());
    if (state->empty()) continue;
    const auto filled = fill(*state, facet);
    if (!filled) return tl::make_unexpected(filled.error());
    if (!*filled) return {};
    states.push_back(std::move(*state));
  }
  if (states.empty()) return {};
  auto& whole = states.front();
  std::vector<profile::spilled_id> left;
  for (std::size_t i = 1; i < states.size(); ++i) whole.join(states[i], left, with_.recent_days);
  segments::what_if would(whole, asked_.definitions->inside());
  const bool holds = would.holds_at(segment_, now_ms_);
  ++found_.profiles;
  if (would.erred()) {
    if (found_.errors++ == 0) found_.first_error = would.run().error_of(segment_, now_ms_);
  }
  if (!holds) return {};
  ++found_.members;
  keep_sample(one, whole);
  return {};
}

/// The aggregates that are not kept, from the history. False: there was no time for that.
result<bool> preview::fill(profile::profile& state, const facet_copy& of) {
  const auto& definitions = *asked_.definitions;
  const auto keys = segments::missing_aggregates(state, definitions);
  if (keys.empty()) return true;
  while (!history_current_) {
    if (out_of_time()) return false;
    const auto fed = with_.feed_some();
    if (!fed) return tl::make_unexpected(fed.error());
    history_current_ = *fed;
  }
  persistence::history_query query;
  query.newest_first = false;
  query.limit = events_a_page;
  do {
    if (out_of_time()) return false;
    const auto page = with_.store.read_history(of.address, query);
    if (!page) return tl::make_unexpected(page.error());
    for (const auto& item : page->items) {
      const auto received = profile::reception_of_accepted(item.received_ms, item.encoded.size());
      const auto event = profile::parse_event(item.encoded, received);
      if (!event) continue;
      auto counted = is_counted(state, of, *event);
      if (!counted) return counted;
      if (*counted) state.backfill(definitions, keys, *event);
    }
    query.cursor = page->next;
  } while (!query.cursor.empty());
  state.mark_built(definitions, keys);
  return true;
}

/// The history also has events that came behind the copy, and such as another profile counted.
result<bool> preview::is_counted(const profile::profile& state, const facet_copy& of,
                                 const profile::event_view& event) {
  const auto seen = state.check(event);
  if (seen != profile::seen::ask_spilled) return seen == profile::seen::duplicate;
  if (std::find(of.spilled.begin(), of.spilled.end(), event.id) != of.spilled.end()) return true;
  if (!with_.store.may_be_spilled(of.address, event.id)) return false;
  return with_.store.is_spilled(of.address, event.id);
}

/// Ids are hashes: the lowest ones are as good a sample as any, and the same each time.
void preview::keep_sample(const profile_copy& one, const profile::profile& whole) {
  const bool full = sample_.size() == asked_.sample;
  if (asked_.sample == 0 || (full && sample_.front().first < one.id)) return;
  if (full) {
    std::pop_heap(sample_.begin(), sample_.end());
    sample_.pop_back();
  }
  static const auto fields = profile::fields_named({"profile", "userIds", "anonymousIds", "externalIds"});
  auto& [id, ids] = sample_.emplace_back();
  id = one.id;
  profile::msgpack::writer out(ids);
  whole.write_map(out, one.id, fields);
  std::push_heap(sample_.begin(), sample_.end());
}

}  // namespace kith::actors
