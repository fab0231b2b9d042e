#include <cstdio>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <nlohmann/json.hpp>
#include <unistd.h>

#include "cli/command.hpp"
#include "cli/exit_codes.hpp"
#include "cli/progress.hpp"
#include "cli/publish_tally.hpp"
#include "net/publisher.hpp"
#include "profile/event.hpp"

namespace kith::cli {

namespace {

constexpr std::uint64_t most_errors_shown = 20;

struct publish_flags {
  client_flags client;
  std::string file = "-";
  std::size_t batch = 500;
  std::size_t in_flight = 8;
  unsigned connections = 1;
  std::string durability = "fsync";
  std::string traceparent;
  bool json = false;
};

using publishers = std::vector<std::unique_ptr<net::publisher>>;

/// Prints the first ones.
class rejection_printer {
 public:
  void operator()(std::uint64_t line, errc code, const std::string& message) {
    if (++*count_ > most_errors_shown) return;
    const auto name = name_of(code);
    if (on_terminal_) std::fputs("\r\033[K", stderr);  // the progress bar
    std::fprintf(stderr, "line %llu: %.*s: %s\n", static_cast<unsigned long long>(line), static_cast<int>(name.size()),
                 name.data(), message.c_str());
  }

 private:
  std::shared_ptr<std::uint64_t> count_ = std::make_shared<std::uint64_t>(0);
  bool on_terminal_ = ::isatty(STDERR_FILENO) != 0;
};

result<publishers> connect(const publish_flags& flags, const net::client_options& options, publish_tally& tally) {
  net::publisher_options batching;
  batching.batch_events = flags.batch;
  batching.in_flight = flags.in_flight;
  batching.publish.wait_for = flags.durability == "memory" ? actors::durability::memory : actors::durability::fsync;
  // Of the environment it is a hint of whoever started us, and counts as not said if it is malformed.
  batching.publish.trace = actors::parse_traceparent(flags.traceparent).value_or(actors::trace_context());
  publishers made;
  for (std::size_t i = 0; i < flags.connections; ++i) {
    auto next = net::publisher::connect(options, batching,
                                        [&tally, i](std::uint64_t first, std::size_t count, const auto& outcome) {
                                          tally.answered(i, first, count, outcome);
                                        });
    if (!next) return tl::make_unexpected(next.error());
    made.push_back(std::move(*next));
  }
  return made;
}

/// Reads to the end, or until the server is given up: the number of the last line that was read.
std::uint64_t publish_lines(std::istream& in, std::uint64_t total_bytes, const publishers& to, publish_tally& tally) {
  progress bar(total_bytes);
  std::string line;
  std::uint64_t bytes = 0;
  std::uint64_t number = 0;
  while (!tally.failure() && std::getline(in, line)) {
    ++number;
    bytes += line.size() + 1;
    bar.update(bytes, tally.so_far().done());
    if (line.find_first_not_of(" \t\r") == std::string::npos) continue;
    const auto event = profile::event_from_json(line);
    if (!event) {
      tally.refused(number, event.error());
      continue;
    }
    const auto chosen = number % to.size();
    tally.sent(chosen, number);
    to[chosen]->add(*event);
  }
  for (const auto& each : to) each->flush();
  bar.finish(tally.so_far().done());
  return number;
}

void print_summary(const publish_tally::counts& counts, double seconds, bool json) {
  const auto rate = seconds > 0 ? static_cast<double>(counts.events) / seconds : 0.0;
  if (json) {
    const nlohmann::json summary = {{"events", counts.events},       {"applied", counts.applied},
                                    {"duplicate", counts.duplicate}, {"rejected", counts.rejected},
                                    {"failed", counts.failed},       {"seconds", seconds},
                                    {"events_per_s", rate}};
    std::puts(summary.dump().c_str());
    return;
  }
  std::printf("%llu event%s: %llu applied, %llu duplicate, %llu rejected in %.2f s (%.0f/s)\n",
              static_cast<unsigned long long>(counts.events), counts.events == 1 ? "" : "s",
              static_cast<unsigned long long>(counts.applied), static_cast<unsigned long long>(counts.duplicate),
              static_cast<unsigned long long>(counts.rejected), seconds, rate);
}

/// Long enough for a server to start anew, with some journal to replay: a quarter of a minute or so.
constexpr unsigned patient_attempts = 12;

int publish(const publish_flags& flags) {
  auto options = flags.client.options();
  if (!options) return report_unreached("publish", options.error());
  options->retry.attempts = patient_attempts;
  std::ifstream file;
  std::uint64_t total = 0;
  if (flags.file != "-") {
    file.open(flags.file);
    if (!file || std::filesystem::is_directory(flags.file)) {
      report("publish", {errc::not_found, flags.file + ": cannot be read"});
      return exit_no_input;
    }
    std::error_code ignored;
    total = std::filesystem::file_size(flags.file, ignored);
    if (ignored) total = 0;  // a pipe
  }

  publish_tally tally(flags.connections, rejection_printer());
  auto to = connect(flags, *options, tally);
  if (!to) return report_unreached("publish", to.error(), *options);
  const auto started = std::chrono::steady_clock::now();
  const auto last = publish_lines(flags.file == "-" ? std::cin : file, total, *to, tally);
  const auto seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - started).count();
  to->clear();

  const auto counts = tally.so_far();
  if (counts.rejected > most_errors_shown) {
    std::fprintf(stderr, "… and %llu more rejected\n",
                 static_cast<unsigned long long>(counts.rejected - most_errors_shown));
  }
  print_summary(counts, seconds, flags.json);
  if (const auto why = tally.failure()) {
    const int code = report("publish", *why);
    std::fprintf(stderr,
                 "kith publish: gave up at line %llu, %llu events are without an answer; publish the file again: what "
                 "was applied counts once\n",
                 static_cast<unsigned long long>(last), static_cast<unsigned long long>(counts.failed));
    return code;
  }
  return counts.rejected > 0 ? exit_data : exit_ok;
}

}  // namespace

command_body add_publish(CLI::App& app) {
  auto flags = std::make_shared<publish_flags>();
  flags->client.add_to(app);
  app.add_option("FILE", flags->file, "events, one JSON object a line; - is standard input")->capture_default_str();
  app.add_option("--batch", flags->batch, "events in one request")->check(CLI::Range(1, 65536))->capture_default_str();
  app.add_option("--in-flight", flags->in_flight, "requests on their way, a connection")
      ->check(CLI::Range(1, 1024))
      ->capture_default_str();
  app.add_option("--connections", flags->connections, "connections")->check(CLI::Range(1, 1024))->capture_default_str();
  app.add_option("--durability", flags->durability, "reply when on disk (fsync) or at once (memory)")
      ->check(CLI::IsMember({"fsync", "memory"}))
      ->capture_default_str();
  app.add_option("--traceparent", flags->traceparent, "the trace that they are part of, as W3C Trace Context has it")
      ->envname("TRACEPARENT");
  app.add_flag("--json", flags->json, "print the summary as a JSON object");
  app.footer(
      "Exit codes: 0 every event applied or duplicate, 65 some rejected, 66 no such file, 69 server not reached, 77 no "
      "permission.");
  return [flags] { return publish(*flags); };
}

}  // namespace kith::cli
