// JSON values as MessagePack, while simdjson walks over them.
//
// Thread safety: none.
#pragma once

// Errors of simdjson are values here: one that is not looked at does not compile.
#define SIMDJSON_EXCEPTIONS 0
#include <simdjson.h>
#include <string>
#include <string_view>

#include "profile/msgpack.hpp"

namespace kith::ingest {

/// A map or an array whose size is known only at its end.
class open_container {
 public:
  open_container(std::string& out, bool is_map) : out_(out), at_(out.size()), is_map_(is_map) {
    out_.push_back(is_map ? '\x80' : '\x90');
  }
  void count(std::size_t entries = 1) noexcept { entries_ += entries; }
  /// Writes the size. What stands behind the head moves if there are many entries.
  void close();

 private:
  std::string& out_;
  std::size_t at_;
  std::size_t entries_ = 0;
  bool is_map_;
};

class json_writer {
 public:
  enum class outcome : unsigned char { good, bad_value, broken };

  json_writer(std::string& out, std::size_t nesting) : out_(out), nesting_(nesting) {}

  /// bad_value: the value is JSON but cannot be kept; problem() says why, and where in it. broken: it is not JSON.
  outcome value(simdjson::ondemand::value from, std::size_t depth);
  /// The inside of a string: a lone surrogate becomes U+FFFD, as a browser sends what it cut in two.
  outcome text(simdjson::ondemand::value from, std::string_view& into);

  /// A bad value's place was within `key`.
  void within(std::string_view key);
  const std::string& problem() const noexcept { return problem_; }
  void forget_problem() { problem_.clear(); }
  outcome refuse(std::string why) {
    problem_ = std::move(why);
    return outcome::bad_value;
  }

 private:
  outcome object(simdjson::ondemand::value from, std::size_t depth);
  outcome array(simdjson::ondemand::value from, std::size_t depth);
  outcome number(simdjson::ondemand::value from);

  std::string& out_;
  std::size_t nesting_;
  std::string problem_;
  std::string mended_;  ///< the last string that needed it
};

}  // namespace kith::ingest
