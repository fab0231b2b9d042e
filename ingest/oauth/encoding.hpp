// What OAuth says: base64url (RFC 4648, section 5, without padding), forms, JSON whose members are not repeated;
// secrets that are compared.
#pragma once

#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "profile/result.hpp"

namespace kith::ingest::oauth {

/// Nothing: it holds something else than A-Z a-z 0-9 - _, has an impossible length, or bits behind its end.
std::optional<std::string> decode_base64url(std::string_view text);

std::string base64url_of(std::string_view bytes);

/// As a value of application/x-www-form-urlencoded.
std::string encode_form(std::string_view value);

/// "Basic …", of a client (RFC 6749, section 2.3.1).
std::string basic_authorization(std::string_view id, std::string_view secret);

/// An object. Refuses members that are there twice (RFC 8725, section 2.4: two readers would see two tokens), and more
/// than 16 levels. Errors: invalid_argument, beginning with `what`.
result<nlohmann::json> parse_object(std::string_view text, std::string_view what);

/// A member that is text; empty: there is none, or it is something else.
std::string text_member(const nlohmann::json& object, const char* name);

/// The scopes in a text of OAuth, with spaces between (RFC 6749, section 3.3).
std::vector<std::string> words_of(std::string_view text);

/// Compared in a time that does not tell where they differ.
bool same_secret(std::string_view a, std::string_view b);

/// Somebody else's text, for a message: in quotes, its first 64 bytes.
std::string shown(std::string_view text);

}  // namespace kith::ingest::oauth
