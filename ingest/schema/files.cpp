#include "ingest/schema/files.hpp"

#include <algorithm>
#include <optional>

#include "ingest/schema/document.hpp"
#include "persistence/whole_file.hpp"
#include "profile/event.hpp"
#include "profile/utf8.hpp"

namespace kith::ingest::schema {

namespace {

using nlohmann::json;

constexpr int format = 1;
constexpr std::string_view ending = ".json";
constexpr std::uint32_t most_version = 1'000'000;

std::optional<std::uint32_t> version_in(std::string_view digits) {
  if (digits.empty() || digits.size() > 7 || digits.find_first_not_of("0123456789") != std::string_view::npos) {
    return std::nullopt;
  }
  const auto value = std::stoul(std::string(digits));
  if (value < 1 || value > most_version) return std::nullopt;
  return static_cast<std::uint32_t>(value);
}

struct named {
  std::string event;
  std::optional<std::uint32_t> version;
};

/// "Order Completed.v2.json"
named parse_file_name(std::string_view name) {
  name.remove_suffix(ending.size());
  const auto dot = name.rfind(".v");
  if (dot != std::string_view::npos && dot > 0) {
    if (const auto version = version_in(name.substr(dot + 2))) return {std::string(name.substr(0, dot)), version};
  }
  return {std::string(name), std::nullopt};
}

result<known_schema> read_one(persistence::file_system& files, const std::string& path, std::string_view name) {
  const auto refuse = [&](errc code, const std::string& why) { return fail(code, path + ": " + why); };
  const auto text = persistence::read_file(files, path);
  if (!text) return tl::make_unexpected(text.error());
  auto document = read_document(*text);
  if (!document) return refuse(document.error().code, document.error().message);
  auto [event, version] = parse_file_name(name);
  if (document->is_object()) {
    if (const auto said = document->find("x-kith-event"); said != document->end()) {
      if (!said->is_string()) return refuse(errc::invalid_argument, "x-kith-event: must be the event's name");
      event = said->get<std::string>();
    }
    if (const auto said = document->find("x-kith-version"); said != document->end()) {
      const auto wanted = said->is_number_unsigned() ? version_in(said->dump()) : std::nullopt;
      if (!wanted) return refuse(errc::invalid_argument, "x-kith-version: must be a whole number from 1 on");
      if (version && version != wanted) {
        return refuse(errc::invalid_argument, "x-kith-version: is not the version that the file's name says");
      }
      version = wanted;
    }
  }
  if (auto good = check_event_name(event); !good) return refuse(errc::invalid_argument, good.error().message);
  auto made = schema::make(std::move(event), version.value_or(1), std::move(*document));
  if (!made) return refuse(made.error().code, made.error().message);
  return known_schema{std::move(*made), true, 0};
}

}  // namespace

result<void> check_event_name(std::string_view name) {
  if (name.empty() || name.size() > bounds::event_name_bytes) {
    return fail(errc::invalid_argument, "event: has " + std::to_string(name.size()) + " bytes; 1 to " +
                                            std::to_string(bounds::event_name_bytes) + " are allowed");
  }
  if (!profile::is_utf8(name)) return fail(errc::invalid_argument, "event: is not UTF-8");
  return {};
}

result<std::vector<known_schema>> read_directory(persistence::file_system& files, const std::string& directory) {
  std::vector<known_schema> all;
  const auto names = files.list(directory);
  if (!names) return tl::make_unexpected(names.error());
  for (const auto& name : *names) {
    if (!name.ends_with(ending) || name.size() == ending.size()) continue;
    auto path = directory;
    path.append("/").append(name);
    auto one = read_one(files, path, name);
    if (!one) return tl::make_unexpected(one.error());
    const auto twin = std::find_if(all.begin(), all.end(), [&](const known_schema& each) {
      return each.what->event() == one->what->event() && each.what->version() == one->what->version();
    });
    if (twin != all.end()) {
      return fail(errc::invalid_argument, path + ": another file holds version " +
                                              std::to_string(one->what->version()) + " of \"" + one->what->event() +
                                              "\" too");
    }
    all.push_back(std::move(*one));
  }
  return all;
}

std::string write_schemas(const std::vector<known_schema>& of) {
  auto list = json::array();
  for (const auto& each : of) {
    if (each.from_directory) continue;
    list.push_back({{"event", each.what->event()},
                    {"version", each.what->version()},
                    {"created", profile::format_time(each.created_ms)},
                    {"document", each.what->document()}});
  }
  const json all = {{"format", format}, {"schemas", std::move(list)}};
  return all.dump(2, ' ', false, json::error_handler_t::replace) + "\n";
}

result<std::vector<known_schema>> read_schemas(std::string_view text, const std::string& path) {
  const auto damaged = [&](const std::string& why) {
    return fail(errc::invalid_argument, path + ": is damaged: " + why);
  };
  std::vector<known_schema> made;
  try {
    const auto all = json::parse(text);
    if (all.at("format").get<int>() != format) return damaged("format: made by a later version of Kith");
    for (const auto& entry : all.at("schemas")) {
      known_schema one;
      const auto created = entry.at("created").get<std::string>();
      if (!profile::parse_time(created, one.created_ms)) return damaged("created: \"" + created + "\" is no time");
      auto compiled = schema::make(entry.at("event").get<std::string>(), entry.at("version").get<std::uint32_t>(),
                                   entry.at("document"));
      if (!compiled) return damaged(compiled.error().message);
      one.what = std::move(*compiled);
      made.push_back(std::move(one));
    }
    return made;
  } catch (const json::exception& damage) {
    return damaged(damage.what());
  }
}

}  // namespace kith::ingest::schema
