// One TLS connection, seen as bytes in and bytes out: what the server's sessions and the client have in common.
//
// Invariants
//   - At most one wait for reading and one for writing is pending. What is appended to outbound() in one handler leaves
//     in one write.
//   - lost() is called once; after it no other hook is.
//
// Thread safety: none; everything runs on the socket's io_context.
#pragma once

#include <utility>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>

#include "net/receive_buffer.hpp"
#include "net/tls_stream.hpp"
#include "profile/result.hpp"

namespace kith::net {

class channel : public std::enable_shared_from_this<channel> {
 public:
  channel(const channel&) = delete;
  channel& operator=(const channel&) = delete;

  bool is_lost() const noexcept { return state_ == state::lost; }
  std::size_t outbound_bytes() const noexcept { return outbound_.size() + writing_.size() - written_; }
  /// Closes now. lost() is called if it was not yet.
  void cut(errc code, const std::string& why);

 protected:
  using tcp = boost::asio::ip::tcp;

  channel(tcp::socket socket, std::shared_ptr<tls_context> context, tls_role role, const std::string& server_name = {});
  virtual ~channel() = default;

  void start_handshake();
  /// Append here, then call flush_soon().
  std::string& outbound() noexcept { return outbound_; }
  void flush_soon();
  /// Takes up reading after received() returned false.
  void read_more();
  bool reading() const noexcept { return reading_; }
  /// Reads no more, writes what is outbound, says good-bye.
  void finish();
  bool finishing() const noexcept { return state_ == state::finishing || state_ == state::lingering; }
  /// Gives back the buffers that are empty.
  void release_idle_memory();
  std::string peer_name() const { return stream_.peer_name(); }
  tcp::socket& socket() noexcept { return stream_.socket(); }

  virtual void handshaken() = 0;
  /// Consumes what it can of `in`. False: read no more until read_more().
  virtual bool received(receive_buffer& in) = 0;
  virtual void arrived(std::size_t bytes) = 0;  ///< so many more will be seen by received()
  virtual void departed(std::size_t bytes) = 0;
  /// `code`: unavailable, if the peer closed or the network failed.
  virtual void lost(const error& why) = 0;

 private:
  enum class state : std::uint8_t { idle, handshaking, open, finishing, lingering, lost };

  void pump();
  void pump_soon();
  void step_handshake();
  void flush();
  void fill();
  void linger();
  void say_good_bye();
  void wait(tls_step::kind which);
  void fail_step();

  tls_stream stream_;
  receive_buffer in_;
  std::string outbound_;
  std::string writing_;
  std::size_t written_ = 0;  ///< of writing_
  state state_ = state::idle;
  bool reading_ = true;
  bool resumed_ = false;  ///< in_ may hold what received() left when it stopped
  bool waiting_to_read_ = false;
  bool waiting_to_write_ = false;
  bool pump_posted_ = false;
};

}  // namespace kith::net
