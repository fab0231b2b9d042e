// kith serve: wires the runtime, the protocol server and the admin server, and listens to signals.
#include <boost/asio/post.hpp>
#include <boost/asio/thread_pool.hpp>
#include <csignal>
#include <cstdio>
#include <filesystem>
#include <fstream>

#include "actors/runtime.hpp"
#include "admin/audit_log.hpp"
#include "admin/definition_store.hpp"
#include "admin/privacy_requests.hpp"
#include "admin/receipts.hpp"
#include "admin/request_worker.hpp"
#include "admin/server.hpp"
#include "admin/sign_in.hpp"
#include "admin/tokens.hpp"
#include "cli/command.hpp"
#include "cli/config.hpp"
#include "cli/config_shown.hpp"
#include "cli/dev_pki.hpp"
#include "cli/exit_codes.hpp"
#include "cli/log.hpp"
#include "cli/service_manager.hpp"
#include "cli/service_process.hpp"
#include "ingest/front.hpp"
#include "ingest/schema/gate.hpp"
#include "ingest/schema/store.hpp"
#include "net/server.hpp"
#include "persistence/thread_name.hpp"

namespace kith::cli {

namespace {

constexpr std::chrono::seconds stop_deadline{30};

struct serve_flags {
  std::string config_file;
  std::string data;
  bool dev = false;
  bool check_only = false;
  bool accept_missing_journal = false;
  int port_base = 0;
};

bool is_inside(const std::string& path, const std::string& directory) {
  if (path.empty()) return false;
  const auto inner = std::filesystem::absolute(path).lexically_normal();
  const auto outer = std::filesystem::absolute(directory + "/").lexically_normal();
  return std::mismatch(outer.begin(), std::prev(outer.end()), inner.begin(), inner.end()).first ==
         std::prev(outer.end());
}

result<config> settle(const serve_flags& flags) {
  result<config> made = flags.config_file.empty() ? config{} : load_config(flags.config_file);
  if (!made) return made;
  if (!flags.data.empty()) made->data = flags.data;
  if (flags.port_base != 0) move_ports(*made, static_cast<unsigned short>(flags.port_base));
  made->runtime.data = made->data;
  if (is_inside(made->backup.directory, made->data)) {
    return fail(errc::invalid_argument, "backup.directory: " + made->backup.directory +
                                            " is inside of the data directory; name one that is not");
  }
  made->runtime.accept_missing_journal = flags.accept_missing_journal;
  if (flags.dev) {
    made->address = "127.0.0.1";
    for (auto* each : {&made->protocol, &made->ingest, &made->admin}) {
      if (*each) (*each)->address = made->address;
    }
    const auto dev = made->data + "/dev";
    made->tls = {dev + "/server.pem", dev + "/server.key", dev + "/ca.pem"};
    if (!made->unlisted_certificates) made->unlisted_certificates = true;  // this CA signs none but ours
    made->outgoing.allow_loopback = true;
  } else if (made->tls.certificate.empty() || made->tls.key.empty()) {
    return fail(errc::invalid_argument,
                "tls.certificate and tls.key: missing; name the server's PEM files in the configuration, or try it out "
                "with `kith serve --dev`");
  }
  return made;
}

/// The tokens of --dev, beside those of the configuration.
result<void> add_dev_credentials(config& to) {
  auto all = dev_credentials(to.data + "/dev");
  if (!all) return tl::make_unexpected(std::move(all.error()));
  to.credentials.insert(to.credentials.end(), all->begin(), all->end());
  return {};
}

std::optional<net::credential> unlisted_rights(const config& of) {
  if (!of.unlisted_certificates.value_or(false)) return std::nullopt;
  net::credential all;
  all.can_admin = true;
  all.can_forward = true;
  return all;
}

/// What the start would find wrong, without starting. The files of --dev are made by the start.
result<void> check(const serve_flags& flags, const config& settings) {
  persistence::encryption_settings keys;
  if (auto loaded = load_keys(settings.keys, keys); !loaded) return loaded;
  if (!flags.dev) {
    if (auto tls = net::reloadable_tls::load({settings.tls}); !tls) return tl::make_unexpected(tls.error());
  }
  if (auto store = net::credential_store::make(settings.credentials, unlisted_rights(settings)); !store) {
    return tl::make_unexpected(store.error());
  }
  if (auto definitions = admin::definition_store::open(persistence::real_files(), settings.data, settings.definitions,
                                                       actors::wall_clock_ms, settings.privacy);
      !definitions) {
    return tl::make_unexpected(definitions.error());
  }
  if (auto schemas = ingest::schema::store::open(persistence::real_files(), settings.data, settings.schemas);
      !schemas) {
    return tl::make_unexpected(schemas.error());
  }
  if (auto tokens = admin::token_store::open(persistence::real_files(), settings.data, nullptr, actors::wall_clock_ms);
      !tokens) {
    return tl::make_unexpected(tokens.error());
  }
  return {};
}

/// For clients' --dev.
result<void> write_dev_address(const config& settings, unsigned short port) {
  const auto path = dev_address_file(settings.data);
  std::ofstream out(path);
  out << address_text(settings.protocol_address().address, port) << '\n' << std::flush;
  if (!out) return fail(errc::unavailable, path + ": cannot be written");
  return {};
}

/// Null: no [oidc] is configured.
std::shared_ptr<admin::sign_in> sign_in_of(const config& settings) {
  if (settings.openid.issuer.empty()) return nullptr;
  auto of = settings.openid;
  of.outgoing = settings.outgoing;
  return std::make_shared<admin::sign_in>(std::move(of),
                                          std::make_unique<ingest::outgoing::curl_fetcher>(settings.outgoing),
                                          ingest::oauth::environment{actors::wall_clock_ms, log});
}

using weak_letters = std::weak_ptr<persistence::dead_letters>;

tl::unexpected<error> letters_are_gone() { return fail(errc::unavailable, "the server is stopping"); }

result<std::uint64_t> erase_letters(const weak_letters& kept, const std::vector<profile::identifier>& who) {
  const auto letters = kept.lock();
  if (!letters) return letters_are_gone();
  std::vector<std::string> values;
  values.reserve(who.size());
  for (const auto& each : who) values.push_back(each.value);
  return letters->erase([&](const persistence::dead_letter& letter) { return names_any(letter, values); });
}

result<void> compact_letters(const weak_letters& kept) {
  const auto letters = kept.lock();
  return letters ? letters->compact() : letters_are_gone();
}

/// What is kept of people beside the profiles.
result<std::uint64_t> erase_beside(const weak_letters& kept, admin::privacy_requests& requests,
                                   const std::vector<profile::identifier>& who) {
  if (auto forgotten = requests.forget(who); !forgotten) return forgotten;
  return erase_letters(kept, who);
}

class serving {
 public:
  explicit serving(const serve_flags& flags, config settings) : flags_(flags), settings_(std::move(settings)) {}
  int run();

