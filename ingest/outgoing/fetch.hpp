// Asks other servers for small documents: bounded, guarded (net/outgoing_request), never waited for.
//
// Invariants
//   - Each call is answered exactly once, at the latest when its fetcher ends.
//   - At most `most_under_way` requests at once; more are refused with resource_exhausted.
// Thread safety: all public members, from any thread.
#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "net/outgoing_url.hpp"
#include "profile/result.hpp"

namespace kith::ingest::outgoing {

struct fetch_request {
  std::string url;
  std::vector<std::string> headers;  ///< "name: value"
  bool is_post = false;
  std::string body;                          ///< of a POST
  std::chrono::milliseconds timeout{5'000};  ///< for the whole exchange
  std::size_t most_bytes = 256 * 1024;       ///< of the answer
  std::string ca;                            ///< PEM file; empty: the system's
};

struct fetch_response {
  unsigned status = 0;
  std::string body;
};

class fetcher {
 public:
  /// Errors: invalid_argument, forbidden (the URL or its address), too_large, resource_exhausted, unavailable.
  using callback = std::function<void(result<fetch_response>)>;

  virtual ~fetcher() = default;
  /// `done` is called on a thread of the fetcher's, or before this returns. It must not block.
  virtual void fetch(fetch_request request, callback done) = 0;
};

/// One thread, libcurl.
class curl_fetcher : public fetcher {
 public:
  static constexpr std::size_t most_under_way = 256;

  explicit curl_fetcher(net::outgoing_rules rules);
  /// What is under way is cut off and answered as unavailable.
  ~curl_fetcher() override;
  curl_fetcher(const curl_fetcher&) = delete;
  curl_fetcher& operator=(const curl_fetcher&) = delete;

  void fetch(fetch_request request, callback done) override;

 private:
  struct impl;
  std::shared_ptr<impl> impl_;
};

}  // namespace kith::ingest::outgoing
