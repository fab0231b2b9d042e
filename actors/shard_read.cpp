// Reads: answered at once from the actor's state where it is in memory, by urgent mail where it has to be activated.
#include <algorithm>
#include <caf/mailbox_element.hpp>

#include "actors/shard.hpp"

namespace kith::actors {

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
  shard_counters::add(counters_.reads, answered);
  if (answered > 0 && group.left.fetch_sub(answered, std::memory_order_acq_rel) == answered) {
    auto& home = *environment_.shards[group.home];
    home.post([&home, &group] { home.answered_.push_back(&group); });
  }
}

/// False: it will be answered by mail.
bool shard::serve_one(read_group& group, std::uint32_t index, profile_actor* actor) {
  const auto address = group.addresses[index];
  if (actor == nullptr) actor = find(address);  // another id of the group may have activated it
  if (actor == nullptr && !environment_.store.may_have_snapshot(address)) return true;
  if (actor != nullptr && can_answer(*actor, group)) {
    actor->last_used_ = tick_;
    write_answer(*actor, group, index);
    return true;
  }
  activate(address).enqueue(caf::make_mailbox_element(nullptr, caf::make_message_id(caf::message_priority::high), {},
                                                      read_profile{&group, index}),
                            this);
  return false;
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
