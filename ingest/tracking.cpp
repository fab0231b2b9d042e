#include "ingest/tracking.hpp"

#include <algorithm>
#include <array>
#include <nlohmann/json.hpp>

#include "ingest/pixel.hpp"
#include "ingest/problem.hpp"
#include "net/rpc.hpp"
#include "profile/msgpack.hpp"

namespace kith::ingest {

namespace {

constexpr std::size_t longest_agent = 1024;  ///< that is kept of an image's request
constexpr std::array<std::string_view, 6> types = {"track", "identify", "page", "screen", "group", "alias"};

bool is_type(std::string_view name) noexcept { return std::find(types.begin(), types.end(), name) != types.end(); }

/// Is a reason of a dead letter the sender's fault? `code`: which one.
bool is_fault(std::string_view reason, errc& code) {
  if (net::code_named(reason, code)) return true;
  code = errc::invalid_argument;
  return reason == "schema";
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

/// What an image's request says of its browser, as a MessagePack map.
std::string context_of(const net::http_request& request) {
  const auto agent = request.field("user-agent");
  std::string made;
  const auto is_text = [](char c) { return c >= ' ' && c <= '~'; };
  if (agent.empty() || agent.size() > longest_agent || !std::all_of(agent.begin(), agent.end(), is_text)) return made;
  profile::msgpack::writer to(made);
  to.map(1);
  to.string("userAgent");
  to.string(agent);
  return made;
}

}  // namespace

tracking_api::tracking_api(intake& into, access& doors, tracking_limits bounds, probe& counts, unsigned shards)
    : into_(into), doors_(doors), bounds_(bounds), counts_(counts), tools_(shards) {}

bool tracking_api::has(std::string_view name) noexcept { return name == "batch" || name == "import" || is_type(name); }

void tracking_api::handle(std::string_view name, const exchange_ptr& with) {
  probe::add(counts().requests);
  if (with->request.field("authorization").empty()) return parse(name, with, nullptr);
  // Strangers cost no more than this.
  doors_.identify(with, {}, counts(), [this, name, with](const identity_ptr& who) { parse(name, with, who); });
}

bool tracking_api::has_pixel(std::string_view type) noexcept { return is_type(type); }

void tracking_api::handle_pixel(std::string_view type, const exchange_ptr& with) {
  with->is_image = true;
  if (with->request.method == "HEAD") return with->answer({});
  auto event = pixel_event(with->request.query());
  if (!event) {
    probe::add(counts().requests);
    probe::add(counts().bad_requests);
    return with->refuse(event.error());
  }
  with->body = std::move(*event);
  with->request.body = with->body;
  handle(type, with);
}

/// `who`: null: the body says.
void tracking_api::parse(std::string_view name, const exchange_ptr& with, const identity_ptr& who) {
  const auto& request = with->request;
  const auto refuse = [&](const error& why) {
    probe::add(counts().bad_requests);
    with->refuse(why);
  };
  auto& mine = tools_[with->home];
  const auto body = mine.decoder.decode(request, bounds_.batch_bytes);
  if (!body) return refuse(body.error());
  json_events_options options;
  options.type = is_type(name) ? name : std::string_view();
  options.historical = name == "import";
  options.opted_out = request.field("sec-gpc") == "1";
  options.most_events = bounds_.batch_events;
  // Scripts tell their browser themselves; an image has only its request to go by.
  const auto context = with->is_image ? context_of(request) : std::string();
  options.context = context;
  auto events = mine.parser.convert(**body, options);
  if (!events) return refuse(events.error());
  const kind of{options.type.empty(), options.historical};
  if (who) return take(with, of, *who, std::move(*events));
  const auto key = events->write_key;
  doors_.identify(with, key, counts(),
                  [this, with, of, kept = std::make_shared<converted_events>(std::move(*events))](
                      const identity_ptr& found) { take(with, of, *found, std::move(*kept)); });
}

void tracking_api::take(const exchange_ptr& with, kind of, net::identity& who, converted_events events) {
  if (!access::take_quota(with, who, events.sent, counts())) return;
  arrival what;
  what.by = edge::tracking;
  what.span = with->span;
  what.historical = of.historical;
  what.source = who.rights.source;
  what.events = std::move(events.events);
  what.count = events.count;
  what.indexes = std::move(events.indexes);
  what.refused = std::move(events.refused);
  into_.take(with->home, std::move(what), [this, with, of](result<intake_outcome> outcome) {
    if (!outcome) {
      probe::add(counts().unavailable);
      return with->refuse(503, outcome.error(), retry_after_ms_of(outcome.error()));
    }
    // What was held back is kept, and no fault of the sender's.
    errc code{};
    if (!of.is_batch && !outcome->refused.empty() && is_fault(outcome->refused.front().code, code)) {
      return with->refuse({code, outcome->refused.front().message});
    }
    with->answer({200, "application/json", success(outcome->refused), {}});
  });
}

}  // namespace kith::ingest
