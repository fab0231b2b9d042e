#include "ingest/oauth/claims.hpp"

#include <algorithm>
#include <cmath>
#include <optional>

#include "ingest/oauth/encoding.hpp"
#include "net/http_message.hpp"

namespace kith::ingest::oauth {

namespace {

constexpr double latest_s = 253'402'300'799;  ///< the end of the year 9999

auto refuse(const std::string& why) { return fail(errc::unauthenticated, "the token " + why); }

/// A NumericDate (RFC 7519, section 2). Nothing: it is not there.
result<std::optional<double>> time_of(const nlohmann::json& all, const char* name) {
  const auto found = all.find(name);
  if (found == all.end()) return std::optional<double>();
  const auto seconds = found->is_number() ? found->get<double>() : -1;
  if (!std::isfinite(seconds) || seconds < 0 || seconds > latest_s) {
    return refuse(std::string("has a claim \"") + name + "\" that is no time");
  }
  return std::optional(seconds);
}

result<std::int64_t> check_times(const nlohmann::json& all, const claim_rules& rules, std::int64_t now_ms) {
  const auto expires = time_of(all, "exp");
  if (!expires) return tl::make_unexpected(expires.error());
  const auto begins = time_of(all, "nbf");
  if (!begins) return tl::make_unexpected(begins.error());
  const auto issued = time_of(all, "iat");
  if (!issued) return tl::make_unexpected(issued.error());
  const auto now_s = static_cast<double>(now_ms) / 1000;
  const auto leeway_s = static_cast<double>(rules.leeway.count());
  if (*expires && now_s >= **expires + leeway_s) return refuse("has expired (exp)");
  if (*begins && now_s < **begins - leeway_s) return refuse("is not good yet (nbf)");
  if (*issued && now_s < **issued - leeway_s) return refuse("was issued in the future (iat)");
  return *expires ? static_cast<std::int64_t>((**expires + leeway_s) * 1000) : 0;
}

result<void> check_audience(const nlohmann::json& all, const claim_rules& rules) {
  const auto found = all.find("aud");
  if (found == all.end()) return refuse("has no audience (aud)");
  const auto is_ours = [&](const nlohmann::json& each) {
    return each.is_string() && std::find(rules.audiences.begin(), rules.audiences.end(),
                                         each.get_ref<const std::string&>()) != rules.audiences.end();
  };
  if (is_ours(*found) || (found->is_array() && std::any_of(found->begin(), found->end(), is_ours))) return {};
  return refuse("is for another audience (aud) than \"" + rules.audiences.front() + "\"");
}

result<void> check_presence(const nlohmann::json& all, token_form form) {
  if (form == token_form::introspected) return {};
  for (const auto* name : {"iss", "exp", "aud", "sub", "iat", "client_id", "jti"}) {
    if (form == token_form::identity && std::string_view(name) == "client_id") break;
    if (!all.contains(name)) return refuse(std::string("has no claim \"") + name + "\"");
  }
  return {};
}

/// `scope` (RFC 8693, section 4.2), or `scp`, which some servers write instead, as text or as an array.
std::vector<std::string> scopes_of(const nlohmann::json& all) {
  std::vector<std::string> made;
  const auto found = all.contains("scope") ? all.find("scope") : all.find("scp");
  if (found == all.end()) return made;
  if (found->is_string()) return words_of(found->get_ref<const std::string&>());
  if (found->is_array()) {
    for (const auto& each : *found) {
      if (each.is_string()) made.push_back(each.get<std::string>());
    }
  }
  return made;
}

}  // namespace

result<claims> read_claims(nlohmann::json all, const claim_rules& rules, token_form form, std::int64_t now_ms) {
  if (auto whole = check_presence(all, form); !whole) return tl::make_unexpected(whole.error());
  if (all.contains("iss") && text_member(all, "iss") != rules.issuer) {
    return refuse("is of another issuer (iss) than \"" + rules.issuer + "\"");
  }
  // Whoever holds such a token would have to prove that it is theirs (RFC 7800, RFC 8705, RFC 9449).
  if (all.contains("cnf")) return refuse("is bound to a key (cnf), and is no bearer token");
  if (const auto type = all.find("token_type"); type != all.end() && form == token_form::introspected) {
    if (!type->is_string() || !net::same_field_name(type->get_ref<const std::string&>(), "Bearer")) {
      return refuse("is no bearer token (token_type)");
    }
  }
  if (auto checked = check_audience(all, rules); !checked) return tl::make_unexpected(checked.error());
  const auto until_ms = check_times(all, rules, now_ms);
  if (!until_ms) return tl::make_unexpected(until_ms.error());
  claims made;
  made.until_ms = *until_ms;
  made.subject = text_member(all, "sub");
  made.client_id = text_member(all, "client_id");
  made.scopes = scopes_of(all);
  if (made.subject.empty() && made.client_id.empty()) return refuse("names neither a subject nor a client");
  if (form == token_form::jwt && (made.subject.empty() || made.client_id.empty())) {
    return refuse("has a claim \"sub\" or \"client_id\" that is no text");
  }
  if (form == token_form::identity && made.subject.empty()) return refuse("has a claim \"sub\" that is no text");
  if (made.scopes.size() > most_scopes) return refuse("has more than " + std::to_string(most_scopes) + " scopes");
  made.all = std::move(all);
  return made;
}

}  // namespace kith::ingest::oauth
