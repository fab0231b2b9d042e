// One line of the table of routes: who may ask, what an answer tells, and whether it changes anything.
//
// Thread safety: none of its own; the table does not change.
#pragma once

#include <algorithm>
#include <string>
#include <string_view>
#include <vector>

#include "admin/routes.hpp"
#include "net/credentials.hpp"

namespace kith::admin {

/// `{}` in a pattern stands for any one part.
struct routes::route {
  std::string_view method;
  std::vector<std::string_view> pattern;
  net::role needs;  ///< the least role; none: anybody
  admin::effect effect;
  admin::personal personal;
  response (routes::*handler)(const call&);

  bool matches(const std::vector<std::string>& path) const {
    return std::equal(pattern.begin(), pattern.end(), path.begin(), path.end(),
                      [](std::string_view want, const std::string& have) { return want == "{}" || want == have; });
  }
  std::string path() const {
    std::string text;
    for (const auto part : pattern) text.append("/").append(part);
    return text;
  }
};

}  // namespace kith::admin
