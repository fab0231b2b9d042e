// The public methods of one connection: who calls, may they, and what is answered.
//
// Thread safety: none; it is part of its session.
#pragma once

#include <utility>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "actors/clock.hpp"
#include "actors/service.hpp"
#include "net/credentials.hpp"
#include "net/event_judge.hpp"
#include "net/parameters.hpp"
#include "net/rpc.hpp"
#include "net/token_bucket.hpp"

namespace kith::net {

class session;

class methods {
 public:
  struct request {
    std::uint32_t msgid = 0;
    std::size_t frame_bytes = 0;
    actors::time_point arrived;     ///< its last byte
    actors::trace_context trace{};  ///< that it is part of
  };

  explicit methods(session& owner);

  /// The client showed a certificate that its CA signed.
  void show_certificate(std::string common_name);
  bool authenticated() const noexcept { return who_ != nullptr; }

  void handle(const envelope& call, const request& from);
  /// Gets that came together are read together: hands over those that handle() gathered.
  void hand_over_reads();
  /// The connection is gone.
  void end();

 private:
  enum class right : std::uint8_t { none, publish, read, privacy, any };
  struct entry {
    std::string_view name;
    right needed;
    void (methods::*serve)(std::string_view params, const request& from);
  };
  static const entry* find(std::string_view name) noexcept;

  void hello(std::string_view params, const request& from);
  void publish(std::string_view params, const request& from);
  void get(std::string_view params, const request& from);
  void get_many(std::string_view params, const request& from);
  void segments(std::string_view params, const request& from);
  void explain(std::string_view params, const request& from);
  void watch(std::string_view params, const request& from);
  void unwatch(std::string_view params, const request& from);
  void erase(std::string_view params, const request& from);
  void stats(std::string_view params, const request& from);

  /// `judged`: null: all that was sent was published.
  void on_published(const request& from, bool detail, const std::string& source, judged_events* judged,
                    result<actors::publish_outcome> outcome);
  /// As dead letters; the answer waits until they are durable.
  void keep_rejected(const request& from, bool detail, const std::string& source, actors::publish_outcome outcome);
  void answer_published(const request& from, bool detail, const actors::publish_outcome& outcome);
  void answer_erased(const request& from, std::string_view receipt);
  void read(std::vector<profile::hash128> addresses, profile::field_set fields, std::string_view view,
            actors::read_done done);
  void on_read(const std::vector<request>& from, const result<actors::found_profiles>& found);
  void on_read_many(const request& from, const result<actors::found_profiles>& found);
  actors::read_done answer_one(const request& from);
  void on_change(std::uint64_t watch, const result<actors::change>& change);

  void judge_anew();
  bool may(right needed) const noexcept;
  void refuse(const request& from, const error& cause, std::uint64_t retry_after_ms = 0);
  /// Behind which no ordered one is taken on this connection.
  void refuse_publish(const request& from, const error& cause, std::uint64_t retry_after_ms = 0);
  void end_watch(std::uint64_t watch, const error& cause);
  void record(actors::stage stage, const request& from);

  session& owner_;
  std::shared_ptr<identity> who_;
  std::string common_name_;
  std::optional<token_digest> token_;
  std::uint64_t judged_at_ = 0;  ///< the store's generation
  token_bucket requests_;
  bool refused_a_publish_ = false;

  std::vector<request> gets_;
  std::vector<profile::hash128> addresses_;
  profile::field_set fields_;
  std::string view_;  ///< in place of fields_; empty: none

  std::map<std::uint64_t, actors::watch_id> watches_;  ///< by the number that the client knows
  std::uint64_t last_watch_ = 0;
};

}  // namespace kith::net
