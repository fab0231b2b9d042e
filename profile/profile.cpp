#include "profile/profile.hpp"

#include <algorithm>
#include <array>

#include "profile/blob.hpp"
#include "profile/bytes.hpp"
#include "profile/counters.hpp"
#include "profile/identifier.hpp"
#include "profile/recent_ids.hpp"
#include "profile/sessions.hpp"
#include "profile/traits.hpp"

namespace kith::profile {

namespace {

constexpr unsigned char format_version = 1;
constexpr std::int64_t ms_a_day = 86'400'000;

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

/// Identifiers as sorted entries: kind (1), length (1), type, length (2), value.
std::string identifier_entry(id_kind kind, std::string_view type, std::string_view value) {
  std::string entry;
  put(entry, static_cast<unsigned char>(kind));
  put_text<std::uint8_t>(entry, type);
  put_text<std::uint16_t>(entry, value);
  return entry;
}

struct identifier_view {
  id_kind kind;
  std::string_view type;
  std::string_view value;
};

identifier_view take_identifier(taker& in) {
  const auto kind = static_cast<id_kind>(in.number<unsigned char>());
  const auto type = in.text<std::uint8_t>();
  return {kind, type, in.text<std::uint16_t>()};
}

void add_identifier(blob& to, std::string_view entry) {
  taker in(to.view());
  std::size_t at = 0;
  while (!in.done()) {
    const auto before = in.rest();
    take_identifier(in);
    const auto present = before.substr(0, before.size() - in.rest().size());
    if (present == entry) return;
    if (present > entry) break;
    at += present.size();
  }
  to.replace(at, 0, entry);
}

}  // namespace

struct profile::state {
  std::uint64_t version = 0;
  std::int64_t first_seen = INT64_MAX;
  std::int64_t last_seen = INT64_MIN;
  blob identifiers;
  traits facts;
  counters events;
  sessions visits;
  recent_ids recent;

  std::int32_t first_recent_day(int recent_days) const noexcept { return day_of(last_seen) - recent_days + 1; }

  bool has_spilled() const noexcept { return version > recent.size(); }

