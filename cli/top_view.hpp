// What `kith top` shows: what the admin API told, as lines that fit a screen.
//
// Thread safety: none; values.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

namespace kith::cli {

enum class top_page : std::uint8_t { overview, segments, shards };
inline constexpr std::size_t top_pages = 3;

struct top_screen {
  std::size_t columns = 80;
  std::size_t rows = 24;  ///< 0: as many as there are lines
  bool colours = false;
  bool unicode = true;
  top_page page = top_page::overview;
};

struct top_state {
  std::string server;       ///< host and port
  nlohmann::json sample;    ///< of /v1/live?format=json; null: nothing came yet
  nlohmann::json latency;   ///< of /v1/latency
  nlohmann::json segments;  ///< items of /v1/segments
  double syncs = 0;         ///< group commits a second
  double entered = 0;       ///< memberships a second
  double left = 0;
  std::deque<double> applied;     ///< events a second, the newest last
  std::uint64_t new_letters = 0;  ///< dead letters since we began to look
  std::string trouble;            ///< why the server does not answer; empty: it does
  double silent_seconds = 0;      ///< it does not for so long
  double back_seconds = -1;       ///< it came back so long ago; below 0: it was never away
  bool paused = false;
};

/// What somebody should look at; empty: nothing.
std::vector<std::string> top_alarms(const top_state& of);
/// At most as many as the screen has rows, none wider than it is.
std::vector<std::string> top_lines(const top_state& of, const top_screen& on);
/// The same for programs.
nlohmann::json top_json(const top_state& of);

}  // namespace kith::cli
