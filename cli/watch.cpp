#include <condition_variable>
#include <cstdio>
#include <mutex>
#include <optional>

#include "admin/json.hpp"
#include "cli/command.hpp"
#include "cli/exit_codes.hpp"
#include "net/client.hpp"

namespace kith::cli {

namespace {

struct watch_flags {
  client_flags client;
  std::string id;
  std::string segment;
  std::string from;
  std::uint64_t count = 0;
  bool json = true;
};

int watch(const watch_flags& flags) {
  const auto options = flags.client.options();
  if (!options) return report_unreached("watch", options.error());
  auto client = net::client::connect(*options);
  if (!client) return report_unreached("watch", client.error(), *options);
  std::mutex mutex;
  std::condition_variable ended;
  std::optional<error> why;
  std::uint64_t seen = 0;
  bool enough = false;
  net::watch_request request;
  if (!flags.id.empty()) request.profile = parse_identifier(flags.id);
  request.segment = flags.segment;
  request.from = flags.from;
  const auto started = (*client)->watch(request, [&](const result<std::string_view>& change) {
    const std::lock_guard lock(mutex);
    if (enough || why) return;
    if (change) {
      std::puts(admin::dump(admin::to_json(*change)).c_str());
      std::fflush(stdout);
      enough = ++seen == flags.count;
    } else {
      why = change.error();
    }
    if (enough || why) ended.notify_one();
  });
  if (!started) return report("watch", started.error());
  std::unique_lock lock(mutex);
  ended.wait(lock, [&] { return enough || why; });
  const auto outcome = why ? report("watch", *why) : static_cast<int>(exit_ok);
  lock.unlock();
  client->reset();
  return outcome;
}

}  // namespace

command_body add_watch(CLI::App& app) {
  auto flags = std::make_shared<watch_flags>();
  flags->client.add_to(app);
  app.add_option("ID", flags->id, "whose changes, as for `kith get`; none: everybody's");
  app.add_option("--segment", flags->segment, "only changes that enter or leave this segment");
  app.add_option("--from", flags->from, "resume behind this cursor, be it of before a restart");
  app.add_option("--count", flags->count, "stop after so many changes");
  app.add_flag("--json", flags->json, "JSON lines: what it prints anyway");
  app.footer(
      "Prints a JSON object a change, until Ctrl-C: the segments entered and left, the traits that the event set, and\n"
      "the cursor to resume behind it.");
  return [flags] { return watch(*flags); };
}

}  // namespace kith::cli
