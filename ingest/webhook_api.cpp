#include "ingest/webhook_api.hpp"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "actors/clock.hpp"
#include "ingest/cloudevents.hpp"
#include "ingest/problem.hpp"
#include "ingest/webhook/bounds.hpp"

namespace kith::ingest {

namespace {

constexpr std::int64_t hour_ms = 3'600'000;
// Of a letter, beside the sender's own fields: what a mapping sees of the request.
constexpr std::string_view target_header = "kith-target";
constexpr std::string_view delivery_header = "kith-delivery";

bool holds_credentials(std::string_view field, const webhook::settings& of) {
  return net::same_field_name(field, "authorization") || net::same_field_name(field, "cookie") ||
         net::same_field_name(field, "proxy-authorization") ||
         (of.scheme.kind == webhook::scheme::bearer && net::same_field_name(field, of.scheme.header));
}

/// The request as it came, less what proves who sent it.
persistence::dead_letter letter_of(const net::http_request& request, const webhook::settings& of,
                                   std::string_view reason, std::string message) {
  persistence::dead_letter made;
  made.source = of.source;
  made.edge = name_of(edge::webhook);
  made.code = reason;
  made.message = std::move(message);
  made.message_id = webhook::letter_id(of, request);
  made.content_type = request.field("content-type");
  made.headers.emplace_back(target_header, request.target);
  for (const auto& each : request.fields) {
    if (!holds_credentials(each.name, of)) made.headers.emplace_back(each.name, each.value);
  }
  made.bytes = request.body;
  return made;
}

std::string reasons_of(const std::vector<webhook::skipped>& skipped) {
  std::string made;
  for (const auto& each : skipped) {
    if (!made.empty()) made += "; ";
    made += each.rule + (each.index ? "[" + std::to_string(*each.index) + "]" : std::string()) + ": " + each.reason;
  }
  return made;
}

}  // namespace

void webhook_api::replace(const std::vector<source_settings>& sources) {
  std::map<std::string, settings_ptr, std::less<>> next;
  for (const auto& each : sources) {
    if (each.webhook) next[each.name] = std::make_shared<const webhook::settings>(*each.webhook);
  }
  const std::lock_guard lock(mutex_);
  sources_ = std::move(next);
}

webhook_api::settings_ptr webhook_api::find(std::string_view source) const {
  const std::lock_guard lock(mutex_);
  const auto found = sources_.find(source);
  return found == sources_.end() ? nullptr : found->second;
}

bool webhook_api::may_keep_unsigned(const std::string& source, std::int64_t now_ms) {
  const std::lock_guard lock(mutex_);
  auto& mine = allowances_[source];
  if (std::exchange(mine.hour, now_ms / hour_ms) != now_ms / hour_ms) mine.used = 0;
  return mine.used++ < webhook::bounds::unsigned_letters_an_hour;
}

void webhook_api::handle_webhook(std::string_view source, const exchange_ptr& with) {
  auto& counts = counts_.of(edge::webhook);
  probe::add(counts.requests);
  const auto of = find(source);
  if (!of) {
    probe::add(counts.bad_requests);
    return with->refuse({errc::not_found,
                         "there is no source of that name that takes webhooks; declare it as "
                         "[sources.NAME] with a scheme"});
  }
  const auto now_ms = actors::wall_clock_ms();
  auto got = webhook::receive(*of, with->request, now_ms);
  if (!got) return refuse(with, *of, std::move(got.error()), now_ms);
  with->let_in();
  with->span.note("url.path", with->request.path());  // the name is one of ours
  std::vector<persistence::dead_letter> letters;
  if (got->needs_letter()) {
    letters.push_back(letter_of(with->request, *of, "mapping", reasons_of(got->events.skipped_events)));
    if (!got->delivery_id.empty()) letters.back().headers.emplace_back(delivery_header, got->delivery_id);
  }
  take(with, edge::webhook, of->source, std::move(got->events), std::move(letters));
}

void webhook_api::refuse(const exchange_ptr& with, const webhook::settings& of, webhook::refusal why,
                         std::int64_t now_ms) {
  auto& counts = counts_.of(edge::webhook);
  probe::add(why.status == 401 ? counts.unauthenticated : counts.bad_requests);
  if (why.keep == webhook::letter::none ||
      (why.keep == webhook::letter::limited && !may_keep_unsigned(of.source, now_ms))) {
    return with->refuse(why.status, why.why);
  }
  auto letter = letter_of(with->request, of, why.reason, why.why.message);
  if (why.keep == webhook::letter::limited && letter.bytes.size() > webhook::bounds::unsigned_letter_bytes) {
    letter.bytes.resize(webhook::bounds::unsigned_letter_bytes);
    letter.truncated = true;
  }
  arrival what;
  what.by = edge::webhook;
  what.source = of.source;
  what.letters.push_back(std::move(letter));
  into_.take(with->home, std::move(what), [with, why = std::move(why)](const result<intake_outcome>& kept) {
    if (!kept) return with->refuse(503, kept.error(), retry_after_ms_of(kept.error()));
    with->refuse(why.status, why.why);
  });
}

void webhook_api::take(const exchange_ptr& with, edge by, const std::string& source, webhook::mapped events,
                       std::vector<persistence::dead_letter> letters) {
  arrival what;
  what.by = by;
  what.span = with->span;
  what.source = source;
  what.count = static_cast<std::uint32_t>(events.count);
  what.events = std::move(events.events);
  what.letters = std::move(letters);
  into_.take(
      with->home, std::move(what),
      [this, with, by, ignored = std::move(events.ignored)](const result<intake_outcome>& outcome) {
        if (!outcome) {
          probe::add(counts_.of(by).unavailable);
          return with->refuse(503, outcome.error(), retry_after_ms_of(outcome.error()));
        }
        nlohmann::ordered_json made = {{"success", true}};
        made[outcome->only_kept ? "spooled" : "applied"] = outcome->applied;
        if (!outcome->only_kept) made["duplicate"] = outcome->duplicate;
        if (!ignored.empty()) made["ignored"] = ignored;
        with->answer(
            {200, "application/json", made.dump(-1, ' ', false, nlohmann::ordered_json::error_handler_t::replace), {}});
      });
}

void webhook_api::handle_cloud_events(const exchange_ptr& with) {
  auto& counts = counts_.of(edge::cloudevents);
  probe::add(counts.requests);
  doors_.identify(with, {}, counts, [this, with, &counts](const identity_ptr& who) {
    const auto bad = [&](unsigned status, const error& why) {
      probe::add(counts.bad_requests);
      with->refuse(status, why);
    };
    const auto mode = mode_of(with->request);
    if (mode == cloud_event_mode::none || mode == cloud_event_mode::unsupported) {
      return bad(415, {errc::invalid_argument,
                       "this is no CloudEvent in JSON: send ce-* headers, or Content-Type: "
                       "application/cloudevents+json or application/cloudevents-batch+json"});
    }
    const auto of = find(who->rights.source);
    auto events =
        read_cloud_events(with->request, who->rights.source, of ? of->map.get() : nullptr, actors::wall_clock_ms());
    if (!events) return bad(status_of(events.error().code), events.error());
    if (!access::take_quota(with, *who, events->count + events->skipped_events.size(), counts)) return;
    std::vector<persistence::dead_letter> letters;
    if (!events->skipped_events.empty()) {
      webhook::settings none;
      none.source = who->rights.source;
      letters.push_back(
          letter_of(with->request, of ? *of : none, "invalid_argument", reasons_of(events->skipped_events)));
      letters.back().edge = name_of(edge::cloudevents);
    }
    take(with, edge::cloudevents, who->rights.source, std::move(*events), std::move(letters));
  });
}

result<webhook::mapped> webhook_api::map_again(const persistence::dead_letter& letter) const {
  const auto of = find(letter.source);
  net::http_request request;
  request.method = "POST";
  request.body = letter.bytes;
  std::vector<net::http_field> fields;
  std::string delivery;
  for (const auto& [name, value] : letter.headers) {
    if (name == target_header) {
      request.target = value;
    } else if (name == delivery_header) {
      delivery = value;
    } else {
      fields.push_back({name, value});
    }
  }
  request.fields = fields;
  if (letter.edge == name_of(edge::cloudevents)) {
    return read_cloud_events(request, letter.source, of ? of->map.get() : nullptr, letter.at_ms);
  }
  if (!of) return fail(errc::not_found, "sources." + letter.source + ": is not declared any more");
  if (delivery.empty() && !of->scheme.delivery_header.empty()) delivery = request.field(of->scheme.delivery_header);
  // One that was refused for its signature must have a good one now, as of when it came; the others had theirs.
  auto got = letter.code == "signature" ? webhook::receive(*of, request, letter.at_ms)
                                        : webhook::map_request(*of, request, delivery, letter.at_ms);
  if (!got) return tl::make_unexpected(std::move(got.error().why));
  return std::move(got->events);
}

}  // namespace kith::ingest
