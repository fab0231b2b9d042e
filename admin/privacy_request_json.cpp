// A privacy request as JSON: in its file, and as the API has it.
#include "admin/privacy_request_json.hpp"

#include "admin/asking.hpp"
#include "admin/json.hpp"

namespace kith::admin {

namespace {

using nlohmann::json;
using profile::id_kind;

template <class Enum>
std::optional<Enum> parse_name(std::string_view name, std::initializer_list<Enum> all) {
  for (const auto each : all) {
    if (name_of(each) == name) return each;
  }
  return std::nullopt;
}

json time_or_null(std::int64_t ms) { return ms == 0 ? json(nullptr) : json(profile::format_time(ms)); }
json text_or_null(const std::string& text) { return text.empty() ? json(nullptr) : json(text); }

std::int64_t time_in(const json& of, const char* key) {
  const auto at = of.find(key);
  if (at == of.end() || at->is_null()) return 0;
  std::int64_t ms = 0;
  if (!profile::parse_time(at->get<std::string>(), ms)) throw std::invalid_argument(std::string(key) + " is no time");
  return ms;
}

std::string text_in(const json& of, const char* key) {
  const auto at = of.find(key);
  return at == of.end() || at->is_null() ? std::string() : at->get<std::string>();
}

json subject_json(const request_subject& of) {
  json made = {{"hash", of.hash}};
  if (of.id.value.empty()) return made;
  made.update(identifier_json(of.id));
  return made;
}

json result_json(const request_result& of) {
  auto exports = json::array();
  for (const auto& each : of.exports) {
    exports.push_back({{"profile", text_or_null(each.profile)},
                       {"bytes", each.bytes},
                       {"sha256", each.sha256},
                       {"until", profile::format_time(each.until_ms)},
                       {"gone", each.gone}});
  }
  auto applied = json::array();
  for (const auto& each : of.applied) {
    applied.push_back({{"profile", text_or_null(each.profile)}, {"at", profile::format_time(each.at_ms)}});
  }
  return {{"exports", std::move(exports)},
          {"applied", std::move(applied)},
          {"receipts", of.receipts},
          {"notFound", of.not_found},
          {"deadLetters", of.dead_letters}};
}

request_result read_result(const json& of) {
  request_result made;
  for (const auto& each : of.at("exports")) {
    made.exports.push_back({text_in(each, "profile"), each.at("bytes").get<std::uint64_t>(),
                            each.at("sha256").get<std::string>(), time_in(each, "until"), each.at("gone").get<bool>()});
  }
  for (const auto& each : of.value("applied", json::array())) {  // files from before have none
    made.applied.push_back({text_in(each, "profile"), time_in(each, "at")});
  }
  made.receipts = of.at("receipts").get<std::vector<std::string>>();
  made.not_found = of.at("notFound").get<std::uint64_t>();
  made.dead_letters = of.at("deadLetters").get<std::uint64_t>();
  return made;
}

template <class Enum>
Enum named_in(const json& of, const char* key, std::optional<Enum> (*parse)(std::string_view)) {
  const auto name = of.at(key).get<std::string>();
  const auto found = parse(name);
  if (!found) throw std::invalid_argument(std::string(key) + ": \"" + name + "\" is none");
  return *found;
}

}  // namespace

std::string_view name_of(request_kind kind) noexcept {
  switch (kind) {
    case request_kind::access: return "access";
    case request_kind::portability: return "portability";
    case request_kind::rectification: return "rectification";
    case request_kind::opt_out: return "opt_out";
    case request_kind::objection: return "objection";
    case request_kind::erasure: break;
  }
  return "erasure";
}

std::string_view name_of(regulation by) noexcept { return by == regulation::gdpr ? "gdpr" : "ccpa"; }

std::string_view name_of(request_status now) noexcept {
  switch (now) {
    case request_status::received: return "received";
    case request_status::verified: return "verified";
    case request_status::running: return "running";
    case request_status::done: return "done";
    case request_status::refused: break;
  }
  return "refused";
}

std::optional<request_kind> parse_request_kind(std::string_view name) {
  return parse_name(name, {request_kind::access, request_kind::portability, request_kind::erasure,
                           request_kind::rectification, request_kind::opt_out, request_kind::objection});
}
std::optional<regulation> parse_regulation(std::string_view name) {
  return parse_name(name, {regulation::gdpr, regulation::ccpa});
}
std::optional<request_status> parse_request_status(std::string_view name) {
  return parse_name(name, {request_status::received, request_status::verified, request_status::running,
                           request_status::done, request_status::refused});
}

json to_json(const privacy_request& of) {
  auto subject = json::array();
  for (const auto& each : of.subject) subject.push_back(subject_json(each));
  auto history = json::array();
  for (const auto& each : of.history) {
    history.push_back({{"at", profile::format_time(each.at_ms)},
                       {"by", each.by},
                       {"action", each.action},
                       {"detail", text_or_null(each.detail)}});
  }
  return {{"id", of.id},
          {"kind", name_of(of.kind)},
          {"regulation", name_of(of.by)},
          {"status", name_of(of.status)},
          {"subject", std::move(subject)},
          {"traits", of.traits},
          {"purposes", of.purposes},
          {"note", text_or_null(of.note)},
          {"receivedAt", profile::format_time(of.received_ms)},
          {"dueAt", profile::format_time(of.due_ms)},
          {"confirmBy", time_or_null(of.confirm_by_ms)},
          {"confirmedAt", time_or_null(of.confirmed_ms)},
          {"extended", of.extended},
          {"verified", of.verified},
          {"closedAt", time_or_null(of.closed_ms)},
          {"error", text_or_null(of.error)},
          {"history", std::move(history)},
          {"result", result_json(of.result)},
          {"version", of.version}};
}

json to_json(const privacy_request& of, std::int64_t now_ms, std::int64_t soon_ms) {
  auto made = to_json(of);
  const auto standing = standing_of(of, now_ms, soon_ms);
  made["overdue"] = standing == request_standing::overdue;
  made["dueSoon"] = standing == request_standing::due_soon;
  return made;
}

request_standing standing_of(const privacy_request& of, std::int64_t now_ms, std::int64_t soon_ms) noexcept {
  if (!of.open()) return request_standing::in_time;
  const bool unconfirmed = of.confirm_by_ms != 0 && of.confirmed_ms == 0;
  const auto by = unconfirmed ? std::min(of.due_ms, of.confirm_by_ms) : of.due_ms;
  if (now_ms > by) return request_standing::overdue;
  return by - now_ms <= soon_ms ? request_standing::due_soon : request_standing::in_time;
}

result<privacy_request> read_request(std::string_view text) {
  privacy_request made;
  try {
    const auto of = json::parse(text);
    made.id = of.at("id").get<std::string>();
    made.kind = named_in(of, "kind", parse_request_kind);
    made.by = named_in(of, "regulation", parse_regulation);
    made.status = named_in(of, "status", parse_request_status);
    for (const auto& each : of.at("subject")) {
      auto& one = made.subject.emplace_back();
      one.hash = each.at("hash").get<std::string>();
      if (!each.contains("id")) continue;
      const auto kind = each.at("kind").get<std::string>();
      one.id = {kind == "user"        ? id_kind::user
                : kind == "anonymous" ? id_kind::anonymous
                : kind == "profile"   ? id_kind::profile
                                      : id_kind::external,
                text_in(each, "type"), each.at("id").get<std::string>()};
    }
    made.traits = of.value("traits", json());
    made.purposes = of.value("purposes", std::vector<std::string>());
    made.note = text_in(of, "note");
    made.received_ms = time_in(of, "receivedAt");
    made.due_ms = time_in(of, "dueAt");
    made.confirm_by_ms = time_in(of, "confirmBy");
    made.confirmed_ms = time_in(of, "confirmedAt");
    made.extended = of.at("extended").get<bool>();
    made.verified = of.at("verified").get<bool>();
    made.closed_ms = time_in(of, "closedAt");
    made.error = text_in(of, "error");
    for (const auto& each : of.at("history")) {
      made.history.push_back({time_in(each, "at"), each.at("by").get<std::string>(),
                              each.at("action").get<std::string>(), text_in(each, "detail")});
    }
    made.result = read_result(of.at("result"));
    made.version = of.at("version").get<std::uint64_t>();
  } catch (const std::exception& damage) {
    return fail(errc::invalid_argument, damage.what());
  }
  return made;
}

std::string event_of(const privacy_request& what, const profile::identifier& whom, std::int64_t at_ms) {
  json event = {{"type", "identify"}, {"messageId", what.id}, {"timestamp", profile::format_time(at_ms)}};
  if (whom.kind == id_kind::user) event["userId"] = whom.value;
  if (whom.kind == id_kind::anonymous) event["anonymousId"] = whom.value;
  if (whom.kind == id_kind::external) {
    event["context"]["externalIds"] = json::array({{{"type", whom.type}, {"id", whom.value}}});
  }
  if (!what.traits.is_null()) event["traits"] = what.traits;
  for (const auto& each : what.purposes) {
    event["context"]["consent"]["purposes"][each] = {{"status", "withdrawn"}, {"source", "privacy request"}};
  }
  std::string encoded;
  json::to_msgpack(event, encoded);
  return encoded;
}

json audit_names_of(const std::vector<request_subject>& subject) {
  auto names = json::array();
  for (const auto& each : subject) {
    profile::hash128 address;
    if (!each.id.value.empty() && profile::address_of(each.id, address)) names.push_back(profile::to_hex(address));
  }
  return names;
}

}  // namespace kith::admin
