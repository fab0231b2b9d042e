// Evaluates a translated schema on MessagePack as it came in: the library (valijson) reads the schema into constraints,
// and these are visited here. Its own validator is not used: it compiles std::regex, whose time is exponential, keeps
// them in a cache that is no thread's, and says values in its messages.
//
// Thread safety: all of it, from any thread.
#pragma once

#include <memory>
#include <string_view>
#include <vector>

#include "ingest/schema/schema.hpp"

namespace kith::ingest::schema {

class compiled {
 public:
  /// Errors: invalid_argument, if the library refuses what translate() let through.
  static result<std::shared_ptr<const compiled>> make(const translation& of);
  ~compiled();
  compiled(const compiled&) = delete;
  compiled& operator=(const compiled&) = delete;

  /// `found`: null: only whether it is valid. REQUIRES: `value` is a whole, well-formed MessagePack value.
  bool check(std::string_view value, std::string_view where, std::vector<violation>* found) const;

 private:
  struct parts;
  explicit compiled(std::unique_ptr<parts> made);
  std::unique_ptr<parts> parts_;
};

}  // namespace kith::ingest::schema
