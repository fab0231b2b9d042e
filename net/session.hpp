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
#include "net/channel.hpp"
#include "net/frame_finder.hpp"
#include "net/methods.hpp"
#include "net/session_group.hpp"

namespace kith::net {

class session final : public channel {
 public:
  session(tcp::socket socket, std::shared_ptr<tls_context> tls, std::shared_ptr<session_group> group);

  void start();
  /// Reads on if it stopped because of what has passed since.
  void resume();
  /// As resume(); the group has taken the session off its list of those that wait for the shard.
  void shard_has_room();
  /// Answers what is in flight, then closes.
  void drain();

  /// Is something late that was due by now?
  bool is_overdue(actors::time_point now) const;
  void give_up(actors::time_point now);
  /// To be called now and then: idle connections give their buffers back.
  void tidy_memory();

  // For the methods.
  session_group& group() noexcept { return *group_; }
  server_state& server() noexcept { return group_->server(); }
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
