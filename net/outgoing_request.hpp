// An HTTP request to another server, guarded: what net/outgoing_url allows is checked when it is made and again on the
// address that each of its connections goes to. No redirect is followed, no proxy of the environment is used (nobody
// could say where it goes), the answer and the time are bounded.
//
// Invariants: no socket is opened to an address that the rules refuse.
// Thread safety: none; a request belongs to one thread at a time.
#pragma once

#include <chrono>
#include <curl/curl.h>
#include <memory>
#include <string>

#include "net/outgoing_url.hpp"

namespace kith::net {

struct multi_cleanup {
  void operator()(CURLM* handle) const { curl_multi_cleanup(handle); }
};
/// Many requests on one thread.
using curl_multi = std::unique_ptr<CURLM, multi_cleanup>;

struct outgoing_options {
  std::chrono::milliseconds timeout{10'000};  ///< for the whole exchange
  std::size_t most_bytes = 256 * 1024;        ///< of the answer's body
  bool cut = false;                           ///< keep the beginning of an answer that is larger; else that is an error
  std::string ca;  ///< PEM file of those that may have signed the server's certificate; empty: the system's
};

class outgoing_request {
 public:
  /// A GET. `rules` are kept by reference. Errors: as of check_outgoing_url, with the URL.
  static result<std::unique_ptr<outgoing_request>> make(const std::string& url, const outgoing_rules& rules,
                                                        const outgoing_options& options);
  ~outgoing_request();
  outgoing_request(const outgoing_request&) = delete;
  outgoing_request& operator=(const outgoing_request&) = delete;

  /// "name: value"; "name:" leaves out one that libcurl would send.
  void add_header(const std::string& line);
  void post(std::string body);

  /// To be added to a multi handle, once all is said.
  CURL* handle();

  /// Once it is done: its status. Errors: forbidden (an address), too_large, unavailable.
  result<unsigned> outcome(CURLcode code) const;
  const std::string& answer() const noexcept { return answer_; }
  std::string& answer() noexcept { return answer_; }
  /// As the server asked; 0: it did not.
  std::chrono::seconds retry_after() const;

 private:
  outgoing_request(outgoing_url url, const outgoing_rules& rules, const outgoing_options& options);
  static curl_socket_t open_socket(void* self, curlsocktype purpose, curl_sockaddr* address);
  static std::size_t receive(char* data, std::size_t size, std::size_t count, void* self);

  struct easy_cleanup {
    void operator()(CURL* handle) const { curl_easy_cleanup(handle); }
  };
  struct list_cleanup {
    void operator()(curl_slist* list) const { curl_slist_free_all(list); }
  };

  const outgoing_url url_;
  const outgoing_rules& rules_;
  const std::size_t most_bytes_;
  const bool cut_;
  bool overflowed_ = false;
  bool opened_ = false;
  std::string refused_;
  std::string body_;
  std::string answer_;
  std::string error_text_;  ///< libcurl writes into it
  std::unique_ptr<curl_slist, list_cleanup> headers_;
  std::unique_ptr<CURL, easy_cleanup> request_;
};

}  // namespace kith::net
