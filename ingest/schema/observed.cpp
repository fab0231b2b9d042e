#include "ingest/schema/observed.hpp"

#include <algorithm>

#include "ingest/schema/format.hpp"

namespace kith::ingest::schema {

namespace {

using profile::msgpack::reader;

constexpr std::array<std::string_view, shapes> shape_names = {"date-time", "date", "uuid", "email"};

/// Keys whose values may say who somebody is.
constexpr std::array<std::string_view, 26> personal = {
    "name",    "mail",  "phone",  "mobile", "address", "street", "city", "town",   "zip",
    "postal",  "birth", "gender", "user",   "person",  "first",  "last", "nick",   "iban",
    "account", "pass",  "token",  "secret", "key",     "ip",     "id",   "session"};

char lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + ('a' - 'A')) : c; }

bool sounds_personal(std::string_view key) {
  std::string small(key);
  std::transform(small.begin(), small.end(), small.begin(), lower);
  return std::any_of(personal.begin(), personal.end(),
                     [&](std::string_view each) { return small.find(each) != std::string::npos; });
}

bool is_word(std::string_view text) {
  if (text.empty() || text.size() > observing::word_bytes) return false;
  return std::all_of(text.begin(), text.end(), [](char c) {
    const auto small = lower(c);
    return (small >= 'a' && small <= 'z') || c == '_' || c == '-';
  });
}

}  // namespace

std::string_view name_of(shape one) noexcept { return shape_names[static_cast<std::size_t>(one)]; }

/// Goes through one event's section.
class observer::walk {
 public:
  walk(observed_event& into, std::size_t& listed, bool personal_section)
      : into_(into), listed_(listed), personal_section_(personal_section) {}

  void value(std::string_view raw, observed_value& at, std::size_t depth) {
    reader in(raw);
    const auto head = in.next();
    const auto type = type_of(head);
    ++at.count;
    ++at.types[static_cast<std::size_t>(type)];
    if (type == value_type::string) {
      std::string room;
      text(text_of(head, room), at);
    }
    if (type != value_type::object && type != value_type::array) return;
    if (depth == observing::nesting) {
      into_.incomplete = true;
      return;
    }
    if (type == value_type::array) {
      items(in, head.size, at, depth);
    } else {
      members(raw, at, depth);
    }
  }

 private:
  bool may_list() {
    if (into_.paths >= observing::properties || listed_ >= observing::all_properties) {
      into_.incomplete = true;
      return false;
    }
    ++into_.paths;
    ++listed_;
    return true;
  }

  void items(reader& in, std::uint32_t size, observed_value& at, std::size_t depth) {
    if (size == 0 || (!at.items && !may_list())) return;
    if (!at.items) {
      at.items = std::make_unique<observed_value>();
      at.items->too_many_words = at.too_many_words;
    }
    for (std::uint32_t i = 0; i < size && i < observing::items; ++i) value(in.skip(), *at.items, depth + 1);
  }

  void members(std::string_view raw, observed_value& at, std::size_t depth) {
    std::vector<member> all;
    if (!members_of(raw, all)) return;
    std::size_t left = observing::members;
    for (const auto& each : all) {
      if (left-- == 0) {
        into_.incomplete = true;
        return;
      }
      const auto key = is_plain_key(each.key) ? each.key : hidden_key;
      auto found = at.members.find(key);
      if (found == at.members.end()) {
        if (!may_list()) continue;
        found = at.members.emplace(key, observed_value()).first;
        found->second.too_many_words = personal_section_ || key == hidden_key || sounds_personal(key);
      }
      value(each.value, found->second, depth + 1);
    }
  }

  void text(std::string_view value, observed_value& at) {
    for (std::size_t i = 0; i < shapes; ++i) {
      if (has_format(value, shape_names[i])) ++at.shaped[i];
    }
    if (at.too_many_words) return;
    if (!is_word(value)) return too_many(at);
    const auto hash = std::hash<std::string_view>()(value);
    auto found = std::find_if(at.words.begin(), at.words.end(), [&](const auto& each) { return each.hash == hash; });
    if (found == at.words.end()) {
      if (at.words.size() == observing::words) return too_many(at);
      found = at.words.insert(at.words.end(), observed_value::word{hash, 0, {}});
    }
    if (++found->count >= observing::word_recurs && found->text.empty()) found->text = value;
  }

