#include "tests/system/support/server.hpp"

#include <algorithm>
#include <atomic>
#include <csignal>
#include <filesystem>
#include <fstream>
#include <netinet/in.h>
#include <random>
#include <stdexcept>
#include <sys/socket.h>
#include <unistd.h>

namespace kith::tests {

namespace {

bool is_free(unsigned short port) {
  const int socket = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  const int on = 1;
  setsockopt(socket, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  sockaddr_in at{};
  at.sin_family = AF_INET;
  at.sin_port = htons(port);
  at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  const bool bound = ::bind(socket, reinterpret_cast<const sockaddr*>(&at), sizeof at) == 0;
  ::close(socket);
  return bound;
}

}  // namespace

unsigned short free_ports() {
  std::random_device random;
  for (int tries = 0; tries < 1000; ++tries) {
    const auto base = static_cast<unsigned short>(15'000 + random() % 15'000);
    if (is_free(base) && is_free(static_cast<unsigned short>(base + 1)) &&
        is_free(static_cast<unsigned short>(base + 2))) {
      return base;
    }
  }
  throw std::runtime_error("no three free ports in a row");
}

server::server(const scratch& room, const std::string& config)
    : room_(room), config_(config), data_(room.path("data")), port_(free_ports()) {
  std::filesystem::create_directories(data_);
  if (!config.empty()) room.write("kith.toml", config);
  start();
}

void server::start() {
  std::vector<std::string> command = {KITH_EXECUTABLE,      "serve", "--dev", "--data", data_, "--port-base",
                                      std::to_string(port_)};
  if (!config_.empty()) command.insert(command.end(), {"--config", room_.path("kith.toml")});
  process_ = std::make_unique<process>(std::move(command), room_.path("server.log"));
  const bool answers = eventually([&] { return !process_->running() || ready(); }, std::chrono::seconds(120));
  if (!answers || !process_->running()) throw std::runtime_error("kith serve does not get ready:\n" + log());
}

/// Answers reads, that is: listens and has recovered.
bool server::ready() {
  auto options = client_options(1);
  options.connect_timeout = std::chrono::milliseconds(2000);
  const auto made = net::client::connect(options);
  if (!made) return false;
  const auto got = (*made)->get({profile::id_kind::user, {}, "nobody"});
  return got || got.error().code == errc::not_found;
}

void server::kill() {
  process_->send(SIGKILL);
  process_->wait();
}

std::optional<int> server::stop(std::chrono::milliseconds deadline) {
  process_->send(SIGTERM);
  return process_->wait(deadline);
}

net::client_options server::client_options(unsigned attempts) const {
  net::client_options options;
  options.port = port_;
  options.ca_file = data_ + "/dev/ca.pem";
  options.cert_file = data_ + "/dev/client.pem";
  options.key_file = data_ + "/dev/client.key";
  options.retry.attempts = attempts;
  return options;
}

std::unique_ptr<net::client> server::client(unsigned attempts) const {
  auto made = net::client::connect(client_options(attempts));
  if (!made) throw std::runtime_error("connect: " + made.error().message);
  return std::move(*made);
}

std::uint64_t server::resident_bytes() const {
  std::ifstream in("/proc/" + std::to_string(process_->id()) + "/statm");
  std::uint64_t size = 0;
  std::uint64_t resident = 0;
  in >> size >> resident;
  return resident * static_cast<std::uint64_t>(::sysconf(_SC_PAGESIZE));
}

std::vector<std::string> server::flags() const {
  return {"--dev", data_, "--addr", "127.0.0.1:" + std::to_string(port_)};
}

tally tally_of(const nlohmann::json& profile) {
  tally made;
  made.version = profile.at("version").get<std::uint64_t>();
  for (const auto& [name, counted] : profile.at("events").items())
    made.events[name] = counted.at("count").get<std::uint64_t>();
  return made;
}

std::map<std::string, tally> read_tallies(net::client& from, const std::vector<std::string>& users) {
  constexpr std::size_t at_once = 200;
  std::map<std::string, tally> tallies;
  for (std::size_t first = 0; first < users.size(); first += at_once) {
    std::vector<profile::identifier> ids;
    for (auto i = first; i < std::min(first + at_once, users.size()); ++i) {
      ids.push_back({profile::id_kind::user, {}, users[i]});
    }
    const auto got = from.get_many(ids, {"version", "events"});
    if (!got) throw std::runtime_error("get_many: " + got.error().message);
    const auto profiles = nlohmann::json::from_msgpack(*got);
    for (std::size_t i = 0; i < ids.size(); ++i) {
      if (!profiles.at(i).is_null()) tallies[ids[i].value] = tally_of(profiles[i]);
    }
  }
  return tallies;
}

std::pair<int, std::string> run_kith(const scratch& room, const std::vector<std::string>& arguments,
                                     std::chrono::milliseconds deadline) {
  static std::atomic<unsigned> runs{0};
  std::vector<std::string> command = {KITH_EXECUTABLE};
  command.insert(command.end(), arguments.begin(), arguments.end());
  process run(command, room.path("run-" + std::to_string(++runs) + ".out"));
  const auto status = run.wait(deadline);
  if (!status) throw std::runtime_error("kith " + arguments[0] + " does not end");
  return {*status, run.output()};
}

}  // namespace kith::tests
