// Carries out privacy requests: writes the documents of access and portability, erases, sends the event of a
// correction, an opt-out or an objection, and closes the request.
//
// Invariants
//   - One request at a time. What runs when the server ends runs again when it starts: a document is written anew, an
//     erasure that was carried out is not carried out twice, an event that was applied is a duplicate.
//   - What is not possible now is tried again, later each time; what never will be waits for somebody.
//   - Each thing done is in the audit log.
// Thread safety: none but what stop() does; it has a thread of its own.
#pragma once

#include <atomic>
#include <functional>
#include <memory>
#include <string>
#include <thread>

#include "actors/service.hpp"
#include "admin/parts.hpp"
#include "admin/privacy_requests.hpp"

namespace kith::admin {

class person_export;

class request_worker {
 public:
  /// `with` has the requests, the letters, the receipts and the audit log; all of them and the service outlive it.
  request_worker(persistence::file_system& files, actors::service& service, parts with,
                 std::function<void(std::string_view level, std::string_view message)> log);
  ~request_worker();  ///< stops, behind what is under way
  request_worker(const request_worker&) = delete;
  request_worker& operator=(const request_worker&) = delete;

 private:
  void run();
  void carry_out(const privacy_request& what);
  result<request_result> answer(const privacy_request& what);
  result<void> answer(const privacy_request& what, std::size_t subject, request_result& to);
  result<void> write_export(const privacy_request& what, std::size_t subject, request_result& to);
  result<request_export> write_document(const std::string& path, const profile::identifier& of, std::uint64_t taken);
  result<void> write_pieces(persistence::file& to, person_export& from, std::uint64_t taken,
                            request_export& made) const;
  void discard(const std::string& path) const;
  result<void> erase(const std::string& id, std::size_t subject, request_result& to);
  result<void> erase_person(const privacy_request& what, const request_subject& whom, request_result& to);
  result<void> tell_profile(const std::string& id, std::size_t subject, request_result& to);
  result<bool> publish(const privacy_request& what, const profile::identifier& whom, std::int64_t at_ms);
  bool is_receipted(const privacy_request& what, const std::string& hash) const;
  result<void> record(const privacy_request& what, const std::string& action, const std::string& outcome) const;

  persistence::file_system& files_;
  actors::service& service_;
  const parts with_;
  privacy_requests& requests_;
  const std::function<void(std::string_view level, std::string_view message)> log_;
  std::atomic<bool> stopping_{false};
  std::int64_t swept_ms_ = 0;
  std::int64_t pause_ms_ = 0;  ///< behind a failure
  std::thread thread_;
};

}  // namespace kith::admin