 private:
  result<void> open_admin_files();
  result<void> start();
  void print_urls() const;
  void reload();
  void wait_for_signals();
  void stop(std::chrono::steady_clock::duration deadline);
  void report_progress();
  void disable_failing();
  result<std::string> erase(const net::erase_order& what);

  const serve_flags& flags_;
  config settings_;
  std::unique_ptr<admin::privacy_requests> requests_;  ///< the runtime tells it of erasures
  std::shared_ptr<actors::tracer> traces_;             ///< null: nothing is traced
  std::unique_ptr<net::span_exporter> exporter_;       ///< of traces_
  std::unique_ptr<ingest::runtime_destination> profiles_;
  std::unique_ptr<ingest::front> ingest_;  ///< what it holds is called until the runtime has gone
  std::unique_ptr<actors::runtime> runtime_;
  std::unique_ptr<admin::definition_store> definitions_;
  std::unique_ptr<ingest::schema::store> schemas_;
  std::unique_ptr<ingest::schema::gate> gate_;
  std::shared_ptr<net::reloadable_tls> protocol_tls_;
  std::shared_ptr<net::reloadable_tls> ingest_tls_;
  std::shared_ptr<net::reloadable_tls> admin_tls_;
  std::shared_ptr<net::credential_store> credentials_;
  std::shared_ptr<persistence::dead_letters> letters_;
  std::unique_ptr<net::server> server_;
  std::unique_ptr<webhooks::deliverer> webhooks_;
  std::unique_ptr<admin::token_store> tokens_;
  std::unique_ptr<admin::audit_log> audit_;
  std::unique_ptr<admin::receipt_signer> receipts_;
  std::unique_ptr<admin::backups> backups_;
  std::unique_ptr<admin::request_worker> worker_;
  admin::shared_personal_rules personal_;
  std::unique_ptr<admin::admin_server> admin_;
  /// For the protocol: one erasure at a time, and it blocks.
  boost::asio::thread_pool erasing_{(persistence::name_of_started("erasing"), std::size_t{1})};
};

/// As the admin API does it; the receipt.
result<std::string> serving::erase(const net::erase_order& what) {
  if (auto good = audit_->usable(); !good) return tl::make_unexpected(good.error());
  const auto id = profile::to_hex(what.address);
  const auto erased = runtime_->erase({profile::id_kind::profile, {}, id});
  const auto recorded = audit_->append({{"method", "erase"},
                                        {"route", "protocol"},
                                        {"status", erased ? 200 : 500},
                                        {"outcome", erased ? "done" : "failed"},
                                        {"who", what.by},
                                        {"role", what.role},
                                        {"by", what.known_by},
                                        {"arguments", {id}},
                                        {"query", {{"reason", what.reason}}}});
  if (!erased) return tl::make_unexpected(erased.error());
  if (!recorded) return tl::make_unexpected(recorded.error());
  return receipts_->sign(*erased, what.reason);
}

/// What the admin API keeps on disk. Before any port is open, so that all of them open together.
result<void> serving::open_admin_files() {
  auto tokens =
      admin::token_store::open(persistence::real_files(), settings_.data, credentials_, actors::wall_clock_ms);
  if (!tokens) return tl::make_unexpected(tokens.error());
  tokens_ = std::move(*tokens);
  admin::audit_options audit_options;
  audit_options.file_bytes = settings_.audit.file_bytes;
  audit_options.now_ms = actors::wall_clock_ms;
  audit_options.log = log;
  auto audit = admin::audit_log::open(persistence::real_files(), settings_.data + "/audit", audit_options);
  if (!audit) return tl::make_unexpected(audit.error());
  audit_ = std::move(*audit);
  auto receipts = admin::receipt_signer::open(persistence::real_files(), settings_.data + "/privacy", settings_.node);
  if (!receipts) return tl::make_unexpected(receipts.error());
  receipts_ = std::move(*receipts);
  return {};
}

result<void> serving::start() {
  if (flags_.dev) {
    if (auto made = make_dev_files(settings_.data + "/dev"); !made) return made;
    if (auto added = add_dev_credentials(settings_); !added) return added;
  }
  const auto clients =
      settings_.require_client_certificate ? net::peer_certificate::required : net::peer_certificate::optional;
  auto protocol_tls = net::reloadable_tls::load({settings_.tls, clients, net::alpn_protocol});
  if (!protocol_tls) return tl::make_unexpected(protocol_tls.error());
  protocol_tls_ = *protocol_tls;
  auto admin_tls = net::reloadable_tls::load({settings_.tls, net::peer_certificate::optional, "http/1.1"});
  if (!admin_tls) return tl::make_unexpected(admin_tls.error());
  admin_tls_ = *admin_tls;
  net::tls_server_options for_senders{settings_.tls, net::peer_certificate::none, "http/1.1"};
  for_senders.also_tls_1_2 = true;  // not all that sends webhooks has TLS 1.3
  auto ingest_tls = net::reloadable_tls::load(for_senders);
  if (!ingest_tls) return tl::make_unexpected(ingest_tls.error());
  ingest_tls_ = *ingest_tls;
  auto credentials = net::credential_store::make(settings_.credentials, unlisted_rights(settings_));
  if (!credentials) return tl::make_unexpected(credentials.error());
  credentials_ = *credentials;

  auto definitions = admin::definition_store::open(persistence::real_files(), settings_.data, settings_.definitions,
                                                   actors::wall_clock_ms, settings_.privacy);
  if (!definitions) return tl::make_unexpected(definitions.error());
  definitions_ = std::move(*definitions);
  settings_.runtime.definitions = definitions_->compiled();
  settings_.runtime.log = log;
  if (!settings_.tracing.endpoint.empty()) {
    traces_ = std::make_shared<actors::tracer>(net::tracer_options_of(settings_.tracing));
    exporter_ = std::make_unique<net::span_exporter>(traces_, settings_.tracing, settings_.node, log);
    settings_.runtime.traces = traces_;
  }
  if (!settings_.webhooks.empty()) settings_.runtime.outgoing = webhooks::rules_of(settings_.webhooks);
  settings_.dead_letters.now_ms = actors::wall_clock_ms;
  settings_.dead_letters.log = log;
  auto letters = persistence::dead_letters::open(persistence::real_files(), settings_.data + "/dead-letters",
                                                 settings_.dead_letters);
  if (!letters) return tl::make_unexpected(letters.error());
  letters_ = std::move(*letters);
  auto requests = admin::privacy_requests::open(persistence::real_files(), settings_.data, settings_.requests,
                                                actors::wall_clock_ms, log);
  if (!requests) return tl::make_unexpected(requests.error());
  requests_ = std::move(*requests);
  settings_.runtime.erase_elsewhere = [kept = std::weak_ptr(letters_),
                                       requests = requests_.get()](const std::vector<profile::identifier>& who) {
    return erase_beside(kept, *requests, who);
  };
  settings_.runtime.compact_elsewhere = [kept = std::weak_ptr(letters_)] { return compact_letters(kept); };
  if (auto loaded = load_keys(settings_.keys, settings_.runtime.encryption); !loaded) return loaded;
  auto runtime = actors::runtime::start(settings_.runtime, persistence::real_files());
  if (!runtime) return tl::make_unexpected(runtime.error());
  runtime_ = std::move(*runtime);
  if (auto attached = definitions_->attach(*runtime_); !attached) return attached;
  auto schemas = ingest::schema::store::open(persistence::real_files(), settings_.data, settings_.schemas);
  if (!schemas) return tl::make_unexpected(schemas.error());
  schemas_ = std::move(*schemas);
  gate_ = std::make_unique<ingest::schema::gate>(schemas_->schemas(), runtime_->shard_count());

  if (auto opened = open_admin_files(); !opened) return opened;

  ingest::front_options edges;
  edges.address = settings_.ingest_address().address;
  edges.port = settings_.ingest_address().port;
  edges.schemas = gate_.get();
  edges.event = settings_.runtime.event;
  edges.traces = traces_.get();
  profiles_ = std::make_unique<ingest::runtime_destination>(*runtime_);
  auto ingest = ingest::front::start(*profiles_, *letters_, ingest_tls_, credentials_, edges);
  if (!ingest) return tl::make_unexpected(ingest.error());
  ingest_ = std::move(*ingest);
  ingest_->know(settings_.crawlers);
  ingest_->configure(settings_.sources, authorizer_of(settings_));

  net::server_options options;
  options.erase = [this](net::erase_order what, net::erase_done done) {
    boost::asio::post(erasing_, [this, what = std::move(what), done = std::move(done)] { done(erase(what)); });
  };
  options.letters = letters_.get();
  options.judge = &ingest_->judge();
  options.traces = traces_.get();
  options.address = settings_.protocol_address().address;
  options.port = settings_.protocol_address().port;
  options.limits = settings_.connection;
  options.node = settings_.node;
  options.event = settings_.runtime.event;
  auto server = net::server::start(*runtime_, protocol_tls_, credentials_, options);
  if (!server) return tl::make_unexpected(server.error());
  server_ = std::move(*server);

  webhooks_ = std::make_unique<webhooks::deliverer>(
      webhooks::sender_environment{*runtime_, settings_.node, actors::wall_clock_ms, log, traces_.get()});
  webhooks_->deliver_to(settings_.webhooks, settings_.outgoing);

  admin::admin_options admin;
  admin.address = settings_.admin_address().address;
  admin.port = settings_.admin_address().port;
  admin::parts with;
  with.protocol = &server_->stats();
  with.ingest = &ingest_->stats();
  with.ingest_connections = &ingest_->connections();
  with.webhooks = webhooks_.get();
  with.letters = letters_.get();
  with.replay = [edges_of = ingest_.get()](const persistence::dead_letter& letter) { return edges_of->replay(letter); };
  with.schemas = schemas_.get();
  with.gate = gate_.get();
  with.certificates = {{"protocol", protocol_tls_}, {"ingest", ingest_tls_}, {"admin", admin_tls_}};
  with.data = settings_.data;
  with.memory_limit = settings_.runtime.memory_bytes;
  with.traces = traces_.get();
  auto held = settings_;
  held.runtime.shards = runtime_->shard_count();
  with.settings = [held = std::move(held), file = flags_.config_file] { return shown_config(held, file); };
  with.tokens = tokens_.get();
  with.audit = audit_.get();
  with.receipts = receipts_.get();
  backups_ = std::make_unique<admin::backups>(
      persistence::real_files(), settings_.data, settings_.backup,
      [this](const std::string& directory, const std::function<bool()>& cancelled) {
        auto copied = runtime_->copy_to(directory, cancelled);
        return copied ? letters_->copy_to(directory + "/dead-letters") : copied;
      },
      actors::wall_clock_ms, log);
  with.backups = backups_.get();
  with.audit_reads = settings_.audit.reads;
  personal_.set(settings_.personal);
  with.personal = &personal_;
  with.requests = requests_.get();
  worker_ = std::make_unique<admin::request_worker>(persistence::real_files(), *runtime_, with, log);
  with.event_retention = settings_.runtime.store.event_retention_ms;
  auto admin_server = admin::admin_server::start(*runtime_, *definitions_, admin_tls_, credentials_, admin, with);
  if (!admin_server) return tl::make_unexpected(admin_server.error());
  admin_ = std::move(*admin_server);
  admin_->configure(settings_.access, authorizer_of(settings_));
  admin_->sign_in_at(sign_in_of(settings_));
  if (flags_.dev) return write_dev_address(settings_, server_->port());
  return {};
}

void serving::print_urls() const {
  const auto protocol = address_text(settings_.protocol_address().address, server_->port());
  const auto ingest = "https://" + address_text(settings_.ingest_address().address, ingest_->port());
  const auto admin = "https://" + address_text(settings_.admin_address().address, admin_->port());
  std::printf("protocol  %s  (TLS 1.3, MessagePack-RPC)\n", protocol.c_str());
  std::printf("ingest    %s/v1/batch  /v1/track  /kith.js  (Segment's HTTP tracking API)\n", ingest.c_str());
  std::printf("admin     %s/v1/stats  /v1/segments  /metrics  /healthz  /readyz  /v1/openapi.json\n", admin.c_str());
  std::printf("console   %s/\n", admin.c_str());
  if (flags_.dev) {
    const auto* data = settings_.data.c_str();
    std::printf("\ntry:\n  kith publish --dev %s events.jsonl\n  kith get --dev %s USER_ID\n", data, data);
    std::printf("  curl --cacert %s/dev/ca.pem -H \"Authorization: Bearer $(cat %s/dev/admin.token)\" %s/v1/stats\n",
                data, data, admin.c_str());
    std::printf("  the console, with the token in %s/dev/admin.token\n", data);
  }
  std::fflush(stdout);
}

void serving::reload() {
  if (auto loaded = protocol_tls_->reload(); !loaded)
    return log("error", "SIGHUP: " + loaded.error().message + "; the old certificate stays");
  if (auto loaded = ingest_tls_->reload(); !loaded)
    return log("error", "SIGHUP: " + loaded.error().message + "; the old certificate stays");
  if (auto loaded = admin_tls_->reload(); !loaded)
    return log("error", "SIGHUP: " + loaded.error().message + "; the old certificate stays");
  auto settings = settle(flags_);
  if (settings && flags_.dev) {
    if (auto added = add_dev_credentials(*settings); !added) settings = tl::make_unexpected(added.error());
  }
  if (!settings) return log("error", "SIGHUP: " + settings.error().message + "; the old configuration stays");
  if (auto loaded = load_keys(settings->keys, settings->runtime.encryption); !loaded) {
    return log("error", "SIGHUP: " + loaded.error().message + "; the old configuration stays");
  }
  if (auto replaced = credentials_->replace(settings->credentials, unlisted_rights(*settings)); !replaced) {
    return log("error", "SIGHUP: " + replaced.error().message + "; the old credentials stay");
  }
  if (auto wrapped = runtime_->wrap_keys(settings->runtime.encryption); !wrapped) {
    log("error", "SIGHUP: " + wrapped.error().message + "; the key before still encrypts the journal's keys");
  }
  server_->reload_limits(settings->connection);
  runtime_->identify_by(settings->runtime.identity);
  runtime_->show(settings->runtime.views);
  webhooks_->deliver_to(settings->webhooks, settings->outgoing);
  ingest_->know(settings->crawlers);
  ingest_->configure(settings->sources, authorizer_of(*settings));
  admin_->configure(settings->access, authorizer_of(*settings));
  admin_->sign_in_at(sign_in_of(*settings));
  personal_.set(settings->personal);
  runtime_->limit_backfill(settings->runtime.backfill_rate);
  runtime_->limit_errors(settings->runtime.error_limit);
  if (traces_) traces_->sample(settings->tracing.sample);
  configure_log(settings->log_at_least, settings->log_as);
  if (auto defined = definitions_->reconfigure(settings->definitions, settings->privacy); !defined) {
    return log("error", "SIGHUP: " + defined.error().message + "; the old segments and computed traits stay");
  }
  if (auto configured = schemas_->reconfigure(settings->schemas); !configured) {
    return log("error", "SIGHUP: " + configured.error().message + "; the old schemas stay");
  }
  log("info", "SIGHUP: certificates, keys and what may change of the configuration are reloaded");
}

void serving::report_progress() {
  const auto state = runtime_->state();
  if (state.now != actors::phase::recovering || state.replay_bytes == 0) return;
  log("info", "recovering: " + std::to_string(state.replayed_bytes * 100 / state.replay_bytes) + " % of " +
                  std::to_string(state.replay_bytes >> 20) + " MiB of journal replayed");
}

void serving::wait_for_signals() {
  service_manager manager(*runtime_);
  for (;;) {
    const int got = next_signal();
    if (got == SIGHUP) {
      manager.tell_reloading();
      reload();
      manager.tell_reloaded();
    }
    if (got == SIGTERM || got == SIGINT) return manager.tell_stopping();
    report_progress();
    disable_failing();
    if (auto saved = tokens_->save_uses(); !saved) log("error", "tokens: " + saved.error().message);
    if (auto kept = audit_->keep_head(); !kept) log("error", "audit log: " + kept.error().message);
  }
}

void serving::disable_failing() {
  const auto disabled = definitions_->disable_failing();
  if (!disabled) {
    // What refuses now is tried again in a second.
    if (disabled.error().why.code != errc::unavailable) log("error", disabled.error().why.message);
    return;
  }
  for (const auto& each : *disabled) {
    log("warning", std::string(admin::name_of(each.what.kind)) + " " + each.what.name + " is disabled: " +
                       each.disabled->reason + ": " + each.disabled->error + "; define it anew, or enable it");
  }
}

/// All of it, or what a failed start has made of it, in an order in which nothing is used that has gone.
void serving::stop(std::chrono::steady_clock::duration deadline) {
  erasing_.stop();
  erasing_.join();  // one that is carried out is finished first
  admin_.reset();
  worker_.reset();
  backups_.reset();  // one that is being written is given up
  tokens_.reset();
  audit_.reset();
  webhooks_.reset();
  const auto begun = std::chrono::steady_clock::now();
  if (ingest_) ingest_->stop(deadline / 4);
  if (server_) server_->stop(deadline / 4);
  server_.reset();  // while the shards whose sockets it uses are still there
  const auto left = deadline - (std::chrono::steady_clock::now() - begun);
  if (runtime_) runtime_->stop(std::max<std::chrono::steady_clock::duration>(left, {}));
  letters_.reset();  // behind the last batch, some of which may have become letters
  runtime_.reset();
  ingest_.reset();
  exporter_.reset();
}

int serving::run() {
  if (auto started = start(); !started) {
    report("serve", started.error());
    stop({});
    return exit_code_of_start(started.error());
  }
  print_urls();
  wait_for_signals();
  log("info", "stopping: finishing what is in flight, saving profiles");
  stop(stop_deadline);
  log("info", "stopped");
  return exit_ok;
}

}  // namespace

command_body add_serve(CLI::App& app) {
  auto flags = std::make_shared<serve_flags>();
  app.add_option("--config", flags->config_file, "TOML file, see docs/configuration.md");
  app.add_option("--data", flags->data, "data directory (default: data)");
  app.add_flag("--dev", flags->dev,
               "loopback only, with certificates and tokens made at the first start under DATA/dev");
  app.add_flag("--check-config", flags->check_only, "only check the configuration and the files it names");
  app.add_flag("--accept-missing-journal", flags->accept_missing_journal,
               "start although journal segments are missing: the events in there are given up");
  app.add_option("--port-base", flags->port_base, "ports N (protocol), N+1 (ingest), N+2 (admin); default 7440")
      ->check(CLI::Range(1, 65533));
  app.footer(
      "SIGHUP reloads certificates, keys and most of the configuration, as docs/configuration.md says;\n"
      "SIGTERM and SIGINT finish what is in flight, save every profile and end with 0. Exit codes: 65 the data "
      "directory is\n"
      "damaged, 69 a port or the data directory is in use, 78 configuration.");
  return [flags] {
    auto settings = settle(*flags);
    if (!settings) {
      report("serve", settings.error());
      return static_cast<int>(exit_config);
    }
    configure_log(settings->log_at_least, settings->log_as);
    if (flags->check_only) {
      if (auto checked = check(*flags, *settings); !checked) {
        report("serve", checked.error());
        return static_cast<int>(exit_config);
      }
      std::puts("the configuration is good");
      return static_cast<int>(exit_ok);
    }
    prepare_service();
    return serving(*flags, std::move(*settings)).run();
  };
}

}  // namespace kith::cli
