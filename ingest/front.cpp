#include "ingest/front.hpp"

#include <utility>
#include <array>
#include <exception>

#include "ingest/access.hpp"
#include "ingest/event_replayer.hpp"
#include "ingest/exchange.hpp"
#include "ingest/intake.hpp"
#include "ingest/oauth/resource_metadata.hpp"
#include "ingest/problem.hpp"
#include "ingest/web_assets.hpp"
#include "ingest/webhook_api.hpp"
#include "profile/encoding.hpp"

namespace kith::ingest {

namespace {

/// The path behind `prefix`; empty: another path.
std::string_view behind(std::string_view path, std::string_view prefix) noexcept {
  return path.starts_with(prefix) ? path.substr(prefix.size()) : std::string_view();
}

/// What analytics.js abbreviates: it sends a track to /v1/t.
std::string_view whole_name(std::string_view name) noexcept {
  constexpr std::array<std::pair<std::string_view, std::string_view>, 7> letters = {{{"t", "track"},
                                                                                     {"i", "identify"},
                                                                                     {"p", "page"},
                                                                                     {"s", "screen"},
                                                                                     {"g", "group"},
                                                                                     {"a", "alias"},
                                                                                     {"b", "batch"}}};
  for (const auto& [letter, name_of_it] : letters) {
    if (name == letter) return name_of_it;
  }
  return name;
}

}  // namespace

struct front::impl {
  impl(destination& brought_to, persistence::dead_letters& letters, std::shared_ptr<net::credential_store> known,
       const front_options& options)
      : to(brought_to),
        traces(options.traces),
        guards(options.schemas, options.event),
        into(to, letters, guards, counts),
        doors(to.loops(), std::move(known)),
        tracking(into, doors, options.tracking, counts, to.loops().count()),
        webhooks(into, doors, counts) {}

  void handle(unsigned home, const net::http_request& request, net::http_reply reply);
  void route(const exchange_ptr& with);
  void get(std::string_view path, const exchange_ptr& with);
  void health(const exchange_ptr& with);
  void trace(const exchange_ptr& with, std::string_view under, std::string_view name) const;

