// Requests of people for their data, its erasure or correction, or that it be used no more for some purposes, with the
// deadlines of the law and what was done when:
// DATA/privacy/requests, a file each, and DATA/exports, the documents that were made for them.
//
// Invariants
//   - A change is durable before it is told. A request that runs when the process ends runs again at the next start.
//   - Of who was erased a request keeps salted hashes only, no document and no corrected trait; so they stand after
//     forget(). A correction that somebody else waits for stays until it is done or refused.
//   - At most `most_open` are open and `most_kept` are kept: past that a new one is refused, and nothing is dropped.
//     Closed ones go after `keep_ms`.
// Thread safety: all of it, from any thread but a shard's. Changes block for the disk.
#pragma once

#include <condition_variable>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <vector>

#include "admin/deadlines.hpp"
#include "admin/definition_store.hpp"
#include "persistence/file.hpp"
#include "profile/identifier.hpp"
#include "profile/result.hpp"

namespace kith::admin {

enum class request_status : std::uint8_t { received, verified, running, done, refused };
std::string_view name_of(request_kind kind) noexcept;
std::string_view name_of(regulation by) noexcept;
std::string_view name_of(request_status now) noexcept;

struct request_subject {
  profile::identifier id;  ///< with no value: who it was, was erased
  std::string hash;        ///< salted, as suppressions have it
};
struct request_step {
  std::int64_t at_ms = 0;
  std::string by;  ///< a credential; "kith": the server itself
  std::string
      action;  ///< "received", "confirmed", "verified", "extended", "run", "failed", "done", "refused", "erased"
  std::string detail;
};
/// A document that was made, DATA/exports/ID.N.json, N from 1.
struct request_export {
  std::string profile;
  std::uint64_t bytes = 0;
  std::string sha256;
  std::int64_t until_ms = 0;  ///< it is deleted then
  bool gone = false;
};
/// A profile that the event of a request was applied to: of a correction, of an opt-out, of an objection.
struct request_application {
  std::string profile;
  std::int64_t at_ms = 0;
};
struct request_result {
  std::vector<request_export> exports;
  std::vector<request_application> applied;
  std::vector<std::string> receipts;
  std::uint64_t not_found = 0;     ///< identifiers of the subject that nothing was kept of
  std::uint64_t dead_letters = 0;  ///< erased though there was no profile
};
struct privacy_request {
  std::string id;  ///< 32 hexadecimal digits that sort by when it was taken in
  request_kind kind = request_kind::access;
  regulation by = regulation::gdpr;
  request_status status = request_status::received;
  std::vector<request_subject> subject;
  nlohmann::json traits;              ///< of a rectification: the corrected ones; null: none, or the person was erased
  std::vector<std::string> purposes;  ///< of an opt-out or objection: what is to be processed no more for
  std::string note;
  std::int64_t received_ms = 0;
  std::int64_t due_ms = 0;
  std::int64_t confirm_by_ms = 0;  ///< 0: not asked for
  std::int64_t confirmed_ms = 0;   ///< 0: not yet
  bool extended = false;
  bool verified = false;
  std::int64_t closed_ms = 0;
  std::string error;  ///< why it could not be carried out the last time; empty: it could, or was not tried
  std::vector<request_step> history;
  request_result result;
  std::uint64_t version = 1;  ///< rises with each change

  bool open() const noexcept { return status != request_status::done && status != request_status::refused; }
};

/// As the API has it; `now_ms`, `soon_ms`: for what is overdue, and what is due so soon.
nlohmann::json to_json(const privacy_request& of, std::int64_t now_ms, std::int64_t soon_ms);

struct request_wanted {
  request_kind kind = request_kind::access;
  regulation by = regulation::gdpr;
  std::vector<request_subject> subject;
  nlohmann::json traits;              ///< as of privacy_request
  std::vector<std::string> purposes;  ///< as of privacy_request
  std::string note;
  std::int64_t received_ms = 0;  ///< 0: now
  bool run = false;              ///< at once
};
enum class request_action : std::uint8_t { confirm, verify, extend, run, refuse };

struct request_filter {
  std::optional<request_kind> kind;
  std::optional<request_status> status;
  bool only_open = false;
  bool only_overdue = false;
};
struct request_page {
  std::vector<privacy_request> items;  ///< the newest first
  std::string next;                    ///< empty: no more
};
struct request_counts {
  std::uint64_t open = 0;
  std::uint64_t overdue = 0;   ///< or not confirmed in time
  std::uint64_t due_soon = 0;  ///< and not overdue
  std::uint64_t failing = 0;   ///< open, and could not be carried out the last time
  std::uint64_t export_bytes = 0;
};

class privacy_requests {
 public:
  static constexpr std::size_t most_open = 1000;
  static constexpr std::size_t most_kept = 20'000;
  static constexpr std::size_t most_subjects = 10;
  static constexpr std::size_t most_text = 1000;               ///< bytes of a note or a reason
  static constexpr std::size_t most_traits_bytes = 16 * 1024;  ///< of corrected traits, as JSON
  static constexpr std::size_t most_steps = 100;               ///< past it a request is not run again
  static constexpr std::string_view partial_end = ".partial";  ///< behind the path of a document that is being written

