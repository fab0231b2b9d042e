// The routes of the audit log.
#include <algorithm>

#include "admin/audit_log.hpp"
#include "admin/auditor.hpp"
#include "admin/json.hpp"
#include "admin/routes.hpp"

namespace kith::admin {

namespace {

using nlohmann::json;

constexpr std::size_t usual_page = 100;
constexpr std::size_t most_a_page = 1000;

response not_kept() { return problem(404, "not_found", "this server keeps no audit log"); }

/// What of the query a record must fit.
struct wanted_records {
  std::string who;     ///< a name, or what people read beside it
  std::string action;  ///< part of "METHOD ROUTE"
  std::string outcome;
  std::string about;  ///< hash of an identifier
  std::int64_t from_ms = INT64_MIN;
  std::int64_t until_ms = INT64_MAX;

  bool fits(const json& record) const {
    const auto text = [&](const char* key) {
      const auto at = record.find(key);
      return at != record.end() && at->is_string() ? at->get<std::string>() : std::string();
    };
    if (!who.empty() && text("who") != who && text("display") != who) return false;
    if (!outcome.empty() && text("outcome") != outcome) return false;
    if (!action.empty() && (text("method") + " " + text("route")).find(action) == std::string::npos) return false;
    if (!about.empty()) {
      const auto has = [&](const json& names) { return std::find(names.begin(), names.end(), about) != names.end(); };
      const auto noted = record.value("noted", json::object());
      if (!has(record.value("arguments", json::array())) && !has(noted.value("subjects", json::array()))) return false;
    }
    std::int64_t at_ms = 0;
    return profile::parse_time(text("time"), at_ms) && at_ms >= from_ms && at_ms < until_ms;
  }
};

result<void> take(const std::string& name, const std::string& value, audit_query& query, wanted_records& wanted) {
  const auto refuse = [&](const std::string& what) {
    return fail(errc::invalid_argument, "query parameter " + name + ": must be " + what);
  };
  if (name == "who") wanted.who = value;
  if (name == "action") wanted.action = value;
  if (name == "outcome") {
    if (value != "done" && value != "refused" && value != "failed") return refuse("done, refused or failed");
    wanted.outcome = value;
  }
  if (name == "about") {
    const auto slash = value.find('/');
    if (slash == std::string::npos) return refuse("KIND/ID, as in the path of a profile");
    wanted.about = audit_name_of(value.substr(0, slash), value.substr(slash + 1));
  }
  if ((name == "from" && !profile::parse_time(value, wanted.from_ms)) ||
      (name == "until" && !profile::parse_time(value, wanted.until_ms))) {
    return refuse("an RFC 3339 time");
  }
  if (name == "order") {
    if (value != "asc" && value != "desc") return refuse("asc or desc");
    query.newest_first = value == "desc";
  }
  if (name == "cursor") {
    const bool good = !value.empty() && value.size() <= 18 && value.find_first_not_of("0123456789") == value.npos;
    query.behind = good ? std::stoull(value) : 0;
    if (query.behind == 0) return refuse("`next` of the page before");
  }
  return {};
}

}  // namespace

response routes::audit(const call& asked) {
  if (auto unknown = unknown_parameter(
          asked.target, {"who", "action", "outcome", "about", "from", "until", "order", "limit", "cursor"})) {
    return *unknown;
  }
  if (with_.audit == nullptr) return not_kept();
  audit_query query;
  wanted_records wanted;
  const auto limit = limit_in(asked.target, usual_page, most_a_page);
  if (!limit) return problem_of(limit.error());
  query.limit = *limit;
  for (const auto& [name, value] : asked.target.query) {
    if (auto good = take(name, value, query, wanted); !good) return problem_of(good.error());
  }
  query.wanted = [&](const json& record) { return wanted.fits(record); };
  const auto page = with_.audit->list(query);
  if (!page) return problem_of(page.error());
  return ok({{"items", page->records}, {"next", page->next == 0 ? json(nullptr) : json(std::to_string(page->next))}});
}

response routes::audit_head(const call& asked) {
  if (auto unknown = unknown_parameter(asked.target, {})) return *unknown;
  if (with_.audit == nullptr) return not_kept();
  // Who notes it elsewhere is to find it after a loss of power, too.
  if (auto kept = with_.audit->keep_head(); !kept) return problem_of(kept.error());
  const auto head = with_.audit->head();
  return ok({{"sequence", head.sequence}, {"hash", head.hash}, {"head", text_of(head)}});
}

}  // namespace kith::admin
