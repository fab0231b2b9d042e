#include "persistence/simulated_files.hpp"

#include <algorithm>
#include <array>

namespace kith::persistence {

namespace {

using call = simulated_files::call;

constexpr std::array<std::string_view, 14> call_names{
    "open",   "create", "append",         "sync",           "truncate", "read",   "size",
    "rename", "remove", "make_directory", "sync_directory", "list",     "exists", "free_bytes"};

tl::unexpected<error> missing(const std::string& path) {
  return fail(errc::not_found, path + ": No such file or directory");
}

}  // namespace

/// An open file; keeps its bytes though its name be removed.
class simulated_files::handle final : public file {
 public:
  handle(simulated_files& disk, std::shared_ptr<node> at, std::string path, bool writable)
      : disk_(disk), node_(std::move(at)), path_(std::move(path)), writable_(writable) {}

  result<void> append(std::span<const std::string_view> pieces) override {
    bool part = false;
    auto entered = disk_.enter(call::append, path_, &part);
    if (!entered && !part) return entered;
    if (!writable_) return kith::fail(errc::unavailable, path_ + ": append: opened for reading");
    std::string data;
    for (const auto piece : pieces) data.append(piece);
    const std::lock_guard lock(disk_.mutex_);
    if (part) data.resize(disk_.random_() % (data.size() + 1));
    const auto offset = node_->bytes.size();
    node_->bytes += data;
    disk_.record(call::append, path_, node_->id, std::move(data));
    disk_.changes_.back().offset = offset;
    return entered;
  }

  result<void> sync() override {
    auto entered = disk_.enter(call::sync, path_);
    const std::lock_guard lock(disk_.mutex_);
    disk_.record(call::sync, path_, node_->id);
    disk_.changes_.back().lost = !entered;
    return entered;
  }

  result<void> read_at(std::uint64_t offset, std::size_t size, std::string& out) const override {
    if (auto entered = disk_.enter(call::read, path_); !entered) return entered;
    const std::lock_guard lock(disk_.mutex_);
    out.clear();
    if (offset < node_->bytes.size()) out = node_->bytes.substr(offset, size);
    return {};
  }

  result<std::uint64_t> size() const override {
    if (auto entered = disk_.enter(call::size, path_); !entered) return tl::make_unexpected(entered.error());
    const std::lock_guard lock(disk_.mutex_);
    return node_->bytes.size();
  }

  result<void> truncate(std::uint64_t size) override {
    if (auto entered = disk_.enter(call::truncate, path_); !entered) return entered;
    if (!writable_) return kith::fail(errc::unavailable, path_ + ": truncate: opened for reading");
    const std::lock_guard lock(disk_.mutex_);
    node_->bytes.resize(size);
    disk_.record(call::truncate, path_, node_->id);
    disk_.changes_.back().shown.bytes = size;
    return {};
  }

