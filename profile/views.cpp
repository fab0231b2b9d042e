#include "profile/views.hpp"

#include <algorithm>
#include <array>

#include "profile/limits.hpp"
#include "profile/msgpack_scan.hpp"
#include "profile/segments/trait_map.hpp"

namespace kith::profile {

namespace {

constexpr std::array<std::string_view, 3> of_an_event_name = {"count", "firstAt", "lastAt"};

tl::unexpected<error> refuse(const view_path& path, const std::string& why) {
  return fail(errc::invalid_argument, '"' + path_text(path) + "\": " + why);
}

bool shows(const view::keys& keys, std::string_view value) {
  if (keys.all) return true;
  bool any = false;
  if (msgpack::is_map(value)) {
    msgpack::for_each_entry(value, [&](std::string_view key, std::string_view held) {
      const auto* below = keys.find(key);
      any = any || (below != nullptr && shows(*below, held));
    });
  }
  return any;
}

/// REQUIRES: `map` is one.
void write_chosen(const view::keys& keys, std::string_view map, msgpack::writer& out) {
  const auto for_each_shown = [&](auto each) {
    msgpack::for_each_entry(map, [&](std::string_view key, std::string_view held) {
      const auto* below = keys.find(key);
      if (below != nullptr && shows(*below, held)) each(key, held, *below);
    });
  };
  std::size_t entries = 0;
  for_each_shown([&](std::string_view, std::string_view, const view::keys&) { ++entries; });
  out.map(entries);
  for_each_shown([&](std::string_view key, std::string_view held, const view::keys& below) {
    out.string(key);
    if (below.all) {
      out.raw(held);
    } else {
      write_chosen(below, held, out);
    }
  });
}

/// Does an event that sets these traits set some that are chosen?
bool sets_any(const view::keys& keys, std::string_view traits) {
  if (keys.all || !msgpack::is_map(traits)) return true;
  bool any = false;
  msgpack::for_each_entry(traits, [&](std::string_view key, std::string_view value) {
    const auto* below = keys.find(key);
    any = any || (below != nullptr && sets_any(*below, value));
  });
  return any;
}

bool changes_traits(const view::keys& keys, const profile& before, std::string_view traits) {
  bool any = false;
  msgpack::for_each_entry(traits, [&](std::string_view key, std::string_view value) {
    const auto* below = keys.all ? &keys : keys.find(key);
    any = any || (below != nullptr && sets_any(*below, value) && !segments::holds_trait(before.inside(), key, value));
  });
  return any;
}

}  // namespace

result<view_path> parse_path(std::string_view text) {
  view_path path;
  for (std::size_t from = 0;;) {
    const auto dot = text.find('.', from);
    path.emplace_back(text.substr(from, dot - from));
    if (dot == std::string_view::npos) break;
    from = dot + 1;
  }
  if (auto good = check_path(path); !good) return tl::make_unexpected(good.error());
  return path;
}

result<void> check_path(const view_path& path) {
  if (path.empty()) return refuse(path, "names nothing");
  if (std::find(path.begin(), path.end(), std::string()) != path.end()) return refuse(path, "has an empty key");
  unsigned field = 0;
  if (!field_index(path.front(), field)) {
    return refuse(path, "begins with none of " + field_list());
  }
  if (path.size() == 1) return {};
  const auto& first = path.front();
  if (first != "traits" && first != "computed" && first != "events") {
    return refuse(path, first + " is shown whole; only traits, computed and events have parts to choose");
  }
  if (path.size() > limits::max_nesting) {
    return refuse(path, "has " + std::to_string(path.size()) + " keys; at most " + std::to_string(limits::max_nesting));
  }
  if (first != "events" || path.size() == 2) return {};
  const bool known = std::find(of_an_event_name.begin(), of_an_event_name.end(), path[2]) != of_an_event_name.end();
  if (known && path.size() == 3) return {};
  return refuse(path,
                "below an event's name are count, firstAt and lastAt; where the name has a dot, give an array of "
                "keys: [\"events\", \"page.viewed\", \"count\"]");
}

std::string path_text(const view_path& path) {
  std::string text;
  for (const auto& key : path) text.append(text.empty() ? "" : ".").append(key);
  return text;
}

const view::keys* view::keys::find(std::string_view key) const {
  const auto found = below.find(key);
  return found == below.end() ? nullptr : &found->second;
}

view::view(std::string name, std::string description, std::vector<view_path> paths, std::string purpose)
    : name_(std::move(name)),
      description_(std::move(description)),
      paths_(std::move(paths)),
      purpose_(std::move(purpose)) {
  for (const auto& path : paths_) {
    fields_.bits |= fields_named({path.front()}).bits;
    auto* at = &chosen_;
    for (const auto& key : path) at = &at->below[key];
    at->all = true;
  }
}

void view::write(std::string_view map, msgpack::writer& out) const {
  out.map(chosen_.below.size());
  msgpack::for_each_entry(map, [&](std::string_view key, std::string_view held) {
    const auto* below = chosen_.find(key);
    if (below == nullptr) return;
    out.string(key);
    if (below->all) {
      out.raw(held);
    } else {
      write_chosen(*below, held, out);
    }
  });
}

bool view::changes_with(const profile& before, const event_view& event) const {
  static const auto each_time = fields_named({"version", "sessions"});
  static const auto identifiers = fields_named({"userIds", "anonymousIds", "externalIds"});
  static const auto first = fields_named({"firstSeen"});
  static const auto last = fields_named({"lastSeen"});
  const auto shows_any = [&](field_set of) { return (fields_.bits & of.bits) != 0; };
  const auto& now = before.inside().of();
  if (shows_any(each_time)) return true;
  if (shows_any(first) && event.time_ms < now.first_seen) return true;
  if (shows_any(last) && event.time_ms > now.last_seen) return true;
  if (shows_any(identifiers) && before.learns_identifier(event)) return true;
  if (event.says_consent() && (!purpose_.empty() || chosen_.find("consent") != nullptr)) return true;
  const auto* events = chosen_.find("events");
  if (events != nullptr && (events->all || events->find(event.name) != nullptr)) return true;
  const auto* traits = chosen_.find("traits");
  return traits != nullptr && !event.traits.empty() && changes_traits(*traits, before, event.traits);
}

bool view::shows_traits() const noexcept { return chosen_.find("traits") != nullptr; }

bool view::shows_segments() const noexcept { return chosen_.find("segments") != nullptr; }

bool view::shows_computed(std::string_view trait) const {
  const auto* computed = chosen_.find("computed");
  return computed != nullptr && (computed->all || computed->find(trait) != nullptr);
}

result<std::uint32_t> view_set::find(std::string_view name) const {
  const auto found = std::find_if(all_.begin(), all_.end(), [&](const view& each) { return each.name() == name; });
  if (found != all_.end()) return static_cast<std::uint32_t>(found - all_.begin());
  constexpr std::size_t shown = 64;
  auto message = "view: there is none named \"" + std::string(name.substr(0, shown)) + "\"; ";
  for (const auto& each : all_) message.append(&each == &all_.front() ? "there are " : ", ").append(each.name());
  if (all_.empty()) message += "none is configured: [views.NAME]";
  return fail(errc::invalid_argument, std::move(message));
}

}  // namespace kith::profile
