#include "ingest/tracking.hpp"

#include <algorithm>
#include <array>
#include <nlohmann/json.hpp>

#include "actors/clock.hpp"
#include "ingest/problem.hpp"
#include "net/rpc.hpp"
#include "profile/encoding.hpp"

namespace kith::ingest {

namespace {

constexpr std::uint64_t unavailable_retry_ms = 1000;
constexpr std::array<std::string_view, 6> types = {"track", "identify", "page", "screen", "group", "alias"};

bool is_type(std::string_view name) noexcept { return std::find(types.begin(), types.end(), name) != types.end(); }

/// What stands behind the scheme of Authorization; empty: another scheme.
std::string_view credentials_of(std::string_view authorization, std::string_view scheme) noexcept {
  if (!net::same_field_name(authorization.substr(0, scheme.size()), scheme)) return {};
  authorization.remove_prefix(scheme.size());
  const auto begin = authorization.find_first_not_of(' ');
  return begin == std::string_view::npos || begin == 0 ? std::string_view() : authorization.substr(begin);
}

/// `{"success": true}`, and what of a batch could not be taken.
std::string success(const std::vector<refused_event>& refused) {
  if (refused.empty()) return R"({"success":true})";
  nlohmann::ordered_json made = {{"success", true}, {"rejected", nlohmann::ordered_json::array()}};
  for (const auto& each : refused) {
    made["rejected"].push_back({{"index", each.index}, {"code", each.code}, {"message", each.message}});
  }
  return made.dump(-1, ' ', false, nlohmann::ordered_json::error_handler_t::replace);
}

}  // namespace

tracking_api::tracking_api(intake& into, std::shared_ptr<net::credential_store> credentials, tracking_limits bounds,
                           probe& counts, unsigned shards)
    : into_(into), credentials_(std::move(credentials)), bounds_(bounds), counts_(counts), tools_(shards) {}

bool tracking_api::has(std::string_view name) noexcept { return name == "batch" || name == "import" || is_type(name); }

void tracking_api::handle(std::string_view name, const exchange_ptr& with) {
  probe::add(counts().requests);
  const auto& request = with->request;
  const bool says_who = !request.field("authorization").empty();
  identity_ptr who;
  if (says_who) {
    // Strangers cost no more than this.
    who = known(request);
    if (!may_publish(with, who)) return;
  }
  auto& mine = tools_[with->home];
  const auto body = mine.decoder.decode(request, bounds_.batch_bytes);
  if (!body) {
    probe::add(counts().bad_requests);
    return with->refuse(body.error());
  }
  json_events_options options;
  options.type = is_type(name) ? name : std::string_view();
  options.historical = name == "import";
  options.opted_out = request.field("sec-gpc") == "1";
  options.most_events = bounds_.batch_events;
  auto events = mine.parser.convert(**body, options);
  if (!events) {
    probe::add(counts().bad_requests);
    return with->refuse(events.error());
  }
  if (!says_who) {
    if (!events->write_key.empty()) who = credentials_->by_token(events->write_key);
    if (!may_publish(with, who)) return;
  }
  const auto wait_ms = who->quota.take(events->sent, actors::now());
  if (wait_ms > 0) {
    probe::add(counts().over_quota);
    return with->refuse({errc::resource_exhausted, "the quota of \"" + who->rights.name + "\" is used up"}, wait_ms);
  }
  take(with, options.type.empty(), who, std::move(*events));
}

tracking_api::identity_ptr tracking_api::known(const net::http_request& request) const {
  const auto authorization = request.field("authorization");
  if (const auto token = credentials_of(authorization, "Bearer"); !token.empty()) return credentials_->by_token(token);
  const auto basic = profile::bytes_from_base64(credentials_of(authorization, "Basic"));
  // The write key is the user name; SDKs leave the password empty.
  return basic ? credentials_->by_token(std::string_view(*basic).substr(0, basic->find(':'))) : nullptr;
}

/// If not, the answer says so.
bool tracking_api::may_publish(const exchange_ptr& with, const identity_ptr& who) {
  if (who && who->rights.can_publish) return true;
  probe::add(counts().unauthenticated);
  if (who) {
    with->refuse({errc::forbidden, "\"" + who->rights.name + "\" may not publish; give it the right \"publish\""});
    return false;
  }
  auto made = problem({errc::unauthenticated,
                       "the write key is not known here: send it as user name of Basic authentication, or as "
                       "\"writeKey\" in the body"});
  // No `Basic` challenge: a browser would ask the page's visitor for a password.
  made.fields.emplace_back("WWW-Authenticate", "Bearer");
  with->answer(std::move(made));
  return false;
}

void tracking_api::take(const exchange_ptr& with, bool is_batch, const identity_ptr& who, converted_events events) {
  arrival what;
  what.by = edge::tracking;
  what.source = who->rights.source;
  what.events = std::move(events.events);
  what.count = events.count;
  what.indexes = std::move(events.indexes);
  what.refused = std::move(events.refused);
  into_.take(with->home, std::move(what), [this, with, is_batch](result<intake_outcome> outcome) {
    if (!outcome) {
      probe::add(counts().unavailable);
      return with->refuse(503, outcome.error(), unavailable_retry_ms);
    }
    if (!is_batch && !outcome->refused.empty()) {
      const auto& why = outcome->refused.front();
      errc code{};
      if (!net::code_named(why.code, code)) code = errc::invalid_argument;
      return with->refuse({code, why.message});
    }
    with->answer({200, "application/json", success(outcome->refused), {}});
  });
}

}  // namespace kith::ingest
