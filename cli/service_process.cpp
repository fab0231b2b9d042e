#include "cli/service_process.hpp"

#include <csignal>
#include <fstream>
#include <pthread.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include "actors/clock.hpp"
#include "cli/exit_codes.hpp"
#include "cli/log.hpp"

namespace kith::cli {

namespace {

sigset_t awaited_signals() {
  sigset_t signals;
  sigemptyset(&signals);
  for (const int each : {SIGTERM, SIGINT, SIGHUP}) sigaddset(&signals, each);
  return signals;
}

}  // namespace

void prepare_service() {
  umask(S_IRWXG | S_IRWXO);
  rlimit files{};
  getrlimit(RLIMIT_NOFILE, &files);
  files.rlim_cur = files.rlim_max;
  setrlimit(RLIMIT_NOFILE, &files);
  // All threads inherit it.
  const auto signals = awaited_signals();
  pthread_sigmask(SIG_BLOCK, &signals, nullptr);
  std::signal(SIGPIPE, SIG_IGN);
}

int next_signal() {
  const auto signals = awaited_signals();
  const timespec second{1, 0};
  return sigtimedwait(&signals, nullptr, &second);
}

int exit_code_of_start(const error& why) noexcept {
  switch (why.code) {
    case errc::invalid_argument: return exit_config;
    case errc::internal: return exit_data;
    default: return exit_code_of(why.code);
  }
}

void move_ports(config& of, unsigned short base) {
  of.port_base = base;
  if (of.protocol) of.protocol->port = base;
  if (of.ingest) of.ingest->port = static_cast<unsigned short>(base + 1);
  if (of.admin) of.admin->port = static_cast<unsigned short>(base + 2);
}

std::shared_ptr<ingest::oauth::authorizer> authorizer_of(const config& settings) {
  if (settings.oauth.issuers.empty()) return nullptr;
  return std::make_shared<ingest::oauth::authorizer>(
      settings.oauth, std::make_unique<ingest::outgoing::curl_fetcher>(settings.outgoing),
      ingest::oauth::environment{actors::wall_clock_ms, log});
}

result<std::vector<net::credential_config>> dev_credentials(const std::string& directory) {
  struct token {
    const char* file;
    const char* name;
    bool admin;
  };
  std::vector<net::credential_config> all;
  for (const auto& [file, name, admin] :
       {token{"admin.token", "dev-admin", true}, token{"ingest.token", "dev-ingest", false}}) {
    const auto path = directory + "/" + file;
    std::ifstream in(path);
    auto& credential = all.emplace_back();
    if (!std::getline(in, credential.token)) return fail(errc::unavailable, path + ": cannot be read");
    credential.name = name;
    credential.can_read = credential.can_admin = admin;
  }
  return all;
}

std::string address_text(const std::string& address, unsigned short port) {
  const bool v6 = address.find(':') != std::string::npos;
  return (v6 ? "[" + address + "]" : address) + ":" + std::to_string(port);
}

}  // namespace kith::cli
