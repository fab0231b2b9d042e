// What events were seen to hold: names, property paths, types, counts, when; never values, but for words that recur in
// what describes events (observed_value::words says which).
//
// Bounded: past a bound what is new is not listed, and counted as such. A property walk costs as much as the event has
// members, so it is made for the first observing::walked_first events of a name and source, then for one of
// observing::walked_each.
#pragma once

#include <utility>
#include <array>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

#include "ingest/schema/modes.hpp"
#include "ingest/schema/schema.hpp"
#include "ingest/schema/value.hpp"

namespace kith::ingest::schema {

namespace observing {
inline constexpr std::uint64_t walked_first = 1000;
inline constexpr std::uint64_t walked_each = 64;
inline constexpr std::size_t events = 1000;           ///< names, of each shard
inline constexpr std::size_t sources = 64;            ///< of an event
inline constexpr std::size_t properties = 300;        ///< paths of an event and source
inline constexpr std::size_t all_properties = 20000;  ///< of each shard
inline constexpr std::size_t nesting = 8;
inline constexpr std::size_t items = 20;          ///< looked at of an array
inline constexpr std::size_t members = 200;       ///< looked at of an object
inline constexpr std::size_t violations = 100;    ///< kinds of an event and source
inline constexpr std::size_t words = 8;           ///< different ones
inline constexpr std::uint64_t word_recurs = 20;  ///< times a word was seen before it is kept
inline constexpr std::size_t word_bytes = 32;
}  // namespace observing

/// Guessed of strings: those that known_formats has too.
enum class shape : std::uint8_t { date_time, date, uuid, email };
inline constexpr std::size_t shapes = 4;
std::string_view name_of(shape one) noexcept;

/// What was seen at a path.
struct observed_value {
  struct word {
    std::size_t hash = 0;
    std::uint64_t count = 0;
    std::string text;  ///< empty until it was seen observing::word_recurs times
  };

  std::uint64_t count = 0;
  std::array<std::uint64_t, value_types> types{};
  std::array<std::uint64_t, shapes> shaped{};
  /// Strings of letters, '_' and '-' under a key that does not sound like a person's, in the properties of track, page
  /// and screen events: candidates for an enum. Given up once there are more than observing::words.
  std::vector<word> words;
  bool too_many_words = false;  ///< or none are kept at all
  std::map<std::string, observed_value, std::less<>> members;
  std::unique_ptr<observed_value> items;

  std::uint64_t of(value_type type) const noexcept { return types[static_cast<std::size_t>(type)]; }
  void add(const observed_value& other);
};

/// Of an event from a source.
struct observed_event {
  std::uint64_t count = 0;
  std::uint64_t walked = 0;  ///< events whose properties were looked at
  std::int64_t first_ms = 0;
  std::int64_t last_ms = 0;
  std::array<std::uint64_t, mode_count> outcomes{};
  std::uint64_t invalid = 0;  ///< that do not fit their schema, whatever the outcome
  std::size_t paths = 0;      ///< that are listed; not summed up
  bool incomplete = false;    ///< a bound was met: not all paths are listed
  observed_value properties;  ///< or the traits, of identify and group
  std::map<std::pair<std::string, std::string>, std::uint64_t> violations;  ///< by pointer and rule

  void add(const observed_event& other);
};

struct observations {
  /// By event name, then by source.
  std::map<std::string, std::map<std::string, observed_event, std::less<>>, std::less<>> events;
  std::uint64_t unlisted = 0;  ///< events past the bounds on names and sources

  void add(const observations& other);
};

/// What one shard sees.
///
/// Thread safety: all of it. The shard's thread is delayed only while another thread copies what was seen.
class observer {
 public:
  struct sight {
    std::string_view source;
    std::string_view event;
    std::int64_t received_ms = 0;
    bool personal = false;  ///< its values describe a person: no words are kept
  };
  /// `section`: asked for only when it is looked at; gives a MessagePack map, empty: there is none.
  void see(const sight& what, mode outcome, const std::vector<violation>& violations,
           const std::function<std::string_view()>& section);

  void add_to(observations& all) const;

 private:
  class walk;
  observed_event* place_of(const sight& what);

  mutable std::mutex mutex_;  ///< of what follows
  observations seen_;
  std::size_t listed_ = 0;  ///< paths
};

}  // namespace kith::ingest::schema
