// All that is kept of one person, as one JSON document that is made piece by piece (docs/privacy.md; its schema is
// docs/person-export.schema.json).
//
// Invariants
//   - A document that ends whole is whole. What cannot be read, and a person who is joined with somebody, taken apart
//   or
//     erased meanwhile, ends it with an error.
//   - No more than a page of events or dead letters is in memory.
//   - Of dead letters only what names this person is in it.
// Thread safety: none; it belongs to one thread at a time, none of them a shard's. It blocks.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "actors/service.hpp"
#include "admin/parts.hpp"
#include "persistence/dead_letters.hpp"
#include "profile/identifier.hpp"

namespace kith::admin {

inline constexpr int person_export_version = 1;

/// What a dead letter says of somebody.
class letter_search {
 public:
  explicit letter_search(std::vector<profile::identifier> who);

  /// As the document has it; null: it does not name them, or that is not clear.
  nlohmann::json about(const persistence::dead_letter& letter);
  /// Letters in which one of the identifiers stands, though not as whose event it is.
  std::uint64_t unclear() const noexcept { return unclear_; }

 private:
  bool is_theirs(const nlohmann::json& value) const;
  bool is_mentioned(const nlohmann::json& value) const;
  bool is_listed(const nlohmann::json& ids) const;
  bool is_named(const nlohmann::json& object) const;
  bool has(profile::id_kind kind, std::string_view type, const nlohmann::json& value) const;
  bool is_known_as(const std::string& ids) const;

  const std::vector<profile::identifier> who_;
  std::vector<std::string> values_;
  std::uint64_t unclear_ = 0;
};

class person_export {
 public:
  /// The service and what `with` names outlive it. Errors: not_found (there is no such profile, and no dead letter
  /// names the identifier), invalid_argument, unavailable.
  static result<std::unique_ptr<person_export>> begin(actors::service& service, const parts& with,
                                                      profile::identifier whose, std::function<std::int64_t()> now_ms);

  /// The next piece; empty: that was all.
  result<std::string> next();

  /// Of the profile, 32 hexadecimal digits; empty: there is none.
  std::string profile_id() const {
    return profile_.is_null() ? std::string() : profile_.at("profile").get<std::string>();
  }

 private:
  enum class stage : std::uint8_t { head, events, letters, end, done };

  person_export(actors::service& service, const parts& with, profile::identifier whose, profile::hash128 address,
                std::function<std::int64_t()> now_ms);
  result<nlohmann::json> ask(void (actors::service::*question)(actors::shard_id, profile::hash128, actors::read_done));
  result<nlohmann::json> read_profile();
  result<void> read_state();
  result<void> read_segments();
  result<void> check_same();
  std::string head() const;
  nlohmann::json receivers() const;
  result<std::string> next_events();
  result<std::string> next_letters();
  result<std::string> end();
  std::string listed(const nlohmann::json& items, std::uint64_t& count) const;

  actors::service& service_;
  const parts with_;
  const profile::identifier whose_;
  const profile::hash128 address_;
  const std::function<std::int64_t()> now_ms_;

  stage now_ = stage::head;
  std::int64_t as_of_ms_ = 0;
  bool stable_ = true;      ///< nothing happened to the person while the state was read
  nlohmann::json profile_;  ///< null: there is none
  nlohmann::json traits_ = nlohmann::json::array();
  nlohmann::json identity_;
  nlohmann::json segments_ = nlohmann::json::array();
  std::string cursor_;  ///< of the stage's pages
  std::unique_ptr<letter_search> search_;
  nlohmann::json found_ = nlohmann::json::array();  ///< letters that are not told yet
  bool no_more_letters_ = false;
  std::uint64_t events_ = 0;
  std::uint64_t letters_ = 0;
};

}  // namespace kith::admin
