#include "profile/consent.hpp"

#include <algorithm>
#include <array>

#include "profile/bytes.hpp"
#include "profile/limits.hpp"
#include "profile/utf8.hpp"

namespace kith::profile::consent {

namespace {

constexpr std::array<std::string_view, 3> status_names = {"denied", "granted", "withdrawn"};
constexpr std::string_view signal_entry;  ///< whose purpose this is

bool status_named(std::string_view name, status& into) noexcept {
  const auto found = std::find(status_names.begin(), status_names.end(), name);
  if (found == status_names.end()) return false;
  into = static_cast<status>(found - status_names.begin());
  return true;
}

/// Reads one `context.consent`.
class reading {
 public:
  reading(std::vector<decision>& into, std::string& problem) noexcept : into_(into), problem_(problem) {}

  bool all(std::string_view said) {
    std::string_view preferences;
    std::string_view purposes;
    const bool is_map = each_entry(said, "", [&](std::string_view key, std::string_view value) {
      if (key == "categoryPreferences") preferences = value;
      if (key == "purposes") purposes = value;
      return true;
    });
    // What is said at length counts behind what is said in short: of two words about a purpose the last one is kept.
    return is_map && (absent(preferences) || read_preferences(preferences)) &&
           (absent(purposes) || read_purposes(purposes));
  }

 private:
  static bool absent(std::string_view raw) noexcept { return raw.empty() || raw.front() == '\xc0'; }

  bool bad(std::string_view where, std::string_view why) {
    problem_.assign("context.consent").append(where).append(why);
    return false;
  }

  /// Calls each(key, value) for the entries of a map until it says false.
  template <class F>
  bool each_entry(std::string_view map, std::string_view where, F each) {
    msgpack::reader in(map);
    const auto head = in.next();
    if (!head.is_map()) return bad(where, ": must be a map");
    for (std::uint32_t i = 0; i < head.size; ++i) {
      const auto key = in.next();
      if (!key.is_string()) return bad(where, ": has a key that is no string");
      if (!each(key.bytes, in.skip())) return false;
    }
    return true;
  }

  bool add(std::string_view where, const decision& said) {
    const auto name = said.purpose;
    if (name.empty() || name.size() > limits::consent_text_bytes || !is_utf8(name)) {
      return bad(where, ": the name of a purpose must be 1 to " + std::to_string(limits::consent_text_bytes) +
                            " bytes of UTF-8");
    }
    if (into_.size() == limits::consent_purposes_per_event) {
      return bad(where, ": names over " + std::to_string(limits::consent_purposes_per_event) + " purposes");
    }
    into_.push_back(said);
    return true;
  }

  bool read_preferences(std::string_view map) {
    return each_entry(map, ".categoryPreferences", [&](std::string_view name, std::string_view value) {
      const auto said = msgpack::reader(value).next();
      if (said.type == msgpack::kind::nil) return true;
      if (said.type != msgpack::kind::boolean) {
        return bad(place(".categoryPreferences", name), ": must be true or false");
      }
      decision made;
      made.purpose = name;
      made.what = said.integer != 0 ? status::granted : status::denied;
      return add(".categoryPreferences", made);
    });
  }

  bool read_purposes(std::string_view map) {
    return each_entry(map, ".purposes", [&](std::string_view name, std::string_view value) {
      if (absent(value)) return true;
      decision made;
      made.purpose = name;
      return read_purpose(place(".purposes", name), value, made) && add(".purposes", made);
    });
  }

  bool read_purpose(const std::string& where, std::string_view map, decision& into) {
    msgpack::token granted;
    std::string_view what;
    std::string_view basis;
    msgpack::token overrides;
    const bool good = each_entry(map, where, [&](std::string_view key, std::string_view value) {
      const auto token = msgpack::reader(value).next();
      if (key == "granted") granted = token;
      if (key == "overridesGpc") overrides = token;
      if (key == "status") return text(where + ".status", token, what);
      if (key == "basis") return text(where + ".basis", token, basis);
      if (key == "source") return text(where + ".source", token, into.source);
      return key != "version" || text(where + ".version", token, into.version);
    });
    return good && read_status(where, granted, what, into) && read_flag(where, ".overridesGpc", overrides) &&
           read_basis(where, basis, into.basis) && read_override(where, overrides, into);
  }

  bool text(const std::string& where, const msgpack::token& token, std::string_view& into) {
    if (token.type == msgpack::kind::nil) return true;
    if (!token.is_string() || token.bytes.size() > limits::consent_text_bytes || !is_utf8(token.bytes)) {
      return bad(where, ": must be a string of at most " + std::to_string(limits::consent_text_bytes) + " bytes");
    }
    into = token.bytes;
    return true;
  }

  bool read_flag(const std::string& where, std::string_view key, const msgpack::token& token) {
    if (token.type == msgpack::kind::nil || token.type == msgpack::kind::boolean) return true;
    return bad(where + std::string(key), ": must be true or false");
  }

