#include "admin/compression.hpp"

#include <algorithm>
#include <libdeflate.h>
#include <memory>

namespace kith::admin {

namespace {

constexpr std::size_t least_bytes = 1024;
constexpr int level = 4;

std::string_view trimmed(std::string_view text) noexcept {
  text.remove_prefix(std::min(text.find_first_not_of(" \t"), text.size()));
  return text.substr(0, text.find_last_not_of(" \t") + 1);
}

bool same_word(std::string_view a, std::string_view lower) noexcept {
  return std::equal(a.begin(), a.end(), lower.begin(), lower.end(), [](char x, char y) {
    return (x >= 'A' && x <= 'Z' ? static_cast<char>(x + ('a' - 'A')) : x) == y;
  });
}

/// "q=0", "q=0.000": not at all.
bool is_refused(std::string_view weight) noexcept {
  weight = trimmed(weight);
  return (weight.starts_with("q=") || weight.starts_with("Q=")) &&
         weight.substr(2).find_first_not_of("0.") == std::string_view::npos;
}

}  // namespace

bool takes_gzip(std::string_view accept_encoding) noexcept {
  bool any = false;
  while (!accept_encoding.empty()) {
    const auto end = std::min(accept_encoding.find(','), accept_encoding.size());
    const auto each = accept_encoding.substr(0, end);
    accept_encoding.remove_prefix(std::min(end + 1, accept_encoding.size()));
    const auto semicolon = static_cast<std::size_t>(std::find(each.begin(), each.end(), ';') - each.begin());
    const auto coding = trimmed(each.substr(0, semicolon));
    const bool taken = !is_refused(each.substr(std::min(semicolon + 1, each.size())));
    if (same_word(coding, "gzip") || same_word(coding, "x-gzip")) return taken;
    if (coding == "*") any = taken;
  }
  return any;
}

std::optional<std::string> gzipped(std::string_view body) {
  if (body.size() < least_bytes) return std::nullopt;
  thread_local const std::unique_ptr<libdeflate_compressor, decltype(&libdeflate_free_compressor)> compressor(
      libdeflate_alloc_compressor(level), libdeflate_free_compressor);
  if (!compressor) return std::nullopt;
  std::string made(libdeflate_gzip_compress_bound(compressor.get(), body.size()), '\0');
  made.resize(libdeflate_gzip_compress(compressor.get(), body.data(), body.size(), made.data(), made.size()));
  if (made.empty() || made.size() >= body.size()) return std::nullopt;
  return made;
}

}  // namespace kith::admin
