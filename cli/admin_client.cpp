#include "cli/admin_client.hpp"

#include <algorithm>
#include <fstream>

#include "admin/json.hpp"

namespace kith::cli {

namespace {

constexpr int ports_from_protocol = 2;
constexpr std::size_t most_a_page = 1000;

std::string check_address(const std::string& text) {
  const auto parsed = parse_address(text);
  return parsed ? std::string() : parsed.error().message;
}

}  // namespace

void admin_flags::add_to(CLI::App& app) {
  client.add_to(app);
  app.add_option("--admin", admin, "the server's admin HTTPS port (default: two behind the protocol's)")
      ->envname("KITH_ADMIN")
      ->check(CLI::Validator(check_address, "HOST:PORT"));
}

result<net::client_options> admin_flags::options() const {
  auto made = client.options();
  if (!made) return made;
  if (admin.empty()) {
    made->port = static_cast<unsigned short>(made->port + ports_from_protocol);
  } else {
    const auto at = parse_address(admin);
    if (!at) return tl::make_unexpected(at.error());
    made->host = at->host;
    made->port = at->port;
  }
  if (!client.dev.empty() && client.cert.empty() && made->token.empty()) {
    const auto file = dev_directory(client.dev) + "/admin.token";
    std::ifstream in(file);
    if (!std::getline(in, made->token)) return fail(errc::invalid_argument, file + ": cannot be read");
  }
  return made;
}

result<admin_client> admin_client::connect(const net::client_options& options) {
  auto link = net::https_client::connect(options);
  if (!link) return tl::make_unexpected(link.error());
  return admin_client(std::move(*link));
}

result<nlohmann::json> admin_client::ask(const std::string& method, const std::string& target,
                                         const nlohmann::json& body, nlohmann::json* problem) {
  net::https_request request{method, target, body.is_null() ? std::string() : admin::dump(body), {}};
  const auto got = link_->send(request);
  if (!got) return tl::make_unexpected(got.error());
  auto answer = nlohmann::json::parse(got->body, nullptr, false);
  if (got->status < 300) {
    if (got->body.empty()) return nlohmann::json();
    if (answer.is_discarded()) return fail(errc::internal, "the server's answer is no JSON");
    return answer;
  }
  const bool told = answer.is_object() && answer.contains("detail") && answer["detail"].is_string();
  auto why = told ? answer["detail"].get<std::string>() : "the server answers with " + std::to_string(got->status);
  if (told && problem != nullptr) *problem = std::move(answer);
  return fail(net::https_client::code_of(got->status), std::move(why));
}

result<void> admin_client::download(const std::string& target,
                                    const std::function<result<void>(std::string_view)>& take) {
  const auto got = link_->send({"GET", target, {}, {}}, take);
  if (!got) return tl::make_unexpected(got.error());
  if (got->status < 300) return {};
  const auto answer = nlohmann::json::parse(got->body, nullptr, false);
  const bool told = answer.is_object() && answer.contains("detail") && answer["detail"].is_string();
  return fail(net::https_client::code_of(got->status),
              told ? answer["detail"].get<std::string>() : "the server answers with " + std::to_string(got->status));
}

result<nlohmann::json> read_list(admin_client& admin, const std::string& path, std::size_t most, nlohmann::json* last) {
  auto items = nlohmann::json::array();
  std::string cursor;
  for (;;) {
    const auto limit = std::min(most - items.size(), most_a_page);
    auto page = admin.ask("GET", path + "?limit=" + std::to_string(limit) +
                                     (cursor.empty() ? "" : "&cursor=" + net::percent_encoded(cursor)));
    if (!page) return page;
    for (auto& each : page->at("items")) items.push_back(std::move(each));
    const auto next = page->at("next");
    if (last != nullptr) *last = std::move(*page);
    if (next.is_null() || items.size() >= most) return items;
    cursor = next.get<std::string>();
  }
}

}  // namespace kith::cli
