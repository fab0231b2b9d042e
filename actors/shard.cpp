#include "actors/shard.hpp"

#include <caf/mailbox_element.hpp>

#include "persistence/thread_name.hpp"

namespace kith::actors {

shard::shard(shard_environment& environment, shard_id id)
    : caf::execution_unit(&environment.system),
      environment_(environment),
      id_(id),
      watches_(*this, environment),
      views_(environment.options.views),
      identity_rules_(environment.options.identity),
      catalog_(environment.options.definitions) {
  tell_outside(environment.options.outgoing);
}

shard::~shard() {
  stop();
  journal_.reset();  // it writes what the batches hold
  while (!actors_.empty()) drop(*actors_.back());
}

void shard::start(std::unique_ptr<persistence::journal> journal, std::unique_ptr<persistence::record_sealer> sealer) {
  journal_ = std::move(journal);
  sealer_ = std::move(sealer);
  hand_over_.resize(environment_.shards.size());
  applied_elsewhere_.resize(environment_.shards.size());
  done_elsewhere_.resize(environment_.shards.size());
  handed_on_.resize(environment_.shards.size());
  thread_ = std::thread([this] { run(); });
}

void shard::stop() {
  if (!thread_.joinable()) return;
  post([this] { stopped_ = true; });
  thread_.join();
}

void shard::run() {
  persistence::name_thread("shard", id_);
  const auto work = boost::asio::make_work_guard(io_);
  tick();
  while (!stopped_) {
    if (runnable() || has_due()) {
      for (std::size_t handled = 0; handled < handlers_a_turn && io_.poll_one() > 0; ++handled) {
      }
    } else {
      io_.run_one();
      for (std::size_t handled = 1; handled < handlers_a_turn && io_.poll_one() > 0; ++handled) {
      }
    }
    fire_timers();
    run_actors();
    end_turn();
  }
}

void shard::tick() {
  ++tick_;
  if (definitions_) look_at_clock();
  sweep();
  note_unsynced();
  timer_.expires_after(std::chrono::milliseconds(100));
  timer_.async_wait([this](const boost::system::error_code& canceled) {
    if (!canceled) tick();
  });
}

void shard::run_actors() {
  const auto until = now() + longest_turn;
  for (std::size_t runs = 0; runs < runs_a_turn && runnable(); ++runs) {
    if (runs % runs_a_look == runs_a_look - 1 && now() > until) return;
    const bool others_turn = runs % urgent_in_a_row == urgent_in_a_row - 1 && !normal_runs_.empty();
    const bool urgent = !urgent_runs_.empty() && !others_turn;
    auto& queue = urgent ? urgent_runs_ : normal_runs_;
    auto& actor = *queue.front();
    queue.pop_front();
    if (queue.size() >= heads_ahead) queue[heads_ahead - 1]->prefetch_head();
    if (queue.size() >= states_ahead) queue[states_ahead - 1]->prefetch();
    (urgent ? actor.scheduled_urgent_ : actor.scheduled_) = false;
    if (actor.resume(this, messages_a_run) == caf::resumable::resume_later && !actor.scheduled_) {
      actor.scheduled_ = true;
      normal_runs_.push_back(&actor);
    }
  }
}

void shard::mail_arrived(profile_actor& actor, bool urgent) {
  actor.last_used_ = tick_;
  if (actor.loading_ || actor.asking_ || actor.recalling_) return;
  if (urgent && !actor.scheduled_urgent_) {
    actor.scheduled_urgent_ = true;
    urgent_runs_.push_back(&actor);
  } else if (!urgent && !actor.scheduled_) {
    actor.scheduled_ = true;
    normal_runs_.push_back(&actor);
  }
}

void shard::deliver_from_elsewhere(caf::strong_actor_ptr to, caf::mailbox_element_ptr mail) {
  // The handler must be copyable for Asio's type erasure; the mail is owned by a shared box on its way.
  auto box = std::make_shared<caf::mailbox_element_ptr>(std::move(mail));
  post([this, to = std::move(to), box] { to->get()->enqueue(std::move(*box), this); });
}

void shard::exec_later(caf::resumable* work) {
  work->intrusive_ptr_add_ref_impl();
  post([this, work] {
    work->resume(this, messages_a_run);
    work->intrusive_ptr_release_impl();
  });
}

void shard::end_turn() {
  send_to_journal();
  for (std::size_t to = 0; to < hand_over_.size(); ++to) {
    if (!hand_over_[to].empty()) {
      auto& there = *environment_.shards[to];
      there.post([&there, batches = std::exchange(hand_over_[to], {})] {
        for (auto* work : batches) there.deliver(*work);
      });
    }
    if (!handed_on_[to].empty()) {
      auto& there = *environment_.shards[to];
      there.post([&there, all = std::make_shared<std::vector<addressed_mail>>(std::exchange(handed_on_[to], {}))] {
        for (auto& each : *all) there.activate(each.to).enqueue(std::move(each.mail), &there);
      });
    }
    if (!done_elsewhere_[to].empty()) {
      auto& there = *environment_.shards[to];
      there.post([&there, batches = std::exchange(done_elsewhere_[to], {})] {
        for (auto* work : batches) there.event_done_here(*work);
      });
    }
    if (!applied_elsewhere_[to].empty()) {
      auto& there = *environment_.shards[to];
      there.post([&there, batches = std::exchange(applied_elsewhere_[to], {})] {
        for (auto* work : batches) there.finish(*work);
      });
    }
  }
  for (auto* work : std::exchange(applied_here_, {})) finish(*work);
  for (auto* group : std::exchange(answered_, {})) {
    const std::unique_ptr<read_group> owned(group);
    if (owned->failure) {
      owned->done(tl::make_unexpected(std::move(*owned->failure)));
    } else {
      owned->done(std::move(owned->found));
    }
  }
  if (!to_load_.empty()) send_loads();
  if (!to_ask_.empty()) send_questions();
  if (over_budget() && save_jobs_ < save_jobs) sweep();
  watches_.send();
  if (!changed_memberships_.empty()) {
    watches_.when_logged([this, all = std::exchange(changed_memberships_, {})] {
      const auto sent = now();
      for (const auto came : all) environment_.latency.record(id_, stage::segment, sent - came);
    });
  }
  resume_reading();
  counters_.bytes.store(bytes_, std::memory_order_relaxed);
  counters_.active.store(actors_.size(), std::memory_order_relaxed);
  counters_.timers.store(timed_.size(), std::memory_order_relaxed);
  counters_.in_flight.store(in_flight_bytes_, std::memory_order_relaxed);
  counters_.batches_in_flight.store(batches_.size(), std::memory_order_relaxed);
  counters_.unsynced.store(unsynced_.size(), std::memory_order_relaxed);
  counters_.runs.store(normal_runs_.size(), std::memory_order_relaxed);
  counters_.urgent_runs.store(urgent_runs_.size(), std::memory_order_relaxed);
  counters_.saves.store(save_jobs_, std::memory_order_relaxed);
  counters_.full.store(paused_ ? 1 : 0, std::memory_order_relaxed);
}

void shard::resume_reading() {
  if (!ready_for_more()) {
    paused_ = true;
  } else if (paused_ && in_flight_bytes_ <= environment_.options.in_flight_bytes / 2) {
    paused_ = false;
    for (const auto& resumed : resumed_) resumed();
  }
}

}  // namespace kith::actors
