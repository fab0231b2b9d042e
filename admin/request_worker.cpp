#include "admin/request_worker.hpp"

#include <algorithm>
#include <array>

#include "admin/asking.hpp"
#include "admin/audit_log.hpp"
#include "admin/json.hpp"
#include "admin/person_export.hpp"
#include "admin/privacy_request_json.hpp"
#include "admin/receipts.hpp"
#include "admin/sha256.hpp"
#include "persistence/copying.hpp"
#include "persistence/dead_letters.hpp"
#include "persistence/thread_name.hpp"

namespace kith::admin {

namespace {

using nlohmann::json;

constexpr std::chrono::milliseconds look_again{1000};
constexpr std::int64_t sweep_every_ms = 60'000;
constexpr std::int64_t first_pause_ms = 5'000;
constexpr std::int64_t longest_pause_ms = 600'000;
constexpr std::string_view event_source = "privacy request";

/// Will it never do, however often it is tried?
bool is_final(errc code) noexcept { return code == errc::invalid_argument || code == errc::too_large; }

/// The profile's map; null: there is none.
result<json> read_profile(actors::service& service, const profile::identifier& of) {
  profile::hash128 address;
  if (!profile::address_of(of, address)) return json(nullptr);
  const auto told = ask_profile(service, [address](actors::service& from, actors::read_done done) {
    from.read(0, {address}, {}, std::move(done));
  });
  if (!told) return tl::make_unexpected(told.error());
  return *told ? to_json(**told) : json(nullptr);
}

/// Behind all that the profile was told, so that the request's word is the newest: senders' clocks may be ahead by
/// limits::future_tolerance_ms.
result<std::int64_t> time_of_word(actors::service& service, const profile::identifier& of, const json& map,
                                  std::int64_t now_ms) {
  auto time_ms = now_ms;
  const auto follow = [&](const json& said) {
    std::int64_t at_ms = 0;
    if (!said.is_object() || !profile::parse_time(said.value("at", ""), at_ms)) return;
    time_ms = std::max(time_ms, std::min(at_ms + 1, now_ms + limits::future_tolerance_ms));
  };
  const auto consent = map.is_object() ? map.value("consent", json::object()) : json::object();
  std::for_each(consent.begin(), consent.end(), follow);
  profile::hash128 address;
  if (!profile::address_of(of, address)) return time_ms;
  const auto told = ask_profile(service, [address](actors::service& from, actors::read_done done) {
    from.read_trait_sources(0, address, std::move(done));
  });
  if (!told) return tl::make_unexpected(told.error());
  const auto traits = *told ? to_json(**told) : json::array();
  std::for_each(traits.begin(), traits.end(), follow);
  return time_ms;
}

}  // namespace

request_worker::request_worker(persistence::file_system& files, actors::service& service, parts with,
                               std::function<void(std::string_view, std::string_view)> log)
    : files_(files),
      service_(service),
      with_(std::move(with)),
      requests_(*with_.requests),
      log_(std::move(log)),
      thread_([this] { run(); }) {}

request_worker::~request_worker() {
  stopping_ = true;
  requests_.wake();
  thread_.join();
}

void request_worker::run() {
  persistence::name_thread("privacy");
  while (!stopping_) {
    const auto now = requests_.now_ms();
    if (now - swept_ms_ >= sweep_every_ms) {
      swept_ms_ = now;
      if (auto swept = requests_.sweep(); !swept) log_("error", "privacy requests: " + swept.error().message);
    }
    const auto next =
        service_.state().now == actors::phase::ready ? requests_.next_running() : std::optional<privacy_request>();
    if (next) {
      carry_out(*next);
    } else {
      requests_.wait(look_again);
    }
  }
}

void request_worker::carry_out(const privacy_request& what) {
  auto made = record(what, "begin", "done");
  if (made) {
    if (auto told = answer(what); told) {
      made = record(what, "finish", "done");
      if (made) made = requests_.finish(what, std::move(*told));
    } else {
      made = tl::make_unexpected(told.error());
    }
  }
  if (made) {
    pause_ms_ = 0;
    log_("info", "privacy request " + what.id + ": " + std::string(name_of(what.kind)) + " is carried out");
    return;
  }
  if (stopping_) return;                              // the next start goes on
  static_cast<void>(record(what, "fail", "failed"));  // the server's log tells it, too
  pause_ms_ = std::clamp(pause_ms_ * 2, first_pause_ms, longest_pause_ms);
  const auto later = is_final(made.error().code) ? 0 : requests_.now_ms() + pause_ms_;
  if (auto noted = requests_.fail_to_run(what.id, made.error(), later); !noted) {
    log_("error", "privacy request " + what.id + ": " + noted.error().message);
    requests_.wait(look_again);
  }
}

result<request_result> request_worker::answer(const privacy_request& what) {
  request_result made;
  for (std::size_t i = 0; i < what.subject.size(); ++i) {
    auto done = stopping_ ? result<void>(fail(errc::unavailable, "the server is stopping")) : answer(what, i, made);
    if (done) continue;
    for (std::size_t number = made.exports.size(); number > 0; --number)
      discard(requests_.export_path(what.id, number));
    return tl::make_unexpected(done.error());
  }
  if (const auto now = requests_.get(what.id)) made.receipts = now->result.receipts;
  return made;
}

result<void> request_worker::answer(const privacy_request& what, std::size_t subject, request_result& to) {
  switch (what.kind) {
    case request_kind::access:
    case request_kind::portability: return write_export(what, subject, to);
    case request_kind::erasure: return erase(what.id, subject, to);
    case request_kind::rectification:
    case request_kind::opt_out:
    case request_kind::objection: break;
  }
  return tell_profile(what.id, subject, to);
}

/// Nothing of a person lies about in a document that nobody knows of.
void request_worker::discard(const std::string& path) const {
  if (auto removed = files_.remove(path); !removed && removed.error().code != errc::not_found) {
    log_("error", removed.error().message + "; the next start deletes it");
  }
}

/// A document for each profile that the subject's identifiers lead to.
result<void> request_worker::write_export(const privacy_request& what, std::size_t subject, request_result& to) {
  const auto is_erased = [&] {
    const auto now = requests_.get(what.id);
    return !now || now->subject[subject].id.value.empty();
  };
  if (is_erased()) {
    ++to.not_found;
    return {};
  }
  const auto path = requests_.export_path(what.id, to.exports.size() + 1);
  auto taken = requests_.counts().export_bytes;
  for (const auto& each : to.exports) taken += each.bytes;
  auto made = write_document(path, what.subject[subject].id, taken);
  if (!made && made.error().code == errc::not_found) {
    ++to.not_found;
    return {};
  }
  if (!made) return tl::make_unexpected(made.error());
  const bool again = !made->profile.empty() && std::any_of(to.exports.begin(), to.exports.end(), [&](const auto& each) {
    return each.profile == made->profile;
  });
  if (again) {
    discard(path);
    return {};
  }
  if (is_erased()) {  // while it was written
    discard(path);
    ++to.not_found;
    return {};
  }
  to.exports.push_back(std::move(*made));
  return {};
}

/// `taken`: bytes of the documents that are there.
result<request_export> request_worker::write_document(const std::string& path, const profile::identifier& of,
                                                      std::uint64_t taken) {
  const auto now_ms = [this] { return requests_.now_ms(); };
  auto document = person_export::begin(service_, with_, of, now_ms);
  if (!document) return tl::make_unexpected(document.error());
  if (auto made = files_.make_directory(requests_.export_directory()); !made) return tl::make_unexpected(made.error());
  persistence::keep_private(requests_.export_directory());
  const auto unfinished = path + std::string(privacy_requests::partial_end);
  discard(unfinished);
  discard(path);
  auto file = files_.open(unfinished, persistence::open_mode::create);
  if (!file) return tl::make_unexpected(file.error());
  request_export made;
  auto written = write_pieces(**file, **document, taken, made);
  if (written) written = (*file)->sync();
  if (written) written = files_.rename(unfinished, path);
  if (written) written = files_.sync_directory(requests_.export_directory());
  if (!written) {
    discard(unfinished);
    discard(path);
    return tl::make_unexpected(written.error());
  }
  made.profile = (*document)->profile_id();
  made.until_ms = requests_.now_ms() + requests_.settings().export_keep_ms;
  return made;
}

result<void> request_worker::write_pieces(persistence::file& to, person_export& from, std::uint64_t taken,
                                          request_export& made) const {
  sha256 digest;
  for (;;) {
    if (stopping_) return fail(errc::unavailable, "the server is stopping");
    const auto piece = from.next();
    if (!piece) return tl::make_unexpected(piece.error());
    if (piece->empty()) break;
    made.bytes += piece->size();
    if (taken + made.bytes > requests_.settings().export_bytes) {
      return fail(errc::resource_exhausted,
                  "the documents would take more than privacy.export_bytes; some go by themselves after "
                  "privacy.export_keep, or raise it");
    }
    digest.add(*piece);
    const std::array<std::string_view, 1> pieces{*piece};
    if (auto appended = to.append(pieces); !appended) return appended;
  }
  made.sha256 = digest.hex();
  return {};
}

/// By the request as it is now: the erasure of one identifier takes the person's others out of it.
result<void> request_worker::erase(const std::string& id, std::size_t subject, request_result& to) {
  const auto now = requests_.get(id);
  if (!now) return fail(errc::not_found, "there is no such request");
  const auto& whom = now->subject[subject];
  return is_receipted(*now, whom.hash) ? result<void>() : erase_person(*now, whom, to);
}

result<void> request_worker::erase_person(const privacy_request& what, const request_subject& whom,
                                          request_result& to) {
  if (with_.receipts == nullptr) return fail(errc::invalid_argument, "this server has no key for receipts");
  actors::erasure done;
  if (whom.id.value.empty()) {  // before this request, or by it before a crash
    persistence::salted_hash hash{};
    if (!persistence::from_hex(whom.hash, hash) || !service_.suppressed()->all().contains(hash)) {
      ++to.not_found;
      return {};
    }
    done.at_ms = requests_.now_ms();
    done.hashes.push_back(hash);
  } else {
    auto erased = service_.erase(whom.id);
    if (!erased && erased.error().code == errc::not_found) {
      ++to.not_found;
      if (with_.letters == nullptr || whom.id.kind == profile::id_kind::profile) return {};
      const std::vector<std::string> values{whom.id.value};
      const auto letters =
          with_.letters->erase([&](const persistence::dead_letter& letter) { return names_any(letter, values); });
      if (!letters) return tl::make_unexpected(letters.error());
      to.dead_letters += *letters;
      return {};
    }
    if (!erased) return tl::make_unexpected(erased.error());
    done = std::move(*erased);
  }
  const auto reason =
      std::string(what.by == regulation::gdpr ? "GDPR Art. 17" : "CCPA 1798.105") + ", request " + what.id;
  return requests_.add_receipt(what.id, with_.receipts->sign(done, reason));
}

/// A correction is of what is kept. An opt-out or objection is kept also of who is not known yet, so that it holds when
/// they come.
result<void> request_worker::tell_profile(const std::string& id, std::size_t subject, request_result& to) {
  const auto now = requests_.get(id);
  if (!now) return fail(errc::not_found, "there is no such request");
  const auto& whom = now->subject[subject].id;
  const bool corrects = now->kind == request_kind::rectification;
  if (whom.value.empty() || (corrects && now->traits.is_null())) {  // erased meanwhile
    ++to.not_found;
    return {};
  }
  const auto before = read_profile(service_, whom);
  if (!before) return tl::make_unexpected(before.error());
  if (before->is_null()) ++to.not_found;
  auto named = whom.kind != profile::id_kind::profile ? std::optional(whom)
               : before->is_null()                    ? std::nullopt
                                                      : readable_identifier(*before);
  if (before->is_null() && (corrects || !named)) return {};
  if (!named) return fail(errc::invalid_argument, "the profile has no identifier that an event could name it by");
  const auto at_ms = time_of_word(service_, whom, *before, requests_.now_ms());
  if (!at_ms) return tl::make_unexpected(at_ms.error());
  const auto taken = publish(*now, *named, *at_ms);
  if (!taken) return tl::make_unexpected(taken.error());
  if (!*taken) {  // erased meanwhile, or before
    if (!before->is_null()) ++to.not_found;
    return {};
  }
  const auto after = read_profile(service_, whom);
  if (!after) return tl::make_unexpected(after.error());
  const auto profile = after->is_null() ? std::string() : after->value("profile", std::string());
  const bool again = !profile.empty() && std::any_of(to.applied.begin(), to.applied.end(),
                                                     [&](const auto& each) { return each.profile == profile; });
  if (!again) to.applied.push_back({profile, requests_.now_ms()});
  return {};
}

/// False: the person is suppressed. A duplicate was applied before.
result<bool> request_worker::publish(const privacy_request& what, const profile::identifier& whom, std::int64_t at_ms) {
  std::string events;
  profile::msgpack::writer(events).array(1);
  events += event_of(what, whom, at_ms);
  const auto outcome = publish_and_wait(service_, std::move(events), std::string(event_source));
  if (!outcome) return tl::make_unexpected(outcome.error());
  if (outcome->rejected.empty()) return true;
  const auto& refused = outcome->rejected.front();
  if (refused.code == errc::suppressed) return false;
  return fail(refused.code, "its event was refused: " + refused.message);
}

/// Does a receipt of the request name this hash?
bool request_worker::is_receipted(const privacy_request& what, const std::string& hash) const {
  if (with_.receipts == nullptr) return false;
  const auto keys = with_.receipts->keys();
  return std::any_of(what.result.receipts.begin(), what.result.receipts.end(), [&](const std::string& each) {
    const auto claims = verify_receipt(each, keys);
    if (!claims) return false;
    const auto ids = claims->value("ids", json::array());
    return std::find(ids.begin(), ids.end(), hash) != ids.end();
  });
}

result<void> request_worker::record(const privacy_request& what, const std::string& action,
                                    const std::string& outcome) const {
  if (with_.audit == nullptr) return {};
  const auto done = with_.audit->append({{"method", action},
                                         {"route", "privacy request"},
                                         {"status", outcome == "done" ? 200 : 500},
                                         {"outcome", outcome},
                                         {"who", "kith"},
                                         {"arguments", {what.id}},
                                         {"noted",
                                          {{"kind", name_of(what.kind)},
                                           {"regulation", name_of(what.by)},
                                           {"purposes", what.purposes},
                                           {"subjects", audit_names_of(what.subject)}}}});
  if (!done) return tl::make_unexpected(done.error());
  return {};
}

}  // namespace kith::admin
