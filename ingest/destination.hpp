// Where the edges bring events: to the profiles of this server, or to the spool of a forwarder.
#pragma once

#include <functional>
#include <string_view>

#include "actors/service.hpp"
#include "net/event_loops.hpp"

namespace kith::ingest {

/// Thread safety: publish() on the thread of loop `home`, where `done` runs too, never from within the call. The rest
/// from any thread.
class destination {
 public:
  virtual ~destination() = default;

  /// What the edges' connections live on.
  virtual net::event_loops& loops() = 0;
  /// `events`: a MessagePack array. Copied. Once `done` tells of no error, what was not rejected is durable.
  /// Errors of the whole: unavailable, resource_exhausted: the sender is to try again.
  /// `trace`: what becomes of them is part of it, if it is sampled.
  virtual void publish(unsigned home, std::string_view events, std::string_view source,
                       const actors::trace_context& trace, actors::publish_done done) = 0;
  virtual bool takes_events() const = 0;
  /// Is nothing to be kept of an event that was refused for this?
  virtual bool is_to_be_forgotten(std::string_view code, std::string_view) const {
    return code == name_of(errc::suppressed);
  }
  /// What is taken is on its way, not applied: nobody knows yet whether it is a duplicate.
  virtual bool only_keeps() const noexcept { return false; }
};

/// This server's profiles.
class runtime_destination final : public destination {
 public:
  /// REQUIRES: the service outlives it.
  explicit runtime_destination(actors::service& service) : service_(service), loops_(service) {}

  net::event_loops& loops() override { return loops_; }
  void publish(unsigned home, std::string_view events, std::string_view source, const actors::trace_context& trace,
               actors::publish_done done) override {
    actors::publish_options options;
    options.trace = trace;
    service_.publish(home, events, options, source, std::move(done));
  }
  bool is_to_be_forgotten(std::string_view code, std::string_view encoded) const override {
    return actors::names_suppressed(code, encoded, *service_.suppressed());
  }
  bool takes_events() const override { return service_.state().now == actors::phase::ready; }

 private:
  actors::service& service_;
  net::shard_loops loops_;
};

}  // namespace kith::ingest
