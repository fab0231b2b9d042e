// What every event passes before it is published: filters, crawlers, rates, schemas. Of what programs publish over the
// protocol only what the configuration asks for is looked at.
//
// Thread safety: pass() and judge() on the thread of shard `home`; the others from any thread.
#pragma once

#include <atomic>
#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "actors/service.hpp"
#include "ingest/crawlers.hpp"
#include "ingest/guards.hpp"
#include "ingest/refused_event.hpp"
#include "ingest/schema/gate.hpp"
#include "ingest/source.hpp"
#include "net/event_judge.hpp"

namespace kith::ingest {

struct arrival;

class sieve final : public net::event_judge {
 public:
  /// `schemas`: null: none judge.
  explicit sieve(schema::gate* schemas);

  void replace(const std::vector<source_settings>& sources);
  /// Which crawlers are held back from now on; until then those of crawler_list::built_in().
  void know(std::shared_ptr<const crawler_list> crawlers);

  /// Takes out of what arrives what is held back, into its `refused`.
  void pass(actors::shard_id home, arrival& what, std::int64_t now_ms);
  /// What programs publish.
  std::optional<net::judged_events> judge(actors::shard_id home, std::string_view events, const std::string& source,
                                          std::int64_t received_ms) override;

 private:
  struct guards_of {
    guard_settings pages;
    guard_settings programs;
  };
  struct known {
    std::shared_ptr<const guards_of> guards;
    std::shared_ptr<const crawler_list> crawlers;
  };
  struct held_back {
    std::string code;
    std::string message;
    std::uint32_t index = 0;  ///< in the array
    std::string_view encoded{};
  };
  /// What was held back, and the rest as an array.
  struct sifted {
    std::string events;
    std::vector<std::uint32_t> indexes;  ///< of `events` in the array
    std::vector<held_back> held;
  };
  /// What all events of an array have in common.
  struct passing {
    std::string_view source;
    const guard_settings& by;
    const crawler_list& crawlers;
    bool has_rate;
    schema::judge* schemas;  ///< null: none judge
    profile::reception received;
    profile::cel::arena& memory;
    std::string_view last_agent{};  ///< most events of an array are of one browser
    bool last_is_crawler = false;
  };
  /// Nothing: all goes on. `events`: a MessagePack array.
  std::optional<sifted> sift(passing& of, std::string_view events);
  /// `event`: null: it is none, which is refused where it is published, with the exact reason.
  std::optional<held_back> look_at(passing& of, std::string_view encoded, const profile::event_view* event);
  static bool is_crawler(passing& of, std::string_view encoded);
  known find(const std::string& source) const;

  schema::gate* schemas_;
  rate_guard rates_;
  std::atomic<bool> programs_are_guarded_{false};
  mutable std::mutex mutex_;  ///< of what follows
  std::map<std::string, std::shared_ptr<const guards_of>> sources_;
  std::shared_ptr<const guards_of> usual_;
  std::shared_ptr<const crawler_list> crawlers_;
};

}  // namespace kith::ingest
