// All definitions of segments and computed traits: those of the configuration, which the API only reads, and those that
// were made by the API and are kept in DATA/segments.json, where also the versions of the others are remembered.
//
// Invariants
//   - What is listed compiles together, and is what the service was last told.
//   - A name (of a kind) is in the configuration or made by the API, never both.
//   - A change is in the file before the service knows of it; one that the service refuses is taken out again.
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
#include "actors/service.hpp"
#include "admin/definition_file.hpp"
#include "persistence/file.hpp"
#include "profile/privacy_rules.hpp"
#include "profile/segments/catalog.hpp"

namespace kith::admin {

struct configured_definition {
  profile::segments::definition what;
  std::string place;  ///< of the expression: file:line:column
};

/// Why a change is not made, as an HTTP status: 400 with the problems of expressions, 404, 409 (taken, of the
/// configuration, needed by others), 412, or what the disk or the service says.
struct refusal {
  unsigned status = 400;
  error why;
  std::vector<profile::segments::problem> problems;
};
template <class T>
using change_result = tl::expected<T, refusal>;

class definition_store {
 public:
  /// Whether to make a change, given what is there now; null: nothing is.
  using precondition = std::function<bool(const kept_definition* there)>;

  /// Reads, and changes nothing on the disk before attach(). `directory` need not exist. `rules`: null: there are none.
  /// Errors: invalid_argument with
  /// all problems, a line each: expressions, names that are twice, a file that is damaged; those of reading.
  static result<std::unique_ptr<definition_store>> open(persistence::file_system& files, const std::string& directory,
                                                        const std::vector<configured_definition>& configured,
                                                        std::function<std::int64_t()> now_ms = actors::wall_clock_ms,
                                                        std::shared_ptr<const profile::privacy_rules> rules = nullptr);

  std::shared_ptr<const profile::segments::catalog> compiled() const;
  /// From now on changes go to this service, which was started with compiled(). Writes the file if it is not current.
  result<void> attach(actors::service& service);
  /// The configuration was read anew. Errors: as of open(), and of the service; nothing is changed then.
  result<void> reconfigure(const std::vector<configured_definition>& configured,
                           std::shared_ptr<const profile::privacy_rules> rules = nullptr);

  /// By name.
  std::vector<kept_definition> list(definition_kind kind) const;
  std::optional<kept_definition> find(definition_kind kind, const std::string& name) const;

  std::size_t count_disabled() const;

  // Version and times of what is handed in are of no account.

  /// Only compiles, as if it was put: all definitions with this one.
  change_result<std::shared_ptr<const profile::segments::catalog>> check(
      const profile::segments::definition& wanted) const;
  change_result<kept_definition> create(profile::segments::definition wanted);
  struct put_outcome {
    kept_definition now;
    bool created = false;
  };
  /// Creates or replaces.
  change_result<put_outcome> put(profile::segments::definition wanted, const precondition& only_if = {});
  /// Evaluates one again that was disabled; nothing changes if it was not.
  change_result<kept_definition> enable(definition_kind kind, const std::string& name);
  /// Disables those that the service tells to fail, until they are enabled or defined anew. Says which.
  change_result<std::vector<kept_definition>> disable_failing();
  change_result<void> remove(definition_kind kind, const std::string& name, const precondition& only_if = {});

 private:
  definition_store(persistence::file_system& files, std::string directory, std::function<std::int64_t()> now_ms);

  std::string path() const;
  definition_table current() const;
  result<definition_table> merged(const definition_table& kept,
                                  const std::vector<configured_definition>& configured) const;
  change_result<kept_definition> store(definition_table next, profile::segments::definition wanted);
  change_result<void> commit(definition_table next, std::shared_ptr<const profile::privacy_rules> rules = nullptr);
  result<void> write(const std::string& text);

  persistence::file_system& files_;
  const std::string directory_;
  const std::function<std::int64_t()> now_ms_;
  std::mutex changing_;  ///< held throughout a change
  actors::service* service_ = nullptr;
  std::string text_;  ///< the file's; empty: there is none

  mutable std::mutex mutex_;  ///< of what follows
  definition_table kept_;
  std::shared_ptr<const profile::segments::catalog> compiled_;
};

}  // namespace kith::admin
