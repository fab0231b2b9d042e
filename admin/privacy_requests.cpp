#include "admin/privacy_requests.hpp"

#include <algorithm>

#include "admin/json.hpp"
#include "admin/privacy_request_json.hpp"
#include "persistence/copying.hpp"
#include "persistence/erasure_book.hpp"
#include "persistence/whole_file.hpp"
#include "profile/utf8.hpp"

namespace kith::admin {

namespace {

constexpr std::string_view file_end = ".json";
constexpr const char* self = "kith";
constexpr std::size_t id_digits = 32;
constexpr std::int64_t clock_ahead_ms = 5 * 60 * 1000;

tl::unexpected<refusal> refuse(unsigned status, errc code, std::string why) {
  return tl::make_unexpected(refusal{status, {code, std::move(why)}, {}});
}

tl::unexpected<refusal> refused_by_disk(const error& why) {
  return refuse(why.code == errc::resource_exhausted ? 507 : 503, why.code, why.message);
}

/// Sorts by the time.
std::string new_request_id(std::int64_t now_ms) {
  constexpr std::string_view digits = "0123456789abcdef";
  std::string id;
  for (int shift = 44; shift >= 0; shift -= 4) id += digits[static_cast<std::size_t>(now_ms >> shift & 15)];
  return id + persistence::erasure_book::new_id().substr(id.size());
}

bool is_same(const profile::identifier& one, const profile::identifier& other) {
  profile::hash128 first;
  profile::hash128 second;
  return profile::address_of(one, first) && profile::address_of(other, second) && first == second;
}

result<void> remove_if_there(persistence::file_system& files, const std::string& path) {
  auto removed = files.remove(path);
  if (!removed && removed.error().code == errc::not_found) return {};
  return removed;
}

/// Their ids are hashes without a salt, which who guesses an identifier can tell.
void forget_profiles(privacy_request& of) {
  for (auto& each : of.result.exports) each.profile.clear();
  for (auto& each : of.result.applied) each.profile.clear();
}

/// A correction is of everybody whom the request names: it stays for those who are left, and no longer than they need
/// it.
void forget_correction(privacy_request& of) {
  const auto is_erased = [](const request_subject& each) { return each.id.value.empty(); };
  const auto gone = std::count_if(of.subject.begin(), of.subject.end(), is_erased);
  const bool needed = of.open() && gone < static_cast<std::ptrdiff_t>(of.subject.size());
  if (gone > 0 && !needed) of.traits = nullptr;
}

/// Why it failed may quote what it was to change.
void forget_failures(privacy_request& of) {
  constexpr const char* forgotten = "it failed before somebody was erased; why is deleted with them";
  if (!of.error.empty()) of.error = forgotten;
  for (auto& each : of.history) {
    if (each.action == "failed") each.detail = forgotten;
  }
}

bool withdraws(request_kind kind) noexcept { return kind == request_kind::opt_out || kind == request_kind::objection; }

/// What is wrong with what the request is to change; empty: nothing.
std::string complaint_about(const request_wanted& wanted, std::int64_t now_ms) {
  const auto name = std::string(name_of(wanted.kind));
  if (!is_right_by(wanted.by, wanted.kind)) {
    return "kind: " + name + " is no right by " + std::string(name_of(wanted.by)) +
           "; opt_out is one by ccpa, objection by gdpr";
  }
  const bool corrects = wanted.kind == request_kind::rectification;
  if (!corrects && !wanted.traits.is_null()) return "traits: go with the kind rectification only";
  if (!withdraws(wanted.kind) && !wanted.purposes.empty())
    return "purposes: go with the kinds opt_out and objection only";
  if (corrects && (!wanted.traits.is_object() || wanted.traits.empty())) {
    return "traits: missing; give the corrected ones as an object, as an identify event has them; null takes one out";
  }
  if (corrects && dump(wanted.traits).size() > privacy_requests::most_traits_bytes) {
    return "traits: must be at most " + std::to_string(privacy_requests::most_traits_bytes) + " bytes of JSON";
  }
  if (withdraws(wanted.kind) && wanted.purposes.empty()) return "purposes: missing; name those that it is about";
  if (!corrects && !withdraws(wanted.kind)) return {};
  privacy_request tried;
  tried.id = std::string(id_digits, '0');
  tried.traits = wanted.traits;
  tried.purposes = wanted.purposes;
  const auto event = event_of(tried, {profile::id_kind::user, {}, "anybody"}, now_ms);
  profile::reception now;
  now.received_ms = now_ms;
  const auto good = profile::parse_event(event, now);
  return good ? std::string() : good.error().message;
}

}  // namespace

privacy_requests::privacy_requests(persistence::file_system& files, const std::string& data, request_settings settings,
                                   std::function<std::int64_t()> now_ms,
                                   std::function<void(std::string_view, std::string_view)> log)
    : files_(files),
      directory_(data + "/privacy/requests"),
      exports_(data + "/exports"),
      settings_(settings),
      now_ms_(std::move(now_ms)),
      log_(std::move(log)) {}

result<std::unique_ptr<privacy_requests>> privacy_requests::open(
    persistence::file_system& files, const std::string& data, request_settings settings,
    std::function<std::int64_t()> now_ms, std::function<void(std::string_view, std::string_view)> log) {
  std::unique_ptr<privacy_requests> made(
      new privacy_requests(files, data, settings, std::move(now_ms), std::move(log)));
  if (auto good = made->read(); !good) return tl::make_unexpected(good.error());
  if (auto clean = made->remove_strays(); !clean) return tl::make_unexpected(clean.error());
  return made;
}

result<void> privacy_requests::read() {
  const auto names = files_.list(directory_);
  if (!names && names.error().code == errc::not_found) return {};
  if (!names) return tl::make_unexpected(names.error());
  for (const auto& name : *names) {
    if (!name.ends_with(file_end)) continue;  // a write that a crash interrupted
    const auto path = directory_ + "/" + name;
    const auto text = persistence::read_file(files_, path);
    if (!text) return tl::make_unexpected(text.error());
    auto one = read_request(*text);
    if (!one || one->id + std::string(file_end) != name) {
      return fail(errc::invalid_argument,
                  path + ": is damaged" + (one ? "" : ": " + one.error().message) +
                      "; bring it back from a backup, or move it away and enter the request anew");
    }
    all_.insert_or_assign(one->id, std::move(*one));
  }
  return {};
}

/// Documents that a crash interrupted, or that no request speaks of.
result<void> privacy_requests::remove_strays() {
  const auto names = files_.list(exports_);
  if (!names && names.error().code == errc::not_found) return {};
  if (!names) return tl::make_unexpected(names.error());
  for (const auto& name : *names) {
    const auto of = all_.find(name.substr(0, id_digits));
    const bool known = !name.ends_with(partial_end) && of != all_.end() && !of->second.result.exports.empty();
    if (known) continue;
    if (auto removed = remove_if_there(files_, exports_ + "/" + name); !removed) return removed;
  }
  return {};
}

result<void> privacy_requests::write(const privacy_request& what) {
  if (auto made = files_.make_directory(directory_); !made) return made;
  persistence::keep_private(directory_);
  return persistence::replace_file(files_, directory_, what.id + std::string(file_end), to_json(what).dump(1) + "\n");
}

/// REQUIRES: changing_ is held.
result<void> privacy_requests::commit(privacy_request next) {
  ++next.version;
  if (auto written = write(next); !written) return written;
  const std::lock_guard lock(mutex_);
  all_.insert_or_assign(next.id, std::move(next));
  return {};
}

std::size_t privacy_requests::count_open() const {
  return static_cast<std::size_t>(
      std::count_if(all_.begin(), all_.end(), [](const auto& each) { return each.second.open(); }));
}

change_result<privacy_request> privacy_requests::create(const request_wanted& wanted, const std::string& by) {
  const auto now = now_ms_();
  if (wanted.subject.empty() || wanted.subject.size() > most_subjects) {
    return refuse(400, errc::invalid_argument,
                  "subject: must be 1 to " + std::to_string(most_subjects) + " identifiers of the person");
  }
  if (wanted.note.size() > most_text || !profile::is_utf8(wanted.note)) {
    return refuse(400, errc::invalid_argument, "note: must be text of at most " + std::to_string(most_text) + " bytes");
  }
  if (wanted.received_ms > now + clock_ahead_ms) {
    return refuse(400, errc::invalid_argument, "receivedAt: must not be in the future");
  }
  if (auto why = complaint_about(wanted, now); !why.empty()) {
    return refuse(400, errc::invalid_argument, std::move(why));
  }
  const std::lock_guard one_at_a_time(changing_);
  std::size_t open = 0;
  std::size_t kept = 0;
  {
    const std::lock_guard lock(mutex_);
    open = count_open();
    kept = all_.size();
  }
  if (open >= most_open || kept >= most_kept) {
    log_("error", "a privacy request was refused: " + std::to_string(open) + " are open and " + std::to_string(kept) +
                      " kept, as many as may be");
    return refuse(507, errc::resource_exhausted,
                  "there are " + std::to_string(open) + " open requests of " + std::to_string(most_open) + ", and " +
                      std::to_string(kept) + " kept of " + std::to_string(most_kept) +
                      ": carry some out, or lower privacy.requests_keep");
  }
  privacy_request made;
  made.id = new_request_id(now);
  made.kind = wanted.kind;
  made.by = wanted.by;
  made.subject = wanted.subject;
  made.traits = wanted.traits;
  made.purposes = wanted.purposes;
  made.note = wanted.note;
  made.received_ms = wanted.received_ms == 0 ? now : wanted.received_ms;
  made.due_ms = due_of(made.by, made.kind, made.received_ms, false);
  made.confirm_by_ms = confirm_by_of(made.by, made.kind, made.received_ms);
  made.history.push_back({now, by, "received", {}});
  if (wanted.run) {
    made.status = request_status::running;
    made.history.push_back({now, by, "run", {}});
  }
  made.version = 0;
  if (auto written = commit(made); !written) return refused_by_disk(written.error());
  if (wanted.run) wake();
  made.version = 1;
  return made;
}

/// Nothing: it is as it should be now.
std::optional<refusal> privacy_requests::apply(privacy_request& to, request_action what) const {
  const auto conflict = [&](const std::string& why) {
    return refusal{409, {errc::invalid_argument, "the request is " + std::string(name_of(to.status)) + why}, {}};
  };
  const auto now = now_ms_();
  const bool waits = to.status == request_status::received || to.status == request_status::verified;
  if (!to.open()) return conflict(": nothing of it changes any more");
  switch (what) {
    case request_action::confirm:
      if (to.confirmed_ms != 0) return conflict(", and its receipt was confirmed before");
      to.confirmed_ms = now;
      return std::nullopt;
    case request_action::verify:
      if (to.verified || !waits) return conflict(", and cannot be verified any more");
      to.verified = true;
      to.status = request_status::verified;
      return std::nullopt;
    case request_action::extend:
      if (!may_be_extended(to.kind)) return conflict(", and the law gives no more time to an opt-out");
      if (to.extended) return conflict(", and was extended before, which may be once");
      if (now > to.due_ms) return conflict(", and overdue: it could be extended until it was due");
      to.extended = true;
      to.due_ms = due_of(to.by, to.kind, to.received_ms, true);
      return std::nullopt;
    case request_action::run:
      if (!waits) return conflict(" already");
      if (to.history.size() >= most_steps) return conflict(", and was tried too often: refuse it and enter a new one");
      to.status = request_status::running;
      to.error.clear();
      return std::nullopt;
    case request_action::refuse:
      if (!waits) return conflict(", and cannot be refused any more");
      to.status = request_status::refused;
      to.closed_ms = now;
      forget_correction(to);
      return std::nullopt;
  }
  return std::nullopt;
}

change_result<privacy_request> privacy_requests::step(const std::string& id, request_action what, const std::string& by,
                                                      const std::string& reason,
                                                      const std::function<bool(const privacy_request&)>& only_if) {
  constexpr std::string_view done_as[] = {"confirmed", "verified", "extended", "run", "refused"};
  if (reason.size() > most_text || !profile::is_utf8(reason)) {
    return refuse(400, errc::invalid_argument,
                  "reason: must be text of at most " + std::to_string(most_text) + " bytes");
  }
  if ((what == request_action::extend || what == request_action::refuse) && reason.empty()) {
    return refuse(400, errc::invalid_argument, "reason: missing; the person has to be told");
  }
  const std::lock_guard one_at_a_time(changing_);
  auto next = get(id);
  if (!next) return refuse(404, errc::not_found, "there is no such request; GET /v1/privacy/requests lists them");
  if (only_if && !only_if(*next)) {
    return refuse(412, errc::invalid_argument, "the request is not as the precondition says: read it again");
  }
  if (auto refused = apply(*next, what)) return tl::make_unexpected(std::move(*refused));
  next->history.push_back({now_ms_(), by, std::string(done_as[static_cast<std::size_t>(what)]), reason});
  if (auto written = commit(*next); !written) return refused_by_disk(written.error());
  if (what == request_action::run) {
    {
      const std::lock_guard lock(mutex_);
      put_off_ms_.erase(id);
    }
    wake();
  }
  return *get(id);
}

std::optional<privacy_request> privacy_requests::get(const std::string& id) const {
  const std::lock_guard lock(mutex_);
  const auto found = all_.find(id);
  return found == all_.end() ? std::nullopt : std::optional(found->second);
}

request_page privacy_requests::list(const request_filter& filter, const std::string& behind, std::size_t limit) const {
  const auto now = now_ms_();
  request_page page;
  const std::lock_guard lock(mutex_);
  auto at = std::make_reverse_iterator(behind.empty() ? all_.end() : all_.lower_bound(behind));
  for (; at != all_.rend(); ++at) {
    const auto& each = at->second;
    if (filter.kind && each.kind != *filter.kind) continue;
    if (filter.status && each.status != *filter.status) continue;
    if (filter.only_open && !each.open()) continue;
    if (filter.only_overdue && standing_of(each, now, 0) != request_standing::overdue) continue;
    if (page.items.size() == limit) {
      page.next = page.items.back().id;
      break;
    }
    page.items.push_back(each);
  }
  return page;
}

request_counts privacy_requests::counts() const {
  const auto now = now_ms_();
  request_counts made;
  const std::lock_guard lock(mutex_);
  for (const auto& [id, each] : all_) {
    const auto standing = standing_of(each, now, settings_.soon_ms);
    made.open += each.open() ? 1 : 0;
    made.overdue += standing == request_standing::overdue ? 1 : 0;
    made.due_soon += standing == request_standing::due_soon ? 1 : 0;
    made.failing += each.open() && !each.error.empty() ? 1 : 0;
    for (const auto& one : each.result.exports) made.export_bytes += one.gone ? 0 : one.bytes;
  }
  return made;
}

std::optional<privacy_request> privacy_requests::next_running() const {
  const auto now = now_ms_();
  const std::lock_guard lock(mutex_);
  for (const auto& [id, each] : all_) {
    if (each.status != request_status::running) continue;
    const auto off = put_off_ms_.find(id);
    if (off == put_off_ms_.end() || off->second <= now) return each;
  }
  return std::nullopt;
}

result<void> privacy_requests::add_receipt(const std::string& id, const std::string& receipt) {
  const std::lock_guard one_at_a_time(changing_);
  auto next = get(id);
  if (!next) return fail(errc::not_found, "there is no such request");
  next->result.receipts.push_back(receipt);
  return commit(std::move(*next));
}

result<void> privacy_requests::finish(const privacy_request& as_run, request_result with) {
  const std::lock_guard one_at_a_time(changing_);
  auto next = get(as_run.id);
  if (!next) return fail(errc::not_found, "there is no such request");
  const auto now = now_ms_();
  // Whoever was erased while the documents were made is not to be in any.
  bool forgotten = false;
  for (std::size_t i = 0; i < next->subject.size(); ++i) {
    forgotten = forgotten || (next->subject[i].id.value.empty() && !as_run.subject[i].id.value.empty());
  }
  next->status = request_status::done;
  next->closed_ms = now;
  next->error.clear();
  next->result = std::move(with);
  if (next->confirmed_ms == 0) next->confirmed_ms = now;
  next->history.push_back({now, self, "done", {}});
  if (next->kind == request_kind::erasure) {  // also whom nothing was kept of
    for (auto& each : next->subject) each.id = {};
  }
  if (forgotten) {
    bool any = false;
    if (auto removed = remove_exports(*next, any); !removed) return removed;
    forget_profiles(*next);
  }
  forget_correction(*next);
  return commit(std::move(*next));
}

/// What is wrong with the request itself may quote it, and so the person: that is only in its file, never in the log.
result<void> privacy_requests::fail_to_run(const std::string& id, const error& why, std::int64_t later_ms) {
  const std::lock_guard one_at_a_time(changing_);
  auto next = get(id);
  if (!next) return fail(errc::not_found, "there is no such request");
  {
    const std::lock_guard lock(mutex_);
    if (later_ms != 0) put_off_ms_[id] = later_ms;
  }
  const bool told = next->error == why.message;
  if (told && later_ms != 0) return {};  // as before
  const bool of_itself = why.code == errc::invalid_argument || why.code == errc::too_large;
  log_("error",
       "privacy request " + id + ": " +
           (of_itself ? "cannot be carried out as it is (" + std::string(name_of(why.code)) + "); its `error` says why"
                      : why.message));
  next->error = why.message;
  if (later_ms == 0) next->status = next->verified ? request_status::verified : request_status::received;
  if (next->history.size() < most_steps) next->history.push_back({now_ms_(), self, "failed", why.message});
  return commit(std::move(*next));
}

void privacy_requests::wait(std::chrono::milliseconds most) {
  std::unique_lock lock(mutex_);
  woken_.wait_for(lock, most, [this] { return wake_; });
  wake_ = false;
}

void privacy_requests::wake() {
  const std::lock_guard lock(mutex_);
  wake_ = true;
  woken_.notify_all();
}

std::string privacy_requests::export_path(const std::string& id, std::size_t number) const {
  return exports_ + "/" + id + "." + std::to_string(number) + ".json";
}

result<std::unique_ptr<persistence::file>> privacy_requests::open_export(const std::string& id,
                                                                         std::size_t number) const {
  return files_.open(export_path(id, number), persistence::open_mode::read);
}

/// `any`: was one there?
result<void> privacy_requests::remove_exports(privacy_request& of, bool& any) {
  for (std::size_t i = 0; i < of.result.exports.size(); ++i) {
    auto& each = of.result.exports[i];
    if (each.gone) continue;
    if (auto removed = remove_if_there(files_, export_path(of.id, i + 1)); !removed) return removed;
    each.gone = any = true;
  }
  return any ? files_.sync_directory(exports_) : result<void>();
}

/// What a request that runs has made: it is listed only once all of it is done.
result<void> privacy_requests::remove_unlisted(const std::string& id, bool& any) {
  for (std::size_t number = 1; number <= most_subjects; ++number) {
    const auto path = export_path(id, number);
    for (const auto& each : {path, path + std::string(partial_end)}) {
      auto removed = files_.remove(each);
      if (!removed && removed.error().code != errc::not_found) return removed;
      any = any || removed;
    }
  }
  return any ? files_.sync_directory(exports_) : result<void>();
}

result<void> privacy_requests::sweep() {
  const std::lock_guard one_at_a_time(changing_);
  const auto now = now_ms_();
  std::vector<privacy_request> due;
  {
    const std::lock_guard lock(mutex_);
    for (const auto& [id, each] : all_) {
      const bool old = !each.open() && now - each.closed_ms > settings_.keep_ms;
      const bool expired = std::any_of(each.result.exports.begin(), each.result.exports.end(),
                                       [&](const request_export& one) { return !one.gone && one.until_ms <= now; });
      if (old || expired) due.push_back(each);
    }
  }
  for (auto& each : due) {
    bool any = false;
    if (auto removed = remove_exports(each, any); !removed) return removed;
    if (each.open() || now - each.closed_ms <= settings_.keep_ms) {
      if (auto written = commit(std::move(each)); !written) return written;
      continue;
    }
    if (auto removed = remove_if_there(files_, directory_ + "/" + each.id + std::string(file_end)); !removed) {
      return removed;
    }
    const std::lock_guard lock(mutex_);
    all_.erase(each.id);
  }
  return {};
}

result<std::uint64_t> privacy_requests::forget(const std::vector<profile::identifier>& who) {
  const std::lock_guard one_at_a_time(changing_);
  std::vector<privacy_request> about;
  const auto named = [&](const request_subject& of) {
    return !of.id.value.empty() &&
           std::any_of(who.begin(), who.end(), [&](const profile::identifier& each) { return is_same(of.id, each); });
  };
  {
    const std::lock_guard lock(mutex_);
    for (const auto& [id, each] : all_) {
      if (std::any_of(each.subject.begin(), each.subject.end(), named)) about.push_back(each);
    }
  }
  for (auto& each : about) {
    for (auto& one : each.subject) {
      if (named(one)) one.id = {};
    }
    forget_correction(each);
    forget_failures(each);
    bool any = false;
    if (auto removed = remove_exports(each, any); !removed) return tl::make_unexpected(removed.error());
    forget_profiles(each);
    const bool runs = each.status == request_status::running;
    const auto id = each.id;
    if (runs) {
      if (auto removed = remove_unlisted(id, any); !removed) return tl::make_unexpected(removed.error());
    }
    each.history.push_back({now_ms_(), self, "erased", any ? "its documents are deleted" : ""});
    if (auto written = commit(std::move(each)); !written) return tl::make_unexpected(written.error());
    // What was begun meanwhile; from here on the worker sees that they were erased.
    if (runs) {
      if (auto removed = remove_unlisted(id, any); !removed) return tl::make_unexpected(removed.error());
    }
  }
  return about.size();
}

}  // namespace kith::admin
