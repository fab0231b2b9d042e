#include "admin/sessions.hpp"

#include <algorithm>
#include <array>
#include <openssl/rand.h>
#include <stdexcept>

#include "ingest/oauth/encoding.hpp"

namespace kith::admin {

std::string random_text() {
  std::array<unsigned char, 32> bytes{};
  if (RAND_bytes(bytes.data(), static_cast<int>(bytes.size())) != 1) {
    throw std::runtime_error("the operating system gives no randomness");
  }
  return ingest::oauth::base64url_of({reinterpret_cast<const char*>(bytes.data()), bytes.size()});
}

void sessions::configure(const session_settings& settings) {
  const std::lock_guard lock(mutex_);
  settings_ = settings;
}

void sessions::drop_ended(std::int64_t now) {
  std::erase_if(open_, [&](const auto& each) {
    return each.second.until_ms <= now || each.second.used_ms + settings_.idle.count() <= now;
  });
}

sessions::opened sessions::open(session made, std::int64_t until_ms) {
  const auto now = now_ms_();
  const std::lock_guard lock(mutex_);
  drop_ended(now);
  if (open_.size() >= most_open) {
    open_.erase(std::min_element(open_.begin(), open_.end(),
                                 [](const auto& a, const auto& b) { return a.second.used_ms < b.second.used_ms; }));
  }
  opened told{random_text(), now + settings_.lifetime.count()};
  if (until_ms != 0) told.until_ms = std::min(told.until_ms, until_ms);
  made.until_ms = told.until_ms;
  made.used_ms = now;
  open_[net::digest_of(told.id)] = std::move(made);
  return told;
}

sessions::opened sessions::open(std::string token, std::int64_t token_until_ms) {
  return open(session{std::move(token), nullptr, 0, 0}, token_until_ms);
}

sessions::opened sessions::open(std::shared_ptr<net::identity> person, std::int64_t until_ms) {
  return open(session{{}, std::move(person), 0, 0}, until_ms);
}

std::optional<sessions::found> sessions::find(std::string_view id) {
  if (id.empty()) return std::nullopt;
  const auto now = now_ms_();
  const std::lock_guard lock(mutex_);
  drop_ended(now);
  const auto at = open_.find(net::digest_of(id));
  if (at == open_.end()) return std::nullopt;
  at->second.used_ms = now;
  return found{at->second.token, at->second.person, at->second.until_ms};
}

void sessions::close(const net::token_digest& of_id) {
  const std::lock_guard lock(mutex_);
  open_.erase(of_id);
}

void sessions::close_of_people() {
  const std::lock_guard lock(mutex_);
  std::erase_if(open_, [](const auto& each) { return each.second.person != nullptr; });
}

void sessions::close(std::string_view id) { close(net::digest_of(id)); }

std::size_t sessions::count() {
  const std::lock_guard lock(mutex_);
  drop_ended(now_ms_());
  return open_.size();
}

std::string_view cookie_in(std::string_view cookies, std::string_view name) noexcept {
  while (!cookies.empty()) {
    const auto end = std::min(cookies.find(';'), cookies.size());
    auto each = cookies.substr(0, end);
    cookies.remove_prefix(std::min(end + 1, cookies.size()));
    while (each.starts_with(' ')) each.remove_prefix(1);
    if (each.starts_with(name) && each.substr(name.size()).starts_with('=')) return each.substr(name.size() + 1);
  }
  return {};
}

std::string_view sessions::id_in(std::string_view cookies) noexcept { return cookie_in(cookies, cookie_name); }

std::string sessions::cookie_of(const opened& session, std::int64_t now_ms) {
  const auto seconds = std::max<std::int64_t>(0, (session.until_ms - now_ms) / 1000);
  return std::string(cookie_name) + "=" + session.id +
         "; Path=/; Secure; HttpOnly; SameSite=Strict; Max-Age=" + std::to_string(seconds);
}

std::string sessions::cookie_that_ends() {
  return std::string(cookie_name) + "=; Path=/; Secure; HttpOnly; SameSite=Strict; Max-Age=0";
}

}  // namespace kith::admin
