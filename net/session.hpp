// One client's connection: finds frames, hands them to its methods, keeps to the limits.
//
// Invariants
//   - Every request is answered, unless the connection is lost first.
//   - While too much is in flight, or too much waits for a slow reader, nothing more is read: TCP tells the sender.
//
// Thread safety: none; it lives on its shard's thread.
#pragma once

#include <utility>
#include <chrono>
#include <memory>
#include <optional>

#include "actors/clock.hpp"
#include "net/frame_finder.hpp"
#include "net/methods.hpp"
#include "net/server_state.hpp"
#include "net/session_group.hpp"
#include "net/tended_session.hpp"

namespace kith::net {

class session final : public tended_session {
 public:
  session(tcp::socket socket, std::shared_ptr<server_state> server, std::shared_ptr<session_group> group);

  void start() override;
  /// Reads on if it stopped because of what has passed since.
  void resume();
  void loop_has_room() override;
  void drain() override;
  bool is_overdue(actors::time_point now) const override;
  void give_up(actors::time_point now) override;
  void tidy_memory() override;

  // For the methods.
  session_group& group() noexcept { return *group_; }
  server_state& server() noexcept { return *server_; }
  const limits::connection& bounds() const noexcept { return *bounds_; }
  methods& calls() noexcept { return methods_; }
  std::weak_ptr<session> weak() { return std::static_pointer_cast<session>(shared_from_this()); }
  /// Where replies and notifications are appended; flush_soon() sends them.
  using channel::flush_soon;
  using channel::outbound;
  /// A request was answered in outbound().
  void answered(std::size_t frame_bytes);
  /// Closes after the replies in flight.
  void close_after_replies();

 private:
  void handshaken() override;
  bool received(receive_buffer& in) override;
  void arrived(std::size_t bytes) override;
  void departed(std::size_t bytes) override;
  void lost(const error& why) override;

  bool has_too_much() const;
  /// If not, the group will wake this session.
  bool shard_is_ready();
  void take(std::string_view frame, actors::time_point now);
  /// Answers with an error that belongs to no request we can serve, and closes.
  void reject(std::string_view frame, errc code, std::string_view message);
  void finish_if_idle();

  std::shared_ptr<server_state> server_;
  std::shared_ptr<session_group> group_;
  std::shared_ptr<const limits::connection> bounds_;
  frame_finder finder_;
  methods methods_;
  std::size_t in_flight_requests_ = 0;
  std::size_t in_flight_bytes_ = 0;
  actors::time_point since_;                         ///< of the phase: accepted, handshaken, closing
  std::optional<actors::time_point> partial_since_;  ///< part of a frame is there, since then
  bool handshaken_ = false;
  bool paused_ = false;
  bool closing_ = false;
  bool waits_for_shard_ = false;  ///< is on the group's list
  bool active_ = false;           ///< since the last tidy_memory()
};

}  // namespace kith::net
