// Reads: answered at once from the actor's state where it is in memory, by urgent mail where it has to be activated.
#include <algorithm>
#include <caf/mailbox_element.hpp>

#include "actors/shard.hpp"

namespace kith::actors {

namespace {

using stored_value = std::optional<std::string>;

/// Empty: the profile has none, or they cannot be read.
std::string names_of(profile::hash128 address, const stored_value& state, const stored_value& identity,
                     profile::field_set fields) {
  std::string map;
  profile::msgpack::writer out(map);
  if (state) {
    const auto read = profile::profile::decode(*state);
    if (!read) return map;
    if (!read->empty()) return read->write_map(out, address, fields), map;
  }
  if (!identity) return map;
  // No event was addressed to it, but others are linked to it.
  const auto kin = profile::identity::kin::decode(*identity);
  if (!kin || kin->self().value.empty()) return map;
  const auto& self = kin->self();
  const auto list = [&](std::string_view name, profile::id_kind kind) {
    out.string(name);
    out.array(self.kind == kind ? 1 : 0);
    if (self.kind != kind) return;
    if (kind == profile::id_kind::external) {
      out.map(2);
      out.string("type");
      out.string(self.type);
      out.string("id");
    }
    out.string(self.value);
  };
  out.map(3);
  list("userIds", profile::id_kind::user);
  list("anonymousIds", profile::id_kind::anonymous);
  list("externalIds", profile::id_kind::external);
  return map;
}

}  // namespace

void shard::read(std::unique_ptr<read_group> group) {
  if (group->asks == read_group::question::view) {
    group->views = views_;
    if (const auto found = views_->find(group->name); found) {
      group->view = *found;
      group->fields = (*views_)[*found].fields();
    } else {
      group->failure = found.error();
      answered_.push_back(group.release());
      return;
    }
  }
  read_group& asked = *group.release();
  asked.found = found_profiles(asked.addresses.size(), environment_.shards.size());
  asked.left = asked.addresses.size() + 1;  // one for this function, so that nobody answers before it is done
  std::vector<bool> touched(environment_.shards.size());
  for (const auto address : asked.addresses) touched[shard_of(address, touched.size())] = true;
  for (shard_id to = 0; to < touched.size(); ++to) {
    if (!touched[to] || to == id_) continue;
    auto& there = *environment_.shards[to];
    there.post([&there, &asked] { there.serve(asked); });
  }
  if (touched[id_]) serve(asked);
  if (asked.left.fetch_sub(1, std::memory_order_acq_rel) == 1) answered_.push_back(&asked);
}

void shard::serve(read_group& group) {
  auto& mine = scratch_indexes_;
  mine.clear();
  for (std::uint32_t index = 0; index < group.addresses.size(); ++index) {
    if (shard_of(group.addresses[index], environment_.shards.size()) == id_) mine.push_back(index);
  }
  auto& waiting = scratch_readers_;
  scratch_stored_.clear();
  std::size_t answered = 0;
  const auto address_at = [&](std::uint32_t index) { return group.addresses[index]; };
  const auto reads_built = [&](const profile_actor& actor) {
    return group.asks == read_group::question::view && !actor.views_.empty();
  };
  const auto write = [&] {
    for (const auto& [index, actor] : waiting) {
      if (actor != nullptr && !reads_built(*actor)) actor->state().prefetch();
    }
    for (const auto& [index, actor] : waiting) answered += serve_one(group, index, actor) ? 1 : 0;
    waiting.clear();
  };
  for_each_called_ahead(mine, address_at, [&](std::uint32_t index) {
    auto* actor = find(group.addresses[index]);
    if (actor != nullptr && reads_built(*actor)) {
      actor->views_.prefetch();
    } else if (actor != nullptr) {
      actor->state().prefetch_head();
    }
    waiting.emplace_back(index, actor);
    if (waiting.size() == lookups_together) write();
  });
  write();
  if (!scratch_stored_.empty()) read_stored_names(group, scratch_stored_);
  shard_counters::add(counters_.reads, answered);
  if (answered > 0 && group.left.fetch_sub(answered, std::memory_order_acq_rel) == answered) {
    auto& home = *environment_.shards[group.home];
    home.post([&home, &group] { home.answered_.push_back(&group); });
  }
}

/// False: it will be answered by mail, or from the store.
bool shard::serve_one(read_group& group, std::uint32_t index, profile_actor* actor) {
  const auto address = group.addresses[index];
  if (actor == nullptr) actor = find(address);  // another id of the group may have activated it
  if (actor == nullptr && !environment_.store.may_have_snapshot(address)) return true;
  if (actor != nullptr && can_answer(*actor, group)) {
    actor->last_used_ = tick_;
    write_answer(*actor, group, index);
    return true;
  }
  if (actor == nullptr && group.asks == read_group::question::names) {
    scratch_stored_.push_back(index);
    return false;
  }
  activate(address).enqueue(caf::make_mailbox_element(nullptr, caf::make_message_id(caf::message_priority::high), {},
                                                      read_profile{&group, index}),
                            this);
  return false;
}

void shard::read_stored_names(read_group& group, std::vector<std::uint32_t> indexes) {
  boost::asio::post(environment_.pool, [this, &group, indexes = std::move(indexes)]() mutable {
    std::vector<profile::hash128> addresses;
    addresses.reserve(indexes.size());
    for (const auto index : indexes) addresses.push_back(group.addresses[index]);
    const auto states = environment_.store.load(addresses);
    const auto identities = environment_.store.load_identities(addresses);
    std::vector<std::string> maps(indexes.size());
    for (std::size_t i = 0; states && identities && i < maps.size(); ++i) {
      maps[i] = names_of(addresses[i], (*states)[i], (*identities)[i], group.fields);
    }
    post([this, &group, indexes = std::move(indexes), maps = std::move(maps)] {
      auto& buffer = group.found.buffer(id_);
      for (std::size_t i = 0; i < maps.size(); ++i) {
        if (maps[i].empty() || vanished(group.addresses[indexes[i]])) continue;  // erased while it was read
        const auto offset = buffer.size();
        buffer += maps[i];
        group.found.found(id_, indexes[i], offset);
      }
      shard_counters::add(counters_.reads, indexes.size());
      if (group.left.fetch_sub(indexes.size(), std::memory_order_acq_rel) != indexes.size()) return;
      auto& home = *environment_.shards[group.home];
      home.post([&home, &group] { home.answered_.push_back(&group); });
    });
  });
}

void shard::answer_read(profile_actor& actor, const read_profile& message) {
  auto& group = *message.of;
  write_answer(actor, group, message.index);
  shard_counters::add(counters_.reads, 1);
  if (group.left.fetch_sub(1, std::memory_order_acq_rel) == 1) {
    auto& home = *environment_.shards[group.home];
    home.post([&home, &group] { home.answered_.push_back(&group); });
  }
}

void shard::write_answer(profile_actor& actor, read_group& group, std::uint32_t index) {
  if (actor.gone() || vanished(actor.address()) || (actor.state().empty() && !actor.linked())) return;
  auto& buffer = group.found.buffer(id_);
  const auto offset = buffer.size();
  profile::msgpack::writer out(buffer);
  const auto& nothing = profile::segments::standing();
  const auto& standing = actor.standing_ ? actor.standing_->now : nothing;
  switch (group.asks) {
    case read_group::question::map:
    case read_group::question::names:
      actor.state().write_map(out, actor.address(), group.fields, derived_of(actor, group.fields));
      break;
    case read_group::question::view: write_view(actor, group, buffer); break;
    case read_group::question::identity: actor.write_identity(out); break;
    case read_group::question::trait_sources: actor.state().write_trait_sources(out); break;
    case read_group::question::segments:
      if (definitions_) {
        write_segments(actor.state(), standing, *definitions_, wall_ms(), out);
      } else {
        out.array(0);
      }
      break;
    case read_group::question::explanation: {
      const auto written = definitions_
                               ? write_explanation(actor.state(), standing, *definitions_, group.name, wall_ms(), out)
                               : fail(errc::not_found, "no segments are defined");
      if (!written) {
        buffer.resize(offset);
        group.failure = written.error();
        return;
      }
      break;
    }
  }
  group.found.found(id_, index, offset);
}

std::size_t shard::copy_some(std::size_t hand, std::vector<profile_copy>& into) const {
  // Who leaves the list gives its place to the last one, which was met already or has just come.
  hand = std::min(hand, actors_.size());
  std::size_t bytes = 0;
  for (std::size_t looked = 0; looked < copied_a_turn && bytes < copied_bytes_a_turn && hand > 0; ++looked) {
    const auto& actor = *actors_[--hand];
    if (actor.loaded()) bytes += actor.copy_into(into.emplace_back());
  }
  return hand;
}

}  // namespace kith::actors