  static void too_many(observed_value& at) {
    at.too_many_words = true;
    at.words.clear();
    at.words.shrink_to_fit();
  }

  observed_event& into_;
  std::size_t& listed_;
  const bool personal_section_;
};

void observed_value::add(const observed_value& other) {
  count += other.count;
  for (std::size_t i = 0; i < value_types; ++i) types[i] += other.types[i];
  for (std::size_t i = 0; i < shapes; ++i) shaped[i] += other.shaped[i];
  too_many_words = too_many_words || other.too_many_words;
  for (const auto& each : other.words) {
    auto found = std::find_if(words.begin(), words.end(), [&](const word& one) { return one.hash == each.hash; });
    if (found == words.end()) {
      words.push_back(each);
    } else {
      found->count += each.count;
      if (found->text.empty()) found->text = each.text;
    }
  }
  if (words.size() > observing::words) too_many_words = true;
  if (too_many_words) words.clear();
  for (const auto& [key, each] : other.members) members[key].add(each);
  if (other.items) {
    if (!items) items = std::make_unique<observed_value>();
    items->add(*other.items);
  }
}

void observed_event::add(const observed_event& other) {
  if (other.count > 0) {
    first_ms = count == 0 ? other.first_ms : std::min(first_ms, other.first_ms);
    last_ms = count == 0 ? other.last_ms : std::max(last_ms, other.last_ms);
  }
  count += other.count;
  walked += other.walked;
  for (std::size_t i = 0; i < mode_count; ++i) outcomes[i] += other.outcomes[i];
  invalid += other.invalid;
  incomplete = incomplete || other.incomplete;
  properties.add(other.properties);
  for (const auto& [kind, times] : other.violations) violations[kind] += times;
}

void observations::add(const observations& other) {
  for (const auto& [event, sources] : other.events) {
    for (const auto& [source, each] : sources) events[event][source].add(each);
  }
  unlisted += other.unlisted;
}

observed_event* observer::place_of(const sight& what) {
  auto event = seen_.events.find(what.event);
  if (event == seen_.events.end()) {
    if (seen_.events.size() == observing::events) return nullptr;
    event = seen_.events.emplace(what.event, std::map<std::string, observed_event, std::less<>>()).first;
  }
  auto source = event->second.find(what.source);
  if (source == event->second.end()) {
    if (event->second.size() == observing::sources) return nullptr;
    source = event->second.emplace(what.source, observed_event()).first;
  }
  return &source->second;
}

void observer::see(const sight& what, mode outcome, const std::vector<violation>& violations,
                   const std::function<std::string_view()>& section) {
  const std::lock_guard lock(mutex_);
  auto* at = place_of(what);
  if (at == nullptr) {
    ++seen_.unlisted;
    return;
  }
  at->first_ms = at->count == 0 ? what.received_ms : std::min(at->first_ms, what.received_ms);
  at->last_ms = at->count == 0 ? what.received_ms : std::max(at->last_ms, what.received_ms);
  ++at->count;
  ++at->outcomes[static_cast<std::size_t>(outcome)];
  if (!violations.empty()) ++at->invalid;
  for (const auto& each : violations) {
    const std::pair kind(each.pointer, each.rule);
    if (at->violations.size() < observing::violations || at->violations.contains(kind)) ++at->violations[kind];
  }
  if (at->count > observing::walked_first && at->count % observing::walked_each != 0) return;
  ++at->walked;
  constexpr std::string_view empty_map = "\x80";
  const auto map = section();
  walk(*at, listed_, what.personal).value(map.empty() ? empty_map : map, at->properties, 0);
}

void observer::add_to(observations& all) const {
  const std::lock_guard lock(mutex_);
  all.add(seen_);
}

}  // namespace kith::ingest::schema
