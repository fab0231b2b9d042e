// Reads: answered at once from the actor's state where it is in memory, by urgent mail where it has to be activated.
#include <caf/mailbox_element.hpp>

#include "actors/shard.hpp"

namespace kith::actors {

namespace {

std::optional<std::string> map_of(const profile_actor& actor, profile::field_set fields) {
  if (actor.state().empty()) return std::nullopt;
  std::string map;
  map.reserve(512);
  profile::msgpack::writer out(map);
  actor.state().write_map(out, actor.address(), fields);
  return map;
}

}  // namespace

void shard::read(std::unique_ptr<read_group> group) {
  read_group& asked = *group.release();
  asked.results.resize(asked.addresses.size());
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
  std::size_t answered = 0;
  for (std::uint32_t index = 0; index < group.addresses.size(); ++index) {
    const auto address = group.addresses[index];
    if (shard_of(address, environment_.shards.size()) != id_) continue;
    auto* actor = find(address);
    if (actor == nullptr && !environment_.store.may_have_snapshot(address)) {
      ++answered;
    } else if (actor != nullptr && actor->loaded()) {
      actor->last_used_ = tick_;
      group.results[index] = map_of(*actor, group.fields);
      ++answered;
    } else {
      activate(address).enqueue(caf::make_mailbox_element(nullptr, caf::make_message_id(caf::message_priority::high),
                                                          {}, read_profile{&group, index}),
                                this);
    }
  }
  shard_counters::add(counters_.reads, answered);
  if (answered > 0 && group.left.fetch_sub(answered, std::memory_order_acq_rel) == answered) {
    auto& home = *environment_.shards[group.home];
    home.post([&home, &group] { home.answered_.push_back(&group); });
  }
}

void shard::answer_read(profile_actor& actor, const read_profile& message) {
  auto& group = *message.of;
  group.results[message.index] = map_of(actor, group.fields);
  shard_counters::add(counters_.reads, 1);
  if (group.left.fetch_sub(1, std::memory_order_acq_rel) == 1) {
    auto& home = *environment_.shards[group.home];
    home.post([&home, &group] { home.answered_.push_back(&group); });
  }
}

void shard::publish_change(profile_actor& actor, const profile::event_view& event) {
  watches_.record(actor.address(), actor.state().version(), event.traits);
}

}  // namespace kith::actors
