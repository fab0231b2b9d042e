#include "net/outgoing_request.hpp"

#include <algorithm>
#include <sys/socket.h>

namespace kith::net {

outgoing_request::outgoing_request(outgoing_url url, const outgoing_rules& rules, const outgoing_options& options)
    : url_(std::move(url)),
      rules_(rules),
      most_bytes_(options.most_bytes),
      cut_(options.cut),
      error_text_(CURL_ERROR_SIZE, '\0'),
      request_(curl_easy_init()) {}

outgoing_request::~outgoing_request() = default;

result<std::unique_ptr<outgoing_request>> outgoing_request::make(const std::string& url, const outgoing_rules& rules,
                                                                 const outgoing_options& options) {
  if (auto allowed = check_outgoing_url(url, rules); !allowed) {
    return fail(allowed.error().code, url + ": " + allowed.error().message);
  }
  auto parsed = parse_outgoing_url(url);
  if (!parsed) return tl::make_unexpected(parsed.error());
  std::unique_ptr<outgoing_request> made(new outgoing_request(std::move(*parsed), rules, options));
  auto* request = made->request_.get();
  curl_easy_setopt(request, CURLOPT_URL, url.c_str());
  curl_easy_setopt(request, CURLOPT_PROTOCOLS_STR, "http,https");
  curl_easy_setopt(request, CURLOPT_FOLLOWLOCATION, 0L);
  curl_easy_setopt(request, CURLOPT_PROXY, "");
  curl_easy_setopt(request, CURLOPT_NOSIGNAL, 1L);
  curl_easy_setopt(request, CURLOPT_SSLVERSION, static_cast<long>(CURL_SSLVERSION_TLSv1_2));
  curl_easy_setopt(request, CURLOPT_TIMEOUT_MS, static_cast<long>(options.timeout.count()));
  curl_easy_setopt(request, CURLOPT_USERAGENT, "kith/" KITH_VERSION);
  curl_easy_setopt(request, CURLOPT_OPENSOCKETFUNCTION, &outgoing_request::open_socket);
  curl_easy_setopt(request, CURLOPT_OPENSOCKETDATA, made.get());
  curl_easy_setopt(request, CURLOPT_WRITEFUNCTION, &outgoing_request::receive);
  curl_easy_setopt(request, CURLOPT_WRITEDATA, made.get());
  curl_easy_setopt(request, CURLOPT_ERRORBUFFER, made->error_text_.data());
  if (!options.ca.empty()) {
    curl_easy_setopt(request, CURLOPT_CAINFO, options.ca.c_str());
    curl_easy_setopt(request, CURLOPT_CAPATH, nullptr);  // else the system's signers would do too
  }
  return made;
}

void outgoing_request::add_header(const std::string& line) {
  headers_.reset(curl_slist_append(headers_.release(), line.c_str()));
}

void outgoing_request::post(std::string body) {
  body_ = std::move(body);
  auto* request = request_.get();
  curl_easy_setopt(request, CURLOPT_POST, 1L);
  curl_easy_setopt(request, CURLOPT_POSTFIELDS, body_.data());
  curl_easy_setopt(request, CURLOPT_POSTFIELDSIZE_LARGE, static_cast<curl_off_t>(body_.size()));
  add_header("expect:");
}

CURL* outgoing_request::handle() {
  curl_easy_setopt(request_.get(), CURLOPT_HTTPHEADER, headers_.get());
  return request_.get();
}

curl_socket_t outgoing_request::open_socket(void* self, curlsocktype purpose, curl_sockaddr* address) {
  auto& to = *static_cast<outgoing_request*>(self);
  const auto ip = ip_of(address->addr);
  if (purpose != CURLSOCKTYPE_IPCXN || !ip) return CURL_SOCKET_BAD;
  if (auto allowed = check_outgoing_address(to.url_, *ip, to.rules_); !allowed) {
    to.refused_ = allowed.error().message;
    return CURL_SOCKET_BAD;
  }
  to.opened_ = true;
  return ::socket(address->family, address->socktype | SOCK_CLOEXEC, address->protocol);
}

std::size_t outgoing_request::receive(char* data, std::size_t size, std::size_t count, void* self) {
  auto& to = *static_cast<outgoing_request*>(self);
  const auto whole = size * count;
  const auto taken = std::min(whole, to.most_bytes_ - to.answer_.size());
  to.answer_.append(data, taken);
  if (taken == whole || to.cut_) return whole;
  to.overflowed_ = true;
  return taken;
}

result<unsigned> outgoing_request::outcome(CURLcode code) const {
  if (code == CURLE_OK) {
    long status = 0;
    curl_easy_getinfo(request_.get(), CURLINFO_RESPONSE_CODE, &status);
    return static_cast<unsigned>(status);
  }
  if (!refused_.empty() && !opened_) return fail(errc::forbidden, refused_);
  if (overflowed_) {
    return fail(errc::too_large, "the answer is over " + std::to_string(most_bytes_) + " bytes");
  }
  const auto* said = error_text_.c_str();
  return fail(errc::unavailable, *said != '\0' ? said : curl_easy_strerror(code));
}

std::chrono::seconds outgoing_request::retry_after() const {
  curl_off_t asked = 0;
  curl_easy_getinfo(request_.get(), CURLINFO_RETRY_AFTER, &asked);
  return std::chrono::seconds(asked);
}

}  // namespace kith::net