  bool read_status(const std::string& where, const msgpack::token& granted, std::string_view what, decision& into) {
    if (!read_flag(where, ".granted", granted)) return false;
    const bool has_flag = granted.type == msgpack::kind::boolean;
    if (!has_flag && what.empty()) {
      return bad(where, ": needs granted (true or false) or status (denied, granted, withdrawn)");
    }
    if (has_flag) into.what = granted.integer != 0 ? status::granted : status::denied;
    if (what.empty()) return true;
    if (!status_named(what, into.what)) return bad(where + ".status", ": must be denied, granted or withdrawn");
    const bool agree = !has_flag || (granted.integer != 0) == (into.what == status::granted);
    return agree || bad(where, ": granted and status say different things");
  }

  bool read_basis(const std::string& where, std::string_view name, legal_basis& into) {
    if (name.empty() || basis_named(name, into)) return true;
    return bad(where + ".basis", ": must be one of " + basis_list());
  }

  bool read_override(const std::string& where, const msgpack::token& token, decision& into) {
    into.overrides_gpc = token.type == msgpack::kind::boolean && token.integer != 0;
    if (!into.overrides_gpc || into.what == status::granted) return true;
    return bad(where + ".overridesGpc", ": goes with a purpose that is granted");
  }

  static std::string place(std::string_view of, std::string_view name) {
    return std::string(of).append(".").append(name.substr(0, limits::consent_text_bytes));
  }

