#include "admin/sessions.hpp"

#include <algorithm>
#include <array>
#include <openssl/rand.h>
#include <stdexcept>

#include "profile/encoding.hpp"

namespace kith::admin {

std::string random_text() {
  std::array<unsigned char, 32> bytes{};
  if (RAND_bytes(bytes.data(), static_cast<int>(bytes.size())) != 1) {
    throw std::runtime_error("the operating system gives no randomness");
  }
  auto text = profile::base64_of({reinterpret_cast<const char*>(bytes.data()), bytes.size()});
  while (!text.empty() && text.back() == '=') text.pop_back();
  std::replace(text.begin(), text.end(), '+', '-');
  std::replace(text.begin(), text.end(), '/', '_');
  return text;
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

sessions::opened sessions::open(std::string token, std::int64_t token_until_ms) {
  const auto now = now_ms_();
  opened made{random_text(), 0};
  const std::lock_guard lock(mutex_);
  made.until_ms = now + settings_.lifetime.count();
  if (token_until_ms != 0) made.until_ms = std::min(made.until_ms, token_until_ms);
  drop_ended(now);
  if (open_.size() >= most_open) {
    open_.erase(std::min_element(open_.begin(), open_.end(),
                                 [](const auto& a, const auto& b) { return a.second.used_ms < b.second.used_ms; }));
  }
  open_[net::digest_of(made.id)] = {std::move(token), made.until_ms, now};
  return made;
}

std::optional<sessions::found> sessions::find(std::string_view id) {
  if (id.empty()) return std::nullopt;
  const auto now = now_ms_();
  const std::lock_guard lock(mutex_);
  drop_ended(now);
  const auto at = open_.find(net::digest_of(id));
  if (at == open_.end()) return std::nullopt;
  at->second.used_ms = now;
  return found{at->second.token, at->second.until_ms};
}

void sessions::close(std::string_view id) {
  const std::lock_guard lock(mutex_);
  open_.erase(net::digest_of(id));
}

std::size_t sessions::count() {
  const std::lock_guard lock(mutex_);
  drop_ended(now_ms_());
  return open_.size();
}

std::string_view sessions::id_in(std::string_view cookies) noexcept {
  while (!cookies.empty()) {
    const auto end = std::min(cookies.find(';'), cookies.size());
    auto each = cookies.substr(0, end);
    cookies.remove_prefix(std::min(end + 1, cookies.size()));
    while (each.starts_with(' ')) each.remove_prefix(1);
    if (each.starts_with(cookie_name) && each.substr(cookie_name.size()).starts_with('=')) {
      return each.substr(cookie_name.size() + 1);
    }
  }
  return {};
}

std::string sessions::cookie_of(const opened& session, std::int64_t now_ms) {
  const auto seconds = std::max<std::int64_t>(0, (session.until_ms - now_ms) / 1000);
  return std::string(cookie_name) + "=" + session.id +
         "; Path=/; Secure; HttpOnly; SameSite=Strict; Max-Age=" + std::to_string(seconds);
}

std::string sessions::cookie_that_ends() {
  return std::string(cookie_name) + "=; Path=/; Secure; HttpOnly; SameSite=Strict; Max-Age=0";
}

}  // namespace kith::admin
