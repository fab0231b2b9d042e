// kith bench: load on pipelined connections, latencies by HdrHistogram.
#include <algorithm>
#include <barrier>
#include <cstdio>
#include <nlohmann/json.hpp>
#include <sys/resource.h>
#include <thread>

#include "cli/bench_worker.hpp"
#include "cli/command.hpp"
#include "cli/exit_codes.hpp"
#include "profile/profile.hpp"

namespace kith::cli {

namespace {

struct bench_flags {
  client_flags client;
  std::string what = "publish";
  std::string durability = "fsync";
  std::uint64_t seed = 0;
  bool json = false;
  bench_plan plan;
};

void raise_descriptor_limit() {
  rlimit files{};
  getrlimit(RLIMIT_NOFILE, &files);
  files.rlim_cur = files.rlim_max;
  setrlimit(RLIMIT_NOFILE, &files);
}

bench_plan plan_of(const bench_flags& flags) {
  auto plan = flags.plan;
  plan.what = flags.what == "get" ? bench_kind::get : flags.what == "mixed" ? bench_kind::mixed : bench_kind::publish;
  plan.memory = flags.durability == "memory";
  plan.seed = flags.seed != 0 ? flags.seed : std::random_device{}();
  plan.threads = static_cast<unsigned>(std::min<std::size_t>(plan.threads, plan.connections));
  return plan;
}

/// All workers connect, then begin together.
result<bench_result> run_workers(const bench_plan& plan, const net::client_options& options) {
  std::atomic<std::uint64_t> done{0};
  progress bar(plan.events);
  std::vector<std::unique_ptr<bench_worker>> workers;
  for (unsigned i = 0; i < plan.threads; ++i) {
    workers.push_back(std::make_unique<bench_worker>(plan, i, options, done, i == 0 ? &bar : nullptr));
  }
  std::vector<result<void>> connected(workers.size());
  std::atomic<bool> failed{false};
  std::barrier ready(static_cast<std::ptrdiff_t>(workers.size()));
  const auto work = [&](std::size_t i) {
    connected[i] = workers[i]->connect();
    if (!connected[i]) failed = true;
    ready.arrive_and_wait();
    if (!failed) workers[i]->run();
  };
  std::vector<std::thread> threads;
  for (std::size_t i = 1; i < workers.size(); ++i) threads.emplace_back(work, i);
  work(0);
  for (auto& thread : threads) thread.join();

  bench_result sum;
  for (std::size_t i = 0; i < workers.size(); ++i) {
    if (!connected[i]) return tl::make_unexpected(connected[i].error());
    sum.add(workers[i]->outcome());
  }
  bar.finish(sum.events);
  return sum;
}

void print_json(const bench_flags& flags, const bench_plan& plan, const bench_result& sum, double seconds) {
  const auto& latency = sum.latency;
  nlohmann::json out = {{"what", flags.what},
                        {"events", sum.events},
                        {"seconds", seconds},
                        {"events_per_s", seconds > 0 ? static_cast<double>(sum.events) / seconds : 0.0},
                        {"applied", sum.applied},
                        {"duplicate", sum.duplicate},
                        {"rejected", sum.rejected},
                        {"errors", sum.errors},
                        {"connections", plan.connections},
                        {"batch", plan.batch},
                        {"pipeline", plan.pipeline},
                        {"threads", plan.threads},
                        {"durability", flags.durability},
                        {"latency_us",
                         {{"p50", latency.percentile(50)},
                          {"p90", latency.percentile(90)},
                          {"p99", latency.percentile(99)},
                          {"p999", latency.percentile(99.9)},
                          {"max", latency.max()}}}};
  if (plan.what != bench_kind::publish) {
    out["found"] = sum.found;
    out["missing"] = sum.missing;
    out["fields"] = plan.fields;
    out["view"] = plan.view;
  }
  std::puts(out.dump().c_str());
}

void print_text(const bench_plan& plan, const bench_result& sum, double seconds) {
  const auto number = [](std::uint64_t value) { return static_cast<unsigned long long>(value); };
  const auto& latency = sum.latency;
  std::printf("%llu events in %.2f s: %.0f/s; applied %llu, duplicate %llu, rejected %llu, errors %llu\n",
              number(sum.events), seconds, seconds > 0 ? static_cast<double>(sum.events) / seconds : 0.0,
              number(sum.applied), number(sum.duplicate), number(sum.rejected), number(sum.errors));
  if (plan.what != bench_kind::publish) {
    std::printf("reads: %llu found, %llu missing\n", number(sum.found), number(sum.missing));
  }
  std::printf("latency of a request, µs: p50 %llu, p90 %llu, p99 %llu, p99.9 %llu, max %llu\n",
              number(latency.percentile(50)), number(latency.percentile(90)), number(latency.percentile(99)),
              number(latency.percentile(99.9)), number(latency.max()));
}

CLI::Validator profile_key() {
  return {[](const std::string& name) {
            unsigned field = 0;
            return profile::field_index(name, field) ? std::string() : "\"" + name + "\" is no key of a profile";
          },
          "KEY"};
}

int bench(const bench_flags& flags) {
  const auto options = flags.client.options();
  if (!options) return report_unreached("bench", options.error());
  raise_descriptor_limit();
  const auto plan = plan_of(flags);
  const auto sum = run_workers(plan, *options);
  if (!sum) return report_unreached("bench", sum.error(), *options);
  const auto seconds = std::chrono::duration<double>(sum->ended - sum->started).count();
  if (flags.json) {
    print_json(flags, plan, *sum, seconds);
  } else {
    print_text(plan, *sum, seconds);
  }
  if (sum->errors > 0) {
    std::fprintf(stderr, "kith bench: %llu failed, the last: %s\n", static_cast<unsigned long long>(sum->errors),
                 sum->last_error.c_str());
    return exit_unavailable;
  }
  return sum->rejected > 0 ? exit_data : exit_ok;
}

}  // namespace

command_body add_bench(CLI::App& app) {
  auto flags = std::make_shared<bench_flags>();
  auto& plan = flags->plan;
  flags->client.add_to(app);
  app.add_option("WHAT", flags->what, "publish, get or mixed (half of each)")
      ->check(CLI::IsMember({"publish", "get", "mixed"}))
      ->capture_default_str();
  app.add_option("--events", plan.events, "events (or reads) in all")
      ->check(CLI::PositiveNumber)
      ->capture_default_str();
  app.add_option("--profiles", plan.profiles, "profiles they are spread over")
      ->check(CLI::Range(std::uint64_t{1}, std::uint64_t{1'000'000'000}))
      ->capture_default_str();
  app.add_option("--connections", plan.connections, "connections")->check(CLI::Range(1, 100000))->capture_default_str();
  app.add_option("--batch", plan.batch, "events (or ids) in a request")
      ->check(CLI::Range(1, 65536))
      ->capture_default_str();
  app.add_option("--pipeline", plan.pipeline, "requests in flight, a connection")
      ->check(CLI::Range(1, 65536))
      ->capture_default_str();
  app.add_option("--rate", plan.rate, "events a second offered, over all connections; 0: as many as go")
      ->check(CLI::NonNegativeNumber);
  app.add_option("--zipf", plan.zipf, "exponent of a Zipf distribution over the profiles; 0: uniform")
      ->check(CLI::Range(0.0, 10.0));
  app.add_flag("--in-turn", plan.in_turn, "one profile after the other, instead of at random");
  app.add_flag("--now", plan.now,
               "events happen when they are sent, instead of at times that are the same in each run");
  app.add_flag("--steady-traits", plan.steady_traits,
               "a profile's events set the same traits again, instead of others each time");
  app.add_flag("--two-ids", plan.two_ids, "events name an anonymousId beside the userId, always the same with it");
  app.add_option("--durability", flags->durability, "fsync or memory")
      ->check(CLI::IsMember({"fsync", "memory"}))
      ->capture_default_str();
  app.add_option("--threads", plan.threads, "threads that the connections are spread over")
      ->check(CLI::Range(1, 256))
      ->capture_default_str();
  app.add_option("--id-prefix", plan.id_prefix, "what the userIds begin with")->capture_default_str();
  auto* fields =
      app.add_option("--fields", plan.fields, "only these keys of the profiles that are read, separated by commas")
          ->delimiter(',')
          ->allow_extra_args(false)
          ->check(profile_key());
  app.add_option("--view", plan.view, "only what this view shows of the profiles that are read")->excludes(fields);
  app.add_option("--seed", flags->seed,
                 "of the random choices and the messageIds: the same events each time; 0: others each time");
  app.add_flag("--json", flags->json, "print one JSON object");
  app.footer("Exit codes: 0 all answered, 65 some rejected, 69 some without an answer or server not reached.");
  return [flags] { return bench(*flags); };
}

}  // namespace kith::cli