  std::vector<decision>& into_;
  std::string& problem_;
};

decision take(taker& in) noexcept {
  decision one;
  one.purpose = in.text<std::uint8_t>();
  one.what = static_cast<status>(in.number<std::uint8_t>());
  one.basis = static_cast<legal_basis>(in.number<std::uint8_t>());
  one.overrides_gpc = in.number<std::uint8_t>() != 0;
  one.by.time_ms = in.number<std::int64_t>();
  one.by.message_id = in.text<std::uint8_t>();
  one.source = in.text<std::uint8_t>();
  one.version = in.text<std::uint8_t>();
  return one;
}

void put_one(std::string& out, const decision& one) {
  put_text<std::uint8_t>(out, one.purpose);
  put(out, static_cast<std::uint8_t>(one.what));
  put(out, static_cast<std::uint8_t>(one.basis));
  put(out, static_cast<std::uint8_t>(one.overrides_gpc));
  put(out, one.by.time_ms);
  put_text<std::uint8_t>(out, one.by.message_id);
  put_text<std::uint8_t>(out, one.source);
  put_text<std::uint8_t>(out, one.version);
}

/// Of two words about a purpose, or two signals, does the second one count?
bool gives_way(const decision& mine, const decision& theirs) noexcept {
  return mine.purpose == signal_entry ? theirs.by < mine.by : mine.by < theirs.by;
}

/// Joins entries that are sorted by purpose, each once.
void join_entries(state& of, const std::vector<decision>& added) {
  thread_local std::vector<decision> joined;
  thread_local std::string bytes;
  joined.clear();
  bool changed = false;
  auto next = added.begin();
  for (taker in(of.view(part::consent)); !in.done();) {
    const auto mine = take(in);
    for (; next != added.end() && next->purpose < mine.purpose; changed = true) joined.push_back(*next++);
    const bool both = next != added.end() && next->purpose == mine.purpose;
    const bool replaced = both && gives_way(mine, *next);
    joined.push_back(replaced ? *next : mine);
    changed = changed || replaced;
    if (both) ++next;
  }
  changed = changed || next != added.end();
  joined.insert(joined.end(), next, added.end());
  if (!changed) return;
  const bool signalled = !joined.empty() && joined.front().purpose == signal_entry;
  const auto most = limits::consent_purposes + (signalled ? 1 : 0);
  if (joined.size() > most) joined.resize(most);
  bytes.clear();
  for (const auto& each : joined) put_one(bytes, each);
  state_part(of, part::consent).assign(bytes);
}

/// What an event says, sorted by purpose; of two words about one the last counts.
const std::vector<decision>& decisions_of(const event_view& event) {
  thread_local std::vector<decision> said;
  thread_local std::string problem;
  said.clear();
  if (!event.consent.empty()) read(event.consent, said, problem);
  if (event.opted_out) said.push_back({signal_entry, status::denied});
  for (auto& each : said) each.by = {event.time_ms, event.message_id};
  std::stable_sort(said.begin(), said.end(),
                   [](const auto& left, const auto& right) { return left.purpose < right.purpose; });
  std::size_t kept = 0;
  for (std::size_t i = 0; i < said.size(); ++i) {
    if (i + 1 < said.size() && said[i + 1].purpose == said[i].purpose) continue;
    said[kept++] = said[i];
  }
  said.resize(kept);
  return said;
}

/// `said`: null: nothing. `signal`: null: none came.
verdict judge_one(const purpose* rule, const decision* said, const decision* signal) {
  verdict found;
  if (said != nullptr) {
    found = {said->what, said->basis, said->source, said->version, said->by};
  } else if (rule != nullptr) {
    found.what = rule->granted_by_default ? status::granted : status::denied;
    found.source = "default";
  }
  if (rule == nullptr) return found;
  if (found.basis == legal_basis::unsaid) found.basis = rule->basis;
  const bool denied_by_signal =
      rule->gpc && signal != nullptr && found.granted() && !(said != nullptr && said->overrides_gpc);
  if (denied_by_signal) found = {status::denied, found.basis, "gpc", {}, signal->by};
  return found;
}

}  // namespace

std::string_view name_of(status of) noexcept { return status_names[static_cast<std::size_t>(of)]; }

bool read(std::string_view said, std::vector<decision>& into, std::string& problem) {
  return reading(into, problem).all(said);
}

void apply(state& of, const event_view& event) {
  if (event.says_consent()) join_entries(of, decisions_of(event));
}

void join(state& of, const state& other) {
  if (other.view(part::consent).empty()) return;
  std::vector<decision> theirs;
  for (taker in(other.view(part::consent)); !in.done();) theirs.push_back(take(in));
  join_entries(of, theirs);
}

bool overflows(const state& of, const event_view& event) {
  std::vector<std::string_view> names;
  const auto add = [&](std::string_view name) {
    if (name != signal_entry) names.push_back(name);
  };
  for (taker in(of.view(part::consent)); !in.done();) add(take(in).purpose);
  for (const auto& each : decisions_of(event)) add(each.purpose);
  std::sort(names.begin(), names.end());
  return std::unique(names.begin(), names.end()) - names.begin() >
         static_cast<std::ptrdiff_t>(limits::consent_purposes);
}

bool names_unknown(const event_view& event, const privacy_rules& rules) {
  if (event.consent.empty() || rules.purposes().empty()) return false;
  const auto& said = decisions_of(event);
  return std::any_of(said.begin(), said.end(), [&](const decision& each) {
    return each.purpose != signal_entry && rules.find(each.purpose) == nullptr;
  });
}

verdict judge(const state& of, const privacy_rules& rules, std::string_view purpose) {
  decision signal;
  decision said;
  bool has_signal = false;
  bool has_said = false;
  for (taker in(of.view(part::consent)); !in.done() && !has_said;) {
    const auto each = take(in);
    if (each.purpose == signal_entry) {
      signal = each;
      has_signal = true;
    } else if (each.purpose == purpose) {
      said = each;
      has_said = true;
    }
  }
  return judge_one(rules.find(purpose), has_said ? &said : nullptr, has_signal ? &signal : nullptr);
}

void judge_all(const state& of, const privacy_rules& rules, std::vector<named_verdict>& into) {
  decision signal;
  const decision* has_signal = nullptr;
  auto rule = rules.purposes().begin();
  const auto end = rules.purposes().end();
  for (taker in(of.view(part::consent)); !in.done();) {
    const auto said = take(in);
    if (said.purpose == signal_entry) {  // the first one
      signal = said;
      has_signal = &signal;
      continue;
    }
    for (; rule != end && rule->name < said.purpose; ++rule) {
      into.push_back({rule->name, judge_one(&*rule, nullptr, has_signal)});
    }
    const bool known = rule != end && rule->name == said.purpose;
    into.push_back({said.purpose, judge_one(known ? &*rule : nullptr, &said, has_signal)});
    if (known) ++rule;
  }
  for (; rule != end; ++rule) into.push_back({rule->name, judge_one(&*rule, nullptr, has_signal)});
}

void write(const verdict& of, msgpack::writer& out) {
  const auto basis = name_of(of.basis);
  const auto texts = {std::pair<std::string_view, std::string_view>{"basis", basis},
                      {"source", of.source},
                      {"version", of.version},
                      {"messageId", of.by.message_id}};
  std::size_t entries = of.is_default() ? 2 : 3;
  for (const auto& [key, text] : texts) entries += text.empty() ? 0 : 1;
  out.map(entries);
  out.string("status");
  out.string(name_of(of.what));
  out.string("granted");
  out.boolean(of.granted());
  if (!of.is_default()) {
    out.string("at");
    out.string(format_time(of.by.time_ms));
  }
  for (const auto& [key, text] : texts) {
    if (text.empty()) continue;
    out.string(key);
    out.string(text);
  }
}

void write(const state& of, const privacy_rules& rules, msgpack::writer& out) {
  thread_local std::vector<named_verdict> all;
  all.clear();
  judge_all(of, rules, all);
  out.map(all.size());
  for (const auto& each : all) {
    out.string(each.purpose);
    write(each.what, out);
  }
}

bool valid(std::string_view bytes) {
  std::string_view before;
  std::size_t count = 0;
  for (taker in(bytes); !in.done(); ++count) {
    const auto each = take(in);
    const bool sorted = count == 0 || before < each.purpose;
    const bool known = each.what <= status::withdrawn && each.basis <= legal_basis::legitimate_interests;
    if (in.failed() || !sorted || !known || each.by.message_id.empty()) return false;
    before = each.purpose;
  }
  return count <= limits::consent_purposes + 1;
}

}  // namespace kith::profile::consent
