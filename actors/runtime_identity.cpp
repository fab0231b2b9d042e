// Who is who: taking a profile apart, and its timeline over all of its identifiers.
#include <algorithm>
#include <future>

#include "actors/runtime_impl.hpp"
#include "persistence/store_keys.hpp"

namespace kith::actors {

namespace {

using profile::hash128;
using profile::identifier;

constexpr std::uint64_t fed_for_a_reader = 4 * 1024 * 1024;
constexpr std::size_t most_pairs = 100'000;     ///< that an unmerge takes apart
constexpr std::size_t position_bytes = 8 + 16;  ///< of a timeline's cursor: time and id
constexpr std::chrono::seconds patience{30};

std::string shown(const identifier& id) {
  switch (id.kind) {
    case profile::id_kind::user: return "user \"" + id.value + "\"";
    case profile::id_kind::anonymous: return "anonymous \"" + id.value + "\"";
    case profile::id_kind::external: return id.type + " \"" + id.value + "\"";
    case profile::id_kind::profile: break;
  }
  return "profile " + id.value;
}

bool before(const persistence::history_page::item& a, const persistence::history_page::item& b) {
  return a.time_ms != b.time_ms ? a.time_ms < b.time_ms : a.id < b.id;
}

}  // namespace

std::vector<identity_member> members_of(std::string_view identity) {
  std::vector<identity_member> found;
  profile::msgpack::reader in(identity);
  for (auto entries = in.next().size; entries > 0; --entries) {
    const auto key = in.next().bytes;
    if (key != "identifiers") {
      in.skip();
      continue;
    }
    for (auto left = in.next().size; left > 0; --left) {
      auto& each = found.emplace_back();
      for (auto fields = in.next().size; fields > 0; --fields) {
        const auto field = in.next().bytes;
        const auto value = in.next().bytes;
        if (field == "kind") {
          each.who.kind = value == "user"        ? profile::id_kind::user
                          : value == "anonymous" ? profile::id_kind::anonymous
                                                 : profile::id_kind::external;
        } else if (field == "type") {
          each.who.type = value;
        } else if (field == "id") {
          each.who.value = value;
        } else if (field == "profile") {
          profile::from_hex(value, each.address);
        }
      }
    }
  }
  return found;
}

void runtime_impl::unmerge(shard_id home, hash128 address, std::vector<identifier> out, std::string_view source,
                           std::function<void(result<void>)> done) {
  read_identity(home, address,
                [this, home, out = std::move(out), source = std::string(source),
                 done = std::move(done)](const result<found_profiles>& found) {
                  if (!found) return done(tl::make_unexpected(found.error()));
                  const auto identity = found->at(0);
                  if (!identity) return done(fail(errc::not_found, "there is no such profile"));
                  order_unmerge(home, *identity, out, source, done);
                });
}

void runtime_impl::order_unmerge(shard_id home, std::string_view identity, const std::vector<identifier>& out,
                                 const std::string& source, std::function<void(result<void>)> done) {
  if (const auto open = refusal(); !open) return done(open);
  auto members = members_of(identity);
  const auto* suppressed = shards_[home]->suppressed();
  const bool erased = suppressed != nullptr &&
                      std::any_of(members.begin(), members.end(),
                                  [&](const identity_member& each) { return suppressed->contains(each.address); });
  if (erased) return done(fail(errc::not_found, "the profile is being erased"));
  auto order = std::make_shared<unmerge_order>();
  order->time_ms = options_.now_ms();
  for (const auto& each : out) {
    hash128 address;
    const bool valid = profile::address_of(each, address);
    const auto found = std::find_if(members.begin(), members.end(),
                                    [&](const identity_member& one) { return valid && one.address == address; });
    if (found == members.end()) {
      return done(fail(errc::invalid_argument,
                       "unmerge: " + shown(each) + " is none of the profile's identifiers; see its `identity`"));
    }
    order->sides[0].push_back(std::move(found->who));
    members.erase(found);
  }
  for (auto& each : members) order->sides[1].push_back(std::move(each.who));
  if (order->sides[0].empty() || order->sides[1].empty()) {
    return done(fail(errc::invalid_argument,
                     "unmerge: name some of the profile's identifiers, and not all of them: those become a profile of "
                     "their own"));
  }
  if (order->sides[0].size() * order->sides[1].size() > most_pairs) {
    return done(fail(errc::too_large, "unmerge: " + std::to_string(order->sides[0].size()) + " identifiers from " +
                                          std::to_string(order->sides[1].size()) + " are over " +
                                          std::to_string(most_pairs) + " pairs; take out fewer at once"));
  }
  log("info", "unmerge by " + source + ": " + std::to_string(order->sides[0].size()) +
                  " identifiers leave a profile of " + std::to_string(order->sides[0].size() + order->sides[1].size()));
  auto work = make_order(std::move(order), source, shards_.size());
  work->home = home;
  work->started = now();
  work->done = [done = std::move(done)](const result<publish_outcome>& outcome) {
    done(outcome ? result<void>() : tl::make_unexpected(outcome.error()));
  };
  shards_[home]->publish(std::move(work));
}

void runtime_impl::identify_by(std::shared_ptr<const profile::identity::rules> rules) {
  for (const auto& each : shards_) {
    each->post([at = each.get(), rules] { at->identify_by(rules); });
  }
}

std::vector<ignored_identifier> runtime_impl::ignored_identifiers() const {
  std::vector<ignored_identifier> all;
  for (const auto& each : shards_) {
    auto more = each->ignored_identifiers();
    std::move(more.begin(), more.end(), std::back_inserter(all));
  }
  std::sort(all.begin(), all.end(), [](const auto& a, const auto& b) { return a.times > b.times; });
  return all;
}

result<std::vector<hash128>> runtime_impl::facets_of(hash128 address) {
  auto answered = std::make_shared<std::promise<result<std::vector<hash128>>>>();
  auto answer = answered->get_future();
  const auto home = shard_of(address, shards_.size());
  shards_[home]->post([this, home, address, answered] {
    read_identity(home, address, [address, answered](const result<found_profiles>& found) {
      if (!found) return answered->set_value(tl::make_unexpected(found.error()));
      std::vector<hash128> facets;
      if (const auto identity = found->at(0)) {
        for (const auto& each : members_of(*identity)) facets.push_back(each.address);
      }
      if (facets.empty()) facets.push_back(address);
      answered->set_value(std::move(facets));
    });
  });
  if (answer.wait_for(patience) != std::future_status::ready) {
    return fail(errc::unavailable, "the profile does not answer; try again in a moment");
  }
  return answer.get();
}

/// One timeline of several, each event once. A cursor is the time and the id of the last event before it.
result<persistence::history_page> runtime_impl::history(hash128 address, const persistence::history_query& query) {
  if (auto fed = feeder_->feed(fed_for_a_reader); !fed) return tl::make_unexpected(fed.error());
  const auto facets = facets_of(address);
  if (!facets) return tl::make_unexpected(facets.error());
  std::string position;
  if (!query.cursor.empty() &&
      (!persistence::keys::from_hex(query.cursor, position) || position.size() != position_bytes)) {
    return fail(errc::invalid_argument,
                "cursor: is not one that this timeline gave out; take `next` of the page before");
  }
  persistence::history_page page;
  bool more = false;
  for (const auto facet : *facets) {
    auto asked = query;
    if (!position.empty()) asked.cursor = persistence::keys::to_hex(profile::to_bytes(facet) + position);
    auto part = store_->read_history(facet, asked);
    if (!part) return part;
    more = more || !part->next.empty();
    std::move(part->items.begin(), part->items.end(), std::back_inserter(page.items));
  }
  std::sort(page.items.begin(), page.items.end(),
            [&](const auto& a, const auto& b) { return query.newest_first ? before(b, a) : before(a, b); });
  const auto same = [](const auto& a, const auto& b) { return a.id == b.id; };
  page.items.erase(std::unique(page.items.begin(), page.items.end(), same), page.items.end());
  if (page.items.size() > query.limit) {
    page.items.resize(query.limit);
    more = true;
  }
  if (more && !page.items.empty()) {
    const auto& last = page.items.back();
    page.next = persistence::keys::to_hex(persistence::keys::ordered_time(last.time_ms) + profile::to_bytes(last.id));
  }
  return page;
}

}  // namespace kith::actors
