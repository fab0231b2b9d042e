#include "admin/idempotency.hpp"

#include <algorithm>

namespace kith::admin {

namespace {

/// The key, without the double quotes that a structured field's string has (RFC 9651). Empty: it is none.
std::string key_in(std::string text) {
  if (text.size() >= 2 && text.front() == '"' && text.back() == '"') text = text.substr(1, text.size() - 2);
  const bool good = text.size() <= idempotent_answers::key_bytes &&
                    std::all_of(text.begin(), text.end(), [](char c) { return c > ' ' && c < 127 && c != '"'; });
  return good ? text : std::string();
}

}  // namespace

std::optional<response> idempotent_answers::refusal_of(const std::string& header) {
  if (!key_in(header).empty()) return std::nullopt;
  return problem(400, "invalid_argument",
                 "header Idempotency-Key: must be 1 to " + std::to_string(key_bytes) + " visible ASCII characters");
}

idempotent_answers::outcome idempotent_answers::answer(const request& asked, const std::function<response()>& handler,
                                                       bool whole) {
  if (auto refused = refusal_of(asked.idempotency_key)) return {std::move(*refused), false};
  const auto key = key_in(asked.idempotency_key);
  const auto name = asked.who->rights.name + '\n' + asked.method + ' ' + asked.target + '\n' + key;
  const auto body = net::digest_of(asked.body);
  if (auto known = look_up(name, body)) return {std::move(*known), true};
  outcome made{handler(), false};
  keep(name, made.answer, whole);
  return made;
}

std::optional<response> idempotent_answers::look_up(const std::string& name, const net::token_digest& body) {
  const std::lock_guard lock(mutex_);
  const auto now = now_ms_();
  while (!all_.empty() && all_.front().done && all_.front().until_ms <= now) forget(all_.begin());
  if (const auto at = by_name_.find(name); at != by_name_.end()) {
    const auto& found = *at->second;
    if (found.body != body) {
      return problem(422, "invalid_argument",
                     "header Idempotency-Key: was used with another body; take a new key for another request");
    }
    if (!found.done) {
      auto busy = problem(409, "unavailable", "the request with this Idempotency-Key is being answered; try again");
      busy.headers["Retry-After"] = "1";
      return busy;
    }
    auto again = found.answer;
    again.headers["Idempotency-Replayed"] = "true";
    return again;
  }
  make_room();
  all_.push_back({name, body, false, 0, {}});
  by_name_[name] = std::prev(all_.end());
  return std::nullopt;
}

void idempotent_answers::keep(const std::string& name, const response& answer, bool whole) {
  const std::lock_guard lock(mutex_);
  const auto at = by_name_.find(name);
  if (at == by_name_.end()) return;
  const auto status = answer.status;
  if (status >= 500 || status == 401 || status == 403 || status == 429 || answer.more) return forget(at->second);
  auto& one = *at->second;
  one.done = true;
  one.until_ms = now_ms_() + kept_ms;
  one.answer = answer;
  if (!whole && status < 300) one.answer.body = std::string();
  bytes_ += one.answer.body.size();
  all_.splice(all_.end(), all_, at->second);
  make_room();
}

void idempotent_answers::forget(kept_list::iterator which) {
  bytes_ -= which->answer.body.size();
  by_name_.erase(which->name);
  all_.erase(which);
}

/// Those that are being answered are as many as the server has threads, so there is always one to go.
void idempotent_answers::make_room() {
  while (all_.size() > 1 && (all_.size() >= most_keys || bytes_ > most_bytes)) {
    const auto oldest = std::find_if(all_.begin(), all_.end(), [](const kept& each) { return each.done; });
    if (oldest == all_.end()) return;
    forget(oldest);
  }
}

}  // namespace kith::admin
