// Makes a catalog's inside from definitions, and gathers what is wrong with them.
#pragma once

#include <utility>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "profile/segments/compiled.hpp"
#include "profile/segments/references.hpp"

namespace kith::profile::segments {

class maker {
 public:
  maker(std::vector<definition> definitions, std::shared_ptr<const privacy_rules> rules);

  /// Null if problems() has any.
  std::shared_ptr<const catalog::body> make();
  std::vector<problem>& problems() noexcept { return problems_; }

 private:
  void check_name(std::size_t index);
  void check_purpose(std::size_t index);
  bool prepare(std::size_t index);
  bool add_chain(std::size_t index, const chain& of);
  bool add_predicate(std::size_t index, const chain& of, std::uint32_t& predicate);
  bool resolve(std::size_t index);
  bool order();
  void place();
  void sort_aggregates();
  void index_readers(std::uint32_t position);
  std::uint32_t name_index(const std::string& event);
  void fault(std::size_t index, const cel::diagnostic& what);
  void fault(std::size_t index, std::string message);
  std::string shown(std::uint32_t index) const;

  std::vector<definition> definitions_;  ///< by kind and name
  std::shared_ptr<const privacy_rules> rules_;
  std::vector<draft> drafts_;
  std::vector<std::optional<cel::program>> programs_;
  std::vector<std::vector<std::uint32_t>> needs_;
  std::vector<std::uint32_t> order_;
  std::map<std::pair<definition_kind, std::string>, std::uint32_t> index_;
  std::map<std::string, std::uint32_t, std::less<>> predicate_index_;
  std::map<std::uint64_t, std::uint32_t> aggregate_index_;
  std::vector<problem> problems_;
  std::shared_ptr<catalog::body> body_ = std::make_shared<catalog::body>();
};

}  // namespace kith::profile::segments