 private:
  simulated_files& disk_;
  const std::shared_ptr<node> node_;
  const std::string path_;
  const bool writable_;
};

simulated_files::simulated_files(std::uint64_t seed) : simulated_files(image{}, seed) {}

simulated_files::simulated_files(image disk, std::uint64_t seed)
    : base_(std::move(disk)), directories_(base_.directories), random_(seed) {
  directories_.insert({"/", "."});
  for (const auto& [name, id] : base_.names) {
    names_[name] = std::make_shared<node>(node{id, base_.contents.at(id)});
    next_id_ = std::max(next_id_, id + 1);
  }
}

std::string simulated_files::parent_of(const std::string& path) {
  const auto slash = path.rfind('/');
  if (slash == 0) return "/";
  return slash == std::string::npos ? "." : path.substr(0, slash);
}

result<void> simulated_files::enter(call what, const std::string& path, bool* part) {
  std::function<void(call, const std::string&)> hook;
  {
    const std::lock_guard lock(mutex_);
    hook = hook_;
  }
  if (hook) hook(what, path);
  const std::lock_guard lock(mutex_);
  const auto number = calls_++;
  if (number < fails_from_ || number > fails_to_) return {};
  if (part != nullptr) *part = fault_ == fault::short_write;
  const auto where = path + ": " + std::string(call_names[static_cast<std::size_t>(what)]) + ": ";
  if (fault_ == fault::no_space) return kith::fail(errc::resource_exhausted, where + "No space left on device");
  return kith::fail(errc::unavailable, where + "Input/output error");
}

void simulated_files::record(call what, const std::string& path, std::uint64_t id, std::string data) {
  const std::uint64_t bytes = what == call::append ? data.size() : 0;
  changes_.push_back({{what, path, bytes}, id, 0, std::move(data)});
}

void simulated_files::add_directories(const std::string& path) {
  for (auto at = path; directories_.insert(at).second;) at = parent_of(at);
}

void simulated_files::fail(std::uint64_t nth, fault how, bool and_after) {
  const std::lock_guard lock(mutex_);
  fails_from_ = nth;
  fails_to_ = and_after ? UINT64_MAX : nth;
  fault_ = how;
}

void simulated_files::heal() {
  const std::lock_guard lock(mutex_);
  fails_from_ = UINT64_MAX;
  fails_to_ = 0;
}

std::uint64_t simulated_files::calls() const {
  const std::lock_guard lock(mutex_);
  return calls_;
}

std::vector<simulated_files::operation> simulated_files::operations() const {
  const std::lock_guard lock(mutex_);
  std::vector<operation> shown;
  shown.reserve(changes_.size());
  for (const auto& each : changes_) shown.push_back(each.shown);
  return shown;
}

std::size_t simulated_files::operation_count() const {
  const std::lock_guard lock(mutex_);
  return changes_.size();
}

void simulated_files::before_each(std::function<void(call, const std::string&)> hook) {
  const std::lock_guard lock(mutex_);
  hook_ = std::move(hook);
}

void simulated_files::put(const std::string& path, std::string_view bytes) {
  const std::lock_guard lock(mutex_);
  add_directories(parent_of(path));
  record(call::make_directory, parent_of(path), 0);
  names_[path] = std::make_shared<node>(node{next_id_++, std::string(bytes)});
  record(call::create, path, names_[path]->id, std::string(bytes));
  changes_.back().placed = true;
}

std::string simulated_files::contents(const std::string& path) const {
  const std::lock_guard lock(mutex_);
  const auto found = names_.find(path);
  return found == names_.end() ? std::string() : found->second->bytes;
}

void simulated_files::set_free_bytes(std::uint64_t bytes) {
  const std::lock_guard lock(mutex_);
  free_bytes_ = bytes;
}

result<std::unique_ptr<file>> simulated_files::open(const std::string& path, open_mode mode) {
  const bool creates = mode == open_mode::create;
  if (auto entered = enter(creates ? call::create : call::open, path); !entered)
    return tl::make_unexpected(entered.error());
  const std::lock_guard lock(mutex_);
  auto found = names_.find(path);
  if (creates) {
    if (!directories_.contains(parent_of(path))) return missing(path);
    if (found != names_.end() || directories_.contains(path))
      return kith::fail(errc::unavailable, path + ": open: File exists");
    found = names_.emplace(path, std::make_shared<node>(node{next_id_++, {}})).first;
    record(call::create, path, found->second->id);
  }
  if (found == names_.end()) return missing(path);
  return std::make_unique<handle>(*this, found->second, path, mode != open_mode::read);
}

result<void> simulated_files::rename(const std::string& from, const std::string& to) {
  if (auto entered = enter(call::rename, from); !entered) return entered;
  const std::lock_guard lock(mutex_);
  const auto found = names_.find(from);
  if (found == names_.end() || !directories_.contains(parent_of(to))) return missing(from);
  auto moved = std::move(found->second);
  names_.erase(found);
  record(call::rename, from, moved->id, to);
  names_[to] = std::move(moved);
  return {};
}

result<void> simulated_files::remove(const std::string& path) {
  if (auto entered = enter(call::remove, path); !entered) return entered;
  const std::lock_guard lock(mutex_);
  const auto found = names_.find(path);
  if (found == names_.end()) return missing(path);
  record(call::remove, path, found->second->id);
  names_.erase(found);
  return {};
}

result<void> simulated_files::make_directory(const std::string& path) {
  if (auto entered = enter(call::make_directory, path); !entered) return entered;
  const std::lock_guard lock(mutex_);
  if (names_.contains(path)) return kith::fail(errc::unavailable, path + ": mkdir: File exists");
  add_directories(path);
  record(call::make_directory, path, 0);
  return {};
}

result<void> simulated_files::sync_directory(const std::string& path) {
  if (auto entered = enter(call::sync_directory, path); !entered) return entered;
  const std::lock_guard lock(mutex_);
  if (!directories_.contains(path)) return missing(path);
  record(call::sync_directory, path, 0);
  return {};
}

result<std::vector<std::string>> simulated_files::list(const std::string& directory) {
  if (auto entered = enter(call::list, directory); !entered) return tl::make_unexpected(entered.error());
  const std::lock_guard lock(mutex_);
  if (!directories_.contains(directory)) return missing(directory);
  std::set<std::string> names;
  const auto look_at = [&](const std::string& path) {
    if (path != directory && parent_of(path) == directory) names.insert(path.substr(path.rfind('/') + 1));
  };
  for (const auto& [path, ignored] : names_) look_at(path);
  for (const auto& path : directories_) look_at(path);
  return std::vector<std::string>(names.begin(), names.end());
}

result<bool> simulated_files::exists(const std::string& path) {
  if (auto entered = enter(call::exists, path); !entered) return tl::make_unexpected(entered.error());
  const std::lock_guard lock(mutex_);
  return names_.contains(path) || directories_.contains(path);
}

result<std::uint64_t> simulated_files::free_bytes(const std::string& path) {
  if (auto entered = enter(call::free_bytes, path); !entered) return tl::make_unexpected(entered.error());
  const std::lock_guard lock(mutex_);
  return free_bytes_;
}

}  // namespace kith::persistence
