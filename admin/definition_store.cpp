#include "admin/definition_store.hpp"

#include <algorithm>
#include <set>

#include "persistence/whole_file.hpp"

namespace kith::admin {

using profile::segments::catalog;
using profile::segments::definition;
using profile::segments::problem;

namespace {

constexpr const char* file_name = "segments.json";
constexpr std::size_t most_description_bytes = 4096;
constexpr std::size_t most_owner_bytes = 256;

/// As the configuration calls it.
std::string full_name(definition_kind kind, const std::string& name) {
  return (kind == definition_kind::segment ? "segments." : "computed.") + name;
}

std::string text_of(const problem& one) {
  return full_name(one.kind, one.name) + ": " + std::to_string(one.line) + ":" + std::to_string(one.column) + ": " +
         one.message;
}

change_result<std::shared_ptr<const catalog>> compile(const definition_table& of,
                                                      std::shared_ptr<const profile::privacy_rules> rules) {
  std::vector<definition> all;
  for (const auto& [key, kept] : of) {
    all.push_back(kept.what);
    all.back().disabled = kept.disabled.has_value();
  }
  if (rules == nullptr) rules = std::make_shared<const profile::privacy_rules>();
  auto made = catalog::make(std::move(all), std::move(rules));
  if (made) return *made;
  refusal refused{400, {errc::invalid_argument, {}}, std::move(made.error())};
  for (const auto& each : refused.problems) {
    refused.why.message += (refused.why.message.empty() ? "" : "\n") + text_of(each);
  }
  return tl::make_unexpected(std::move(refused));
}

bool says_the_same(const definition& left, const definition& right) {
  return left.expression == right.expression && left.purpose == right.purpose &&
         left.description == right.description && left.owner == right.owner;
}

/// With the version and times that it gets in the place of `before`, which may be null.
definition dated(definition wanted, const kept_definition* before, std::int64_t now_ms) {
  wanted.version = 1;
  wanted.created_ms = wanted.updated_ms = now_ms;
  if (before == nullptr) return wanted;
  const bool same = before->what.expression == wanted.expression && before->what.purpose == wanted.purpose;
  wanted.version = before->what.version + (same ? 0 : 1);
  wanted.created_ms = before->what.created_ms;
  if (says_the_same(wanted, before->what)) wanted.updated_ms = before->what.updated_ms;
  return wanted;
}

const kept_definition* find_in(const definition_table& table, definition_kind kind, const std::string& name) {
  const auto found = table.find({kind, name});
  return found == table.end() ? nullptr : &found->second;
}

tl::unexpected<refusal> refuse(unsigned status, errc code, std::string message) {
  return tl::make_unexpected(refusal{status, {code, std::move(message)}, {}});
}

/// Of the disk or the service.
tl::unexpected<refusal> refuse(error why) {
  const unsigned status = why.code == errc::unavailable ? 503 : why.code == errc::resource_exhausted ? 507 : 500;
  return tl::make_unexpected(refusal{status, std::move(why), {}});
}

tl::unexpected<refusal> refuse_configured(definition_kind kind, const std::string& name) {
  return refuse(409, errc::invalid_argument,
                full_name(kind, name) + " is in the server's configuration: change it there, then send SIGHUP");
}

change_result<void> check_bounds(const definition& wanted) {
  const auto bound = [](const char* what, const std::string& text, std::size_t most) -> change_result<void> {
    if (text.size() <= most) return {};
    return refuse(400, errc::invalid_argument,
                  std::string(what) + ": " + std::to_string(text.size()) + " bytes; at most " + std::to_string(most));
  };
  if (auto good = bound("description", wanted.description, most_description_bytes); !good) return good;
  return bound("owner", wanted.owner, most_owner_bytes);
}

/// Says first where each problem's expression stands.
error with_places(const refusal& refused, const std::vector<configured_definition>& configured,
                  const std::string& file) {
  if (refused.problems.empty()) return refused.why;
  std::string message;
  for (const auto& each : refused.problems) {
    const auto at = std::find_if(configured.begin(), configured.end(), [&](const configured_definition& one) {
      return one.what.kind == each.kind && one.what.name == each.name;
    });
    message += (message.empty() ? "" : "\n") + (at == configured.end() ? file : at->place) + ": " + text_of(each);
  }
  return {refused.why.code, std::move(message)};
}

}  // namespace

definition_store::definition_store(persistence::file_system& files, std::string directory,
                                   std::function<std::int64_t()> now_ms)
    : files_(files), directory_(std::move(directory)), now_ms_(std::move(now_ms)) {}

result<std::unique_ptr<definition_store>> definition_store::open(persistence::file_system& files,
                                                                 const std::string& directory,
                                                                 const std::vector<configured_definition>& configured,
                                                                 std::function<std::int64_t()> now_ms,
                                                                 std::shared_ptr<const profile::privacy_rules> rules) {
  std::unique_ptr<definition_store> made(new definition_store(files, directory, std::move(now_ms)));
  auto text = persistence::read_file(files, made->path());
  if (!text && text.error().code != errc::not_found) return tl::make_unexpected(text.error());
  definition_table kept;
  if (text) {
    auto read = read_definitions(*text, made->path());
    if (!read) return tl::make_unexpected(read.error());
    kept = std::move(*read);
    made->text_ = std::move(*text);
  }
  auto all = made->merged(kept, configured);
  if (!all) return tl::make_unexpected(all.error());
  auto compiled = compile(*all, std::move(rules));
  if (!compiled) return tl::make_unexpected(with_places(compiled.error(), configured, made->path()));
  made->kept_ = std::move(*all);
  made->compiled_ = std::move(*compiled);
  return made;
}

std::string definition_store::path() const { return directory_ + "/" + file_name; }

definition_table definition_store::current() const {
  const std::lock_guard lock(mutex_);
  return kept_;
}

std::shared_ptr<const catalog> definition_store::compiled() const {
  const std::lock_guard lock(mutex_);
  return compiled_;
}

result<void> definition_store::attach(actors::service& service) {
  const std::lock_guard lock(changing_);
  service_ = &service;
  const auto table = current();
  if (table.empty() && text_.empty()) return {};
  const auto text = write_definitions(table);
  return text == text_ ? result<void>{} : write(text);
}

/// Those that the API made, and the configuration's with the versions that they had in `kept`.
result<definition_table> definition_store::merged(const definition_table& kept,
                                                  const std::vector<configured_definition>& configured) const {
  definition_table made;
  for (const auto& [key, one] : kept) {
    if (!one.from_config) made.emplace(key, one);
  }
  const auto now_ms = now_ms_();
  std::string twice;
  for (const auto& [what, place] : configured) {
    const auto* before = find_in(kept, what.kind, what.name);
    if (before != nullptr && !before->from_config) {
      twice += (twice.empty() ? "" : "\n") + place + ": " + full_name(what.kind, what.name) +
               ": was made by the API too (" + path() +
               "); rename this one, or delete that one: kith segments delete " + what.name +
               (what.kind == definition_kind::computed ? " --computed" : "");
      continue;
    }
    kept_definition one{dated(what, before, now_ms), true};
    if (before != nullptr && before->what.expression == what.expression) one.disabled = before->disabled;
    made.insert_or_assign({what.kind, what.name}, std::move(one));
  }
  if (!twice.empty()) return fail(errc::invalid_argument, std::move(twice));
  return made;
}

result<void> definition_store::reconfigure(const std::vector<configured_definition>& configured,
                                           std::shared_ptr<const profile::privacy_rules> rules) {
  const std::lock_guard lock(changing_);
  auto next = merged(current(), configured);
  if (!next) return tl::make_unexpected(next.error());
  if (rules == nullptr) rules = std::make_shared<const profile::privacy_rules>();
  if (auto committed = commit(std::move(*next), std::move(rules)); !committed) {
    return tl::make_unexpected(with_places(committed.error(), configured, path()));
  }
  return {};
}

std::vector<kept_definition> definition_store::list(definition_kind kind) const {
  const std::lock_guard lock(mutex_);
  std::vector<kept_definition> made;
  for (const auto& [key, one] : kept_) {
    if (key.first == kind) made.push_back(one);
  }
  return made;
}

std::size_t definition_store::count_disabled() const {
  const std::lock_guard lock(mutex_);
  return static_cast<std::size_t>(
      std::count_if(kept_.begin(), kept_.end(), [](const auto& each) { return each.second.disabled.has_value(); }));
}

std::optional<kept_definition> definition_store::find(definition_kind kind, const std::string& name) const {
  const std::lock_guard lock(mutex_);
  const auto* found = find_in(kept_, kind, name);
  return found == nullptr ? std::nullopt : std::optional(*found);
}

change_result<std::shared_ptr<const catalog>> definition_store::check(const definition& wanted) const {
  auto next = current();
  next.insert_or_assign({wanted.kind, wanted.name}, kept_definition{wanted, false});
  return compile(next, compiled()->shared_rules());
}

change_result<kept_definition> definition_store::create(definition wanted) {
  const std::lock_guard lock(changing_);
  auto next = current();
  if (const auto* there = find_in(next, wanted.kind, wanted.name)) {
    if (there->from_config) return refuse_configured(wanted.kind, wanted.name);
    return refuse(409, errc::invalid_argument,
                  full_name(wanted.kind, wanted.name) + " is there already; PUT replaces it");
  }
  return store(std::move(next), std::move(wanted));
}

change_result<definition_store::put_outcome> definition_store::put(definition wanted, const precondition& only_if) {
  const std::lock_guard lock(changing_);
  auto next = current();
  const auto* there = find_in(next, wanted.kind, wanted.name);
  if (there != nullptr && there->from_config) return refuse_configured(wanted.kind, wanted.name);
  if (only_if && !only_if(there)) {
    // What cannot be stored is refused for that: no version of it would do.
    if (auto good = check_bounds(wanted); !good) return tl::make_unexpected(std::move(good.error()));
    if (auto good = check(wanted); !good) return tl::make_unexpected(std::move(good.error()));
    return refuse(412, errc::invalid_argument,
                  full_name(wanted.kind, wanted.name) +
                      (there == nullptr ? " is not there" : " is at version " + std::to_string(there->what.version)));
  }
  const bool created = there == nullptr;
  if (!created && !there->disabled && says_the_same(wanted, there->what)) return put_outcome{*there, false};
  auto stored = store(std::move(next), std::move(wanted));
  if (!stored) return tl::make_unexpected(std::move(stored.error()));
  return put_outcome{std::move(*stored), created};
}

/// REQUIRES: changing_ is held.
change_result<kept_definition> definition_store::store(definition_table next, definition wanted) {
  if (auto good = check_bounds(wanted); !good) return tl::make_unexpected(std::move(good.error()));
  const auto* before = find_in(next, wanted.kind, wanted.name);
  const kept_definition made{dated(std::move(wanted), before, now_ms_()), false};
  next.insert_or_assign({made.what.kind, made.what.name}, made);
  if (auto committed = commit(std::move(next)); !committed) return tl::make_unexpected(std::move(committed.error()));
  return made;
}

change_result<kept_definition> definition_store::enable(definition_kind kind, const std::string& name) {
  const std::lock_guard lock(changing_);
  auto next = current();
  const auto found = next.find({kind, name});
  if (found == next.end()) return refuse(404, errc::not_found, full_name(kind, name) + " is not there");
  if (!found->second.disabled) return found->second;
  found->second.disabled.reset();
  auto enabled = found->second;
  if (auto committed = commit(std::move(next)); !committed) return tl::make_unexpected(std::move(committed.error()));
  return enabled;
}

change_result<std::vector<kept_definition>> definition_store::disable_failing() {
  std::vector<kept_definition> disabled;
  if (service_ == nullptr) return disabled;
  const std::lock_guard lock(changing_);
  auto next = current();
  for (const auto& each : service_->failing()) {
    const auto found = next.find({each.kind, each.name});
    if (found == next.end() || found->second.disabled || found->second.what.expression != each.expression) continue;
    found->second.disabled = disablement{
        "its expression came to an error " + std::to_string(each.times) + " times in a row, and to no value between",
        each.error, now_ms_()};
    disabled.push_back(found->second);
  }
  if (disabled.empty()) return disabled;
  if (auto committed = commit(std::move(next)); !committed) return tl::make_unexpected(std::move(committed.error()));
  return disabled;
}

change_result<void> definition_store::remove(definition_kind kind, const std::string& name,
                                             const precondition& only_if) {
  const std::lock_guard lock(changing_);
  auto next = current();
  const auto* there = find_in(next, kind, name);
  if (there == nullptr) return refuse(404, errc::not_found, full_name(kind, name) + " is not there");
  if (there->from_config) return refuse_configured(kind, name);
  if (only_if && !only_if(there)) {
    return refuse(412, errc::invalid_argument,
                  full_name(kind, name) + " is at version " + std::to_string(there->what.version));
  }
  next.erase({kind, name});
  auto committed = commit(std::move(next));
  if (committed || committed.error().problems.empty()) return committed;
  // All compiled while it was there, so each problem is of one that needs it.
  std::set<std::string> dependents;
  for (const auto& each : committed.error().problems) dependents.insert(full_name(each.kind, each.name));
  std::string names;
  for (const auto& each : dependents) names += (names.empty() ? "" : ", ") + each;
  return refuse(409, errc::invalid_argument, full_name(kind, name) + " is needed by " + names + "; change these first");
}

/// `rules`: null: the present ones. REQUIRES: changing_ is held.
change_result<void> definition_store::commit(definition_table next,
                                             std::shared_ptr<const profile::privacy_rules> rules) {
  if (rules == nullptr) rules = this->compiled()->shared_rules();
  auto compiled = compile(next, std::move(rules));
  if (!compiled) return tl::make_unexpected(std::move(compiled.error()));
  if (service_ != nullptr && service_->state().now != actors::phase::ready) {
    return refuse({errc::unavailable, "definitions are changed once the server is ready; see /readyz"});
  }
  const auto before = text_;
  const auto text = write_definitions(next);
  if (text != before) {
    if (auto written = write(text); !written) return refuse(written.error());
  }
  if (service_ != nullptr) {
    if (auto defined = service_->define(*compiled); !defined) {
      // If this fails too, the next start tries what was wanted here.
      if (text != before) write(before.empty() ? write_definitions({}) : before);
      return refuse(defined.error());
    }
  }
  const std::lock_guard lock(mutex_);
  kept_ = std::move(next);
  compiled_ = std::move(*compiled);
  return {};
}

result<void> definition_store::write(const std::string& text) {
  auto written = persistence::replace_file(files_, directory_, file_name, text);
  if (written) text_ = text;
  return written;
}

}  // namespace kith::admin
