// Backups of the data directory, taken while the server serves: each a directory of its own that a server can start
// from.
//
// A backup is written as `NAME.partial` and renamed when all of it is durable, so what has no such ending is whole.
// Names are the times at which they began, so their order is that of time.
//
// Thread safety: all of it, from any thread.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "persistence/file.hpp"

namespace kith::admin {

struct backup_settings {
  std::string directory;  ///< outside of the data directory; empty: no backups
  std::size_t keep = 7;   ///< so many, then the oldest go; 0: all stay
};

struct backup {
  std::string name;  ///< 20261126T120000.000Z
  std::int64_t taken_ms = 0;
  std::uint64_t bytes = 0;  ///< of its files; those that are linked count whole
};

struct backup_state {
  std::vector<backup> items;  ///< the newest first
  std::string running;        ///< the name of the one that is being written; empty: none
  std::string failed;         ///< the name of the last one, if it failed
  std::string error;
  std::uint64_t made = 0;  ///< since the start
  std::uint64_t failures = 0;
  std::int64_t last_ms = 0;  ///< when the newest was begun; 0: there is none
};

class backups {
 public:
  /// Writes what belongs to the server's parts into a directory that is there; gives up soon where `cancelled` says so.
  using writer = std::function<result<void>(const std::string& directory, const std::function<bool()>& cancelled)>;

  backups(persistence::file_system& files, std::string data, backup_settings settings, writer write,
          std::function<std::int64_t()> now_ms,
          std::function<void(std::string_view level, std::string_view message)> log)
      : files_(files),
        data_(std::move(data)),
        settings_(std::move(settings)),
        write_(std::move(write)),
        now_ms_(std::move(now_ms)),
        log_(std::move(log)) {}
  ~backups();  ///< the one that is being written is given up, and what there is of it removed
  backups(const backups&) = delete;
  backups& operator=(const backups&) = delete;

  /// Begins one; its name. Errors: invalid_argument (no directory is configured), resource_exhausted (one is running).
  result<std::string> begin();
  result<backup_state> state();
  const std::string& directory() const { return settings_.directory; }

 private:
  result<void> write(const std::string& name);
  result<void> copy_audit_log(const std::string& into);
  result<void> copy_requests(const std::string& into);
  result<void> clear_partial();
  result<void> give_up(const std::string& unfinished, error why);
  result<void> fill(const std::string& unfinished);
  result<void> drop_old();
  result<std::vector<backup>> list();
  std::optional<backup> read_manifest(const std::string& name);

  persistence::file_system& files_;
  const std::string data_;
  const backup_settings settings_;
  const writer write_;
  const std::function<std::int64_t()> now_ms_;
  const std::function<void(std::string_view level, std::string_view message)> log_;

  std::atomic<bool> cancelled_{false};
  std::mutex mutex_;
  backup_state state_;                     ///< without the items
  std::map<std::string, backup> written_;  ///< by name; what is whole does not change
  std::thread thread_;
};

}  // namespace kith::admin
