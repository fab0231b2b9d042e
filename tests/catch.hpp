// Catch2 2 (Debian 12) or 3 (Debian 13).
#pragma once

#if __has_include(<catch2/catch_all.hpp>)
#include <catch2/catch_all.hpp>
namespace kith::tests {
inline auto Contains(const std::string& part) { return Catch::Matchers::ContainsSubstring(part); }
}  // namespace kith::tests
#else
#include <catch2/catch.hpp>
namespace kith::tests {
using Catch::Matchers::Contains;
}
#endif
