#include "ingest/schema/store.hpp"

#include <algorithm>

#include "ingest/schema/document.hpp"
#include "persistence/whole_file.hpp"

namespace kith::ingest::schema {

namespace {

using nlohmann::json;

constexpr const char* file_name = "schemas.json";

tl::unexpected<refusal> refuse(unsigned status, errc code, std::string message,
                               std::vector<incompatibility> reasons = {}) {
  return tl::make_unexpected(refusal{status, {code, std::move(message)}, std::move(reasons)});
}

tl::unexpected<refusal> refuse(error why) {
  const unsigned status = why.code == errc::invalid_argument     ? 400
                          : why.code == errc::too_large          ? 413
                          : why.code == errc::resource_exhausted ? 507
                          : why.code == errc::unavailable        ? 503
                                                                 : 500;
  return tl::make_unexpected(refusal{status, std::move(why), {}});
}

tl::unexpected<refusal> refuse_missing(const std::string& event) {
  return refuse(404, errc::not_found, "there is no schema of \"" + event + "\"");
}

/// What the document says it needs, else what is usual.
result<compatibility> wanted_by(const json& document, compatibility usual) {
  const auto said = document.find("x-kith-compatibility");
  if (said == document.end()) return usual;
  const auto kind = said->is_string() ? parse_compatibility(said->get<std::string>()) : std::nullopt;
  if (kind) return *kind;
  return fail(errc::invalid_argument, "schema: /x-kith-compatibility: must be none, backward, forward or full");
}

std::string text_of(const std::vector<incompatibility>& all) {
  std::string text;
  for (const auto& each : all) {
    text += "\n  " + std::string(name_of(each.of)) + ": " + (each.pointer.empty() ? "the value" : each.pointer) + ": " +
            each.reason;
  }
  return text;
}

/// Those of a directory: each version with the one before it.
result<void> check_versions(const std::vector<known_schema>& all, compatibility usual) {
  const schema_set by_event({}, all);
  for (const auto& event : by_event.events()) {
    const auto& versions = by_event.find(event)->versions;
    if (versions.size() > bounds::versions) {
      return fail(errc::invalid_argument, "schemas: \"" + event + "\" has " + std::to_string(versions.size()) +
                                              " versions; at most " + std::to_string(bounds::versions));
    }
    for (std::size_t i = 1; i < versions.size(); ++i) {
      const auto& newer = *versions[i].what;
      const auto wanted = wanted_by(newer.document(), usual);
      if (!wanted) return tl::make_unexpected(wanted.error());
      const auto found = find_incompatibilities(*versions[i - 1].what, newer, *wanted);
      if (found.empty()) continue;
      return fail(errc::invalid_argument,
                  "schemas: version " + std::to_string(newer.version()) + " of \"" + event +
                      "\" does not fit version " + std::to_string(versions[i - 1].what->version()) +
                      " (x-kith-compatibility: \"none\" in it would take it as it is):" + text_of(found));
    }
  }
  if (by_event.events().size() > bounds::events) {
    return fail(errc::invalid_argument, "schemas: of " + std::to_string(by_event.events().size()) +
                                            " events; at most " + std::to_string(bounds::events));
  }
  return {};
}

/// The directory's, and those of the API that are in no file of it. Errors: an event that is in both.
result<std::vector<known_schema>> joined(std::vector<known_schema> of_directory, const std::vector<known_schema>& made,
                                         const settings& modes, const std::string& file) {
  if (auto good = check_versions(of_directory, modes.required); !good) return tl::make_unexpected(good.error());
  const schema_set in_directory({}, of_directory);
  for (const auto& each : made) {
    if (in_directory.find(each.what->event()) != nullptr) {
      return fail(errc::invalid_argument, modes.directory + ": holds a schema of \"" + each.what->event() +
                                              "\", which was made by the API too (" + file +
                                              "); delete it there, or take the file away");
    }
    of_directory.push_back(each);
  }
  return of_directory;
}

}  // namespace

std::string store::path() const { return data_ + "/" + file_name; }

result<std::unique_ptr<store>> store::open(persistence::file_system& files, const std::string& data, settings modes,
                                           std::function<std::int64_t()> now_ms) {
  std::unique_ptr<store> made(new store(files, data, std::move(now_ms)));
  std::vector<known_schema> kept;
  const auto text = persistence::read_file(files, made->path());
  if (!text && text.error().code != errc::not_found) return tl::make_unexpected(text.error());
  if (text) {
    auto read = read_schemas(*text, made->path());
    if (!read) return tl::make_unexpected(read.error());
    kept = std::move(*read);
  }
  made->schemas_.replace(std::make_shared<const schema_set>(settings{}, std::move(kept)));
  if (auto configured = made->reconfigure(std::move(modes)); !configured) {
    return tl::make_unexpected(configured.error());
  }
  return made;
}

result<void> store::reconfigure(settings modes) {
  const std::lock_guard lock(changing_);
  std::vector<known_schema> of_directory;
  if (!modes.directory.empty()) {
    auto read = read_directory(files_, modes.directory);
    if (!read) return tl::make_unexpected(read.error());
    of_directory = std::move(*read);
  }
  auto made = schemas_.current()->all();
  std::erase_if(made, [](const known_schema& each) { return each.from_directory; });
  auto all = joined(std::move(of_directory), made, modes, path());
  if (!all) return tl::make_unexpected(all.error());
  schemas_.replace(std::make_shared<const schema_set>(std::move(modes), std::move(*all)));
  return {};
}

change_result<store::put_outcome> store::check(const std::string& event, std::string_view text,
                                               std::optional<compatibility> instead) const {
  if (auto good = check_event_name(event); !good) return refuse(good.error());
  auto document = read_document(text);
  if (!document) return refuse(document.error());
  const auto now = schemas_.current();
  const auto* there = now->find(event);
  if (there != nullptr && there->newest().from_directory) {
    return refuse(409, errc::invalid_argument,
                  "the schemas of \"" + event + "\" are files of " + now->modes().directory +
                      ": change them there, then send SIGHUP");
  }
  if (there != nullptr && there->newest().what->document() == *document) return put_outcome{there->newest(), false};
  auto version = there == nullptr ? 1 : there->newest().what->version() + 1;
  if (document->is_object() && document->contains("x-kith-version")) {
    const auto& said = document->at("x-kith-version");
    if (!said.is_number_unsigned() || said.get<std::uint64_t>() < version || said.get<std::uint64_t>() > 1'000'000) {
      return refuse(400, errc::invalid_argument,
                    "schema: /x-kith-version: must be a whole number from " + std::to_string(version) + " on");
    }
    version = said.get<std::uint32_t>();
  }
  if (document->is_object() && document->value("x-kith-event", json(event)) != json(event)) {
    return refuse(400, errc::invalid_argument, "schema: /x-kith-event: is not the event that the URL names");
  }
  auto made = schema::make(event, version, std::move(*document));
  if (!made) return refuse(made.error());
  auto usual = wanted_by((*made)->document(), now->modes().required);
  if (!usual) return refuse(usual.error());
  if (there != nullptr) {
    auto found = find_incompatibilities(*there->newest().what, **made, instead.value_or(*usual));
    if (!found.empty()) {
      auto message = "version " + std::to_string(version) + " of \"" + event + "\" does not fit version " +
                     std::to_string(there->newest().what->version()) + " in " + std::to_string(found.size()) +
                     " ways, the first: " + (found.front().pointer.empty() ? "the value" : found.front().pointer) +
                     ": " + found.front().reason + "; ?compatibility=none takes it as it is";
      return refuse(409, errc::invalid_argument, std::move(message), std::move(found));
    }
    if (there->versions.size() >= bounds::versions) {
      return refuse(409, errc::resource_exhausted,
                    "\"" + event + "\" has " + std::to_string(bounds::versions) + " versions, which is the most");
    }
  } else if (now->events().size() >= bounds::events) {
    return refuse(409, errc::resource_exhausted,
                  "there are schemas of " + std::to_string(bounds::events) + " events, which is the most");
  }
  return put_outcome{{std::move(*made), false, now_ms_()}, true};
}

change_result<store::put_outcome> store::put(const std::string& event, std::string_view document,
                                             std::optional<compatibility> instead, const precondition& only_if) {
  const std::lock_guard lock(changing_);
  const auto now = schemas_.current();
  const auto* there = now->find(event);
  if (only_if && !only_if(there == nullptr ? nullptr : &there->newest())) {
    // What is no schema is refused for that: no version of it would do.
    auto read = read_document(document);
    if (!read) return refuse(read.error());
    if (auto made = schema::make(event, 1, std::move(*read)); !made) return refuse(made.error());
    return refuse(412, errc::invalid_argument,
                  there == nullptr
                      ? "there is no schema of \"" + event + "\""
                      : "\"" + event + "\" is at version " + std::to_string(there->newest().what->version()));
  }
  auto wanted = check(event, document, instead);
  if (!wanted || !wanted->created) return wanted;
  auto next = now->all();
  next.push_back(wanted->now);
  if (auto committed = commit(std::move(next)); !committed) return tl::make_unexpected(committed.error());
  return wanted;
}

change_result<void> store::remove(const std::string& event, const precondition& only_if) {
  const std::lock_guard lock(changing_);
  const auto now = schemas_.current();
  const auto* there = now->find(event);
  if (there == nullptr) return refuse_missing(event);
  if (there->newest().from_directory) {
    return refuse(409, errc::invalid_argument,
                  "the schemas of \"" + event + "\" are files of " + now->modes().directory +
                      ": delete them there, then send SIGHUP");
  }
  if (only_if && !only_if(&there->newest())) {
    return refuse(412, errc::invalid_argument,
                  "\"" + event + "\" is at version " + std::to_string(there->newest().what->version()));
  }
  auto next = now->all();
  std::erase_if(next, [&](const known_schema& each) { return each.what->event() == event; });
  return commit(std::move(next));
}

/// REQUIRES: changing_ is held.
change_result<void> store::commit(std::vector<known_schema> next) {
  const auto text = write_schemas(next);
  if (text.size() > bounds::stored_bytes) {
    return refuse(409, errc::resource_exhausted,
                  "all schemas together would take " + std::to_string(text.size()) + " bytes; at most " +
                      std::to_string(bounds::stored_bytes));
  }
  if (auto there = files_.make_directory(data_); !there) return refuse(there.error());
  if (auto written = persistence::replace_file(files_, data_, file_name, text); !written) {
    return refuse(written.error());
  }
  schemas_.replace(std::make_shared<const schema_set>(schemas_.current()->modes(), std::move(next)));
  return {};
}

}  // namespace kith::ingest::schema
