#include "admin/backups.hpp"

#include <algorithm>
#include <filesystem>
#include <nlohmann/json.hpp>

#include "actors/clock.hpp"
#include "persistence/copying.hpp"
#include "persistence/thread_name.hpp"
#include "persistence/whole_file.hpp"
#include "profile/event.hpp"

namespace kith::admin {

namespace {

constexpr std::string_view partial = ".partial";
constexpr const char* about = "backup.json";

/// What the runtime and the dead letters write themselves, and what ends with a copy: cursors of watches, and documents
/// of people, which are made anew.
bool belongs_to_parts(std::string_view name) {
  constexpr std::string_view parts[] = {"journal",     "store", "changes", "dead-letters", "checkpoint",
                                        "definitions", "keys",  "privacy", "exports"};
  return std::find(std::begin(parts), std::end(parts), name) != std::end(parts);
}

std::string name_at(std::int64_t ms) {
  auto name = profile::format_time(ms);
  std::erase_if(name, [](char each) { return each == '-' || each == ':'; });
  return name;
}

std::uint64_t bytes_in(const std::string& directory) {
  std::uint64_t sum = 0;
  std::error_code ec;
  for (std::filesystem::recursive_directory_iterator at(directory, ec), end; !ec && at != end; at.increment(ec)) {
    if (at->is_regular_file(ec)) sum += at->file_size(ec);
  }
  return sum;
}

result<void> remove_tree(const std::string& directory) {
  std::error_code ec;
  std::filesystem::remove_all(directory, ec);
  if (ec) return fail(errc::unavailable, directory + ": cannot be removed: " + ec.message());
  return {};
}

}  // namespace

backups::~backups() {
  cancelled_ = true;
  if (thread_.joinable()) thread_.join();
}

result<std::string> backups::begin() {
  if (settings_.directory.empty()) {
    return fail(errc::invalid_argument, "no backups are configured: set backup.directory and start the server again");
  }
  const std::lock_guard lock(mutex_);
  if (!state_.running.empty()) {
    return fail(errc::resource_exhausted, "backup " + state_.running + " is being written; wait for it");
  }
  if (thread_.joinable()) thread_.join();
  const auto name = name_at(now_ms_());
  state_.running = name;
  state_.failed.clear();
  state_.error.clear();
  thread_ = std::thread([this, name] {
    persistence::name_thread("backup");
    actors::be_nice();
    const auto written = write(name);
    log_(written ? "info" : "error", "backup " + name + ": " + (written ? "is written" : written.error().message));
    const std::lock_guard done(mutex_);
    state_.running.clear();
    ++(written ? state_.made : state_.failures);
    if (written) return;
    state_.failed = name;
    state_.error = written.error().message;
  });
  return name;
}

result<void> backups::write(const std::string& name) {
  const auto path = settings_.directory + "/" + name;
  const auto unfinished = path + std::string(partial);
  const auto taken = profile::format_time(now_ms_());
  if (auto made = files_.make_directory(settings_.directory); !made) return made;
  if (auto cleared = clear_partial(); !cleared) return cleared;
  if (auto made = files_.make_directory(unfinished); !made) return made;
  persistence::keep_private(unfinished);
  if (auto filled = fill(unfinished); !filled) return give_up(unfinished, filled.error());
  const nlohmann::json manifest = {
      {"format", 1}, {"kith", KITH_VERSION}, {"taken", taken}, {"bytes", bytes_in(unfinished)}};
  if (auto told = persistence::replace_file(files_, unfinished, about, manifest.dump(2) + "\n"); !told) return told;
  if (auto renamed = files_.rename(unfinished, path); !renamed) return renamed;
  if (auto synced = files_.sync_directory(settings_.directory); !synced) return synced;
  if (auto dropped = drop_old(); !dropped)
    log_("error", "backup " + name + ": old ones stay: " + dropped.error().message);
  return {};
}

result<void> backups::fill(const std::string& unfinished) {
  const auto cancelled = [this] { return cancelled_.load(); };
  if (auto written = write_(unfinished, cancelled); !written) return written;
  if (auto copied = copy_audit_log(unfinished); !copied) return copied;
  if (auto copied = copy_requests(unfinished); !copied) return copied;
  const auto wanted = [&](std::string_view each) { return each != "audit" && !belongs_to_parts(each) && !cancelled(); };
  if (auto copied = persistence::copy_directory(files_, data_, unfinished, wanted); !copied) return copied;
  if (cancelled()) return fail(errc::unavailable, "the server is stopping");
  return {};
}

/// What people have asked for; beside it stands what the runtime copies.
result<void> backups::copy_requests(const std::string& into) {
  const auto from = data_ + "/privacy";
  if (auto there = files_.exists(from); !there || !*there)
    return there ? result<void>() : tl::make_unexpected(there.error());
  return persistence::copy_directory(files_, from, into + "/privacy",
                                     [](std::string_view each) { return each != "receipt.key" && each != "book"; });
}

/// What is there of it is worth nothing, and may be as large as the data.
result<void> backups::give_up(const std::string& unfinished, error why) {
  if (auto removed = remove_tree(unfinished); !removed) {
    why.message += "; " + removed.error().message + "; the next backup tries that again";
  } else {
    why.message += "; " + unfinished + " is removed";
  }
  return tl::make_unexpected(std::move(why));
}

/// Its head first: a log may be ahead of its head, never behind it.
result<void> backups::copy_audit_log(const std::string& into) {
  const auto from = data_ + "/audit";
  const auto to = into + "/audit";
  if (auto there = files_.exists(from); !there || !*there)
    return there ? result<void>() : tl::make_unexpected(there.error());
  if (auto made = files_.make_directory(to); !made) return made;
  auto head = persistence::copy_file(files_, from + "/head", to + "/head");
  if (!head && head.error().code != errc::not_found) return head;  // none yet
  return persistence::copy_directory(files_, from, to, [](std::string_view each) { return each != "head"; });
}

/// What a crash or an error left.
result<void> backups::clear_partial() {
  const auto names = files_.list(settings_.directory);
  if (!names) return tl::make_unexpected(names.error());
  for (const auto& name : *names) {
    if (!name.ends_with(partial)) continue;
    if (auto removed = remove_tree(settings_.directory + "/" + name); !removed) return removed;
  }
  return {};
}

result<void> backups::drop_old() {
  if (settings_.keep == 0) return {};
  const auto all = list();
  if (!all) return tl::make_unexpected(all.error());
  for (std::size_t i = settings_.keep; i < all->size(); ++i) {
    if (auto removed = remove_tree(settings_.directory + "/" + (*all)[i].name); !removed) return removed;
  }
  return {};
}

/// Nothing: the directory is not one of ours.
std::optional<backup> backups::read_manifest(const std::string& name) {
  const auto text = persistence::read_file(files_, settings_.directory + "/" + name + "/" + about);
  if (!text) return std::nullopt;
  const auto told = nlohmann::json::parse(*text, nullptr, false);
  backup one{name, 0, 0};
  if (told.is_object()) {
    profile::parse_time(told.value("taken", ""), one.taken_ms);
    one.bytes = told.value("bytes", std::uint64_t{0});
  }
  return one;
}

result<std::vector<backup>> backups::list() {
  std::vector<backup> found;
  const auto names = files_.list(settings_.directory);
  if (!names && names.error().code == errc::not_found) return found;
  if (!names) return tl::make_unexpected(names.error());
  std::map<std::string, backup> known;
  {
    const std::lock_guard lock(mutex_);
    known = written_;
  }
  for (const auto& name : *names) {
    if (name.ends_with(partial)) continue;
    if (const auto at = known.find(name); at != known.end()) {
      found.push_back(at->second);
    } else if (const auto one = read_manifest(name)) {
      found.push_back(*one);
    }
  }
  known.clear();
  for (const auto& each : found) known.emplace(each.name, each);
  {
    const std::lock_guard lock(mutex_);
    written_ = std::move(known);
  }
  std::sort(found.begin(), found.end(), [](const auto& a, const auto& b) { return a.name > b.name; });
  return found;
}

result<backup_state> backups::state() {
  auto items = settings_.directory.empty() ? std::vector<backup>{} : list();
  if (!items) return tl::make_unexpected(items.error());
  const std::lock_guard lock(mutex_);
  auto now = state_;
  now.items = std::move(*items);
  now.last_ms = now.items.empty() ? 0 : now.items.front().taken_ms;
  return now;
}

}  // namespace kith::admin
