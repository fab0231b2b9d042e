// Tokens of the admin API that are made, changed and taken away while the server runs, kept in DATA/tokens.json.
//
// Invariants
//   - Only the SHA-256 of a token is kept; it is told once, to who made it. It has 256 random bits, so that its hash
//     tells nothing of it.
//   - A change is in the file before it holds, and holds from the next request on.
//   - A name is in the configuration or here, never both; one of the configuration that comes later goes first.
// Thread safety: all of it, from any thread but a shard's. Changes block for the disk.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "admin/definition_store.hpp"
#include "net/credentials.hpp"
#include "persistence/file.hpp"
#include "profile/result.hpp"

namespace kith::admin {

struct token_info {
  std::string name;
  net::role role = net::role::viewer;
  std::string description;
  std::uint64_t version = 1;  ///< rises with each change
  std::int64_t created_ms = 0;
  std::string created_by;
  std::int64_t rotated_ms = 0;  ///< 0: never
  std::int64_t expires_ms = 0;  ///< 0: never
  std::int64_t used_ms = 0;     ///< 0: never; after a crash up to a minute too early
};

/// What is asked for; what is not said stays, or is as a new token has it.
struct token_wanted {
  std::string name;
  std::optional<net::role> role;  ///< a new token needs one
  std::optional<std::string> description;
  std::optional<std::int64_t> expires_ms;  ///< 0: never; a new token has `usual_life_ms`
};

class token_store {
 public:
  static constexpr std::size_t most_tokens = 1000;
  static constexpr std::size_t name_bytes = 64;
  static constexpr std::size_t description_bytes = 255;
  static constexpr std::int64_t usual_life_ms = 90LL * 24 * 3600 * 1000;
  static constexpr std::int64_t most_grace_ms = 7LL * 24 * 3600 * 1000;

  /// `directory` need not exist. Errors: invalid_argument (the file is damaged); those of reading.
  static result<std::unique_ptr<token_store>> open(persistence::file_system& files, std::string directory,
                                                   std::shared_ptr<net::credential_store> configured,
                                                   std::function<std::int64_t()> now_ms);
  ~token_store();  ///< saves when tokens were used
  token_store(const token_store&) = delete;
  token_store& operator=(const token_store&) = delete;

  struct found {
    std::shared_ptr<net::identity> who;
    std::int64_t until_ms = 0;  ///< 0: it does not end
    std::string why;            ///< it was one of ours; empty, with no `who`: it was not
  };
  found find(std::string_view token);

  std::vector<token_info> list() const;  ///< by name
  std::optional<token_info> get(const std::string& name) const;
  const net::credential_store& configured() const noexcept { return *configured_; }

  /// Whether to make a change, given what is there now; null: nothing is.
  using precondition = std::function<bool(const token_info* there)>;
  struct outcome {
    token_info now;
    std::string token;  ///< empty: it stays what it was
  };
  /// Creates or changes. Refusals: 400, 409 (the configuration has the name; there are too many), 412, the disk's.
  change_result<outcome> put(const token_wanted& wanted, const std::string& by, const precondition& only_if = {});
  /// Another token of the same name; the old one is good for so long still. Refusals: also 404.
  change_result<outcome> rotate(const std::string& name, std::int64_t grace_ms, const precondition& only_if = {});
  change_result<void> remove(const std::string& name, const precondition& only_if = {});

  /// To be called now and then: saves when tokens were used, at most once a minute.
  result<void> save_uses();

 private:
  struct kept;
  using table = std::map<std::string, kept, std::less<>>;

  token_store(persistence::file_system& files, std::string directory, std::shared_ptr<net::credential_store> configured,
              std::function<std::int64_t()> now_ms);
  result<void> read();
  result<void> write(const table& all);
  table copied() const;  ///< to be changed and committed
  change_result<void> commit(table next);

  persistence::file_system& files_;
  const std::string directory_;
  const std::shared_ptr<net::credential_store> configured_;
  const std::function<std::int64_t()> now_ms_;
  std::mutex changing_;       ///< held throughout a change
  mutable std::mutex mutex_;  ///< of what follows
  table all_;
  std::int64_t saved_ms_ = 0;  ///< when the file was written
  bool used_ = false;          ///< since then
};

}  // namespace kith::admin
