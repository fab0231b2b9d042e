// A runtime on a real directory, used as an edge would use it, but waited for.
#pragma once

#include <atomic>
#include <boost/asio/post.hpp>
#include <future>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "actors/runtime.hpp"
#include "persistence/file.hpp"

namespace kith::tests {

inline constexpr std::int64_t hour = 3'600'000;
inline constexpr std::int64_t day = 24 * hour;
inline constexpr std::int64_t start_ms = 1'714'557'600'000;  ///< 2024-05-01T10:00:00Z

/// A directory under the system's temporary one, removed at the end.
class temporary_directory {
 public:
  temporary_directory();
  ~temporary_directory();
  const std::string& path() const { return path_; }

 private:
  std::string path_;
};

/// Forwards to another file system, and holds every sync while `closed`.
class gated_files : public persistence::file_system {
 public:
  /// Of the files whose paths have `folder` in them.
  explicit gated_files(persistence::file_system& below, std::string folder = "/journal/")
      : below_(below), folder_(std::move(folder)) {}
  result<std::unique_ptr<persistence::file>> open(const std::string& path, persistence::open_mode mode) override;
  result<void> rename(const std::string& from, const std::string& to) override { return below_.rename(from, to); }
  result<void> remove(const std::string& path) override { return below_.remove(path); }
  result<void> make_directory(const std::string& path) override { return below_.make_directory(path); }
  result<void> sync_directory(const std::string& path) override { return below_.sync_directory(path); }
  result<std::vector<std::string>> list(const std::string& directory) override { return below_.list(directory); }
  result<bool> exists(const std::string& path) override { return below_.exists(path); }
  result<std::uint64_t> free_bytes(const std::string& path) override { return below_.free_bytes(path); }

  std::atomic<bool> closed{false};   ///< their syncs wait
  std::atomic<bool> failing{false};  ///< their syncs fail

 private:
  persistence::file_system& below_;
  const std::string folder_;
};

/// A track event as JSON.
nlohmann::json track(const std::string& user, const std::string& id, const std::string& time,
                     const std::string& name = "Order Completed");

std::string encode(const std::vector<nlohmann::json>& events);

/// Segments by name and expression. REQUIRES: they are good.
std::shared_ptr<const profile::segments::catalog> catalog_of(
    const std::vector<std::pair<std::string, std::string>>& segments, std::int64_t created_ms = 0);

/// Waits until `condition` holds; false after ten seconds.
bool eventually(const std::function<bool()>& condition);

class running {
 public:
  explicit running(actors::runtime_options options, persistence::file_system& files = persistence::real_files());
  ~running();

  actors::runtime& operator*() { return *runtime_; }
  actors::runtime* operator->() { return runtime_.get(); }

  std::future<result<actors::publish_outcome>> send(const std::vector<nlohmann::json>& events,
                                                    actors::publish_options options = {}, actors::shard_id home = 0);
  actors::publish_outcome publish(const std::vector<nlohmann::json>& events, actors::publish_options options = {});
  /// null where there is no such profile.
  nlohmann::json get(const std::string& user);
  nlohmann::json get(const profile::identifier& id);
  nlohmann::json view(const profile::identifier& id, const std::string& name);
  /// What service::read_identity writes.
  nlohmann::json identity(const profile::identifier& id);
  result<void> unmerge(const profile::identifier& of, std::vector<profile::identifier> out);
  /// As a crash would: without saving anything.
  void kill();
  void stop();

 private:
  std::unique_ptr<actors::runtime> runtime_;
};

/// Small and quick for tests; `data` is the only thing that must be set.
actors::runtime_options options_for(const std::string& data);

}  // namespace kith::tests
