// A certificate authority in a temporary directory, for one test.
#pragma once

#include <string>

#include "net/tls_context.hpp"

namespace kith::test {

class certificates {
 public:
  /// Makes ca.pem, server.pem and server.key (localhost, 127.0.0.1).
  certificates();
  ~certificates();
  certificates(const certificates&) = delete;
  certificates& operator=(const certificates&) = delete;

  std::string path(const std::string& name) const { return directory_ + "/" + name; }
  /// Makes NAME.pem and NAME.key, signed by the CA, or by itself.
  net::tls_files issue(const std::string& name, const std::string& common_name, bool self_signed = false);
  net::tls_server_options server_options() const;

 private:
  std::string directory_;
  long next_serial_ = 1;
};

}  // namespace kith::test
