// Definitions of segments and computed traits: how they come to the shards, and who is in a segment.
#include <algorithm>

#include "actors/preview.hpp"
#include "actors/runtime_impl.hpp"
#include "persistence/whole_file.hpp"
#include "profile/segments/compiled.hpp"

namespace kith::actors {

using profile::segments::catalog;
using profile::segments::definition_kind;

namespace {

/// Holds the fingerprint of the definitions that every profile was brought up to date with.
constexpr const char* current_file = "definitions";
constexpr std::chrono::seconds patience_to_catch_up{30};

tl::unexpected<error> not_ready() {
  return fail(errc::unavailable, "members are told once the server is ready, and while its disk works; see /readyz");
}

}  // namespace

std::shared_ptr<const catalog> runtime_impl::definitions() const {
  const std::lock_guard lock(definitions_mutex_);
  return definitions_;
}

bool runtime_impl::all_current() const {
  const auto kept = persistence::read_file(files_, options_.data + "/" + current_file);
  return kept && *kept == std::to_string(definitions_->fingerprint());
}

result<void> runtime_impl::install(const std::shared_ptr<const catalog>& definitions) {
  auto errors = std::make_shared<definition_errors>(definitions);
  {
    const std::lock_guard lock(errors_mutex_);
    errors_ = errors;
  }
  return on_every_shard([definitions, errors](shard& at, auto done) {
    at.define(definitions, errors);
    done({});
  });
}

std::vector<failing_definition> runtime_impl::failing() const {
  const std::lock_guard lock(errors_mutex_);
  return errors_ ? errors_->failing() : std::vector<failing_definition>();
}

result<void> runtime_impl::define(std::shared_ptr<const catalog> definitions) {
  const std::lock_guard one_at_a_time(defining_mutex_);
  if (auto open = refusal(); !open) return open;
  const auto before = this->definitions();
  if (before->fingerprint() == definitions->fingerprint()) {  // other words about the same
    const std::lock_guard lock(definitions_mutex_);
    definitions_ = std::move(definitions);
    return install(definitions_);
  }
  backfill_->stop();
  // What is applied under the old definitions is to be in the history before anybody asks it; most of it now, so that
  // little is left for when events wait.
  for (const auto until = now() + patience_to_catch_up; now() < until;) {
    const auto fed = feeder_->feed(fed_at_once);
    if (!fed) return tl::make_unexpected(fed.error());
    if (fed->caught_up) break;
  }
  {
    const std::lock_guard lock(definitions_mutex_);
    definitions_ = definitions;
  }
  if (auto installed = install(definitions); !installed) return installed;
  checkpoint_marks past;
  for (const auto& each : shards_) {
    auto sealed = each->journal().seal();
    if (!sealed) return tl::make_unexpected(sealed.error());
    past[each->id()].saved = *sealed;
  }
  if (auto gone = forget_vanished(); !gone) return gone;
  start_backfill(std::move(past));
  return {};
}

/// The members of segments that are defined no more.
result<void> runtime_impl::forget_vanished() {
  const auto definitions = this->definitions();
  const auto& keys = definitions->inside().segment_keys;
  const auto counts = store_->count_members();
  if (!counts) return tl::make_unexpected(counts.error());
  for (const auto& [segment, count] : *counts) {
    if (std::binary_search(keys.begin(), keys.end(), segment)) continue;
    if (auto gone = store_->forget_members(segment); !gone) return gone;
  }
  return {};
}

/// Profiles on disk may stand as they would at a time that has not come yet.
void runtime_impl::look_at_all_again() {
  const std::lock_guard one_at_a_time(defining_mutex_);
  if (state().now != phase::ready || !definitions()->needs_standing()) return;
  log("warning", "the clock went back: segments and computed traits are evaluated for the time that it shows now");
  backfill_->stop();
  start_backfill(past_);
}

void runtime_impl::start_backfill(checkpoint_marks past) {
  past_ = past;
  const auto definitions = this->definitions();
  log("info", "bringing profiles up to date with " + std::to_string(definitions->definitions().size()) +
                  " definitions of segments and computed traits");
  backfill_->start(definitions, {[this, past = std::move(past)] {
                                   auto fed = feed_through(past);
                                   if (!fed) failed(fed.error());
                                   return fed;
                                 },
                                 [this, fingerprint = definitions->fingerprint()]() -> result<void> {
                                   if (auto saved = checkpoint(catching_up::no); !saved) return saved;
                                   // Saves that were under way when the definitions changed may have brought some back.
                                   if (auto gone = forget_vanished(); !gone) return gone;
                                   log("info", "all profiles are up to date with the definitions");
                                   return persistence::replace_file(files_, options_.data, current_file,
                                                                    std::to_string(fingerprint));
                                 },
                                 [this](const error& why) { log("error", "back-filling segments: " + why.message); }});
}

result<void> runtime_impl::cancel_backfill() {
  if (backfill_->cancel()) return log("info", "the backfill of segments is cancelled"), result<void>();
  return fail(errc::invalid_argument, "no backfill is under way");
}

result<void> runtime_impl::resume_backfill() {
  if (backfill_->resume()) return log("info", "the backfill of segments goes on"), result<void>();
  return fail(errc::invalid_argument, "no backfill was cancelled");
}

result<void> runtime_impl::save_memberships() {
  if (state().now != phase::ready) return not_ready();
  return on_every_shard([](shard& at, auto done) { at.save_memberships(done); });
}

result<persistence::members_page> runtime_impl::members(std::string_view segment,
                                                        std::optional<profile::hash128> behind, std::size_t limit) {
  if (!definitions()->find(definition_kind::segment, segment)) {
    return fail(errc::not_found, "there is no segment \"" + std::string(segment) + "\"");
  }
  if (auto saved = save_memberships(); !saved) return tl::make_unexpected(saved.error());
  return store_->members(profile::segments::segment_key(segment), behind, limit);
}

result<std::unordered_map<std::uint64_t, std::uint64_t>> runtime_impl::member_counts() {
  if (auto saved = save_memberships(); !saved) return tl::make_unexpected(saved.error());
  return store_->count_members();
}

void runtime_impl::tell_outside(std::shared_ptr<const std::vector<outgoing_rule>> rules) {
  if (rules && rules->empty()) rules = nullptr;
  {
    const std::lock_guard lock(outgoing_mutex_);
    outgoing_rules_ = rules;
  }
  for (const auto& each : shards_) {
    each->post([at = each.get(), rules] { at->tell_outside(rules); });
  }
}

result<std::vector<persistence::outgoing_item>> runtime_impl::outgoing(std::string_view queue,
                                                                       persistence::outgoing_list list,
                                                                       const persistence::outgoing_item* behind,
                                                                       std::size_t limit) {
  return store_->outgoing(queue, list, behind, limit);
}

result<void> runtime_impl::change_outgoing(std::span<const persistence::outgoing_change> changes) {
  return store_->change_outgoing(changes);
}

result<preview_outcome> runtime_impl::preview(const preview_question& asked) {
  if (state().now != phase::ready) return not_ready();
  if (previewing_.exchange(true)) {
    return fail(errc::resource_exhausted, "another preview is under way, and they are made one at a time; try again");
  }
  result<preview_outcome> outcome;
  // A thread of its own, which yields to the shards.
  std::thread([&] {
    persistence::name_thread("preview");
    be_nice();
    actors::preview::means with{*store_, shards_,
                                [this]() -> result<bool> {
                                  const auto fed = feeder_->feed(fed_at_once);
                                  if (!fed) return tl::make_unexpected(fed.error());
                                  return fed->caught_up;
                                },
                                [this] { return state().now != phase::ready; }, options_.recent_days};
    outcome = actors::preview(std::move(with), asked, options_.now_ms()).run();
  }).join();
  previewing_ = false;
  return outcome;
}

}  // namespace kith::actors
