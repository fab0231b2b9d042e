// kith forward: the edges of a server without a server behind them: what comes in is spooled, and sent on.
#include <csignal>
#include <cstdio>
#include <fstream>
#include <thread>

#include "actors/clock.hpp"
#include "admin/forward_routes.hpp"
#include "admin/server.hpp"
#include "cli/command.hpp"
#include "cli/config_forward.hpp"
#include "cli/exit_codes.hpp"
#include "cli/log.hpp"
#include "cli/service_process.hpp"
#include "ingest/forward/sender.hpp"
#include "ingest/forward/spooler.hpp"
#include "ingest/front.hpp"
#include "ingest/schema/gate.hpp"
#include "ingest/schema/store.hpp"
#include "net/thread_loops.hpp"
#include "persistence/spool.hpp"

namespace kith::cli {

namespace {

constexpr std::chrono::seconds answering_patience{10};
constexpr unsigned short usual_port_base = 7440;
constexpr unsigned short dev_port_base = 7450;  ///< beside a server on the same machine

struct forward_flags {
  std::string config_file;
  std::string data;
  std::string dev;
  bool check_only = false;
  int port_base = 0;
};

/// What --dev says for what the configuration leaves open: a server's own certificates, tokens and address.
result<void> add_dev(forward_config& to, const std::string& directory) {
  auto& edges = to.edges;
  if (edges.tls.certificate.empty()) {
    edges.tls = {directory + "/server.pem", directory + "/server.key", directory + "/ca.pem"};
  }
  if (to.store.servers.empty()) {
    std::ifstream in(directory + "/address");
    std::string line;
    std::getline(in, line);
    const auto at = parse_address(line);
    if (!at) return fail(errc::invalid_argument, directory + "/address: no `kith serve --dev` was started there yet");
    net::client_options store;
    store.host = at->host;
    store.port = at->port;
    store.ca_file = directory + "/ca.pem";
    store.cert_file = directory + "/client.pem";
    store.key_file = directory + "/client.key";
    store.agent = "kith-forward";
    to.store.servers.push_back(std::move(store));
  }
  auto credentials = dev_credentials(directory);
  if (!credentials) return tl::make_unexpected(std::move(credentials.error()));
  for (auto& each : *credentials) edges.credentials.push_back(std::move(each));
  edges.outgoing.allow_loopback = true;
  return {};
}

result<forward_config> settle(const forward_flags& flags) {
  result<forward_config> made = flags.config_file.empty() ? forward_config{} : load_forward_config(flags.config_file);
  if (!made) return made;
  auto& edges = made->edges;
  if (!flags.data.empty()) edges.data = flags.data;
  edges.port_base = flags.dev.empty() ? usual_port_base : dev_port_base;
  if (flags.port_base != 0) move_ports(edges, static_cast<unsigned short>(flags.port_base));
  if (!flags.dev.empty()) {
    if (auto added = add_dev(*made, dev_directory(flags.dev)); !added) return tl::make_unexpected(added.error());
  }
  if (edges.tls.certificate.empty() || edges.tls.key.empty()) {
    return fail(errc::invalid_argument,
                "tls.certificate and tls.key: missing; name the PEM files that senders are shown, or try it out with "
                "--dev DIR beside a `kith serve --dev --data DIR`");
  }
  if (made->store.servers.empty()) {
    return fail(errc::invalid_argument, "store.servers: missing; name the server, like [\"kith-1.example:7440\"]");
  }
  if (made->threads == 0) made->threads = std::max(1U, std::thread::hardware_concurrency());
  return made;
}

/// What the start would find wrong, without starting.
result<void> check(const forward_config& settings) {
  if (auto tls = net::reloadable_tls::load({settings.edges.tls}); !tls) return tl::make_unexpected(tls.error());
  for (const auto& each : settings.store.servers) {
    if (auto tls = net::make_client_context(each); !tls) return tl::make_unexpected(tls.error());
  }
  if (auto known = net::credential_store::make(settings.edges.credentials, std::nullopt); !known) {
    return tl::make_unexpected(known.error());
  }
  const auto schemas =
      ingest::schema::store::open(persistence::real_files(), settings.edges.data, settings.edges.schemas);
  return schemas ? result<void>() : tl::make_unexpected(schemas.error());
}

class forwarding {
 public:
  forwarding(const forward_flags& flags, forward_config settings) : flags_(flags), settings_(std::move(settings)) {}
  ~forwarding() { stop(); }
  forwarding(const forwarding&) = delete;
  forwarding& operator=(const forwarding&) = delete;

  int run();

 private:
  result<void> start();
  result<void> start_edges();
  result<void> start_admin();
  void print_urls() const;
  void reload();
  void wait_for_signals();
  void stop();

