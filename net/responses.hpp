// Encoders of the public methods' results.
#pragma once

#include <string>
#include <string_view>

#include "actors/service.hpp"
#include "profile/limits.hpp"

namespace kith::net {

struct server_options;

void write_hello_result(std::string& out, const server_options& options, const limits::connection& bounds);
void write_publish_result(std::string& out, const actors::publish_outcome& outcome, bool detail);
/// Counters, and per stage the latencies of the last minute in microseconds.
void write_stats_result(std::string& out, const actors::service& service);
/// `{profile, version, entered, left, traits, cursor}`
void write_change(std::string& out, const actors::change& change);

}  // namespace kith::net
