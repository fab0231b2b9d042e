// A privacy request as JSON, and how near its deadline is.
//
// Thread safety: all of it; values.
#pragma once

#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <string_view>

#include "admin/privacy_requests.hpp"

namespace kith::admin {

inline constexpr const char* request_kind_list = "access, portability, erasure, rectification, opt_out or objection";
std::optional<request_kind> parse_request_kind(std::string_view name);
std::optional<regulation> parse_regulation(std::string_view name);
std::optional<request_status> parse_request_status(std::string_view name);

/// As its file has it.
nlohmann::json to_json(const privacy_request& of);
/// Errors: invalid_argument, with what is wrong.
result<privacy_request> read_request(std::string_view text);

/// Whom it is about, as the audit log names people; who was erased is left out.
nlohmann::json audit_names_of(const std::vector<request_subject>& subject);

/// What carries out a correction, an opt-out or an objection: an identify event, as MessagePack, whose messageId is the
/// request's id, so that it has effect once per profile however often it is sent. `at_ms`: its time. REQUIRES: `whom`
/// is no profile's id.
std::string event_of(const privacy_request& what, const profile::identifier& whom, std::int64_t at_ms);

enum class request_standing : std::uint8_t { in_time, due_soon, overdue };
/// The nearest deadline counts: that of the answer, or of the confirmation.
request_standing standing_of(const privacy_request& of, std::int64_t now_ms, std::int64_t soon_ms) noexcept;

}  // namespace kith::admin