  void see(std::int64_t time_ms) noexcept {
    first_seen = std::min(first_seen, time_ms);
    last_seen = std::max(last_seen, time_ms);
  }
  void spill_old(std::int32_t first_day, std::vector<spilled_id>& spilled) {
    recent.remove_before(first_day, [&](hash128 id, std::int32_t day) {
      spilled.push_back({id, (std::int64_t{day} + 1) * ms_a_day - 1});
    });
  }
  void remember(hash128 id, std::int32_t day, std::int32_t first_day, std::vector<spilled_id>& spilled) {
    if (day >= first_day) {
      recent.insert(id, day);
    } else {
      spilled.push_back({id, (std::int64_t{day} + 1) * ms_a_day - 1});
    }
  }
};

bool field_index(std::string_view name, unsigned& field) noexcept {
  const auto found = std::find(field_names.begin(), field_names.end(), name);
  field = static_cast<unsigned>(found - field_names.begin());
  return found != field_names.end();
}

profile::profile() noexcept = default;
profile::profile(profile&& other) noexcept : state_(std::exchange(other.state_, nullptr)) {}
profile& profile::operator=(profile&& other) noexcept {
  std::swap(state_, other.state_);
  return *this;
}
profile::~profile() { delete state_; }

std::uint64_t profile::version() const noexcept { return state_ == nullptr ? 0 : state_->version; }

seen profile::check(const event_view& event) const noexcept {
  if (state_ == nullptr) return seen::fresh;
  if (state_->recent.contains(event.id)) return seen::duplicate;
  // A retry may bear another time than the first try, so a recent time does not prove that the id is not a spilled one.
  return state_->has_spilled() ? seen::ask_spilled : seen::fresh;
}

void profile::apply(const event_view& event, std::vector<spilled_id>& spilled, int recent_days) {
  if (state_ == nullptr) state_ = std::make_unique<state>().release();
  auto& s = *state_;
  const auto day_before = s.version == 0 ? INT32_MIN : day_of(s.last_seen);
  s.see(event.time_ms);
  ++s.version;
  const auto first_day = s.first_recent_day(recent_days);
  if (day_before != INT32_MIN && day_of(s.last_seen) > day_before) s.spill_old(first_day, spilled);
  s.remember(event.id, day_of(event.time_ms), first_day, spilled);
  if (!event.user_id.empty()) add_identifier(s.identifiers, identifier_entry(id_kind::user, {}, event.user_id));
  if (!event.anonymous_id.empty())
    add_identifier(s.identifiers, identifier_entry(id_kind::anonymous, {}, event.anonymous_id));
  if (!event.external_ids.empty()) {
    msgpack::reader list(event.external_ids);
    for (auto left = list.next().size; left > 0; --left) {
      std::string_view type;
      std::string_view id;
      for (auto fields = list.next().size; fields > 0; --fields) {
        const auto key = list.next().bytes;
        const auto value = msgpack::reader(list.skip()).next().bytes;
        if (key == "type") type = value;
        if (key == "id") id = value;
      }
      add_identifier(s.identifiers, identifier_entry(id_kind::external, type, id));
    }
  }
  s.events.add(event.name, 1, event.time_ms, event.time_ms);
  s.visits.add(event.time_ms, event.time_ms);
  if (!event.traits.empty()) s.facts.apply(event.traits, {event.time_ms, event.message_id});
}

void profile::join(const profile& other, std::vector<spilled_id>& spilled, int recent_days) {
  if (other.state_ == nullptr) return;
  if (state_ == nullptr) state_ = std::make_unique<state>().release();
  auto& mine = *state_;
  const auto& theirs = *other.state_;
  mine.version += theirs.version;
  mine.first_seen = std::min(mine.first_seen, theirs.first_seen);
  mine.last_seen = std::max(mine.last_seen, theirs.last_seen);
  const auto first_day = mine.first_recent_day(recent_days);
  mine.spill_old(first_day, spilled);
  for (const auto& [id, day] : theirs.recent.entries()) mine.remember(id, day, first_day, spilled);
  taker in(theirs.identifiers.view());
  while (!in.done()) {
    const auto id = take_identifier(in);
    add_identifier(mine.identifiers, identifier_entry(id.kind, id.type, id.value));
  }
  mine.facts.join(theirs.facts);
  theirs.events.for_each(
      [&](const counter& each) { mine.events.add(each.name, each.count, each.first_ms, each.last_ms); });
  theirs.visits.for_each([&](std::int64_t start, std::int64_t end) { mine.visits.add(start, end); });
}

std::string profile::encode() const {
  std::string out;
  out.push_back(static_cast<char>(format_version));
  if (state_ == nullptr) return out;
  put(out, state_->version);
  put(out, state_->first_seen);
  put(out, state_->last_seen);
  put_text<std::uint32_t>(out, state_->identifiers.view());
  state_->facts.encode(out);
  put_text<std::uint32_t>(out, state_->events.view());
  put_text<std::uint32_t>(out, state_->visits.view());
  state_->recent.encode(out);
  return out;
}

result<profile> profile::decode(std::string_view bytes) {
  taker in(bytes);
  const auto format = in.number<unsigned char>();
  if (in.failed()) return fail(errc::internal, "profile state: empty");
  if (format != format_version) {
    return fail(errc::internal, "profile state: format version " + std::to_string(format) +
                                    "; this program reads version 1, use the program that wrote it");
  }
  profile decoded;
  if (in.done()) return decoded;
  decoded.state_ = std::make_unique<state>().release();
  auto& s = *decoded.state_;
  s.version = in.number<std::uint64_t>();
  s.first_seen = in.number<std::int64_t>();
  s.last_seen = in.number<std::int64_t>();
  s.identifiers.assign(in.text<std::uint32_t>());
  const auto stamps = in.text<std::uint32_t>();
  const auto facts = in.text<std::uint32_t>();
  bool whole = s.facts.decode(stamps, facts);
  whole = s.events.decode(in.text<std::uint32_t>()) && whole;
  whole = s.visits.decode(in.text<std::uint32_t>()) && whole;
  s.recent.decode(in);
  taker ids(s.identifiers.view());
  while (!ids.done()) whole = take_identifier(ids).kind < id_kind::profile && whole;
  if (!whole || in.failed() || ids.failed() || !in.done() || s.version == 0 || s.version < s.recent.size()) {
    return fail(errc::internal, "profile state: damaged");
  }
  return decoded;
}

std::size_t profile::heap_bytes() const noexcept {
  if (state_ == nullptr) return 0;
  const auto& s = *state_;
  return sizeof(state) + s.identifiers.heap_bytes() + s.facts.heap_bytes() + s.events.heap_bytes() +
         s.visits.heap_bytes() + s.recent.heap_bytes();
}

void profile::write_map(msgpack::writer& out, hash128 id, field_set fields) const {
  const state nothing;
  const auto& s = state_ == nullptr ? nothing : *state_;
  std::size_t entries = 0;
  for (unsigned field = 0; field < field_names.size(); ++field) entries += fields.has(field) ? 1 : 0;
  out.map(entries);
  const auto wants = [&](field which) {
    if (fields.has(which)) out.string(field_names[which]);
    return fields.has(which);
  };
  const auto write_ids = [&](id_kind kind) {
    std::size_t count = 0;
    for (taker in(s.identifiers.view()); !in.done();) count += take_identifier(in).kind == kind ? 1 : 0;
    out.array(count);
    for (taker in(s.identifiers.view()); !in.done();) {
      const auto each = take_identifier(in);
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
  if (wants(f_traits)) s.facts.write(out);
  if (wants(f_computed)) out.map(0);
  if (wants(f_segments)) out.array(0);
  if (wants(f_consent)) out.map(0);
  if (wants(f_first)) out.string(format_time(s.first_seen));
  if (wants(f_last)) out.string(format_time(s.last_seen));
  if (wants(f_events)) s.events.write(out);
  if (wants(f_sessions)) s.visits.write(out);
}

}  // namespace kith::profile
