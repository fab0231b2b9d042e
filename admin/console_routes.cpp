// What the web console needs beside the rest of the API: its own files, and what happens as it happens.
#include <algorithm>

#include "admin/compression.hpp"
#include "admin/console.hpp"
#include "admin/routes.hpp"

namespace kith::admin {

namespace {

constexpr std::chrono::minutes longest_stream{5};  ///< then it is asked for anew, and who asks is judged again

// No script, style or picture but the console's own, and no other page around it.
constexpr const char* policy =
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; "
    "frame-ancestors 'none'; base-uri 'none'; form-action 'none'";

response file_answer(const console_file& file, const request& sent) {
  response answer{200, std::string(file.content_type), {}, {}};
  const bool is_page = file.name == "index.html";
  answer.headers["Content-Security-Policy"] = policy;
  answer.headers["Cache-Control"] = is_page ? "no-cache" : "public, max-age=31536000, immutable";
  answer.headers["ETag"] = '"' + std::string(file.hash) + '"';
  answer.headers["Vary"] = "Accept-Encoding";
  if (takes_gzip(sent.accept_encoding)) {
    answer.headers["Content-Encoding"] = "gzip";
    answer.body = file.gzip;
  } else {
    answer.body = file.bytes;
  }
  return answer;
}

response named_file(const std::string& name, const request& sent) {
  const auto files = console_files();
  const auto found = std::find_if(files.begin(), files.end(), [&](const auto& each) { return each.name == name; });
  if (found != files.end()) return file_answer(*found, sent);
  if (!files.empty()) return problem(404, "not_found", "the console has no such file");
  return problem(404, "not_found",
                 "this executable was built without the console: install nodejs and npm, and run scripts/build");
}

}  // namespace

response routes::console_page(const call& asked) { return named_file("index.html", asked.sent); }

response routes::console_file_of(const call& asked) { return named_file("assets/" + asked.target.path[1], asked.sent); }

response routes::live_events(const call& asked) {
  if (auto unknown = unknown_parameter(asked.target, {"format"})) return *unknown;
  if (const auto format = asked.target.query.find("format"); format != asked.target.query.end()) {
    if (format->second != "json") {
      return problem(400, "invalid_argument", "query parameter format: must be json, or not be there for events");
    }
    auto newest = live_->newest();
    if (newest.empty()) return problem(503, "unavailable", "nothing was looked at yet; ask again in a second");
    return {200, "application/json", std::move(newest), {}};
  }
  response answer{200, "text/event-stream", {}, {}};
  std::uint64_t heard = 0;
  answer.body = live_->told(heard);
  answer.pause = live::pace;
  auto left = longest_stream / live::pace;
  answer.more = [now = live_, heard, left]() mutable -> result<std::string> {
    return --left > 0 ? now->told(heard) : std::string();
  };
  return answer;
}

}  // namespace kith::admin
