#include <cstdio>
#include <deque>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <mutex>
#include <nlohmann/json.hpp>

#include "cli/command.hpp"
#include "cli/exit_codes.hpp"
#include "cli/progress.hpp"
#include "net/publisher.hpp"
#include "profile/event.hpp"

namespace kith::cli {

namespace {

constexpr std::size_t most_errors_shown = 20;

struct publish_flags {
  client_flags client;
  std::string file = "-";
  std::size_t batch = 500;
  std::size_t in_flight = 8;
  unsigned connections = 1;
  std::string durability = "fsync";
  bool json = false;
};

/// What has become of the lines. Thread safety: all of it.
class tally {
 public:
  /// Publisher `from`'s next event stands in this line.
  void sent(std::size_t from, std::uint64_t line) {
    const std::lock_guard lock(mutex_);
    if (lines_.size() <= from) lines_.resize(from + 1);
    lines_[from].push_back(line);
    ++events_;
  }
  void refused(std::uint64_t line, const error& why) {
    const std::lock_guard lock(mutex_);
    ++events_;
    reject(line, why.code, why.message);
  }
  void answered(std::size_t from, std::size_t count, const result<actors::publish_outcome>& outcome) {
    const std::lock_guard lock(mutex_);
    auto& lines = lines_[from];
    if (outcome) {
      applied_ += outcome->applied;
      duplicate_ += outcome->duplicate;
      for (const auto& each : outcome->rejected) reject(lines[each.index], each.code, each.message);
    } else {
      failed_ += count;
      if (!failure_) failure_ = outcome.error();
    }
    lines.erase(lines.begin(), lines.begin() + static_cast<std::ptrdiff_t>(count));
  }
  std::uint64_t done() const {
    const std::lock_guard lock(mutex_);
    return applied_ + duplicate_ + rejected_ + failed_;
  }
  int summary(bool json, double seconds) const;

 private:
  void reject(std::uint64_t line, errc code, const std::string& message) {
    if (++rejected_ > most_errors_shown) return;
    const auto name = name_of(code);
    std::fprintf(stderr, "line %llu: %.*s: %s\n", static_cast<unsigned long long>(line), static_cast<int>(name.size()),
                 name.data(), message.c_str());
  }

  mutable std::mutex mutex_;
  std::vector<std::deque<std::uint64_t>> lines_;  ///< of the events in flight, by publisher
  std::uint64_t events_ = 0;
  std::uint64_t applied_ = 0;
  std::uint64_t duplicate_ = 0;
  std::uint64_t rejected_ = 0;
  std::uint64_t failed_ = 0;
  std::optional<error> failure_;
};

int tally::summary(bool json, double seconds) const {
  const auto rate = seconds > 0 ? static_cast<double>(events_) / seconds : 0.0;
  if (rejected_ > most_errors_shown) {
    std::fprintf(stderr, "… and %llu more rejected\n", static_cast<unsigned long long>(rejected_ - most_errors_shown));
  }
  if (json) {
    const nlohmann::json summary = {{"events", events_},     {"applied", applied_}, {"duplicate", duplicate_},
                                    {"rejected", rejected_}, {"failed", failed_},   {"seconds", seconds},
                                    {"events_per_s", rate}};
    std::puts(summary.dump().c_str());
  } else {
    std::printf("%llu events: %llu applied, %llu duplicate, %llu rejected in %.2f s (%.0f/s)\n",
                static_cast<unsigned long long>(events_), static_cast<unsigned long long>(applied_),
                static_cast<unsigned long long>(duplicate_), static_cast<unsigned long long>(rejected_), seconds, rate);
  }
  if (failure_) return report("publish", *failure_);
  return rejected_ > 0 ? exit_data : exit_ok;
}

int publish(const publish_flags& flags) {
  const auto options = flags.client.options();
  if (!options) return report("publish", options.error());
  std::ifstream file;
  std::uint64_t total = 0;
  if (flags.file != "-") {
    file.open(flags.file);
    if (!file) return report("publish", {errc::invalid_argument, flags.file + ": cannot be read"});
    std::error_code ignored;
    total = std::filesystem::file_size(flags.file, ignored);
  }
  std::istream& in = flags.file == "-" ? std::cin : file;

  net::publisher_options batching;
  batching.batch_events = flags.batch;
  batching.in_flight = flags.in_flight;
  batching.publish.wait_for = flags.durability == "memory" ? actors::durability::memory : actors::durability::fsync;
  tally counts;
  std::vector<std::unique_ptr<net::publisher>> publishers;
  for (std::size_t i = 0; i < flags.connections; ++i) {
    auto made = net::publisher::connect(
        *options, batching,
        [&counts, i](std::uint64_t, std::size_t count, const auto& outcome) { counts.answered(i, count, outcome); });
    if (!made) return report("publish", made.error());
    publishers.push_back(std::move(*made));
  }

  const auto started = std::chrono::steady_clock::now();
  progress bar(total);
  std::string line;
  std::uint64_t bytes = 0;
  for (std::uint64_t number = 1; std::getline(in, line); ++number) {
    bytes += line.size() + 1;
    bar.update(bytes, counts.done());
    if (line.find_first_not_of(" \t\r") == std::string::npos) continue;
    const auto event = profile::event_from_json(line);
    if (!event) {
      counts.refused(number, event.error());
      continue;
    }
    const auto to = number % publishers.size();
    counts.sent(to, number);
    publishers[to]->add(*event);
  }
  for (const auto& each : publishers) each->flush();
  bar.finish(counts.done());
  const auto seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - started).count();
  publishers.clear();
  return counts.summary(flags.json, seconds);
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
  app.add_flag("--json", flags->json, "print the summary as a JSON object");
  app.footer(
      "Exit codes: 0 every event applied or duplicate, 65 some rejected, 69 server not reached, 77 no permission.");
  return [flags] { return publish(*flags); };
}

}  // namespace kith::cli
