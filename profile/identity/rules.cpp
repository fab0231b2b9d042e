#include "profile/identity/rules.hpp"

#include <algorithm>
#include <re2/re2.h>
#include <re2/stringpiece.h>
#include <unordered_set>

namespace kith::profile::identity {

namespace {

constexpr std::string_view blanks = " \t\r\n\v\f";

std::string_view trimmed(std::string_view text) noexcept {
  const auto first = text.find_first_not_of(blanks);
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(blanks) - first + 1);
}

char lower(char c) noexcept { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; }

std::string folded(std::string_view text) {
  std::string made(trimmed(text));
  std::transform(made.begin(), made.end(), made.begin(), lower);
  return made;
}

bool is_zero_uuid(std::string_view value) noexcept {
  return (value.size() == 36 || value.size() == 32) && value.front() == '0' &&
         value.find_first_not_of("0-") == std::string_view::npos;
}

}  // namespace

std::string_view name_of(ignored reason) noexcept {
  constexpr std::array<std::string_view, 5> names = {"no", "blocked", "not_unique", "excess", "unmerged"};
  return names[static_cast<std::size_t>(reason)];
}

struct rules::compiled_type {
  std::unordered_set<std::string> blocked;
  std::size_t longest = 0;  ///< of `blocked`
  std::vector<std::unique_ptr<re2::RE2>> patterns;
  id_limit limit;
  std::uint32_t place = 0;
  bool unique = true;

  void block(const std::vector<std::string>& values) {
    for (const auto& value : values) {
      longest = std::max(longest, blocked.insert(folded(value)).first->size());
    }
  }
  result<void> match(const std::vector<std::string>& expressions) {
    for (const auto& each : expressions) {
      auto compiled = std::make_unique<re2::RE2>(each, re2::RE2::Quiet);
      if (!compiled->ok()) {
        return fail(errc::invalid_argument, "blocked_patterns: \"" + each + "\" is no regular expression of RE2: " +
                                                std::string(compiled->error()));
      }
      patterns.push_back(std::move(compiled));
    }
    return {};
  }
};

rules::rules() noexcept = default;
rules::~rules() = default;

result<std::shared_ptr<const rules>> rules::make(const settings& from) {
  const std::shared_ptr<rules> made(new rules());  // NOLINT: the constructor is private
  const auto places = static_cast<std::uint32_t>(from.priority.size());
  const auto place_of = [&](std::string_view type, std::uint32_t otherwise) {
    const auto found = std::find(from.priority.begin(), from.priority.end(), type);
    return found == from.priority.end() ? otherwise : static_cast<std::uint32_t>(found - from.priority.begin());
  };
  for (auto each = from.priority.begin(); each != from.priority.end(); ++each) {
    if (std::find(std::next(each), from.priority.end(), *each) != from.priority.end()) {
      return fail(errc::invalid_argument, "priority: names \"" + *each + "\" twice");
    }
  }
  const auto external_place = place_of("external", places);
  const auto compile = [&](const std::string& type, id_limit limit,
                           std::uint32_t otherwise) -> result<std::unique_ptr<compiled_type>> {
    auto compiled = std::make_unique<compiled_type>();
    compiled->limit = limit;
    compiled->place = place_of(type, otherwise);
    compiled->block(from.blocked);
    if (auto matched = compiled->match(from.blocked_patterns); !matched) return tl::make_unexpected(matched.error());
    if (const auto own = from.types.find(type); own != from.types.end()) {
      compiled->block(own->second.blocked);
      if (auto matched = compiled->match(own->second.blocked_patterns); !matched) {
        return fail(matched.error().code, "types." + type + "." + matched.error().message);
      }
      compiled->limit = own->second.limit.value_or(limit);
      compiled->unique = own->second.unique;
    }
    return compiled;
  };
  auto user = compile("user", from.user_limit, places);
  if (!user) return tl::make_unexpected(user.error());
  made->user_ = std::move(*user);
  auto anonymous = compile("anonymous", from.limit, places + 1);
  if (!anonymous) return tl::make_unexpected(anonymous.error());
  made->anonymous_ = std::move(*anonymous);
  auto external = compile("external", from.limit, external_place);
  if (!external) return tl::make_unexpected(external.error());
  made->external_ = std::move(*external);
  std::vector<std::string> named(from.priority);
  for (const auto& [type, own] : from.types) named.push_back(type);
  for (const auto& type : named) {
    if (type == "user" || type == "anonymous" || type == "external" || made->named_.contains(type)) continue;
    auto compiled = compile(type, from.limit, external_place);
    if (!compiled) return tl::make_unexpected(compiled.error());
    made->named_.emplace(type, std::move(*compiled));
  }
  return std::shared_ptr<const rules>(made);
}

const rules::compiled_type& rules::type_of(id_kind kind, std::string_view type) const noexcept {
  if (kind == id_kind::user) return *user_;
  if (kind == id_kind::anonymous) return *anonymous_;
  const auto found = named_.empty() ? named_.end() : named_.find(type);
  return found == named_.end() ? *external_ : *found->second;
}

ignored rules::judge(id_kind kind, std::string_view type, std::string_view value) const {
  const auto& of = type_of(kind, type);
  if (!of.unique) return ignored::not_unique;
  const auto bare = trimmed(value);
  if (bare.empty() || is_zero_uuid(bare)) return ignored::blocked;
  if (bare.size() <= of.longest && of.blocked.contains(folded(bare))) return ignored::blocked;
  for (const auto& pattern : of.patterns) {
    if (re2::RE2::FullMatch(re2::StringPiece(value.data(), value.size()), *pattern)) return ignored::blocked;
  }
  return ignored::no;
}

std::uint32_t rules::place(id_kind kind, std::string_view type) const noexcept { return type_of(kind, type).place; }

id_limit rules::limit(id_kind kind, std::string_view type) const noexcept { return type_of(kind, type).limit; }

const std::shared_ptr<const rules>& default_rules() {
  static const auto made = rules::make({}).value();
  return made;
}

}  // namespace kith::profile::identity
