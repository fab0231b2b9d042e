#include "profile/profile.hpp"

#include <algorithm>
#include <array>

#include "profile/bytes.hpp"
#include "profile/consent.hpp"
#include "profile/counters.hpp"
#include "profile/identifier_list.hpp"
#include "profile/recent_ids.hpp"
#include "profile/segments/aggregates.hpp"
#include "profile/sessions.hpp"
#include "profile/traits.hpp"

namespace kith::profile {

namespace {

/// Version 1 had no aggregates; version 3 is written where there is consent, which version 2 does not have.
constexpr unsigned char format_version = 3;
constexpr unsigned char format_without_consent = 2;
constexpr std::int64_t ms_a_day = 86'400'000;

/// In the order in which encode() writes them; the aggregates and the recent ids, sorted, follow.
constexpr std::array encoded_parts = {part::identifiers, part::stamps, part::facts, part::events, part::sessions};

constexpr std::array<std::string_view, 13> field_names = {
    "profile",  "version", "userIds",   "anonymousIds", "externalIds", "traits",  "computed",
    "segments", "consent", "firstSeen", "lastSeen",     "events",      "sessions"};
enum field : unsigned {
  f_profile,
  f_version,
  f_users,
  f_anonymous,
  f_external,
  f_traits,
  f_computed,
  f_segments,
  f_consent,
  f_first,
  f_last,
  f_events,
  f_sessions
};

std::int32_t day_of(std::int64_t ms) noexcept {
  return static_cast<std::int32_t>(ms >= 0 ? ms / ms_a_day : (ms + 1) / ms_a_day - 1);
}

/// Where the recent days of a profile begin whose newest event is at `last_seen`.
std::int32_t first_recent_day(std::int64_t last_seen, int recent_days) noexcept {
  return day_of(last_seen) - recent_days + 1;
}

spilled_id spilled(hash128 id, std::int32_t day) noexcept { return {id, (std::int64_t{day} + 1) * ms_a_day - 1}; }

void spill_old(state& of, std::int32_t first_day, std::vector<spilled_id>& out) {
  recent_ids(of).remove_before(first_day, [&](hash128 id, std::int32_t day) { out.push_back(spilled(id, day)); });
}

void remember(state& of, hash128 id, std::int32_t day, std::int32_t first_day, std::vector<spilled_id>& out) {
  if (day >= first_day) {
    recent_ids(of).insert(id, day);
  } else {
    out.push_back(spilled(id, day));
  }
}

}  // namespace

bool field_index(std::string_view name, unsigned& field) noexcept {
  const auto found = std::find(field_names.begin(), field_names.end(), name);
  field = static_cast<unsigned>(found - field_names.begin());
  return found != field_names.end();
}

field_set fields_named(std::initializer_list<std::string_view> names) noexcept {
  field_set fields{0};
  for (const auto name : names) {
    unsigned field = 0;
    if (field_index(name, field)) fields.bits |= 1U << field;
  }
  return fields;
}

seen profile::check(const event_view& event) const noexcept {
  if (recent_ids::contains(state_, event.id)) return seen::duplicate;
  // A retry may bear another time than the first try, so a recent time does not prove that the id is not a spilled one.
  return has_spilled() ? seen::ask_spilled : seen::fresh;
}

void profile::apply(const event_view& event, std::vector<spilled_id>& spilled, int recent_days,
                    const segments::catalog* observed_by) {
  const bool first = empty();
  if (state_.absent()) state_.make();
  auto& s = state_.of();
  const auto day_before = day_of(s.last_seen);
  s.first_seen = std::min(s.first_seen, event.time_ms);
  s.last_seen = std::max(s.last_seen, event.time_ms);
  ++s.version;
  const auto first_day = first_recent_day(s.last_seen, recent_days);
  if (!first && day_of(s.last_seen) > day_before) spill_old(state_, first_day, spilled);
  remember(state_, event.id, day_of(event.time_ms), first_day, spilled);
  identifier_list::for_each_of(event, [&](const std::string& entry) { identifier_list::add(state_, entry); });
  const bool first_of_name = counters::add({state_, part::events}, {event.name, 1, event.time_ms, event.time_ms});
  segments::aggregates::observe(state_, observed_by, event, first_of_name);
  sessions::add({state_, part::sessions}, event.time_ms, event.time_ms);
  if (!event.traits.empty()) traits::apply(state_, event.traits, {event.time_ms, event.message_id});
  if (event.says_consent()) consent::apply(state_, event);
}

bool profile::forget_traits(const privacy_rules& rules, std::int64_t now_ms, std::vector<std::string>& lost) {
  return !empty() && traits::forget(state_, rules, now_ms, lost);
}

void profile::backfill(const segments::catalog& with, std::span<const std::uint64_t> keys, const event_view& event) {
  segments::aggregates::build(state_, with.inside(), keys, event);
}

void profile::mark_built(const segments::catalog& with, std::span<const std::uint64_t> keys) {
  segments::aggregates::mark_built(state_, with.inside(), keys);
}

void profile::retract(hash128 id, std::string_view name) {
  if (empty()) return;
  auto& s = state_.of();
  --s.version;
  recent_ids(state_).remove(id);
  counters::remove_one({state_, part::events}, name);
  segments::aggregates::forget(state_, name);
}

bool profile::learns_identifier(const event_view& event) const {
  bool any = false;
  identifier_list::for_each_of(
      event, [&](const std::string& entry) { any = any || !identifier_list::contains(state_, entry); });
  return any;
}

bool profile::recently_counted(hash128 id) const noexcept { return recent_ids::contains(state_, id); }

bool profile::has_spilled() const noexcept { return version() > recent_ids::size(state_); }

std::vector<hash128> profile::recent_event_ids() const {
  std::vector<hash128> ids;
  for (const auto& each : recent_ids::sorted(state_)) ids.push_back(each.id());
  return ids;
}

void profile::join(const profile& other, std::vector<spilled_id>& spilled, int recent_days) {
  if (other.empty()) return;
  if (state_.absent()) state_.make();
  auto& mine = state_.of();
  const bool first = empty();
  const auto day_before = day_of(mine.last_seen);
  const auto& theirs = other.state_.of();
  mine.version += theirs.version;
  mine.first_seen = std::min(mine.first_seen, theirs.first_seen);
  mine.last_seen = std::max(mine.last_seen, theirs.last_seen);
  const auto first_day = first_recent_day(mine.last_seen, recent_days);
  if (!first && day_of(mine.last_seen) > day_before) spill_old(state_, first_day, spilled);
  for (const auto& each : recent_ids::sorted(other.state_)) remember(state_, each.id(), each.day, first_day, spilled);
  for (taker in(other.state_.view(part::identifiers)); !in.done();) {
    identifier_list::add(state_, identifier_list::encoded(identifier_list::take(in)));
  }
  traits::join(state_, other.state_);
  consent::join(state_, other.state_);
  state_part(state_, part::aggregates)
      .assign(segments::aggregates::joined(state_, other.state_, state_.of().last_seen));
  counters::for_each(other.state_.view(part::events), [&](const counter& each) {
    counters::add({state_, part::events}, each);
  });
  sessions::for_each(other.state_.view(part::sessions), [&](std::int64_t start, std::int64_t end) {
    sessions::add({state_, part::sessions}, start, end);
  });
}

std::string profile::encode() const {
  std::string out;
  const auto agreed = state_.view(part::consent);
  out.push_back(static_cast<char>(agreed.empty() ? format_without_consent : format_version));
  if (empty()) return out;
  put(out, state_.of().version);
  put(out, state_.of().first_seen);
  put(out, state_.of().last_seen);
  for (const auto which : encoded_parts) put_text<std::uint32_t>(out, state_.view(which));
  put_text<std::uint32_t>(out, segments::aggregates::encoded(state_));
  if (!agreed.empty()) put_text<std::uint32_t>(out, agreed);
  recent_ids::encode(state_, out);
  return out;
}

result<profile> profile::decode(std::string_view bytes) {
  taker in(bytes);
  const auto format = in.number<unsigned char>();
  if (in.failed()) return fail(errc::internal, "profile state: empty");
  if (format == 0 || format > format_version) {
    return fail(errc::internal, "profile state: format version " + std::to_string(format) +
                                    "; this program reads versions 1 to 3, use the program that wrote it");
  }
  profile decoded;
  if (in.done()) return decoded;
  auto& to = decoded.state_;
  to.make();
  auto& numbers = to.of();
  numbers.version = in.number<std::uint64_t>();
  numbers.first_seen = in.number<std::int64_t>();
  numbers.last_seen = in.number<std::int64_t>();
  for (const auto which : encoded_parts) state_part(to, which).assign(in.text<std::uint32_t>());
  if (format > 1) state_part(to, part::aggregates).assign(in.text<std::uint32_t>());
  if (format > format_without_consent) state_part(to, part::consent).assign(in.text<std::uint32_t>());
  recent_ids(to).decode(in);
  if (in.failed() || !in.done() || !identifier_list::valid(to.view(part::identifiers)) || !traits::valid(to) ||
      !counters::valid(to.view(part::events)) || !sessions::valid(to.view(part::sessions)) ||
      !segments::aggregates::valid(to.view(part::aggregates)) || !consent::valid(to.view(part::consent)) ||
      decoded.empty() || decoded.version() < recent_ids::size(to)) {
    return fail(errc::internal, "profile state: damaged");
  }
  return decoded;
}

const std::string& field_list() {
  static const std::string list = [] {
    std::string all;
    for (const auto name : field_names) all.append(all.empty() ? "" : ", ").append(name);
    return all;
  }();
  return list;
}

void profile::write_trait_sources(msgpack::writer& out) const { traits::write_sources(state_, out); }

bool field_set::needs_standing() const noexcept { return has(f_computed) || has(f_segments); }

void profile::write_map(msgpack::writer& out, hash128 id, field_set fields, const derived& with) const {
  const auto& s = state_.of();
  const auto identifiers = state_.view(part::identifiers);
  std::size_t entries = 0;
  for (unsigned field = 0; field < field_names.size(); ++field) entries += fields.has(field) ? 1 : 0;
  out.map(entries);
  const auto wants = [&](field which) {
    if (fields.has(which)) out.string(field_names[which]);
    return fields.has(which);
  };
  const auto write_ids = [&](id_kind kind) {
    std::size_t count = 0;
    for (taker in(identifiers); !in.done();) count += identifier_list::take(in).kind == kind ? 1 : 0;
    out.array(count);
    for (taker in(identifiers); !in.done();) {
      const auto each = identifier_list::take(in);
      if (each.kind != kind) continue;
      if (kind == id_kind::external) {
        out.map(2);
        out.string("type");
        out.string(each.type);
        out.string("id");
      }
      out.string(each.value);
    }
  };
  if (wants(f_profile)) out.string(to_hex(id));
  if (wants(f_version)) out.natural(s.version);
  if (wants(f_users)) write_ids(id_kind::user);
  if (wants(f_anonymous)) write_ids(id_kind::anonymous);
  if (wants(f_external)) write_ids(id_kind::external);
  if (wants(f_traits)) traits::write(state_, out);
  if (wants(f_computed)) {
    if (with.computed.empty()) {
      out.map(0);
    } else {
      out.raw(with.computed);
    }
  }
  if (wants(f_segments)) {
    out.array(with.segments.size());
    for (const auto name : with.segments) out.string(name);
  }
  if (wants(f_consent)) {
    static const privacy_rules none;
    consent::write(state_, with.rules != nullptr ? *with.rules : none, out);
  }
  if (wants(f_first)) out.string(format_time(s.first_seen));
  if (wants(f_last)) out.string(format_time(s.last_seen));
  if (wants(f_events)) counters::write(state_.view(part::events), out);
  if (wants(f_sessions)) sessions::write(state_.view(part::sessions), out);
}

}  // namespace kith::profile
