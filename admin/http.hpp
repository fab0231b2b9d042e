// A request and a response of the admin API as values, and what all its handlers share.
//
// Thread safety: none; a request and its response belong to one thread.
#pragma once

#include <chrono>
#include <exception>
#include <functional>
#include <initializer_list>
#include <map>
#include <memory>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "net/credentials.hpp"
#include "profile/hash.hpp"
#include "profile/identifier.hpp"
#include "profile/result.hpp"

namespace kith::admin {

/// By what a caller is known.
enum class known_by : std::uint8_t { nothing, token, certificate, oauth, session, openid };
std::string_view name_of(known_by how) noexcept;

struct request {
  std::string method;                  ///< "GET", …
  std::string target;                  ///< path and query as they were sent
  std::shared_ptr<net::identity> who;  ///< null: not known
  std::string why_unknown = "send `Authorization: Bearer TOKEN` or a client certificate that is known";
  std::string body;
  std::string if_match;  ///< the header; empty: there is none
  std::string accept;    ///< as if_match, and so are the next
  std::string if_none_match{};
  std::string authorization{};
  std::string cookie{};
  std::string host{};
  std::string origin{};
  std::string fetch_site{};  ///< Sec-Fetch-Site
  std::string kith_request{};
  std::string idempotency_key{};
  std::string accept_encoding{};
  std::string traceparent{};

  std::string address{};      ///< the client's
  std::string certificate{};  ///< the common name of its certificate, which our CA signed; empty: it showed none

  // What access finds out, beside `who`.
  known_by how = known_by::nothing;
  std::int64_t until_ms = 0;  ///< when what it is known by ends; 0: never
  std::string forged{};       ///< why a page that is not ours may have sent it; empty: none did

  /// Does the method only read (RFC 9110, section 9.2.1)?
  bool is_safe() const noexcept {
    return method == "GET" || method == "HEAD" || method == "OPTIONS" || method == "TRACE";
  }
};

struct response {
  unsigned status = 200;
  std::string content_type = "application/json";
  std::string body;
  std::map<std::string, std::string> headers;
  /// If there is one, what it gives until that is empty follows the body, as it comes. An error cuts the connection.
  std::function<result<std::string>()> more{};
  std::chrono::milliseconds pause{0};  ///< before each of those
  // For the audit log:
  std::shared_ptr<net::identity> done_by{};         ///< if not who asked: who it turned out to be
  known_by done_how = known_by::token;              ///< and by what
  nlohmann::json noted = nlohmann::json::object();  ///< what was done, beside what the URL says
};

/// The parts of a target, percent-decoded. Nothing if the encoding is broken.
struct parsed_target {
  std::vector<std::string> path;
  std::map<std::string, std::string> query;
};
std::optional<parsed_target> parse_target(std::string_view target);

/// A request on its way to its handler.
struct call {
  const parsed_target& target;
  const request& sent;
};

/// Why who asks may not: forged, unknown (401), or without the role that is needed at least (403); nothing: they may.
std::optional<response> refusal_of(const request& asked, net::role needed);

response ok(const nlohmann::json& body);
/// An RFC 9457 problem document; `more`: members beside the usual ones.
response problem(unsigned status, std::string_view code, std::string detail,
                 const nlohmann::json& more = nlohmann::json::object());
response problem_of(const error& why);

/// A query parameter that the URL does not know is a mistake worth telling.
std::optional<response> unknown_parameter(const parsed_target& target, std::initializer_list<std::string_view> known);

/// Of entity tags (RFC 9110, section 8.8.3.2): If-Match asks for strong, If-None-Match for weak, since what is on the
/// way, as who compresses, weakens them.
enum class comparison : std::uint8_t { strong, weak };

/// Whether the list in such a header names this entity tag, or any.
bool is_matched(std::string_view listed, std::string_view etag, comparison how = comparison::strong);

/// Whether If-Match and If-None-Match let that be changed which has this entity tag; empty: it is not there.
bool may_change(const request& asked, std::string_view etag);

/// The query parameter `limit`, 1 to `most`. Errors: invalid_argument.
result<std::size_t> limit_in(const parsed_target& target, std::size_t without, std::size_t most);

/// Of the profile that `/v1/profiles/{kind}/{id}` names. Errors: invalid_argument.
result<profile::hash128> address_in(const parsed_target& target);
/// The identifier that a kind and an id in a URL name: kind "user", "anonymous", "profile" or an external type.
profile::identifier identifier_named(const std::string& kind, const std::string& id);

/// Of an array in a body: `[{"kind": "user", "id": "…"}, {"kind": "external", "type": "…", "id": "…"}]`. `name`: of the
/// array. Errors: invalid_argument. (identity_routes.cpp)
result<std::vector<profile::identifier>> identifiers_in(const nlohmann::json& list, const std::string& name,
                                                        bool or_profiles = false);

std::vector<std::string_view> split(std::string_view text, char at);

/// What `by` answers, and 500 where it throws: a library that does must not take the server with it.
template <class By>
response answered(By by) {
  try {
    return by();
  } catch (const std::exception& why) {
    return problem(500, "internal", std::string("the request could not be handled: ") + why.what());
  }
}

}  // namespace kith::admin
