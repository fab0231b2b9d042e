#include "net/methods.hpp"

#include <algorithm>
#include <array>
#include <boost/asio/post.hpp>
#include <iterator>

#include "actors/publish_span.hpp"
#include "actors/tracing.hpp"
#include "net/responses.hpp"
#include "net/session.hpp"
#include "persistence/event_letter.hpp"
#include "profile/msgpack.hpp"

namespace kith::net {

namespace msgpack = profile::msgpack;

namespace {

constexpr std::size_t gets_together = 1024;
constexpr std::uint64_t letters_retry_ms = 1000;  ///< when rejected events could not be kept

/// A publish that came with this header.
actors::open_span begin_publish(actors::tracer* to, std::string_view traceparent, std::string_view source,
                                std::uint32_t events, actors::time_point arrived) {
  if (to == nullptr) return {};
  const auto within = to->begin(traceparent);
  if (!within.sampled) return {};
  actors::open_span made(to, within, actors::span_kind::server, "publish", arrived);
  made.note("rpc.system", "msgpack_rpc");
  made.note("rpc.service", "kith");
  made.note("rpc.method", "publish");
  made.note("kith.source", source);
  made.note("kith.events", std::int64_t{events});
  return made;
}

/// Into the outcome of what was published, whose indexes become those of what was sent.
void add_held_back(judged_events& held, bool detail, actors::publish_outcome& into) {
  for (auto& each : into.rejected) each.index = held.indexes[each.index];
  if (detail) {
    std::vector<actors::detail> all(held.indexes.size() + held.refused.size());
    for (const auto& each : held.refused) all[each.index].rejected = true;
    for (std::size_t i = 0; i < into.details.size(); ++i) all[held.indexes[i]] = std::move(into.details[i]);
    into.details = std::move(all);
  }
  std::move(held.refused.begin(), held.refused.end(), std::back_inserter(into.rejected));
  std::stable_sort(into.rejected.begin(), into.rejected.end(),
                   [](const auto& a, const auto& b) { return a.index < b.index; });
}

}  // namespace

methods::methods(session& owner) : owner_(owner), requests_(owner.bounds().requests_per_second) {}

const methods::entry* methods::find(std::string_view name) noexcept {
  static constexpr std::array table = {
      entry{"publish", right::publish, &methods::publish}, entry{"get", right::read, &methods::get},
      entry{"get_many", right::read, &methods::get_many},  entry{"hello", right::none, &methods::hello},
      entry{"watch", right::read, &methods::watch},        entry{"unwatch", right::read, &methods::unwatch},
      entry{"segments", right::read, &methods::segments},  entry{"explain", right::read, &methods::explain},
      entry{"stats", right::any, &methods::stats},         entry{"erase", right::privacy, &methods::erase},
  };
  for (const entry& one : table) {
    if (one.name == name) return &one;
  }
  return nullptr;
}

void methods::show_certificate(std::string common_name) {
  common_name_ = std::move(common_name);
  judged_at_ = owner_.server().credentials->generation();
  who_ = owner_.server().credentials->by_common_name(common_name_);
}

void methods::judge_anew() {
  const credential_store& store = *owner_.server().credentials;
  const std::uint64_t generation = store.generation();
  if (generation == judged_at_) return;
  judged_at_ = generation;
  if (token_) {
    who_ = store.by_digest(*token_);
  } else if (!common_name_.empty()) {
    who_ = store.by_common_name(common_name_);
  }
}

bool methods::may(right needed) const noexcept {
  const credential& rights = who_->rights;
  switch (needed) {
    case right::publish: return rights.can_publish;
    case right::read: return rights.can_read;
    case right::privacy: return allows(role_of(rights), role::privacy);
    default: return true;
  }
}

void methods::handle(const envelope& call, const request& from) {
  judge_anew();
  const entry* method = find(call.method);
  const bool is_hello = method != nullptr && method->needed == right::none;
  if (!is_hello && who_ == nullptr) {
    return refuse(from, {errc::unauthenticated, "say hello with a token, or connect with a client certificate"});
  }
  if (const std::uint64_t wait = requests_.take(1, from.arrived); wait > 0) {
    refused_a_publish_ = true;  // it may have been one
    probe::add(owner_.server().counts.quota_refusals);
    return refuse(from, {errc::resource_exhausted, "more requests a second than a connection may send"}, wait);
  }
  if (method == nullptr) {
    return refuse(from, {errc::invalid_argument,
                         "method \"" + std::string(call.method.substr(0, 64)) + "\" is not served by this version"});
  }
  if (!is_hello && !may(method->needed)) {
    return refuse(
        from, {errc::forbidden, "credential \"" + who_->rights.name + "\" may not call " + std::string(method->name)});
  }
  (this->*method->serve)(call.params, from);
}

void methods::refuse(const request& from, const error& cause, std::uint64_t retry_after_ms) {
  owner_.server().counts.error(cause.code);
  write_error_response(owner_.outbound(), from.msgid, {cause.code, cause.message, retry_after_ms});
  owner_.answered(from.frame_bytes);
}

void methods::refuse_publish(const request& from, const error& cause, std::uint64_t retry_after_ms) {
  refused_a_publish_ = true;
  refuse(from, cause, retry_after_ms);
}

void methods::record(actors::stage stage, const request& from) {
  owner_.server().service.latency().record(owner_.group().home(), stage, actors::now() - from.arrived, from.trace);
}

void methods::hello(std::string_view params, const request& from) {
  auto parsed = parse_hello(params);
  if (!parsed) return refuse(from, parsed.error());
  if (parsed->token) {
    token_ = digest_of(*parsed->token);
    judged_at_ = owner_.server().credentials->generation();
    who_ = owner_.server().credentials->by_digest(*token_);
    if (who_ == nullptr) {
      refuse(from, {errc::unauthenticated, "token: not known here"});
      return owner_.close_after_replies();
    }
  }
  if (who_ == nullptr) {
    return refuse(from, {errc::unauthenticated, "token: missing; give one, or connect with a client certificate"});
  }
  begin_response(owner_.outbound(), from.msgid);
  write_hello_result(owner_.outbound(), owner_.server().options, owner_.bounds());
  owner_.answered(from.frame_bytes);
}

void methods::publish(std::string_view params, const request& from) {
  auto parsed = parse_publish(params, owner_.bounds());
  if (!parsed) return refuse_publish(from, parsed.error());
  if (parsed->ordered && refused_a_publish_) {
    return refuse_publish(from, {errc::unavailable, "ordered: a publish before this one was refused; connect again"});
  }
  const bool forwards = !parsed->source.empty() || parsed->options.received_ms > 0;
  if (forwards && !who_->rights.can_forward) {
    return refuse_publish(from, {errc::forbidden, "source, receivedAt: credential \"" + who_->rights.name +
                                                      "\" may not say them; give it the right \"forward\""});
  }
  if (const std::uint64_t wait = who_->quota.take(parsed->count, from.arrived); wait > 0) {
    probe::add(owner_.server().counts.quota_refusals);
    return refuse_publish(
        from,
        {errc::resource_exhausted, "more events a second than credential \"" + who_->rights.name + "\" may publish"},
        wait);
  }
  const std::string source(parsed->source.empty() ? std::string_view(who_->rights.source) : parsed->source);
  auto& server = owner_.server();
  const auto home = owner_.group().home();
  std::shared_ptr<judged_events> judged;
  if (server.options.judge != nullptr) {
    if (auto some = server.options.judge->judge(home, parsed->events, source, parsed->options.received_ms)) {
      probe::add(server.counts.events_held_back, some->refused.size());
      judged = std::make_shared<judged_events>(std::move(*some));
    }
  }
  const std::string_view events = judged ? std::string_view(judged->events) : parsed->events;
  auto span = begin_publish(server.options.traces, parsed->traceparent, source, parsed->count, from.arrived);
  parsed->options.trace = span.context();
  auto traced = from;
  traced.trace = span.context();
  server.service.publish(home, events, parsed->options, source,
                         [weak = owner_.weak(), from = traced, detail = parsed->options.detail, source, judged,
                          span](result<actors::publish_outcome> outcome) mutable {
                           actors::end_publish(span, outcome);
                           const auto self = weak.lock();
                           if (!self || self->is_lost()) return;
                           self->calls().on_published(from, detail, source, judged.get(), std::move(outcome));
                         });
}

void methods::on_published(const request& from, bool detail, const std::string& source, judged_events* judged,
                           result<actors::publish_outcome> outcome) {
  if (!outcome) return refuse_publish(from, outcome.error());
  if (judged != nullptr) add_held_back(*judged, detail, *outcome);
  if (!outcome->rejected.empty() && owner_.server().options.letters != nullptr) {
    return keep_rejected(from, detail, source, std::move(*outcome));
  }
  answer_published(from, detail, *outcome);
}

void methods::keep_rejected(const request& from, bool detail, const std::string& source,
                            actors::publish_outcome outcome) {
  std::vector<persistence::dead_letter> letters;
  letters.reserve(outcome.rejected.size());
  const auto suppressed = owner_.server().service.suppressed();
  for (auto& each : outcome.rejected) {
    if (actors::names_suppressed(each.word(), each.encoded, *suppressed)) continue;
    letters.push_back(
        persistence::letter_of_event(std::move(each.encoded), source, "protocol", each.word(), each.message));
  }
  if (letters.empty()) return answer_published(from, detail, outcome);
  owner_.server().options.letters->put(std::move(letters),
                                       [weak = owner_.weak(), &io = owner_.group().io(), from, detail,
                                        outcome = std::move(outcome)](const result<void>& kept) {
                                         boost::asio::post(io, [weak, from, detail, outcome, kept] {
                                           const auto self = weak.lock();
                                           if (!self || self->is_lost()) return;
                                           // What was applied will be a duplicate when the request is sent again.
                                           if (!kept) {
                                             return self->calls().refuse_publish(from, kept.error(), letters_retry_ms);
                                           }
                                           self->calls().answer_published(from, detail, outcome);
                                         });
                                       });
}

void methods::answer_published(const request& from, bool detail, const actors::publish_outcome& outcome) {
  begin_response(owner_.outbound(), from.msgid);
  write_publish_result(owner_.outbound(), outcome, detail);
  record(actors::stage::end_to_end, from);
  owner_.answered(from.frame_bytes);
}

void methods::get(std::string_view params, const request& from) {
  auto parsed = parse_get(params);
  if (!parsed) return refuse(from, parsed.error());
  const bool alike = fields_.bits == parsed->fields.bits && view_ == parsed->view;
  if (!gets_.empty() && (!alike || gets_.size() == gets_together)) hand_over_reads();
  fields_ = parsed->fields;
  view_ = parsed->view;
  gets_.push_back(from);
  addresses_.push_back(parsed->addresses.front());
}

void methods::hand_over_reads() {
  if (gets_.empty()) return;
  read(std::exchange(addresses_, {}), fields_, view_,
       [weak = owner_.weak(), from = std::exchange(gets_, {})](const result<actors::found_profiles>& found) {
         const auto self = weak.lock();
         if (self && !self->is_lost()) self->calls().on_read(from, found);
       });
}

void methods::read(std::vector<profile::hash128> addresses, profile::field_set fields, std::string_view view,
                   actors::read_done done) {
  auto& service = owner_.server().service;
  const auto home = owner_.group().home();
  if (view.empty()) return service.read(home, std::move(addresses), fields, std::move(done));
  service.read_view(home, std::move(addresses), std::string(view), std::move(done));
}

void methods::on_read(const std::vector<request>& from, const result<actors::found_profiles>& found) {
  for (std::size_t i = 0; i < from.size(); ++i) {
    if (!found) {
      refuse(from[i], found.error());
    } else if (const auto map = found->at(i); !map) {
      refuse(from[i], {errc::not_found, "no such profile"});
    } else {
      begin_response(owner_.outbound(), from[i].msgid);
      owner_.outbound().append(*map);
      record(actors::stage::read, from[i]);
      owner_.answered(from[i].frame_bytes);
    }
  }
}

void methods::get_many(std::string_view params, const request& from) {
  auto parsed = parse_get_many(params, owner_.bounds());
  if (!parsed) return refuse(from, parsed.error());
  read(std::move(parsed->addresses), parsed->fields, parsed->view,
       [weak = owner_.weak(), from](const result<actors::found_profiles>& found) {
         const auto self = weak.lock();
         if (self && !self->is_lost()) self->calls().on_read_many(from, found);
       });
}

void methods::on_read_many(const request& from, const result<actors::found_profiles>& found) {
  if (!found) return refuse(from, found.error());
  msgpack::writer to(owner_.outbound());
  begin_response(owner_.outbound(), from.msgid);
  to.array(found->size());
  for (std::size_t i = 0; i < found->size(); ++i) {
    if (const auto map = found->at(i)) {
      to.raw(*map);
    } else {
      to.nil();
    }
  }
  record(actors::stage::read, from);
  owner_.answered(from.frame_bytes);
}

actors::read_done methods::answer_one(const request& from) {
  return [weak = owner_.weak(), from](const result<actors::found_profiles>& found) {
    const auto self = weak.lock();
    if (self && !self->is_lost()) self->calls().on_read({from}, found);
  };
}

void methods::segments(std::string_view params, const request& from) {
  const auto address = parse_segments(params);
  if (!address) return refuse(from, address.error());
  owner_.server().service.read_segments(owner_.group().home(), *address, answer_one(from));
}

void methods::explain(std::string_view params, const request& from) {
  auto parsed = parse_explain(params);
  if (!parsed) return refuse(from, parsed.error());
  owner_.server().service.explain(owner_.group().home(), parsed->address, std::move(parsed->segment), answer_one(from));
}

void methods::watch(std::string_view params, const request& from) {
  auto filter = parse_watch(params);
  if (!filter) return refuse(from, filter.error());
  if (watches_.size() >= owner_.bounds().watches) {
    return refuse(from, {errc::resource_exhausted, std::to_string(watches_.size()) +
                                                       " watches on one connection are the most; unwatch one first"});
  }
  const std::uint64_t number = last_watch_ + 1;
  const auto started = owner_.server().service.watch(
      owner_.group().home(), std::move(*filter), [weak = owner_.weak(), number](const result<actors::change>& change) {
        const auto self = weak.lock();
        if (self && !self->is_lost()) self->calls().on_change(number, change);
      });
  if (!started) return refuse(from, started.error());
  last_watch_ = number;
  watches_.emplace(number, *started);
  msgpack::writer to(owner_.outbound());
  begin_response(owner_.outbound(), from.msgid);
  to.map(1);
  to.string("watch");
  to.natural(number);
  owner_.answered(from.frame_bytes);
}

void methods::on_change(std::uint64_t watch, const result<actors::change>& change) {
  const auto found = watches_.find(watch);
  if (found == watches_.end()) return;
  if (!change) {
    watches_.erase(found);
    return end_watch(watch, change.error());
  }
  if (owner_.outbound_bytes() > owner_.bounds().outbound_bytes) {
    probe::add(owner_.server().counts.watches_ended);
    // Not from within the service's own call.
    boost::asio::post(owner_.group().io(), [&service = owner_.server().service, home = owner_.group().home(),
                                            id = found->second] { service.unwatch(home, id); });
    watches_.erase(found);
    return end_watch(
        watch, {errc::resource_exhausted, "changes come faster than they are read; watch again from the last cursor"});
  }
  begin_notification(owner_.outbound(), "change", 2);
  msgpack::writer(owner_.outbound()).natural(watch);
  write_change(owner_.outbound(), *change);
  owner_.flush_soon();
}

void methods::end_watch(std::uint64_t watch, const error& cause) {
  msgpack::writer to(owner_.outbound());
  begin_notification(owner_.outbound(), "change", 2);
  to.natural(watch);
  to.map(1);
  to.string("error");
  write_error(owner_.outbound(), {cause.code, cause.message, 0});
  owner_.flush_soon();
}

void methods::unwatch(std::string_view params, const request& from) {
  auto number = parse_unwatch(params);
  if (!number) return refuse(from, number.error());
  const auto found = watches_.find(*number);
  if (found == watches_.end()) {
    return refuse(from, {errc::not_found, "no watch " + std::to_string(*number) + " on this connection"});
  }
  owner_.server().service.unwatch(owner_.group().home(), found->second);
  watches_.erase(found);
  begin_response(owner_.outbound(), from.msgid);
  msgpack::writer(owner_.outbound()).nil();
  owner_.answered(from.frame_bytes);
}

void methods::erase(std::string_view params, const request& from) {
  auto parsed = parse_erase(params);
  if (!parsed) return refuse(from, parsed.error());
  const auto& options = owner_.server().options;
  if (!options.erase) return refuse(from, {errc::unavailable, "this server does not erase"});
  options.erase({parsed->address, std::move(parsed->reason), who_->rights.name, name_of(role_of(who_->rights)),
                 token_ ? "token" : "certificate"},
                [weak = owner_.weak(), &io = owner_.group().io(), from](result<std::string> receipt) {
                  boost::asio::post(io, [weak, from, receipt = std::move(receipt)] {
                    const auto self = weak.lock();
                    if (!self || self->is_lost()) return;
                    if (!receipt) return self->calls().refuse(from, receipt.error());
                    self->calls().answer_erased(from, *receipt);
                  });
                });
}

void methods::answer_erased(const request& from, std::string_view receipt) {
  msgpack::writer to(owner_.outbound());
  begin_response(owner_.outbound(), from.msgid);
  to.map(1);
  to.string("receipt");
  to.string(receipt);
  owner_.answered(from.frame_bytes);
}

void methods::stats(std::string_view, const request& from) {
  begin_response(owner_.outbound(), from.msgid);
  write_stats_result(owner_.outbound(), owner_.server().service);
  owner_.answered(from.frame_bytes);
}

void methods::end() {
  gets_.clear();
  addresses_.clear();
  for (const auto& [number, id] : std::exchange(watches_, {})) {
    owner_.server().service.unwatch(owner_.group().home(), id);
  }
}

}  // namespace kith::net
