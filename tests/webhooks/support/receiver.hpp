// An HTTP endpoint that keeps what it was sent, and answers what it is told to.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

namespace kith::tests {

struct received_message {
  std::string id;
  std::string timestamp;
  std::string signature;
  std::string content_type;
  std::string body;
  std::string target{};
  std::map<std::string, std::string> headers{};  ///< by their names in lower case
  nlohmann::json event() const { return nlohmann::json::parse(body); }
};

class receiver {
 public:
  /// What to answer; on a thread of the receiver's. Empty: 200.
  explicit receiver(std::function<unsigned(const received_message&)> answer = {});
  ~receiver();
  receiver(const receiver&) = delete;
  receiver& operator=(const receiver&) = delete;

  std::string url() const { return base() + "/hook"; }
  std::string base() const;  ///< without a path
  std::vector<received_message> received() const;

 private:
  struct impl;
  std::unique_ptr<impl> impl_;
};

}  // namespace kith::tests
