// What a power cut leaves of a simulated disk.
#include <algorithm>
#include <array>

#include "persistence/simulated_files.hpp"

namespace kith::persistence {

namespace {

/// Changes to one file that no successful sync has covered.
struct unsynced {
  bool truncates = false;
  bool lost = false;         ///< a sync failed on it: none will make it durable
  std::uint64_t offset = 0;  ///< or the size truncated to
  std::string_view data;
};

void write_at(std::string& bytes, std::uint64_t offset, std::string_view data) {
  if (bytes.size() < offset + data.size()) bytes.resize(offset + data.size());
  bytes.replace(offset, data.size(), data);
}

void redo(std::string& bytes, const unsynced& each) {
  if (each.truncates) {
    bytes.resize(each.offset);
  } else {
    write_at(bytes, each.offset, each.data);
  }
}

void cut_to(std::vector<unsynced>& writes, std::uint64_t size) {
  for (auto& each : writes) {
    if (!each.truncates && each.offset + each.data.size() > size)
      each.data = each.data.substr(0, size - std::min(size, each.offset));
  }
}

}  // namespace

/// Replays changes onto what was durable, then decides about what is not.
class simulated_files::power_cut {
 public:
  power_cut(image durable, std::uint64_t seed) : disk_(std::move(durable)), seed_(seed), random_(seed) {}

  void replay(const change& each);
  image settle();

 private:
  enum class kept : unsigned char { nothing, all, front, scattered };
  kept choose() { return seed_ < 2 ? static_cast<kept>(seed_) : static_cast<kept>(random_() % 4); }
  bool toss() { return random_() % 2 == 0; }

  void rename_entry(const change& each);
  void sync(std::uint64_t id, bool fails);
  void settle_bytes(std::string& bytes, const std::vector<unsynced>& writes);
  void scatter(std::string& bytes, const std::vector<unsynced>& writes);

  image disk_;
  const std::uint64_t seed_;
  std::mt19937_64 random_;
  std::map<std::uint64_t, std::vector<unsynced>> writes_;
  std::vector<const change*> names_;  ///< creates, renames and removes that no directory sync has covered
};

void simulated_files::power_cut::replay(const change& each) {
  const auto& path = each.shown.path;
  switch (each.shown.what) {
    case call::append: writes_[each.id].push_back({false, false, each.offset, each.data}); break;
    case call::truncate: writes_[each.id].push_back({true, false, each.shown.bytes, {}}); break;
    case call::sync: sync(each.id, each.lost); break;
    case call::create:
      disk_.contents[each.id] = each.placed ? each.data : std::string();
      if (each.placed) {
        std::erase_if(names_, [&](const change* name) { return name->shown.path == path; });
        disk_.names[path] = each.id;
        break;
      }
      [[fallthrough]];
    case call::rename:
    case call::remove: names_.push_back(&each); break;
    case call::make_directory:
      for (auto at = path; disk_.directories.insert(at).second;) at = parent_of(at);
      break;
    case call::sync_directory:
      std::erase_if(names_, [&](const change* name) {
        const bool here =
            parent_of(name->shown.path) == path || (name->shown.what == call::rename && parent_of(name->data) == path);
        if (here) rename_entry(*name);
        return here;
      });
      break;
    default: break;
  }
}

void simulated_files::power_cut::rename_entry(const change& each) {
  const auto& path = each.shown.path;
  if (each.shown.what == call::create) {
    disk_.names[path] = each.id;
    return;
  }
  const auto found = disk_.names.find(path);
  if (found != disk_.names.end() && found->second == each.id) disk_.names.erase(found);
  if (each.shown.what == call::rename) disk_.names[each.data] = each.id;
}

void simulated_files::power_cut::sync(std::uint64_t id, bool fails) {
  auto& writes = writes_[id];
  std::vector<unsynced> left;
  for (auto& each : writes) {
    each.lost = each.lost || (fails && !each.truncates);  // sizes are the file system's own, no page's
    if (each.lost || fails) {
      left.push_back(each);
      continue;
    }
    redo(disk_.contents[id], each);
    if (each.truncates) cut_to(left, each.offset);
  }
  writes = std::move(left);
}

void simulated_files::power_cut::scatter(std::string& bytes, const std::vector<unsynced>& writes) {
  constexpr std::array<std::size_t, 3> grains{16, 512, 4096};
  const auto grain = grains[random_() % grains.size()];
  std::uint64_t end = bytes.size();
  for (const auto& each : writes) {
    end = each.truncates ? each.offset : std::max(end, each.offset + each.data.size());
    if (each.truncates) {
      if (toss()) bytes.resize(each.offset);
      continue;
    }
    for (std::size_t at = 0; at < each.data.size(); at += grain) {
      if (toss()) write_at(bytes, each.offset + at, each.data.substr(at, grain));
    }
  }
  if (toss()) bytes.resize(std::max<std::uint64_t>(end, bytes.size()));  // the size was kept, bytes were not
}

void simulated_files::power_cut::settle_bytes(std::string& bytes, const std::vector<unsynced>& writes) {
  switch (choose()) {
    case kept::nothing: break;
    case kept::all:
      for (const auto& each : writes) redo(bytes, each);
      break;
    case kept::front: {
      const auto whole = random_() % writes.size();
      for (std::size_t i = 0; i < whole; ++i) redo(bytes, writes[i]);
      auto torn = writes[whole];
      if (torn.truncates) break;
      torn.data = torn.data.substr(0, random_() % (torn.data.size() + 1));
      redo(bytes, torn);
      break;
    }
    case kept::scattered: scatter(bytes, writes); break;
  }
}

simulated_files::image simulated_files::power_cut::settle() {
  for (const auto& [id, writes] : writes_) {
    if (!writes.empty()) settle_bytes(disk_.contents[id], writes);
  }
  const auto names = choose();
  const auto front = names_.empty() ? 0 : random_() % names_.size();
  for (std::size_t i = 0; i < names_.size(); ++i) {
    const bool there =
        names == kept::all || (names == kept::front && i < front) || (names == kept::scattered && toss());
    if (there) rename_entry(*names_[i]);
  }
  return std::move(disk_);
}

std::unique_ptr<simulated_files> simulated_files::crash_at(std::size_t operations, std::uint64_t seed) const {
  const std::lock_guard lock(mutex_);
  power_cut cut(base_, seed);
  for (std::size_t i = 0; i < std::min(operations, changes_.size()); ++i) cut.replay(changes_[i]);
  return std::unique_ptr<simulated_files>(new simulated_files(cut.settle(), seed));
}

}  // namespace kith::persistence
