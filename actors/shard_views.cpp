// Views: built at the first read, served as they are, and built anew at the next read once something that they show has
// changed. Nothing is built that nobody reads, and an event that a view does not show costs it nothing.
#include <algorithm>

#include "actors/shard.hpp"
#include "profile/consent.hpp"

namespace kith::actors {

void shard::show(std::shared_ptr<const profile::view_set> views) {
  views_ = std::move(views);
  ++views_generation_;
}

void shard::write_view(profile_actor& actor, const read_group& group, std::string& to) {
  const bool kept = group.views == views_;  // not those that were asked for just before others were configured
  shard_counters::add(counters_.views_served, 1);
  if (const auto built = actor.views_.find(views_generation_, group.view); kept && built) {
    to.append(*built);
    return;
  }
  const auto& purpose = (*group.views)[group.view].purpose();
  if (!purpose.empty() && !profile::consent::judge(actor.state().inside(), rules(), purpose).granted()) {
    return write_withheld(actor, purpose, to);
  }
  shard_counters::add(counters_.views_built, 1);
  scratch_map_.clear();
  profile::msgpack::writer map(scratch_map_);
  actor.state().write_map(map, actor.address(), group.fields, derived_of(actor, group.fields));
  const auto offset = to.size();
  profile::msgpack::writer out(to);
  (*group.views)[group.view].write(scratch_map_, out);
  if (!kept) return;
  actor.views_.keep(views_generation_, group.view, std::string_view(to).substr(offset));
  count_bytes(actor);
}

/// Not kept: it is short, and nobody is to wait for consent that was given.
void shard::write_withheld(profile_actor& actor, const std::string& purpose, std::string& to) {
  shard_counters::add(counters_.views_withheld, 1);
  profile::msgpack::writer out(to);
  out.map(4);
  out.string("profile");
  out.string(to_hex(actor.address()));
  out.string("withheld");
  out.string("consent");
  out.string("purpose");
  out.string(purpose);
  out.string("consent");
  out.map(1);
  out.string(purpose);
  write(profile::consent::judge(actor.state().inside(), rules(), purpose), out);
}

template <class Changes>
void shard::outdate_views(profile_actor& actor, Changes changes) {
  if (actor.views_.empty()) return;
  for (std::uint32_t view = 0; view < views_->all().size(); ++view) {
    if (actor.views_.is_fresh(views_generation_, view) && changes((*views_)[view])) actor.views_.outdate(view);
  }
}

void shard::outdate_views_by_event(profile_actor& actor, const profile::event_view& event) {
  outdate_views(actor, [&](const profile::view& each) { return each.changes_with(actor.state(), event); });
}

/// Traits are past their time.
void shard::outdate_views_by_forgetting(profile_actor& actor) {
  outdate_views(actor, [](const profile::view& each) { return each.shows_traits(); });
}

/// By the evaluation before.
void shard::outdate_views_by_standing(profile_actor& actor) {
  const auto& changed = scratch_transitions_;
  if (changed.empty() && changed.recomputed.empty()) return;
  outdate_views(actor, [&](const profile::view& each) {
    if (!changed.empty() && each.shows_segments()) return true;
    return std::any_of(changed.recomputed.begin(), changed.recomputed.end(), [&](std::uint32_t index) {
      return each.shows_computed(definitions_->definitions()[index].name);
    });
  });
}

}  // namespace kith::actors