  const forward_flags& flags_;
  forward_config settings_;
  std::shared_ptr<actors::tracer> traces_;        ///< null: nothing is traced
  std::unique_ptr<net::span_exporter> exporter_;  ///< of traces_
  std::shared_ptr<net::reloadable_tls> ingest_tls_;
  std::shared_ptr<net::reloadable_tls> admin_tls_;
  std::shared_ptr<net::credential_store> credentials_;
  std::unique_ptr<net::thread_loops> loops_;
  std::unique_ptr<ingest::schema::store> schemas_;
  std::unique_ptr<ingest::schema::gate> gate_;
  std::unique_ptr<persistence::dead_letters> letters_;
  std::unique_ptr<persistence::spool> spool_;
  std::unique_ptr<ingest::forward::spooler> spooler_;
  std::unique_ptr<ingest::front> front_;
  std::unique_ptr<ingest::forward::sender> sender_;
  std::unique_ptr<admin::admin_server> admin_;
};

result<void> forwarding::start() {
  auto& files = persistence::real_files();
  auto& edges = settings_.edges;
  net::tls_server_options for_senders{edges.tls, net::peer_certificate::none, "http/1.1"};
  for_senders.also_tls_1_2 = true;  // not all that sends webhooks has TLS 1.3
  auto ingest_tls = net::reloadable_tls::load(for_senders);
  if (!ingest_tls) return tl::make_unexpected(ingest_tls.error());
  ingest_tls_ = *ingest_tls;
  auto admin_tls = net::reloadable_tls::load({edges.tls, net::peer_certificate::optional, "http/1.1"});
  if (!admin_tls) return tl::make_unexpected(admin_tls.error());
  admin_tls_ = *admin_tls;
  auto credentials = net::credential_store::make(edges.credentials, std::nullopt);
  if (!credentials) return tl::make_unexpected(credentials.error());
  credentials_ = *credentials;

  if (auto made = files.make_directory(edges.data); !made) return made;
  edges.dead_letters.now_ms = actors::wall_clock_ms;
  edges.dead_letters.log = log;
  // First, since it keeps other processes off the directory.
  auto letters = persistence::dead_letters::open(files, edges.data + "/dead-letters", edges.dead_letters);
  if (!letters) return tl::make_unexpected(letters.error());
  letters_ = std::move(*letters);
  auto schemas = ingest::schema::store::open(files, edges.data, edges.schemas);
  if (!schemas) return tl::make_unexpected(schemas.error());
  schemas_ = std::move(*schemas);
  settings_.spool.log = log;
  auto spool = persistence::spool::open(files, edges.data + "/spool", settings_.spool);
  if (!spool) return tl::make_unexpected(spool.error());
  spool_ = std::move(*spool);
  if (!edges.tracing.endpoint.empty()) {
    traces_ = std::make_shared<actors::tracer>(net::tracer_options_of(edges.tracing));
    exporter_ = std::make_unique<net::span_exporter>(traces_, edges.tracing, edges.node, log);
  }
  if (auto started = start_edges(); !started) return started;
  auto sender =
      ingest::forward::sender::start(*spool_, *letters_, settings_.store, {actors::wall_clock_ms, log, traces_.get()});
  if (!sender) return tl::make_unexpected(sender.error());
  sender_ = std::move(*sender);
  return start_admin();
}

result<void> forwarding::start_edges() {
  const auto& edges = settings_.edges;
  loops_ = std::make_unique<net::thread_loops>(settings_.threads);
  gate_ = std::make_unique<ingest::schema::gate>(schemas_->schemas(), loops_->count());
  spooler_ = std::make_unique<ingest::forward::spooler>(*loops_, *spool_, edges.runtime.event, actors::wall_clock_ms,
                                                        traces_.get());
  ingest::front_options options;
  options.address = edges.ingest_address().address;
  options.port = edges.ingest_address().port;
  options.schemas = gate_.get();
  options.event = settings_.edges.runtime.event;
  options.traces = traces_.get();
  auto front = ingest::front::start(*spooler_, *letters_, ingest_tls_, credentials_, options);
  if (!front) return tl::make_unexpected(front.error());
  front_ = std::move(*front);
  front_->know(edges.crawlers);
  front_->configure(edges.sources, authorizer_of(edges));
  return {};
}

result<void> forwarding::start_admin() {
  admin::admin_options options;
  options.address = settings_.edges.admin_address().address;
  options.port = settings_.edges.admin_address().port;
  admin::parts edges;
  edges.ingest = &front_->stats();
  edges.ingest_connections = &front_->connections();
  edges.letters = letters_.get();
  edges.replay = [at = front_.get()](const persistence::dead_letter& letter) { return at->replay(letter); };
  edges.schemas = schemas_.get();
  edges.gate = gate_.get();
  edges.traces = traces_.get();
  const admin::forward_parts with{*spool_, *spooler_, *sender_, std::move(edges)};
  auto admin =
      admin::admin_server::start([with](const admin::request& asked) { return admin::handle_forward(with, asked); },
                                 admin_tls_, credentials_, options);
  if (!admin) return tl::make_unexpected(admin.error());
  admin_ = std::move(*admin);
  return {};
}

void forwarding::print_urls() const {
  const auto& edges = settings_.edges;
  std::printf("ingest    https://%s/v1/batch  /v1/track  /v1/webhooks/SOURCE  /v1/cloudevents  /kith.js\n",
              address_text(edges.ingest_address().address, front_->port()).c_str());
  std::printf("admin     https://%s/healthz  /readyz  /metrics  /v1/dead-letters\n",
              address_text(edges.admin_address().address, admin_->port()).c_str());
  for (const auto& each : settings_.store.servers) {
    std::printf("store     %s\n", address_text(each.host, each.port).c_str());
  }
  std::fflush(stdout);
}

void forwarding::reload() {
  const auto stays = [](const error& why, const char* what) {
    log("error", "SIGHUP: " + why.message + "; the old " + what + " stays");
  };
  if (auto loaded = ingest_tls_->reload(); !loaded) return stays(loaded.error(), "certificate");
  if (auto loaded = admin_tls_->reload(); !loaded) return stays(loaded.error(), "certificate");
  auto settings = settle(flags_);
  if (!settings) return stays(settings.error(), "configuration");
  auto& edges = settings->edges;
  if (auto replaced = credentials_->replace(edges.credentials, std::nullopt); !replaced) {
    return stays(replaced.error(), "credentials");
  }
  front_->know(edges.crawlers);
  front_->configure(edges.sources, authorizer_of(edges));
  if (traces_) traces_->sample(edges.tracing.sample);
  configure_log(edges.log_at_least, edges.log_as);
  spool_->limit_to(settings->spool.bytes);
  settings_.stop_patience = settings->stop_patience;
  if (auto configured = schemas_->reconfigure(edges.schemas); !configured) return stays(configured.error(), "schemas");
  if (auto linked = sender_->reconfigure(settings->store); !linked) return stays(linked.error(), "link to the store");
  log("info", "SIGHUP: certificates, credentials, sources, OAuth, schemas, spool.bytes and the store are reloaded");
}

void forwarding::wait_for_signals() {
  for (;;) {
    const int got = next_signal();
    if (got == SIGHUP) reload();
    if (got == SIGTERM || got == SIGINT) return;
  }
}

/// In an order in which nothing is called that has gone.
void forwarding::stop() {
  admin_.reset();
  if (front_) front_->stop(answering_patience);
  if (sender_ && !sender_->drain(settings_.stop_patience)) {
    log("info", "the store did not take all of the spool; the next start sends the rest");
  }
  sender_.reset();
  spool_.reset();  // what waits is written, and told to loops that are still there
  if (loops_) loops_->stop();
  letters_.reset();  // which what was told last may have put some into
  front_.reset();
  spooler_.reset();
  exporter_.reset();
}

int forwarding::run() {
  if (auto started = start(); !started) {
    report("forward", started.error());
    return exit_code_of_start(started.error());
  }
  print_urls();
  wait_for_signals();
  log("info", "stopping: answering what is in flight, sending what is spooled");
  stop();
  log("info", "stopped");
  return exit_ok;
}

}  // namespace

command_body add_forward(CLI::App& app) {
  auto flags = std::make_shared<forward_flags>();
  app.add_option("--config", flags->config_file, "TOML file, see docs/forwarder.md");
  app.add_option("--data", flags->data, "directory of the spool and the dead letters (default: forward)");
  app.add_option(
      "--dev", flags->dev,
      "data directory of a `kith serve --dev` on this machine: its certificates, tokens and address are used");
  app.add_flag("--check-config", flags->check_only, "only check the configuration and the files it names, and show it");
  app.add_option("--port-base", flags->port_base, "ports N+1 (ingest), N+2 (admin); default 7440, with --dev 7450")
      ->check(CLI::Range(1, 65533));
  app.footer(
      "SIGHUP reloads certificates, credentials, sources, OAuth, schemas, spool.bytes, [store] and log settings;\n"
      "SIGTERM and SIGINT answer what is in flight, send what is spooled for up to stop_patience, and end with 0.\n"
      "Exit codes: 65 the data directory is damaged, 69 a port or the data directory is in use, 78 configuration.");
  return [flags] {
    auto settings = settle(*flags);
    if (settings && flags->check_only) {
      if (auto checked = check(*settings); !checked) settings = tl::make_unexpected(checked.error());
    }
    if (!settings) {
      report("forward", settings.error());
      return static_cast<int>(exit_config);
    }
    configure_log(settings->edges.log_at_least, settings->edges.log_as);
    if (flags->check_only) {
      std::printf("the configuration is good\n%s", text_of(*settings).c_str());
      return static_cast<int>(exit_ok);
    }
    prepare_service();
    return forwarding(*flags, std::move(*settings)).run();
  };
}

}  // namespace kith::cli
