// Answers of requests with an Idempotency-Key (draft-ietf-httpapi-idempotency-key-header): a repetition is answered as
// the first one was, and does nothing.
//
// Invariants
//   - A key belongs to one credential, method and URL; under another body it is refused.
//   - At most `most_keys` are kept, for `kept_ms` since the answer, and `most_bytes` of answers; the oldest go first,
//   and
//     those that are being answered stay. All are in memory: a restart forgets them.
// Thread safety: all of it.
#pragma once

#include <cstdint>
#include <functional>
#include <list>
#include <mutex>
#include <optional>
#include <string>
#include <unordered_map>

#include "admin/http.hpp"

namespace kith::admin {

class idempotent_answers {
 public:
  static constexpr std::size_t most_keys = 1000;
  static constexpr std::size_t most_bytes = 16 * 1024 * 1024;
  static constexpr std::size_t key_bytes = 255;
  static constexpr std::int64_t kept_ms = 24LL * 3600 * 1000;

  explicit idempotent_answers(std::function<std::int64_t()> now_ms) : now_ms_(std::move(now_ms)) {}

  /// What is wrong with the header, whose value this is; nothing: it holds a key.
  static std::optional<response> refusal_of(const std::string& header);

  struct outcome {
    response answer;
    bool repeated = false;
  };
  /// Answers by `handler`, or as the first request with this key was answered. Of what failed (5xx, and 401, 403 and
  /// 429) nothing is kept. `whole`: false: of what succeeded no body is kept. REQUIRES: asked.who, and a key.
  outcome answer(const request& asked, const std::function<response()>& handler, bool whole = true);

 private:
  struct kept {
    std::string name;
    net::token_digest body{};
    bool done = false;
    std::int64_t until_ms = 0;
    response answer;
  };
  using kept_list = std::list<kept>;

  std::optional<response> look_up(const std::string& name, const net::token_digest& body);
  void keep(const std::string& name, const response& answer, bool whole);
  void forget(kept_list::iterator which);
  void make_room();

  const std::function<std::int64_t()> now_ms_;
  std::mutex mutex_;
  kept_list all_;  ///< the oldest first
  std::unordered_map<std::string, kept_list::iterator> by_name_;
  std::size_t bytes_ = 0;
};

}  // namespace kith::admin