  destination& to;
  actors::tracer* traces;
  probe counts;
  sieve guards;
  intake into;
  access doors;
  tracking_api tracking;
  webhook_api webhooks;
  web_assets assets;
  std::unique_ptr<net::http_server> server;
};

void front::impl::handle(unsigned home, const net::http_request& request, net::http_reply reply) {
  const auto with = std::make_shared<exchange>(exchange{home, request, std::move(reply), {}, false});
  // A library that throws must not take the shard with it.
  try {
    route(with);
  } catch (const std::exception& why) {
    with->refuse({errc::internal, std::string("the request could not be handled: ") + why.what()});
  }
}

void front::impl::route(const exchange_ptr& with) {
  const auto& request = with->request;
  const auto path = request.path();
  if (request.method == "OPTIONS") return with->answer(preflight_answer(request));
  if (request.method == "GET" || request.method == "HEAD") return get(path, with);
  const auto name = whole_name(behind(path, "/v1/"));
  if (request.method == "POST") {
    if (tracking_api::has(name)) {
      trace(with, "/v1/", name);
      return tracking.handle(name, with);
    }
    if (const auto source = behind(path, "/v1/webhooks/"); !source.empty()) {
      trace(with, "/v1/webhooks/", "{source}");
      return webhooks.handle_webhook(source, with);
    }
    if (name == "cloudevents") {
      trace(with, "/v1/", name);
      return webhooks.handle_cloud_events(with);
    }
    // analytics.js counts itself there, if its settings ask for it; ours do not.
    if (name == "m") return with->answer({200, "application/json", R"({"success":true})", {}});
  }
  if (tracking_api::has(name)) {
    auto made = problem(405, {errc::invalid_argument, "this is for POST"});
    made.fields.emplace_back("Allow", "POST, OPTIONS");
    return with->answer(std::move(made));
  }
  with->refuse({errc::not_found,
                "there is no such path here; events go to POST /v1/track, identify, page, screen, group, alias, batch, "
                "import, cloudevents, and webhooks/SOURCE"});
}

/// A request that brings events, to `under` + `name`, in which nothing is that the sender chose.
void front::impl::trace(const exchange_ptr& with, std::string_view under, std::string_view name) const {
  if (traces == nullptr) return;
  const auto within = traces->begin(with->request.field("traceparent"));
  if (!within.sampled) return;
  with->begin_span = [to = traces, within, begun = actors::now(), method = std::string(with->request.method),
                      route = std::string(under).append(name)] {
    actors::open_span made(to, within, actors::span_kind::server, "ingest", begun);
    made.note("http.request.method", method);
    made.note("http.route", route);
    made.note("url.scheme", "https");
    if (route.find('{') == std::string::npos) made.note("url.path", route);
    return made;
  };
}

void front::impl::get(std::string_view path, const exchange_ptr& with) {
  constexpr std::string_view settings = "/settings";
  if (path == "/kith.js" || (path.starts_with("/analytics.js/v1/") && path.ends_with(".js"))) {
    return with->answer(assets.script(with->request));
  }
  if (const auto type = behind(path, "/v1/pixel/"); tracking_api::has_pixel(type)) {
    trace(with, "/v1/pixel/", type);
    return tracking.handle_pixel(type, with);
  }
  if (path == "/healthz") return health(with);
  if (path.starts_with(oauth::metadata_path)) {
    if (const auto issuers = doors.issuers(); issuers && !issuers->configured().resource.empty()) {
      return with->answer({200, "application/json", oauth::resource_metadata(issuers->configured()), {}});
    }
  }
  if (const auto project = behind(path, "/v1/projects/"); project.ends_with(settings)) {
    const auto key = profile::percent_decoded(project.substr(0, project.size() - settings.size()));
    if (key) return with->answer(web_assets::settings(*key, with->request));
  }
  with->refuse({errc::not_found, "there is no such path here; GET knows /kith.js and /healthz"});
}

void front::impl::health(const exchange_ptr& with) {
  const bool ready = to.takes_events();
  with->answer(
      {ready ? 200U : 503U, "application/json", ready ? R"({"status":"ready"})" : R"({"status":"not ready"})", {}});
}

front::front(std::unique_ptr<impl> made) : impl_(std::move(made)) {}
front::~front() { stop({}); }

result<std::unique_ptr<front>> front::start(destination& to, persistence::dead_letters& letters,
                                            std::shared_ptr<net::reloadable_tls> tls,
                                            std::shared_ptr<net::credential_store> credentials,
                                            const front_options& options) {
  auto made = std::make_unique<impl>(to, letters, std::move(credentials), options);
  auto server = net::http_server::start(
      to.loops(), std::move(tls), {options.address, options.port, options.http},
      [at = made.get()](unsigned home, const net::http_request& request, net::http_reply reply) {
        at->handle(home, request, std::move(reply));
      },
      [](unsigned status, const error& why) { return problem(status, why); });
  if (!server) return tl::make_unexpected(std::move(server.error()));
  made->server = std::move(*server);
  return std::unique_ptr<front>(new front(std::move(made)));
}

void front::configure(const std::vector<source_settings>& sources, std::shared_ptr<oauth::authorizer> issuers) {
  impl_->webhooks.replace(sources);
  impl_->guards.replace(sources);
  impl_->doors.replace_issuers(std::move(issuers));
}

void front::know(std::shared_ptr<const crawler_list> crawlers) { impl_->guards.know(std::move(crawlers)); }

net::event_judge& front::judge() noexcept { return impl_->guards; }

result<persistence::replay_outcome> front::replay(const persistence::dead_letter& letter) const {
  const event_replayer again(impl_->to);
  if (letter.content_type == event_replayer::content_type || letter.truncated) return again.replay(letter);
  if (letter.edge != name_of(edge::tracking)) {
    auto mapped = impl_->webhooks.map_again(letter);
    if (!mapped) return tl::make_unexpected(std::move(mapped.error()));
    auto outcome = mapped->count > 0 ? again.publish(std::move(mapped->events), letter)
                                     : result<persistence::replay_outcome>(persistence::replay_outcome{});
    if (outcome && !mapped->skipped_events.empty()) {
      outcome->again_rejected += static_cast<std::uint32_t>(mapped->skipped_events.size());
      outcome->code = letter.code;
      outcome->message = mapped->skipped_events.front().reason;
    }
    return outcome;
  }
  // One event as a page sent it.
  std::string body = "{\"batch\":[" + letter.bytes + "]}";
  body.reserve(body.size() + json_events::padding);
  json_events parser;
  auto events = parser.convert(body, {});
  if (!events) return tl::make_unexpected(std::move(events.error()));
  if (events->count == 1) return again.publish(std::move(events->events), letter);
  persistence::replay_outcome refused;
  refused.again_rejected = 1;
  if (!events->refused.empty()) refused.message = events->refused.front().message;
  return refused;
}

unsigned short front::port() const noexcept { return impl_->server->port(); }
const probe& front::stats() const noexcept { return impl_->counts; }
const net::http_counts& front::connections() const noexcept { return impl_->server->stats(); }
void front::stop(std::chrono::steady_clock::duration deadline) {
  if (!impl_->server) return;
  impl_->server->stop(deadline);
  impl_->server.reset();
}

}  // namespace kith::ingest
