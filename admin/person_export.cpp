#include "admin/person_export.hpp"

#include <algorithm>

#include "admin/api_kind.hpp"
#include "admin/asking.hpp"
#include "admin/dead_letter_json.hpp"
#include "admin/json.hpp"
#include "admin/tokens.hpp"
#include "profile/limits.hpp"
#include "webhooks/deliverer.hpp"

namespace kith::admin {

namespace {

using nlohmann::json;
using profile::id_kind;
using profile::identifier;

constexpr std::size_t events_a_page = 250;
constexpr std::size_t letters_a_page = 100;
constexpr int rounds = 8;  ///< the state is read again, while events of the person come in

struct omission {
  const char* what;
  const char* why;
};
constexpr omission omitted[] = {
    {"events that history.retention or retention.events has dropped, or that came in before there was a history",
     "their bodies are not kept; what they add up to is in profile"},
    {"hashes of event ids", "16 bytes an event, kept so that none counts twice; they tell nothing else"},
    {"events received after asOf", "they came while this document was written"},
    {"backups, and journal/quarantine", "copies of what is here, as it was"},
    {"the audit log", "who looked at the data and when; it names people by a hash"},
    {"spools and dead letters of forwarders", "they are kept on other machines, until they are handed on"},
    {"messages that wait for a webhook", "they tell what segments tells"},
    {"who watched changes of the profile", "it is not recorded; receivers has who may"},
};

/// Those of a profile map.
std::vector<identifier> identifiers_of(const json& profile) {
  std::vector<identifier> found;
  if (profile.is_null()) return found;
  for (const auto& each : profile.at("userIds")) found.push_back({id_kind::user, {}, each.get<std::string>()});
  for (const auto& each : profile.at("anonymousIds"))
    found.push_back({id_kind::anonymous, {}, each.get<std::string>()});
  for (const auto& each : profile.at("externalIds")) {
    found.push_back({id_kind::external, each.at("type").get<std::string>(), each.at("id").get<std::string>()});
  }
  return found;
}

/// Who somebody is made of, whatever their events do.
json members_of(const json& identity) {
  auto members = json::array();
  if (!identity.is_object()) return members;
  for (const auto& each : identity.at("identifiers")) {
    members.push_back({each.at("kind"), each.value("type", ""), each.at("id")});
  }
  std::sort(members.begin(), members.end());
  return members;
}

/// The events of what came in: a batch has several.
std::vector<json> units_of(json body) {
  if (body.is_object() && body.contains("batch") && body["batch"].is_array()) body = json(body["batch"]);
  if (!body.is_array()) return {std::move(body)};
  return body.get<std::vector<json>>();
}

/// Discarded, if it is no JSON, or is nested deeper than an event may be.
json parsed(const std::string& text) {
  bool too_deep = false;
  const auto shallow = [&](int depth, json::parse_event_t, json&) {
    too_deep = too_deep || depth > static_cast<int>(limits::max_nesting);
    return !too_deep;
  };
  auto body = json::parse(text, shallow, false);
  return too_deep ? json(json::value_t::discarded) : body;
}

/// Null: it has none.
const json& member_of(const json& object, const char* name) {
  static const json none;
  if (!object.is_object()) return none;
  const auto at = object.find(name);
  return at == object.end() ? none : *at;
}

/// Does this object name the person whose event it is?
bool says_whose(const json& object) {
  for (const auto* name : {"userId", "anonymousId"}) {
    const auto& id = member_of(object, name);
    const bool blank = id.is_string() && id.get_ref<const std::string&>().empty();
    if (!id.is_null() && !blank) return true;
  }
  return !member_of(object, "externalIds").empty() || !member_of(member_of(object, "context"), "externalIds").empty();
}

}  // namespace

letter_search::letter_search(std::vector<identifier> who) : who_(std::move(who)) {
  for (const auto& each : who_) {
    if (each.kind != id_kind::profile) values_.push_back(each.value);
  }
}

bool letter_search::has(id_kind kind, std::string_view type, const json& value) const {
  if (!value.is_string()) return false;
  std::string buffer;
  const auto wanted = std::string(normalized(kind, type, value.get_ref<const std::string&>(), buffer));
  return std::any_of(who_.begin(), who_.end(), [&](const identifier& each) {
    std::string other;
    return each.kind == kind && each.type == type && normalized(kind, type, each.value, other) == wanted;
  });
}

/// By one of the members of this object itself.
bool letter_search::is_named(const json& object) const {
  for (const auto& [key, value] : object.items()) {
    if ((key == "userId" || key == "previousId") && has(id_kind::user, {}, value)) return true;
    if ((key == "anonymousId" || key == "previousId") && has(id_kind::anonymous, {}, value)) return true;
    if (has(id_kind::external, key, value)) return true;
  }
  const auto type = object.find("type");
  const auto id = object.find("id");
  return type != object.end() && id != object.end() && type->is_string() &&
         has(id_kind::external, type->get_ref<const std::string&>(), *id);
}

bool letter_search::is_mentioned(const json& value) const {
  if (value.is_object() && is_named(value)) return true;
  return value.is_structured() &&
         std::any_of(value.begin(), value.end(), [&](const json& each) { return is_mentioned(each); });
}

/// Of an event that says whose it is, what it tells beside that may name anybody.
bool letter_search::is_theirs(const json& value) const {
  if (!value.is_object()) {
    return value.is_array() &&
           std::any_of(value.begin(), value.end(), [&](const json& each) { return is_theirs(each); });
  }
  if (is_named(value)) return true;
  if (!says_whose(value)) {
    return std::any_of(value.begin(), value.end(), [&](const json& each) { return is_theirs(each); });
  }
  const auto& context = member_of(value, "context");
  for (const auto* held : {&value, &context}) {
    const auto& traits = member_of(*held, "traits");
    if (traits.is_object() && is_named(traits)) return true;
    if (is_listed(member_of(*held, "externalIds"))) return true;
  }
  return false;
}

/// Of `externalIds`.
bool letter_search::is_listed(const json& ids) const {
  if (ids.is_object()) return is_named(ids);
  return ids.is_array() &&
         std::any_of(ids.begin(), ids.end(), [&](const json& each) { return each.is_object() && is_named(each); });
}

/// `ids`: as letters have them, "user:ada anonymous:a-17".
bool letter_search::is_known_as(const std::string& ids) const {
  return std::any_of(who_.begin(), who_.end(), [&](const identifier& each) {
    const auto name = kind_of(each) + ":" + each.value;
    for (auto at = ids.find(name); at != std::string::npos; at = ids.find(name, at + 1)) {
      const auto end = at + name.size();
      if ((at == 0 || ids[at - 1] == ' ') && (end == ids.size() || ids[end] == ' ')) return true;
    }
    return false;
  });
}

json letter_search::about(const persistence::dead_letter& letter) {
  auto entry = letter_json(letter);
  auto body = entry.contains("decoded") ? entry["decoded"] : parsed(letter.bytes);
  auto theirs = json::array();
  bool mentioned = false;
  if (!body.is_discarded()) {
    for (auto& unit : units_of(std::move(body))) {
      mentioned = mentioned || is_mentioned(unit);
      if (is_theirs(unit)) theirs.push_back(std::move(unit));
    }
  }
  const bool known = is_known_as(letter.ids);
  if (theirs.empty() && !known) {
    if (mentioned || names_any(letter, values_)) ++unclear_;
    return nullptr;
  }
  // The bytes may name others, too; headers are the sender's.
  if (!theirs.empty()) {
    for (const auto* each : {"bytes", "encoding", "decoded"}) entry.erase(each);
  }
  entry.erase("headers");
  if (!known) entry["ids"] = nullptr;
  entry["events"] = std::move(theirs);
  return entry;
}

person_export::person_export(actors::service& service, const parts& with, identifier whose, profile::hash128 address,
                             std::function<std::int64_t()> now_ms)
    : service_(service), with_(with), whose_(std::move(whose)), address_(address), now_ms_(std::move(now_ms)) {}

result<std::unique_ptr<person_export>> person_export::begin(actors::service& service, const parts& with,
                                                            identifier whose, std::function<std::int64_t()> now_ms) {
  profile::hash128 address;
  if (!profile::address_of(whose, address)) {
    return fail(errc::invalid_argument, "a profile's own id is 32 hexadecimal digits");
  }
  std::unique_ptr<person_export> made(new person_export(service, with, whose, address, std::move(now_ms)));
  if (auto read = made->read_state(); !read) return tl::make_unexpected(read.error());
  auto who = identifiers_of(made->profile_);
  who.push_back(std::move(whose));
  made->search_ = std::make_unique<letter_search>(std::move(who));
  if (!made->profile_.is_null()) return made;
  // Nobody but in what was refused, or nobody at all.
  while (made->found_.empty() && !made->no_more_letters_) {
    if (auto looked = made->next_letters(); !looked) return tl::make_unexpected(looked.error());
  }
  if (made->found_.empty()) return fail(errc::not_found, "there is no such profile");
  return made;
}

/// Null: there is no such profile.
result<json> person_export::ask(void (actors::service::*question)(actors::shard_id, profile::hash128,
                                                                  actors::read_done)) {
  const auto told = ask_profile(service_, [question, address = address_](actors::service& service, auto done) {
    (service.*question)(0, address, std::move(done));
  });
  if (!told) return tl::make_unexpected(told.error());
  return *told ? to_json(**told) : json(nullptr);
}

result<json> person_export::read_profile() {
  const auto told = ask_profile(service_, [address = address_](actors::service& service, auto done) {
    service.read(0, {address}, {}, std::move(done));
  });
  if (!told) return tl::make_unexpected(told.error());
  return *told ? to_json(**told) : json(nullptr);
}

/// All of it as of one version of the profile; where it changes all the time, as of several that follow on each other.
result<void> person_export::read_state() {
  for (int round = 0; round < rounds; ++round) {
    auto profile = read_profile();
    if (!profile) return tl::make_unexpected(profile.error());
    profile_ = std::move(*profile);
    if (!profile_.is_null()) {
      auto traits = ask(&actors::service::read_trait_sources);
      if (!traits) return tl::make_unexpected(traits.error());
      if (traits->is_array()) traits_ = std::move(*traits);
      auto identity = ask(&actors::service::read_identity);
      if (!identity) return tl::make_unexpected(identity.error());
      identity_ = std::move(*identity);
      if (auto read = read_segments(); !read) return read;
    }
    as_of_ms_ = now_ms_();
    const auto after = read_profile();
    if (!after) return tl::make_unexpected(after.error());
    stable_ = after->is_null() == profile_.is_null() &&
              (after->is_null() ||
               (after->at("version") == profile_.at("version") && after->at("segments") == profile_.at("segments")));
    if (stable_) return {};
  }
  return {};
}

result<void> person_export::read_segments() {
  auto memberships = ask(&actors::service::read_segments);
  if (!memberships) return tl::make_unexpected(memberships.error());
  segments_ = memberships->is_array() ? std::move(*memberships) : json::array();
  for (auto& each : segments_) {
    const auto why = ask_profile(
        service_, [address = address_, name = each.at("segment").get<std::string>()](
                      actors::service& service, auto done) { service.explain(0, address, name, std::move(done)); });
    if (!why && why.error().code != errc::not_found && why.error().code != errc::invalid_argument) {
      return tl::make_unexpected(why.error());
    }
    each["why"] = why && *why ? to_json(**why) : json(nullptr);  // the definition may have gone meanwhile
  }
  return {};
}

/// Who may have been told: by the configuration as it is now.
json person_export::receivers() const {
  auto list = json::array();
  const auto is_in = [&](const std::string& name) {
    return std::any_of(segments_.begin(), segments_.end(),
                       [&](const json& each) { return each.at("segment") == name; });
  };
  for (const auto& each : with_.webhooks != nullptr ? with_.webhooks->statuses() : std::vector<webhooks::status>()) {
    auto now = json::array();
    for (const auto& name : each.segments) {
      if (is_in(name)) now.push_back(name);
    }
    if (each.segments.empty()) {
      for (const auto& one : segments_) now.push_back(one.at("segment"));
    }
    list.push_back({{"kind", "webhook"},
                    {"name", each.name},
                    {"url", each.url},
                    {"tells", "that a profile enters or leaves a segment, with its identifiers"},
                    {"purpose", each.purpose.empty() ? json(nullptr) : json(each.purpose)},
                    {"segments", each.segments.empty() ? json("all") : json(each.segments)},
                    {"memberOf", std::move(now)}});
  }
  if (with_.tokens == nullptr) return list;
  for (const auto& each : with_.tokens->configured().listed()) {
    if (!each.can_read) continue;
    list.push_back(
        {{"kind", "reader"}, {"name", each.name}, {"tells", "what it asks for: profiles, and their changes"}});
  }
  return list;
}

std::string person_export::head() const {
  auto left_out = json::array();
  for (const auto& each : omitted) left_out.push_back({{"what", each.what}, {"why", each.why}});
  const bool there = !profile_.is_null();
  json made = {{"format", "kith person export"},
               {"version", person_export_version},
               {"asked", {{"kind", kind_of(whose_)}, {"id", whose_.value}}},
               {"asOf", profile::format_time(as_of_ms_)},
               {"stable", stable_},
               {"profile", profile_},
               {"traits", traits_},
               {"consent", there ? profile_.value("consent", json::object()) : json::object()},
               {"identity", identity_},
               {"segments", segments_},
               {"receivers", receivers()},
               {"notIncluded", std::move(left_out)}};
  auto text = dump(made);
  text.pop_back();  // the brace: events and letters follow
  return text + ",\n\"events\":[";
}

/// The next elements of an array that has `count` already. Never empty, so that the document goes on.
std::string person_export::listed(const json& items, std::uint64_t& count) const {
  std::string text = "\n";
  for (const auto& each : items) {
    if (count++ > 0) text += ",\n";
    text += dump(each);
  }
  return text;
}

result<std::string> person_export::next_events() {
  if (profile_.is_null()) {
    now_ = stage::letters;
    return std::string("],\n\"deadLetters\":[");
  }
  persistence::history_query query;
  query.newest_first = false;
  query.limit = events_a_page;
  query.cursor = cursor_;
  const auto page = service_.history(address_, query);
  if (!page) return tl::make_unexpected(page.error());
  auto items = json::array();
  for (const auto& each : page->items) {
    if (each.received_ms > as_of_ms_) continue;
    items.push_back({{"id", profile::to_hex(each.id)},
                     {"time", profile::format_time(each.time_ms)},
                     {"receivedAt", profile::format_time(each.received_ms)},
                     {"source", each.source},
                     {"event", to_json(each.encoded)}});
  }
  auto text = listed(items, events_);
  cursor_ = page->next;
  if (!cursor_.empty()) return text;
  now_ = stage::letters;
  return text + "],\n\"deadLetters\":[";
}

result<std::string> person_export::next_letters() {
  auto items = std::exchange(found_, json::array());
  if (with_.letters == nullptr) no_more_letters_ = true;
  if (!no_more_letters_ && items.empty()) {
    persistence::dead_letter_query query;
    query.newest_first = false;
    query.limit = letters_a_page;
    query.cursor = cursor_;
    const auto page = with_.letters->list(query);
    if (!page) return tl::make_unexpected(page.error());
    for (const auto& each : page->letters) {
      if (each.at_ms > as_of_ms_) continue;
      if (auto entry = search_->about(each); !entry.is_null()) items.push_back(std::move(entry));
    }
    cursor_ = page->next;
    no_more_letters_ = cursor_.empty();
  }
  if (now_ != stage::letters) {  // looked for before the document was begun
    found_ = std::move(items);
    return std::string();
  }
  auto text = listed(items, letters_);
  if (no_more_letters_) now_ = stage::end;
  return text;
}

/// It is of the same person still?
result<void> person_export::check_same() {
  if (profile_.is_null()) return {};
  auto identity = ask(&actors::service::read_identity);
  if (!identity) return tl::make_unexpected(identity.error());
  if (identity->is_null() && !identity_.is_null())
    return fail(errc::not_found, "there is no such profile any more: it was erased");
  if (members_of(*identity) == members_of(identity_)) return {};
  return fail(errc::unavailable, "the person was joined with another one, or taken apart, meanwhile; ask again");
}

result<std::string> person_export::end() {
  if (auto same = check_same(); !same) return tl::make_unexpected(same.error());
  now_ = stage::done;
  const json counts = {
      {"events", events_}, {"deadLetters", letters_}, {"deadLettersUnclear", search_->unclear()}, {"complete", true}};
  return "],\n\"end\":" + dump(counts) + "}\n";
}

result<std::string> person_export::next() {
  switch (now_) {
    case stage::head: now_ = stage::events; return head();
    case stage::events: return next_events();
    case stage::letters: return next_letters();
    case stage::end: return end();
    case stage::done: break;
  }
  return std::string();
}

}  // namespace kith::admin
