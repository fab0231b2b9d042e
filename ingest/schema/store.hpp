// Where schemas come from: a directory of files, which the API only reads, and those that the API made, which are kept
// in DATA/schemas.json.
//
// Invariants
//   - An event's schemas are in the directory or made by the API, never both.
//   - A version is never changed, only followed by another one.
//   - A change is in the file before anybody sees it.
// Thread safety: all of it, from any thread but a shard's. Changes are made one at a time and may block for a while;
// reading never waits for them.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "actors/clock.hpp"
#include "ingest/schema/files.hpp"
#include "ingest/schema/registry.hpp"
#include "persistence/file.hpp"

namespace kith::ingest::schema {

/// Why a change is not made, as an HTTP status: 400 for a bad schema, 404, 409 (of the directory, or not compatible,
/// then with the reasons), 412, 413, or what the disk says.
struct refusal {
  unsigned status = 400;
  error why;
  std::vector<incompatibility> reasons;
};
template <class T>
using change_result = tl::expected<T, refusal>;

class store {
 public:
  /// Whether to make a change, given the newest version that is there now; null: there is none.
  using precondition = std::function<bool(const known_schema* there)>;

  /// Changes nothing on the disk. Errors: invalid_argument with the file's path and all that is wrong with it (versions
  /// in the directory have to be compatible too); those of reading.
  static result<std::unique_ptr<store>> open(persistence::file_system& files, const std::string& data, settings modes,
                                             std::function<std::int64_t()> now_ms = actors::wall_clock_ms);

  const registry& schemas() const noexcept { return schemas_; }

  /// The configuration was read anew; the directory is read anew too. Errors: as of open(); nothing is changed then.
  result<void> reconfigure(settings modes);

  struct put_outcome {
    known_schema now;
    bool created = false;  ///< false: it says the same as the newest version did
  };
  /// `without`: instead of the required compatibility. The document may say its version (`x-kith-version`), which is
  /// over all others; else it is one over the newest.
  change_result<put_outcome> put(const std::string& event, std::string_view document,
                                 std::optional<compatibility> instead = {}, const precondition& only_if = {});
  /// As put() would, without doing it.
  change_result<put_outcome> check(const std::string& event, std::string_view document,
                                   std::optional<compatibility> instead = {}) const;
  /// All versions of it.
  change_result<void> remove(const std::string& event, const precondition& only_if = {});

 private:
  store(persistence::file_system& files, std::string data, std::function<std::int64_t()> now_ms)
      : files_(files), data_(std::move(data)), now_ms_(std::move(now_ms)) {}

  std::string path() const;
  change_result<void> commit(std::vector<known_schema> next);

  persistence::file_system& files_;
  const std::string data_;
  const std::function<std::int64_t()> now_ms_;
  std::mutex changing_;  ///< held throughout a change
  registry schemas_;
};

}  // namespace kith::ingest::schema
