// Activation from snapshots, passivation by bytes and idleness, saving.
#include <algorithm>
#include <caf/exit_reason.hpp>

#include "actors/shard.hpp"

namespace kith::actors {

std::size_t shard::budget() const noexcept { return environment_.options.memory_bytes / environment_.shards.size(); }

profile_actor& shard::activate(profile::hash128 address) {
  if (auto* active = find(address)) return *active;
  caf::actor_config config(this);
  auto& system = environment_.system;
  // The shard keeps the one reference that make_actor returns; drop() gives it back.
  auto* reference = caf::make_actor<profile_actor, caf::strong_actor_ptr>(system.next_actor_id(), system.node(),
                                                                          &system, config, *this, address)
                        .release();
  auto& actor = *static_cast<profile_actor*>(reference->get());
  actor.slot_ = static_cast<std::uint32_t>(actors_.size());
  actor.last_used_ = tick_;
  actors_.push_back(&actor);
  directory_.insert(actor);
  shard_counters::add(counters_.activations, 1);
  if (environment_.store.may_have_snapshot(address)) {
    actor.loading_ = true;
    to_load_.push_back(address);
  }
  count_bytes(actor);
  return actor;
}

void shard::drop(profile_actor& actor) {
  directory_.erase(actor);
  actors_[actor.slot_] = actors_.back();
  actors_[actor.slot_]->slot_ = actor.slot_;
  actors_.pop_back();
  bytes_ -= actor.counted_bytes_;
  shard_counters::add(counters_.passivations, 1);
  actor.cleanup(caf::make_error(caf::exit_reason::normal), this);
  caf::intrusive_ptr_release(actor.ctrl());
}

void shard::count_bytes(profile_actor& actor) {
  const auto bytes = actor.bytes() + 3 * sizeof(void*);  // and its places in the two tables
  bytes_ += bytes - actor.counted_bytes_;
  actor.counted_bytes_ = static_cast<std::uint32_t>(bytes);
}

void shard::send_loads() {
  boost::asio::post(environment_.pool, [this, addresses = std::exchange(to_load_, {})] {
    auto states = environment_.store.load(addresses);
    auto standings = environment_.store.load_standings(addresses);
    auto identities = environment_.store.load_identities(addresses);
    post([this, addresses, states = std::move(states), standings = std::move(standings),
          identities = std::move(identities)]() mutable {
      loaded(addresses, std::move(states), standings, identities);
    });
  });
}

void shard::loaded(const std::vector<profile::hash128>& addresses, stored_values states, const stored_values& standings,
                   const stored_values& identities) {
  for (std::size_t i = 0; i < addresses.size(); ++i) {
    auto& actor = *find(addresses[i]);  // a loading actor is busy, so it is still there
    result<profile::profile> state = profile::profile();
    if (!states) {
      state = tl::make_unexpected(states.error());
    } else if ((*states)[i]) {
      state = profile::profile::decode(*(*states)[i]);
    }
    if (!state) {
      // Its mail waits: nothing may be counted on top of a state that cannot be read.
      environment_.failed({errc::unavailable, "profile " + to_hex(addresses[i]) + ": its snapshot is not readable: " +
                                                  state.error().message + "; run `kith check` on the data directory"});
      continue;
    }
    result<std::optional<profile::identity::kin>> kin;
    if (!identities) {
      kin = tl::make_unexpected(identities.error());
    } else if ((*identities)[i]) {
      kin = profile::identity::kin::decode(*(*identities)[i]);
    }
    if (!kin) {
      environment_.failed({errc::unavailable, "profile " + to_hex(addresses[i]) + ": its identity is not readable: " +
                                                  kin.error().message + "; run `kith check` on the data directory"});
      continue;
    }
    if (auto kept = load_standing(actor, standings, i); !kept) {
      environment_.failed({errc::unavailable, "profile " + to_hex(addresses[i]) + ": its standing is not readable: " +
                                                  kept.error().message + "; run `kith check` on the data directory"});
      continue;
    }
    actor.load(std::move(*state), std::move(*kin));
    count_bytes(actor);
    actor.wake();
  }
}

result<void> shard::load_standing(profile_actor& actor, const stored_values& standings, std::size_t index) {
  if (!standings) return tl::make_unexpected(standings.error());
  if (!(*standings)[index]) return {};
  auto decoded = profile::segments::standing::decode(*(*standings)[index]);
  if (!decoded) return tl::make_unexpected(decoded.error());
  actor.standing_ = std::make_unique<standing_slot>();
  actor.standing_->saved_due_ms = decoded->due_ms();
  actor.standing_->now = std::move(*decoded);
  if (actor.standing_->now.evaluated_ms() > wall_ms() + clock_slack_ms) {
    ahead_until_ms_ = std::max(ahead_until_ms_, actor.standing_->now.evaluated_ms());
    add_timer(wall_ms(), actor.address());
  }
  keep_timer(actor);
  return {};
}

bool shard::ask_spilled(profile_actor& actor, profile::hash128 id) {
  std::vector<profile::hash128> at;
  const auto look = [&](profile::hash128 address) {
    if (environment_.store.may_be_spilled(address, id)) at.push_back(address);
  };
  if (!actor.identity_) {
    look(actor.address());
  } else {
    for (const auto& [facet_address, each] : actor.identity_->facets) look(facet_address);
  }
  if (at.empty()) return false;
  to_ask_.push_back({actor.address(), id, std::move(at)});
  return true;
}

void shard::send_questions() {
  boost::asio::post(environment_.pool, [this, questions = std::exchange(to_ask_, {})] {
    std::vector<result<bool>> answers;
    answers.reserve(questions.size());
    for (const auto& asked : questions) {
      auto& answer = answers.emplace_back(false);
      for (auto at = asked.at.begin(); at != asked.at.end() && answer && !*answer; ++at) {
        answer = environment_.store.is_spilled(*at, asked.id);
      }
    }
    post([this, questions, answers = std::move(answers)] { answered(questions, answers); });
  });
}

void shard::answered(const std::vector<question>& questions, const std::vector<result<bool>>& answers) {
  for (std::size_t i = 0; i < questions.size(); ++i) {
    auto& actor = *find(questions[i].address);
    if (!answers[i]) {
      environment_.failed(answers[i].error());  // the event waits: counting it unasked could count it twice
      continue;
    }
    actor.answer(*answers[i]);
    count_bytes(actor);
    actor.wake();
  }
}

/// A forward stays while facets are on their way, which it may have to show, and while answers to what it was asked may
/// come back: who it was then matters.
bool shard::may_forget(const profile_actor& forward) const noexcept {
  return environment_.facets_moving == 0 && tick_ - forward.last_used() > ticks_forwards_stay;
}

void shard::sweep() {
  const auto idle_ticks = static_cast<std::uint32_t>(environment_.options.idle.count() * 10);
  const bool over = over_budget();
  std::vector<profile_actor*> candidates;
  std::vector<profile_actor*> leaving;
  // With room to spare only idle ones are looked for: all in a quarter of the time that makes them so.
  const auto rounds = std::max<std::size_t>(1, idle_ticks / 4);
  const auto most = std::min({swept_a_tick, actors_.size(), over ? actors_.size() : actors_.size() / rounds + 64});
  for (std::size_t looked = 0; looked < most; ++looked) {
    if (hand_ >= actors_.size()) hand_ = 0;
    auto* actor = actors_[hand_++];
    if (actor->busy() || (actor->forwards() && !may_forget(*actor))) continue;
    if (actor->exiting() || (actor->state().empty() && !actor->linked()) || tick_ - actor->last_used() > idle_ticks) {
      leaving.push_back(actor);
    } else if (over) {
      candidates.push_back(actor);
    }
  }
  if (!candidates.empty()) {
    // The least recently used quarter of the sample, as Redis approximates LRU.
    const auto last = candidates.begin() + static_cast<std::ptrdiff_t>((candidates.size() - 1) / 4);
    std::nth_element(candidates.begin(), last, candidates.end(),
                     [](const auto* a, const auto* b) { return a->last_used() < b->last_used(); });
    leaving.insert(leaving.end(), candidates.begin(), last + 1);
  }
  std::vector<profile_actor*> to_save;
  for (auto* actor : leaving) {
    if (!actor->dirty()) {
      drop(*actor);
    } else if (save_jobs_ < save_jobs) {
      to_save.push_back(actor);
    }
  }
  for (std::size_t from = 0; from < to_save.size(); from += saves_at_once) {
    const auto to = std::min(from + saves_at_once, to_save.size());
    save({to_save.begin() + static_cast<std::ptrdiff_t>(from), to_save.begin() + static_cast<std::ptrdiff_t>(to)}, true,
         [](const result<void>&) {});
  }
}

void shard::save(const std::vector<profile_actor*>& actors, bool let_go, save_continuation then) {
  auto writes = std::make_shared<std::vector<persistence::snapshot_write>>();
  std::vector<profile::hash128> addresses;
  for (auto* actor : actors) {
    actor->begin_save(*writes);
    addresses.push_back(actor->address());
  }
  ++save_jobs_;
  auto write = [this, writes, addresses = std::move(addresses), let_go, then = std::move(then)] {
    auto outcome = environment_.store.save(*writes);
    post([this, addresses, let_go, then, outcome = std::move(outcome)] {
      --save_jobs_;
      saved(addresses, let_go, outcome);
      then(outcome);
    });
  };
  // What is in the store a replay tells nobody of.
  watches_.when_logged([this, write = std::move(write)] { boost::asio::post(environment_.pool, write); });
}

void shard::saved(const std::vector<profile::hash128>& addresses, bool let_go, const result<void>& outcome) {
  if (!outcome) environment_.failed(outcome.error());
  for (const auto address : addresses) {
    auto& actor = *find(address);  // a saving actor is busy, so it is still there
    actor.end_save(outcome.has_value());
    if (!outcome && !actor.dirty_) {
      actor.dirty_ = true;
      became_dirty(actor);
    }
    count_bytes(actor);
    actor.wake();
    if (let_go && !actor.busy() && !actor.dirty()) drop(actor);
  }
  if (outcome) shard_counters::add(counters_.saved, addresses.size());
}

void shard::checkpoint(std::function<void(result<void>)> done) {
  auto dirty = std::exchange(dirty_, {});
  std::sort(dirty.begin(), dirty.end());
  dirty.erase(std::unique(dirty.begin(), dirty.end()), dirty.end());
  save_run(std::move(dirty), std::move(done));
}

void shard::save_run(std::vector<profile::hash128> addresses, std::function<void(result<void>)> done) {
  auto run = std::make_shared<checkpoint_run>();
  run->addresses = std::move(addresses);
  run->done = std::move(done);
  checkpoint_step(run);
}

void shard::checkpoint_step(const std::shared_ptr<checkpoint_run>& run) {
  std::vector<profile_actor*> chunk;
  std::vector<profile::hash128> later;  // a save of theirs is under way, maybe of an older state
  while (!run->addresses.empty() && chunk.size() < saves_at_once) {
    const auto address = run->addresses.back();
    run->addresses.pop_back();
    auto* actor = find(address);
    if (actor == nullptr) continue;  // saved and passivated
    if (actor->saving() || actor->unsettled()) {
      later.push_back(address);
    } else if (actor->dirty()) {
      chunk.push_back(actor);
    }
  }
  const bool waiting = !later.empty();
  run->addresses.insert(run->addresses.end(), later.begin(), later.end());
  if (!chunk.empty()) {
    save(chunk, false, [this, run](const result<void>& outcome) {
      if (!outcome) {
        dirty_.insert(dirty_.end(), run->addresses.begin(), run->addresses.end());
        return run->done(outcome);
      }
      checkpoint_step(run);
    });
  } else if (waiting) {
    auto pause = std::make_shared<boost::asio::steady_timer>(io_, std::chrono::milliseconds(5));
    pause->async_wait([this, run, pause](const boost::system::error_code&) { checkpoint_step(run); });
  } else {
    run->done({});
  }
}

}  // namespace kith::actors
