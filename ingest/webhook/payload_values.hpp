// A delivery as the variables of a mapping's expressions.
#pragma once

#include <array>
#include <deque>
#include <string>
#include <vector>

#include "ingest/webhook/expressions.hpp"
#include "profile/cel/collections.hpp"

namespace kith::ingest::webhook {

/// Invariants: what was handed in outlives it; values that it gave hold until it ends, items until the next one.
class payload_values final : public profile::cel::activation {
 public:
  explicit payload_values(const delivery& of);
  payload_values(const payload_values&) = delete;
  payload_values& operator=(const payload_values&) = delete;

  void set_item(const profile::cel::value& item, std::size_t index) noexcept {
    at(variable_index::item) = item;
    at(variable_index::index) = profile::cel::value::integer(static_cast<std::int64_t>(index));
  }
  std::string_view digest() const noexcept { return digest_; }
  profile::cel::value variable(std::uint32_t index, profile::cel::arena&) override { return values_.at(index); }
  profile::cel::value slot(std::uint32_t, profile::cel::arena&) override { return profile::cel::value::null(); }

 private:
  using entries = std::vector<profile::cel::map_entry>;

  profile::cel::value& at(variable_index index) noexcept { return values_[static_cast<std::size_t>(index)]; }
  void add(entries& to, std::string name, std::string held);
  void read_headers(std::span<const net::http_field> fields);
  void read_query(std::string_view text);

  profile::cel::arena memory_;
  std::string digest_;
  std::deque<std::string> texts_;  ///< that the maps view
  entries headers_;
  entries query_;
  std::array<profile::cel::value, variables> values_;
};

}  // namespace kith::ingest::webhook
