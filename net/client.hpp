// A synchronous client with an io thread of its own; reconnects and retries.
//
// Requests are retried on unavailable, resource_exhausted and lost connections: publishing again is harmless, since a
// messageId counts once.
//
// Thread safety: all of it; calls from several threads are pipelined on the one connection.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "actors/service.hpp"
#include "net/client_connection.hpp"
#include "net/requests.hpp"

namespace kith::net {

struct watch_request {
  std::optional<profile::identifier> profile;  ///< nothing: all profiles
  std::string segment;                         ///< only changes that enter or leave it; empty: all
  std::string from;                            ///< a cursor, maybe of before a restart
};

/// `change`: the MessagePack map {profile, version, entered, left, traits, cursor}, valid during the call. With an
/// error once, when the watch has ended.
using change_callback = std::function<void(const result<std::string_view>& change)>;

class client {
 public:
  /// Connects. Errors as of client_connection::connect, after the retries.
  static result<std::unique_ptr<client>> connect(client_options options);
  ~client();
  client(const client&) = delete;
  client& operator=(const client&) = delete;

  /// `events`: MessagePack maps.
  result<actors::publish_outcome> publish(const std::vector<std::string>& events, actors::publish_options options = {});
  /// The profile map as MessagePack, or what a view shows of it; give `fields` or `view`. Errors: not_found among them.
  result<std::string> get(const profile::identifier& id, const std::vector<std::string>& fields = {},
                          std::string_view view = {});
  /// The array of maps and nils as MessagePack.
  result<std::string> get_many(const std::vector<profile::identifier>& ids, const std::vector<std::string>& fields = {},
                               std::string_view view = {});
  /// The segments that a profile is in: `[{segment, since, until?}, …]` as MessagePack.
  result<std::string> segments(const profile::identifier& id);
  /// Why a profile is in a segment, or is not: `{segment, member, expression, parts, …}` as MessagePack.
  result<std::string> explain(const profile::identifier& id, std::string_view segment);
  result<std::string> stats();

  /// Callbacks run on the io thread. A watch ends with its connection: resume with the last change's cursor.
  result<std::uint64_t> watch(const watch_request& request, change_callback callback);
  result<void> unwatch(std::uint64_t watch);

  /// Any method: `params` is the encoded params array.
  result<std::string> call(std::string_view method, std::string_view params);

  struct impl;

 private:
  explicit client(std::unique_ptr<impl> made);
  std::unique_ptr<impl> impl_;
};

}  // namespace kith::net