  /// `data` need not exist. Errors: invalid_argument (a file is damaged), those of the disk.
  static result<std::unique_ptr<privacy_requests>> open(
      persistence::file_system& files, const std::string& data, request_settings settings,
      std::function<std::int64_t()> now_ms, std::function<void(std::string_view level, std::string_view message)> log);

  /// Refusals: 400, 507 (too many), the disk's.
  change_result<privacy_request> create(const request_wanted& wanted, const std::string& by);
  /// Refusals: 404, 409 (not in this status), 412, the disk's. `only_if`: given what it is now; empty: always.
  change_result<privacy_request> step(const std::string& id, request_action what, const std::string& by,
                                      const std::string& reason,
                                      const std::function<bool(const privacy_request&)>& only_if = {});
  std::optional<privacy_request> get(const std::string& id) const;
  request_page list(const request_filter& filter, const std::string& behind, std::size_t limit) const;
  request_counts counts() const;
  const request_settings& settings() const noexcept { return settings_; }
  std::int64_t now_ms() const { return now_ms_(); }

  // For the one who carries them out.
  /// One that runs and is not put off; nothing: there is none.
  std::optional<privacy_request> next_running() const;
  result<void> add_receipt(const std::string& id, const std::string& receipt);
  /// It is done, its documents are in place. `as_run`: as it was when it was begun.
  result<void> finish(const privacy_request& as_run, request_result with);
  /// `later_ms`: it is tried again then; 0: it waits for somebody to run it again, or to refuse it.
  result<void> fail_to_run(const std::string& id, const error& why, std::int64_t later_ms);
  /// Sleeps until there may be something to do, or wake() is called.
  void wait(std::chrono::milliseconds most);
  void wake();
  /// Deletes what has been kept for long enough.
  result<void> sweep();
  std::string export_path(const std::string& id, std::size_t number) const;
  /// Errors: not_found (it is not there any more), those of the disk.
  result<std::unique_ptr<persistence::file>> open_export(const std::string& id, std::size_t number) const;
  const std::string& export_directory() const noexcept { return exports_; }

  /// These were erased: of them only hashes stay, and no document. How many requests spoke of them.
  result<std::uint64_t> forget(const std::vector<profile::identifier>& who);

 private:
  privacy_requests(persistence::file_system& files, const std::string& data, request_settings settings,
                   std::function<std::int64_t()> now_ms,
                   std::function<void(std::string_view level, std::string_view message)> log);
  result<void> read();
  result<void> remove_strays();
  result<void> write(const privacy_request& what);
  result<void> commit(privacy_request next);
  result<void> remove_exports(privacy_request& of, bool& any);
  result<void> remove_unlisted(const std::string& id, bool& any);
  std::optional<refusal> apply(privacy_request& to, request_action what) const;
  std::size_t count_open() const;

  persistence::file_system& files_;
  const std::string directory_;
  const std::string exports_;
  const request_settings settings_;
  const std::function<std::int64_t()> now_ms_;
  const std::function<void(std::string_view level, std::string_view message)> log_;

  std::mutex changing_;       ///< held throughout a change
  mutable std::mutex mutex_;  ///< of what follows
  std::condition_variable woken_;
  bool wake_ = false;
  std::map<std::string, privacy_request> all_;
  std::map<std::string, std::int64_t> put_off_ms_;
};

}  // namespace kith::admin
