#include "admin/auditor.hpp"

#include <algorithm>

#include "actors/clock.hpp"
#include "admin/json.hpp"
#include "profile/identifier.hpp"

namespace kith::admin {

namespace {

using nlohmann::json;

constexpr std::size_t most_text = 512;  ///< bytes of one value

std::string cut(std::string text) {
  if (text.size() > most_text) text.resize(most_text);
  return text;
}

/// What the `{}` of the pattern stand for. A profile's id may tell who it is, so its hash stands there.
json arguments_of(const audited_request& what) {
  const auto& path = what.asked.target.path;
  const bool of_profile = what.route.starts_with("/v1/profiles/");
  auto list = json::array();
  for (std::size_t i = 0; i < what.pattern.size() && i < path.size(); ++i) {
    if (what.pattern[i] != "{}") continue;
    list.push_back(of_profile && i == 3 ? audit_name_of(path[2], path[3]) : cut(path[i]));
  }
  return list;
}

json query_of(const audited_request& what) {
  auto made = json::object();
  if (what.route == "/v1/session/callback") return made;  // an authorization code, and what goes with it
  for (const auto& [name, value] : what.asked.target.query) {
    if (name == "cursor") continue;
    // Somebody's name, or address, is searched for like that.
    made[cut(name)] = name == "q" || name == "about" ? std::string("•••") : cut(value);
  }
  return made;
}

std::string_view outcome_of(unsigned status) noexcept {
  if (status < 400) return "done";
  return status == 401 || status == 403 ? "refused" : "failed";
}

json record_of(const audited_request& what, const response& answer) {
  const auto& sent = what.asked.sent;
  const auto& who = answer.done_by ? answer.done_by : sent.who;
  json made = {{"method", cut(sent.method)},
               {"route", what.route},
               {"status", answer.status},
               {"outcome", outcome_of(answer.status)},
               {"who", who ? json(who->rights.name) : json(nullptr)},
               {"role", who ? json(net::name_of(net::role_of(who->rights))) : json(nullptr)},
               {"by", name_of(answer.done_by && sent.how == known_by::nothing ? answer.done_how : sent.how)},
               {"address", sent.address}};
  if (who && !who->rights.display.empty()) made["display"] = who->rights.display;
  if (!sent.certificate.empty()) made["certificate"] = cut(sent.certificate);
  if (auto arguments = arguments_of(what); !arguments.empty()) made["arguments"] = std::move(arguments);
  if (auto query = query_of(what); !query.empty()) made["query"] = std::move(query);
  if (!sent.body.empty()) made["bodyBytes"] = sent.body.size();
  if (!answer.noted.empty()) made["noted"] = answer.noted;
  return made;
}

}  // namespace

std::string audit_name_of(const std::string& kind, const std::string& id) {
  profile::hash128 address;
  return address_of(identifier_named(kind, id), address) ? profile::to_hex(address) : std::string("none");
}

result<void> auditor::ready() const {
  if (log_ == nullptr) return {};
  return log_->usable();
}

result<void> auditor::record(const audited_request& what, const response& answer, fsynced when) {
  if (log_ == nullptr) return {};
  const auto done = log_->append(record_of(what, answer), when);
  if (!done) return tl::make_unexpected(done.error());
  return {};
}

void auditor::record_refused(const audited_request& what, const response& answer) {
  if (log_ == nullptr) return;
  if (of_refused_.take(1, actors::now()) != 0) {
    ++unrecorded_;
    ++since_last_;
    return;
  }
  auto made = record_of(what, answer);
  if (const auto left_out = since_last_.exchange(0); left_out > 0) made["alsoRefused"] = left_out;
  static_cast<void>(
      log_->append(std::move(made), fsynced::soon));  // it has told the server's log, and refusing goes on
}

}  // namespace kith::admin
