#include "admin/tokens.hpp"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "admin/sessions.hpp"
#include "persistence/whole_file.hpp"
#include "profile/encoding.hpp"
#include "profile/event.hpp"
#include "profile/time_range.hpp"
#include "profile/utf8.hpp"

namespace kith::admin {

namespace {

using nlohmann::json;

constexpr const char* file_name = "tokens.json";
constexpr std::string_view token_prefix = "kith_";  ///< scanners for secrets know it by that
constexpr std::int64_t save_uses_every_ms = 60'000;

std::string hex_of(const net::token_digest& digest) {
  std::string text;
  for (const auto byte : digest) {
    constexpr std::string_view digits = "0123456789abcdef";
    text.push_back(digits[byte >> 4]);
    text.push_back(digits[byte & 15]);
  }
  return text;
}

bool read_digest(const json& text, net::token_digest& into) {
  if (!text.is_string()) return false;
  const auto bytes = profile::bytes_from_hex(text.get_ref<const std::string&>());
  if (!bytes || bytes->size() != into.size()) return false;
  std::copy(bytes->begin(), bytes->end(), into.begin());
  return true;
}

tl::unexpected<refusal> refuse(unsigned status, errc code, std::string why) {
  return tl::make_unexpected(refusal{status, {code, std::move(why)}, {}});
}

tl::unexpected<refusal> refuse_by_precondition() {
  return refuse(412, errc::invalid_argument, "the token is not as the precondition says: read it again");
}

bool is_name(std::string_view text) {
  constexpr std::string_view allowed = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._@-";
  return !text.empty() && text.size() <= token_store::name_bytes &&
         text.find_first_not_of(allowed) == std::string_view::npos;
}

tl::unexpected<refusal> not_there(const std::string& name) {
  return refuse(404, errc::not_found, "there is no token \"" + name + "\"; GET /v1/tokens lists them");
}

}  // namespace

struct token_store::kept {
  token_info info;
  net::token_digest digest{};
  net::token_digest previous{};        ///< before it was rotated
  std::int64_t previous_until_ms = 0;  ///< 0: it is good no more
  std::shared_ptr<net::identity> who;

