// Sessions of the console: a cookie stands for a token, or for a person that an OpenID provider vouches for, for a
// while, so that a page's scripts never hold a secret.
//
// Invariants
//   - A session is as good as its token: who asks is judged by the token at each request. A person's holds what the
//     provider said when it was opened.
//   - Ids are made here and never taken over from a client. Only their SHA-256 is kept.
//   - At most `bounds::sessions` are open; one more pushes out the one that was idle for the longest time.
// Thread safety: all of it.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>

#include "net/credentials.hpp"

namespace kith::admin {

struct session_settings {
  std::chrono::milliseconds lifetime = std::chrono::hours(12);
  std::chrono::milliseconds idle = std::chrono::hours(1);  ///< without a request
};

class sessions {
 public:
  static constexpr std::string_view cookie_name = "__Host-kith";
  static constexpr std::size_t most_open = 1000;

  explicit sessions(std::function<std::int64_t()> now_ms) : now_ms_(std::move(now_ms)) {}

  struct opened {
    std::string id;
    std::int64_t until_ms = 0;
  };
  /// `token_until_ms`: when the token ends; 0: never.
  opened open(std::string token, std::int64_t token_until_ms);
  /// Of a person that has signed in; `until_ms` at the latest.
  opened open(std::shared_ptr<net::identity> person, std::int64_t until_ms);

  struct found {
    std::string token;
    std::shared_ptr<net::identity> person;  ///< null: it stands for the token
    std::int64_t until_ms = 0;
  };
  /// Nothing: it is not known, or has ended. Counts as a use.
  std::optional<found> find(std::string_view id);
  void close(std::string_view id);
  void close(const net::token_digest& of_id);
  /// Those of people: what was said of them holds no more.
  void close_of_people();
  std::size_t count();
  void configure(const session_settings& settings);

  /// The session's id in a Cookie header; empty: there is none.
  static std::string_view id_in(std::string_view cookies) noexcept;
  static std::string cookie_of(const opened& session, std::int64_t now_ms);
  static std::string cookie_that_ends();

 private:
  struct session {
    std::string token;
    std::shared_ptr<net::identity> person;
    std::int64_t until_ms = 0;
    std::int64_t used_ms = 0;
  };
  opened open(session made, std::int64_t until_ms);
  void drop_ended(std::int64_t now);

  const std::function<std::int64_t()> now_ms_;
  std::mutex mutex_;
  session_settings settings_;
  std::map<net::token_digest, session> open_;
};

/// The value of a cookie in a Cookie header; empty: there is none.
std::string_view cookie_in(std::string_view cookies, std::string_view name) noexcept;

/// 256 random bits, in the alphabet of base64url.
std::string random_text();

}  // namespace kith::admin
