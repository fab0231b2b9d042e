// The real executable serving a data directory, to be killed and started again, and clients of it.
#pragma once

#include <chrono>
#include <map>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "net/client.hpp"
#include "tests/system/support/process.hpp"

namespace kith::tests {

/// The first of three that are free now, below the range that the system gives to outgoing connections.
unsigned short free_ports();

class server {
 public:
  /// Starts it and waits until it is ready. `config`: TOML for --config; empty: none. Throws what its log says.
  explicit server(const scratch& room, const std::string& config = {});

  /// As a crash of the process would. Waits until it is gone.
  void kill();
  /// SIGTERM; the exit code, nothing at the deadline.
  std::optional<int> stop(std::chrono::milliseconds deadline = std::chrono::seconds(30));
  void send(int signal) const { process_->send(signal); }
  bool running() { return process_->running(); }
  /// After kill() or stop(): on the same data and ports.
  void start();

  /// Options of a client that tries each request so often.
  net::client_options client_options(unsigned attempts = 8) const;
  std::unique_ptr<net::client> client(unsigned attempts = 8) const;
  /// What a `kith` command gets to find this server.
  std::vector<std::string> flags() const;
  const std::string& data() const { return data_; }
  std::string log() const { return process_->output(); }
  /// Memory of the process that is in use now.
  std::uint64_t resident_bytes() const;

 private:
  bool ready();

  const scratch& room_;
  std::string config_;
  std::string data_;
  unsigned short port_ = 0;
  std::unique_ptr<process> process_;
};

/// What is checked of a profile.
struct tally {
  std::uint64_t version = 0;
  std::map<std::string, std::uint64_t> events;  ///< by name
  friend bool operator==(const tally&, const tally&) = default;
};

/// By user id; those without a profile are left out.
std::map<std::string, tally> read_tallies(net::client& from, const std::vector<std::string>& users);
tally tally_of(const nlohmann::json& profile);

/// Runs `kith ARGUMENTS` to its end: exit code and output. Throws at the deadline.
std::pair<int, std::string> run_kith(const scratch& room, const std::vector<std::string>& arguments,
                                     std::chrono::milliseconds deadline = std::chrono::seconds(120));

}  // namespace kith::tests