  void make_identity() {
    net::credential rights;
    rights.name = rights.source = info.name;
    rights.can_publish = rights.can_read = rights.can_admin = false;
    rights.granted = info.role;
    who = std::make_shared<net::identity>(std::move(rights));
  }
};

token_store::token_store(persistence::file_system& files, std::string directory,
                         std::shared_ptr<net::credential_store> configured, std::function<std::int64_t()> now_ms)
    : files_(files), directory_(std::move(directory)), configured_(std::move(configured)), now_ms_(std::move(now_ms)) {}

token_store::~token_store() {
  saved_ms_ = 0;
  static_cast<void>(save_uses());  // only how long ago a token was used would be lost
}

result<std::unique_ptr<token_store>> token_store::open(persistence::file_system& files, std::string directory,
                                                       std::shared_ptr<net::credential_store> configured,
                                                       std::function<std::int64_t()> now_ms) {
  std::unique_ptr<token_store> made(
      new token_store(files, std::move(directory), std::move(configured), std::move(now_ms)));
  if (auto good = made->read(); !good) return tl::make_unexpected(good.error());
  return made;
}

result<void> token_store::read() {
  const auto path = directory_ + "/" + file_name;
  const auto text = persistence::read_file(files_, path);
  if (!text && text.error().code == errc::not_found) return {};
  if (!text) return tl::make_unexpected(text.error());
  const auto damaged = fail(errc::invalid_argument,
                            path + ": is damaged: bring it back from a backup, or delete it and make the tokens anew");
  const auto body = json::parse(*text, nullptr, false);
  if (!body.is_object() || body.value("version", json()) != 1 || !body.value("tokens", json()).is_array()) {
    return damaged;
  }
  for (const auto& each : body["tokens"]) {
    kept one;
    try {
      const auto role = net::parse_role(each.at("role").get<std::string>());
      if (!role || !read_digest(each.at("sha256"), one.digest)) return damaged;
      if (each.contains("previousSha256") && !read_digest(each["previousSha256"], one.previous)) return damaged;
      one.previous_until_ms = each.value("previousUntil", std::int64_t{0});
      one.info = {each.at("name").get<std::string>(),        *role,
                  each.at("description").get<std::string>(), each.at("version").get<std::uint64_t>(),
                  each.at("created").get<std::int64_t>(),    each.at("createdBy").get<std::string>(),
                  each.at("rotated").get<std::int64_t>(),    each.at("expires").get<std::int64_t>(),
                  each.at("used").get<std::int64_t>()};
    } catch (const json::exception&) {
      return damaged;
    }
    one.make_identity();
    all_.insert_or_assign(one.info.name, std::move(one));
  }
  return {};
}

result<void> token_store::write(const table& all) {
  auto list = json::array();
  for (const auto& [name, one] : all) {
    json made = {{"name", name},
                 {"role", net::name_of(one.info.role)},
                 {"description", one.info.description},
                 {"version", one.info.version},
                 {"created", one.info.created_ms},
                 {"createdBy", one.info.created_by},
                 {"rotated", one.info.rotated_ms},
                 {"expires", one.info.expires_ms},
                 {"used", one.info.used_ms},
                 {"sha256", hex_of(one.digest)}};
    if (one.previous_until_ms != 0) {
      made["previousSha256"] = hex_of(one.previous);
      made["previousUntil"] = one.previous_until_ms;
    }
    list.push_back(std::move(made));
  }
  if (auto made = files_.make_directory(directory_); !made) return made;
  const auto text = json{{"version", 1}, {"tokens", std::move(list)}}.dump(1) + "\n";
  return persistence::replace_file(files_, directory_, file_name, text);
}

change_result<void> token_store::commit(table next) {
  if (auto written = write(next); !written) {
    const auto full = written.error().code == errc::resource_exhausted;
    return refuse(full ? 507 : 503, written.error().code, written.error().message);
  }
  const std::lock_guard lock(mutex_);
  // What was used while the file was written.
  for (auto& [name, one] : next) {
    const auto before = all_.find(name);
    if (before != all_.end()) one.info.used_ms = std::max(one.info.used_ms, before->second.info.used_ms);
  }
  all_ = std::move(next);
  saved_ms_ = now_ms_();
  return {};
}

token_store::found token_store::find(std::string_view token) {
  if (!token.starts_with(token_prefix)) return {};
  const auto digest = net::digest_of(token);
  const auto now = now_ms_();
  const std::lock_guard lock(mutex_);
  for (auto& [name, one] : all_) {
    const bool current = one.digest == digest;
    if (!current && (one.previous_until_ms == 0 || one.previous != digest)) continue;
    auto until_ms = one.info.expires_ms;
    if (!current && (until_ms == 0 || one.previous_until_ms < until_ms)) until_ms = one.previous_until_ms;
    if (until_ms != 0 && until_ms <= now) {
      return {nullptr, 0, "the token \"" + name + "\" has ended, " + profile::format_time(until_ms)};
    }
    if (configured_->has(name)) {
      return {nullptr, 0, "the configuration has another credential \"" + name + "\" by now: rename it there"};
    }
    one.info.used_ms = now;
    used_ = true;
    return {one.who, until_ms, {}};
  }
  return {};
}

std::vector<token_info> token_store::list() const {
  std::vector<token_info> made;
  const std::lock_guard lock(mutex_);
  for (const auto& [name, one] : all_) made.push_back(one.info);
  return made;
}

std::optional<token_info> token_store::get(const std::string& name) const {
  const std::lock_guard lock(mutex_);
  const auto at = all_.find(name);
  if (at == all_.end()) return std::nullopt;
  return at->second.info;
}

change_result<token_store::outcome> token_store::put(const token_wanted& wanted, const std::string& by,
                                                     const precondition& only_if) {
  if (!is_name(wanted.name)) {
    return refuse(400, errc::invalid_argument,
                  "name: must be 1 to " + std::to_string(name_bytes) + " of A-Z a-z 0-9 . _ @ -");
  }
  if (wanted.description &&
      (wanted.description->size() > description_bytes || !profile::is_utf8(*wanted.description))) {
    return refuse(400, errc::invalid_argument,
                  "description: must be text of at most " + std::to_string(description_bytes) + " bytes");
  }
  const auto now = now_ms_();
  if (wanted.expires_ms && *wanted.expires_ms != 0 && *wanted.expires_ms <= now) {
    return refuse(400, errc::invalid_argument, "expires: must be in the future, or null: never");
  }
  const std::lock_guard changing(changing_);
  if (configured_->has(wanted.name)) {
    return refuse(409, errc::invalid_argument,
                  "the configuration has a credential \"" + wanted.name + "\", which is read only here");
  }
  auto next = copied();
  const auto at = next.find(wanted.name);
  const bool is_new = at == next.end();
  if (only_if && !only_if(is_new ? nullptr : &at->second.info)) return refuse_by_precondition();
  if (is_new && !wanted.role) return refuse(400, errc::invalid_argument, "role: missing");
  if (is_new && next.size() >= most_tokens) {
    return refuse(409, errc::resource_exhausted,
                  "there are " + std::to_string(most_tokens) + " tokens, as many as may be: delete some");
  }
  auto& one = is_new ? next[wanted.name] : at->second;
  outcome done;
  if (is_new) {
    done.token = std::string(token_prefix) + random_text();
    one.digest = net::digest_of(done.token);
    one.info.name = wanted.name;
    one.info.created_ms = now;
    one.info.created_by = by;
    one.info.expires_ms = now + usual_life_ms;
  } else {
    ++one.info.version;
  }
  if (wanted.role) one.info.role = *wanted.role;
  if (wanted.description) one.info.description = *wanted.description;
  if (wanted.expires_ms) one.info.expires_ms = *wanted.expires_ms;
  one.make_identity();
  done.now = one.info;
  if (auto good = commit(std::move(next)); !good) return tl::make_unexpected(good.error());
  return done;
}

token_store::table token_store::copied() const {
  const std::lock_guard lock(mutex_);
  return all_;
}

change_result<token_store::outcome> token_store::rotate(const std::string& name, std::int64_t grace_ms,
                                                        const precondition& only_if) {
  const std::lock_guard changing(changing_);
  auto next = copied();
  const auto at = next.find(name);
  if (at == next.end()) return not_there(name);
  auto& one = at->second;
  if (only_if && !only_if(&one.info)) return refuse_by_precondition();
  const auto now = now_ms_();
  outcome done;
  done.token = std::string(token_prefix) + random_text();
  one.previous = one.digest;
  one.previous_until_ms = grace_ms == 0 ? 0 : now + grace_ms;
  one.digest = net::digest_of(done.token);
  // As long again as it was meant to be good for, but no longer than a time can be written.
  if (one.info.expires_ms != 0) {
    const auto from = one.info.rotated_ms != 0 ? one.info.rotated_ms : one.info.created_ms;
    const auto life = std::max<std::int64_t>(one.info.expires_ms - from, 1);
    one.info.expires_ms = std::min(now + life, profile::latest_ms);
  }
  one.info.rotated_ms = now;
  ++one.info.version;
  done.now = one.info;
  if (auto good = commit(std::move(next)); !good) return tl::make_unexpected(good.error());
  return done;
}

change_result<void> token_store::remove(const std::string& name, const precondition& only_if) {
  const std::lock_guard changing(changing_);
  auto next = copied();
  const auto at = next.find(name);
  if (at == next.end()) return not_there(name);
  if (only_if && !only_if(&at->second.info)) return refuse_by_precondition();
  next.erase(at);
  return commit(std::move(next));
}

result<void> token_store::save_uses() {
  const std::lock_guard changing(changing_);
  table now;
  {
    const std::lock_guard lock(mutex_);
    if (!used_ || now_ms_() - saved_ms_ < save_uses_every_ms) return {};
    now = all_;
    used_ = false;
    saved_ms_ = now_ms_();
  }
  return write(now);
}

}  // namespace kith::admin
