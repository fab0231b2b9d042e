// Segments and computed traits: evaluated by an event, by time, and anew when definitions change.
#include <algorithm>
#include <caf/mailbox_element.hpp>

#include "actors/shard.hpp"
#include "profile/accepted_event.hpp"
#include "profile/consent.hpp"
#include "profile/segments/history.hpp"
#include "profile/segments/what_if.hpp"

namespace kith::actors {

namespace segments = profile::segments;

namespace {

caf::mailbox_element_ptr refresh_mail(backfill_credit* credit) {
  return caf::make_mailbox_element(nullptr, caf::make_message_id(caf::message_priority::normal), {},
                                   refresh_standing{credit});
}

}  // namespace

void shard::define(std::shared_ptr<const catalog> definitions, std::shared_ptr<definition_errors> errors) {
  // Other words about the same definitions need no more of the past.
  const bool same = definitions_ && definitions_->fingerprint() == definitions->fingerprint();
  history_complete_ = same && history_complete_;
  catalog_ = std::move(definitions);
  definitions_ = catalog_->needs_standing() ? catalog_ : nullptr;
  errors_ = std::move(errors);
  ++views_generation_;  // what they show of segments and computed traits may be gone
  segment_names_.clear();
  if (!definitions_) return;
  timers_seen_ms_ = wall_ms();
  for (const auto& each : definitions_->definitions()) {
    if (each.kind == segments::definition_kind::segment) segment_names_[segments::segment_key(each.name)] = each.name;
  }
}

bool shard::make_current(profile_actor& actor) {
  last_change_.reset();
  if (!definitions_) {
    if (actor.standing_) actor.standing_->now.outdate();  // events that it does not know of may come
    return true;
  }
  if (!actor.standing_) {
    actor.standing_ = std::make_unique<standing_slot>();
    if (actor.identity_) actor.standing_->now.rest_on(actor.identity_->basis);
  }
  if (actor.standing_->now.fits(*definitions_)) {
    tell_difference(actor);
    if (is_ahead(*actor.standing_)) standing_due(actor);
    return true;
  }
  if (actor.state().empty() && actor.standing_->now.evaluated_ms() == 0) {
    tell_difference(actor);
    return true;  // nobody is in anything before there is somebody: the first event is what they enter by
  }
  auto [of, keys] = actor.missing_aggregates(*definitions_);
  if (keys.empty()) {
    const auto before_ms = actor.standing_->now.evaluated_ms();
    const auto now_ms = wall_ms();
    forget_traits(actor, now_ms);
    actor.standing_->now.evaluate_all(actor.state(), *definitions_, now_ms, scratch_transitions_);
    keep_memberships(actor, before_ms);
    keep_timer(actor);
    note_transitions(actor, false);
    if (!actor.state().empty()) actor.mark_dirty();  // the store is to know with which definitions, and when it is due
    if (last_change_) {
      publish_change(actor);
      last_change_.reset();
    }
    tell_difference(actor);
    return true;
  }
  actor.recalling_ = true;
  ask_history(std::make_shared<recall>(recall{actor.address(), of, definitions_, std::move(keys), {}}));
  return false;
}

void shard::before_event(const profile_actor& actor, const profile::event_view& event) {
  if (definitions_) segments::changing_traits(actor.state(), *definitions_, event, scratch_changing_);
  if (!event.says_consent()) return;
  if (profile::consent::names_unknown(event, rules())) shard_counters::add(counters_.consent_unknown, 1);
  if (profile::consent::overflows(actor.state().inside(), event)) shard_counters::add(counters_.consent_overflows, 1);
}

/// What is past the time that it is kept for goes, before anybody looks at the profile as of that time.
void shard::forget_traits(profile_actor& actor, std::int64_t now_ms) {
  scratch_forgotten_.clear();
  if (!rules().forgets_traits() || !actor.forget_traits(rules(), now_ms, scratch_forgotten_)) return;
  shard_counters::add(counters_.traits_forgotten, scratch_forgotten_.size());
  outdate_views_by_forgetting(actor);
}

/// What is to be saved about segments that are gone is not; of one that was deleted and is there again the store has
/// forgotten its members.
void shard::keep_memberships(profile_actor& actor, std::int64_t before_ms) {
  auto& at = *actor.standing_;
  std::erase_if(at.unsaved, [&](const auto& each) { return !segment_names_.contains(each.segment); });
  for (const auto& each : at.now.members()) {
    const auto name = segment_names_.find(each.segment);
    if (name == segment_names_.end()) continue;
    const auto& made =
        definitions_->definitions()[*definitions_->find(segments::definition_kind::segment, name->second)];
    if (each.since_ms <= before_ms && made.created_ms > before_ms) {
      at.unsaved.push_back({each.segment, each.since_ms, true});
    }
  }
}

void shard::evaluate(profile_actor& actor, const profile::event_view& event, batch& of) {
  last_change_.reset();
  if (!definitions_) return;
  const auto begun = of.trace ? now() : time_point();
  if (of.trace) evaluating_ = &of;
  auto& at = actor.standing_->now;
  const auto due_before_ms = at.due_ms();
  const auto now_ms = wall_ms();
  if (!event.traits.empty() || due_before_ms <= now_ms) {
    forget_traits(actor, now_ms);
    scratch_changing_.insert(scratch_changing_.end(), scratch_forgotten_.begin(), scratch_forgotten_.end());
  }
  at.evaluate_event(actor.state(), *definitions_, event, now_ms, scratch_transitions_, &scratch_changing_);
  if (at.due_ms() < due_before_ms) keep_timer(actor);  // else a timer that is there looks again
  note_transitions(actor, true);
  if (of.trace) note_evaluation(of, begun);
  evaluating_ = nullptr;
}

void shard::standing_due(profile_actor& actor) {
  last_change_.reset();
  if (!definitions_ || actor.state().empty()) return;
  auto& at = *actor.standing_;
  const auto now_ms = wall_ms();
  if (at.now.due_ms() > now_ms && !is_ahead(at)) {
    timers_seen_ms_ = std::min(timers_seen_ms_, now_ms);  // or it would fire until the clock is looked at
    return keep_timer(actor);
  }
  forget_traits(actor, now_ms);
  at.now.evaluate_due(actor.state(), *definitions_, now_ms, scratch_transitions_, scratch_forgotten_);
  actor.mark_dirty();  // when it is due next is in the store too
  keep_timer(actor);
  note_transitions(actor, false);
  if (last_change_) publish_change(actor);
}

void shard::note_errors(const profile_actor& actor) {
  const auto most = environment_.error_limit.load(std::memory_order_relaxed);
  for (const auto& each : scratch_transitions_.judged) {
    if (!errors_->note(each, most)) continue;
    const auto now_ms = wall_ms();
    segments::what_if again(actor.state(), definitions_->inside());
    again.holds_at(each.definition, now_ms);  // and what it depends on
    errors_->tell(each.definition, again.run().error_of(each.definition, now_ms));
  }
}

/// What the evaluation changed: names for watchers, memberships to save.
void shard::note_transitions(profile_actor& actor, bool by_event) {
  auto& at = *actor.standing_;
  const auto& changed = scratch_transitions_;
  shard_counters::add(counters_.segment_errors, changed.errors);
  note_errors(actor);
  outdate_views_by_standing(actor);
  look_at_consent(actor);
  if (tell_consent(actor, by_event)) memberships_changed(actor);
  if (changed.empty()) return;
  shard_counters::add(counters_.entered, changed.entered.size());
  shard_counters::add(counters_.left, changed.left.size());
  const bool untold = replaying_ || told_.contains(actor.address());
  auto names = std::make_shared<membership_change>();
  const auto now_ms = wall_ms();
  const auto note = [&](std::uint32_t index, std::vector<std::string>& into, bool member) {
    const auto& name = definitions_->definitions()[index].name;
    into.push_back(name);
    at.unsaved.push_back({segments::segment_key(name), now_ms, member});
    tell_membership(actor, name, member, by_event);
    if (untold) pass_over(actor, name, member);
  };
  for (const auto index : changed.entered) note(index, names->entered, true);
  for (const auto index : changed.left) note(index, names->left, false);
  if (!untold) last_change_ = std::move(names);
  memberships_changed(actor);
}

void shard::tell_outside(std::shared_ptr<const std::vector<outgoing_rule>> rules) {
  outgoing_rules_ = std::move(rules);
  outgoing_asks_consent_ = outgoing_rules_ && std::any_of(outgoing_rules_->begin(), outgoing_rules_->end(),
                                                          [](const auto& each) { return !each.purpose.empty(); });
  scratch_consent_.assign(outgoing_rules_ ? outgoing_rules_->size() : 0, {});
}

/// Fills scratch_consent_.
void shard::look_at_consent(const profile_actor& actor) {
  if (!outgoing_asks_consent_) return;
  for (std::size_t i = 0; i < outgoing_rules_->size(); ++i) {
    const auto& purpose = (*outgoing_rules_)[i].purpose;
    if (purpose.empty()) continue;
    auto& found = scratch_consent_[i];
    found.now = profile::consent::judge(actor.state().inside(), rules(), purpose).granted();
    found.before = actor.standing_->now.told_consent(segments::segment_key(purpose)).value_or(found.now);
  }
}

/// To the outside a profile is in a segment while it is a member and has consent: who gives it enters all that it is
/// in, who takes it back leaves them. False: the outside knows already. REQUIRES: look_at_consent().
bool shard::tell_consent(profile_actor& actor, bool by_event) {
  if (!outgoing_asks_consent_) return false;
  auto& at = actor.standing_->now;
  bool told = false;
  for (std::size_t i = 0; i < outgoing_rules_->size(); ++i) {
    const auto& rule = (*outgoing_rules_)[i];
    if (rule.purpose.empty()) continue;
    const auto [before, now] = scratch_consent_[i];
    at.tell_consent(segments::segment_key(rule.purpose), now);
    if (before == now) continue;
    for (const auto& each : at.members()) {
      const auto name = segment_names_.find(each.segment);
      if (name == segment_names_.end()) continue;
      const auto& entered = scratch_transitions_.entered;  // of these it is told as of any who enter
      const auto index = definitions_->find(segments::definition_kind::segment, name->second);
      if (index && std::find(entered.begin(), entered.end(), *index) != entered.end()) continue;
      tell_of(actor, std::string(name->second), now, by_event, [i](std::size_t one) { return one == i; });
      told = true;
    }
  }
  return told;
}

/// Who enters without consent is not told of, nor is who leaves and was not told of. REQUIRES: look_at_consent().
void shard::tell_membership(profile_actor& actor, const std::string& segment, bool entered, bool by_event) {
  tell_of(actor, segment, entered, by_event, [&](std::size_t rule) {
    const auto& consent = scratch_consent_[rule];
    const bool may = entered ? consent.now : consent.before;
    if (!may && (*outgoing_rules_)[rule].wants(segment)) shard_counters::add(counters_.outgoing_withheld, 1);
    return may;
  });
}

/// Into the queues of those rules that want it. What an event brought about has the same id when a crash makes it come
/// about again.
template <class Wants>
void shard::tell_of(profile_actor& actor, const std::string& segment, bool entered, bool by_event, Wants wants) {
  if (!outgoing_rules_) return;
  std::vector<const outgoing_rule*> wanting;
  for (std::size_t i = 0; i < outgoing_rules_->size(); ++i) {
    const auto& rule = (*outgoing_rules_)[i];
    if (rule.wants(segment) && wants(i)) wanting.push_back(&rule);
  }
  if (wanting.empty()) return;
  static const auto identifiers = profile::fields_named({"userIds", "anonymousIds", "externalIds"});
  const auto now_ms = wall_ms();
  told_change told;
  told.profile = actor.address();
  told.version = actor.state().version();
  told.at_ms = now_ms;
  told.entered = entered;
  told.segment = segment;
  profile::msgpack::writer out(told.who);
  actor.state().write_map(out, told.profile, identifiers);
  const auto content = told.encode();
  auto fact = profile::to_bytes(told.profile) + std::to_string(told.version) + (entered ? '+' : '-') + segment;
  if (!by_event) fact += '@' + std::to_string(now_ms);
  const auto id = profile::hash_of(fact);
  last_told_us_ = std::max(last_told_us_ + 1, now_ms * 1000);
  trace_told(id, by_event);
  for (const auto* rule : wanting) actor.standing_->untold.push_back({rule->queue, last_told_us_, id, content});
}

void shard::keep_timer(profile_actor& actor) { add_timer(actor.standing_->now.due_ms(), actor.address()); }

void shard::add_timer(std::int64_t due_ms, profile::hash128 address) {
  if (due_ms == segments::never) return;
  const auto [at, fresh] = timed_.try_emplace(address, due_ms);
  if (!fresh && at->second <= due_ms) return;  // an earlier timer looks again
  at.value() = due_ms;
  timers_.push({due_ms, address});
}

/// What was evaluated for a time that was taken back is evaluated anew.
void shard::look_at_clock() {
  const auto now_ms = wall_ms();
  if (now_ms < timers_seen_ms_ - clock_slack_ms) {
    ahead_until_ms_ = std::max(ahead_until_ms_, timers_seen_ms_);
    for (const auto* actor : actors_) {
      if (actor->standing_ && is_ahead(*actor->standing_)) add_timer(now_ms, actor->address());
    }
    environment_.clock_went_back.store(true, std::memory_order_relaxed);
  } else if (now_ms >= ahead_until_ms_) {
    ahead_until_ms_ = 0;
  }
  timers_seen_ms_ = now_ms;
}

void shard::fire_timers() {
  for (std::size_t fired = 0; fired < due_a_turn; ++fired) {
    if (timers_.empty() || timers_.top().due_ms > timers_seen_ms_) return;
    const auto due = timers_.top();
    timers_.pop();
    const auto timed = timed_.find(due.address);
    if (timed == timed_.end() || timed->second != due.due_ms) continue;  // an earlier one came in its place
    timed_.erase(timed);
    auto* actor = find(due.address);
    if (actor != nullptr && actor->loaded() && actor->standing_ && actor->standing_->now.due_ms() > timers_seen_ms_ &&
        !is_ahead(*actor->standing_)) {
      keep_timer(*actor);
      continue;
    }
    activate(due.address).enqueue(refresh_mail(nullptr), this);
  }
}

std::vector<profile::hash128> shard::active() const {
  std::vector<profile::hash128> addresses;
  addresses.reserve(actors_.size());
  for (const auto* actor : actors_) {
    if (actor->loaded()) addresses.push_back(actor->address());
  }
  return addresses;
}

void shard::refresh(profile::hash128 address, backfill_credit& credit) {
  auto* actor = find(address);
  if (actor != nullptr && actor->loaded() && actor->standing_ && definitions_ &&
      actor->standing_->now.fits(*definitions_) && !is_ahead(*actor->standing_)) {
    tell_difference(*actor);
    return credit.give_back();
  }
  activate(address).enqueue(refresh_mail(&credit), this);
}

void shard::refreshed(backfill_credit& credit) { credit.give_back(); }

void shard::history_is_complete() {
  history_complete_ = true;
  for (auto& each : std::exchange(waiting_recalls_, {})) ask_history(std::move(each));
}

void shard::ask_history(std::shared_ptr<recall> wanted) {
  if (!history_complete_) return waiting_recalls_.push_back(std::move(wanted));
  boost::asio::post(environment_.pool, [this, wanted] {
    persistence::history_query query;
    query.newest_first = false;
    query.limit = recalled_a_page;
    query.cursor = wanted->cursor;
    auto page = std::make_shared<recalled_page>();
    page->events = environment_.store.read_history(wanted->of, query);
    if (page->events) {
      for (const auto& item : page->events->items) {
        bool spilled = false;
        if (environment_.store.may_be_spilled(wanted->of, item.id)) {
          const auto answer = environment_.store.is_spilled(wanted->of, item.id);
          if (!answer) {
            page->events = tl::make_unexpected(answer.error());
            break;
          }
          spilled = *answer;
        }
        page->spilled.push_back(spilled);
      }
    }
    post([this, wanted, page] { recalled(wanted, *page); });
  });
}

void shard::recalled(const std::shared_ptr<recall>& wanted, const recalled_page& page) {
  auto& actor = *find(wanted->address);  // it is busy, so it is still there
  auto& state = actor.state_of(wanted->of);
  if (!page.events) return environment_.failed(page.events.error());  // counting without its past would be wrong
  for (std::size_t i = 0; i < page.events->items.size(); ++i) {
    const auto& item = page.events->items[i];
    const auto received = profile::reception_of_accepted(item.received_ms, item.encoded.size());
    const auto event = profile::parse_event(item.encoded, received);
    if (!event) continue;
    // The history may hold what is still on its way to this actor: that will be counted when it comes.
    const bool counted =
        page.spilled[i] || state.check(*event) == profile::seen::duplicate || actor.spilled_here(wanted->of, event->id);
    if (counted) state.backfill(*wanted->definitions, wanted->keys, *event);
  }
  if (!page.events->next.empty()) {
    wanted->cursor = page.events->next;
    return ask_history(wanted);
  }
  state.mark_built(*wanted->definitions, wanted->keys);
  actor.recalling_ = false;
  actor.facet_changed(wanted->of);
  actor.mark_dirty();
  make_current(actor);  // or asks once more, if the definitions changed meanwhile
  count_bytes(actor);
  actor.wake();
}

void shard::save_memberships(std::function<void(result<void>)> done) {
  auto changed = std::exchange(membership_changed_, {});
  std::sort(changed.begin(), changed.end());
  changed.erase(std::unique(changed.begin(), changed.end()), changed.end());
  save_run(std::move(changed), std::move(done));
}

bool shard::can_answer(const profile_actor& actor, const read_group& group) const noexcept {
  if (!actor.loaded()) return false;
  if (definitions_ == nullptr || !group.shows_standing()) return true;
  return !actor.recalling_ && actor.standing_ && actor.standing_->now.fits(*definitions_) &&
         !is_ahead(*actor.standing_);
}

profile::derived shard::derived_of(const profile_actor& actor, profile::field_set fields) {
  profile::derived made;
  made.rules = &rules();
  if (!definitions_ || !actor.standing_ || !fields.needs_standing()) return made;
  scratch_names_.clear();
  for (const auto& each : actor.standing_->now.members()) {
    if (const auto name = segment_names_.find(each.segment); name != segment_names_.end()) {
      scratch_names_.push_back(name->second);
    }
  }
  std::sort(scratch_names_.begin(), scratch_names_.end());
  scratch_computed_.clear();
  profile::msgpack::writer out(scratch_computed_);
  actor.standing_->now.write_computed(*definitions_, out);
  made.computed = scratch_computed_;
  made.segments = scratch_names_;
  return made;
}

}  // namespace kith::actors
