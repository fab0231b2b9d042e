// A small HTTP server on loopback that answers what it is told to.
#pragma once

#include <atomic>
#include <functional>
#include <list>
#include <memory>
#include <string>
#include <thread>
#include <vector>

namespace kith::tests {

struct plain_request {
  std::string method;
  std::string target;
  std::string authorization;
  std::string body;
};

struct plain_response {
  unsigned status = 200;
  std::string body;
  std::string location;
};

class plain_server {
 public:
  /// `answer`: on a thread of the server's. Nothing (a null function): connections are taken and never answered.
  explicit plain_server(std::function<plain_response(const plain_request&)> answer);
  ~plain_server();
  plain_server(const plain_server&) = delete;
  plain_server& operator=(const plain_server&) = delete;

  unsigned short port() const;
  std::string url(const std::string& path = "/") const { return "http://127.0.0.1:" + std::to_string(port()) + path; }
  std::size_t connections() const;

 private:
  struct impl;
  std::unique_ptr<impl> impl_;
};

}  // namespace kith::tests
