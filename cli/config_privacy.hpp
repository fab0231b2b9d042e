// Of the configuration: [consent], [retention], and the purposes that other tables name.
#pragma once

#include <utility>
#include <string>
#include <vector>

#include "cli/config_reader.hpp"
#include "profile/privacy_rules.hpp"

namespace kith::cli {

/// What is read of it, until all of it is.
struct privacy_tables {
  /// Where a purpose is named, for the error if it is not configured.
  struct use {
    std::string place;  ///< file:line:column: key
    std::string purpose;
  };
  std::vector<profile::purpose> purposes;
  std::vector<profile::trait_retention> traits;
  std::vector<use> uses;

  /// Throws bad_config where a purpose is named that is not there.
  std::shared_ptr<const profile::privacy_rules> rules() const;
};

/// REQUIRES: both outlive the reading.
void describe_consent(table_reader& reader, privacy_tables& into);
/// `events`: as of persistence::store_options.
void describe_retention(table_reader& reader, privacy_tables& into, persistence::event_retention& events);
/// `purpose` of a view or a webhook.
void describe_purpose(table_reader& reader, std::string& into, privacy_tables& tables);

}  // namespace kith::cli
