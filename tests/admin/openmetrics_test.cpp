#include "admin/openmetrics.hpp"

#include <future>
#include <map>
#include <regex>
#include <set>
#include <sstream>

#include "admin/probe.hpp"
#include "admin/routes.hpp"
#include "tests/actors/support/harness.hpp"
#include "tests/catch.hpp"

using namespace kith;
using namespace kith::tests;
using admin::exposition;
using admin::exposition_for;

namespace {

/// What OpenMetrics asks of a text, line by line; what is wrong is in `wrong`.
struct parsed {
  explicit parsed(const std::string& text) {
    static const std::regex sample(
        R"rx(([a-zA-Z_:][a-zA-Z0-9_:]*)(\{([a-zA-Z_][a-zA-Z0-9_]*="(\\.|[^"\\])*",?)*\})? (\S+))rx"
        R"rx(( # (\{[^}]*\}) (\S+) (\S+))?)rx");
    std::istringstream in(text);
    std::string last;
    for (std::string line; std::getline(in, line); last = line) {
      if (last == "# EOF") wrong.push_back("behind the end: " + line);
      if (line == "# EOF" || line.starts_with("# HELP ")) continue;
      if (line.starts_with("# TYPE ")) {
        std::istringstream words(line);
        std::string hash;
        std::string word;
        words >> hash >> word >> name >> type;
        if (!families.insert(name).second) wrong.push_back("twice: " + name);
        continue;
      }
      std::smatch of;
      if (!std::regex_match(line, of, sample)) {
        wrong.push_back("no sample: " + line);
        continue;
      }
      take(line, of);
    }
    if (last != "# EOF") wrong.emplace_back("no end");
  }

  void take(const std::string& line, const std::smatch& of) {
    static const std::map<std::string, std::set<std::string>> suffixes = {{"counter", {"_total"}},
                                                                          {"gauge", {""}},
                                                                          {"unknown", {""}},
                                                                          {"summary", {"", "_sum", "_count"}},
                                                                          {"histogram", {"_bucket", "_sum", "_count"}}};
    const auto metric = of[1].str();
    if (!metric.starts_with(name) || !suffixes.at(type).contains(metric.substr(name.size()))) {
      wrong.push_back("not of " + type + " " + name + ": " + line);
    }
    if (!samples.emplace(metric + of[2].str(), std::stod(of[5].str())).second) wrong.push_back("twice: " + line);
    if (!of[6].matched) return;
    if (!metric.ends_with("_bucket")) wrong.push_back("an exemplar: " + line);
    exemplars[metric + of[2].str()] = of[7].str();
    if (of[7].length() > 130 || std::stod(of[9].str()) < 1e9) wrong.push_back("exemplar: " + line);
  }

  std::string name;
  std::string type;
  std::set<std::string> families;
  std::map<std::string, double> samples;
  std::map<std::string, std::string> exemplars;
  std::vector<std::string> wrong;
};

struct api {
  temporary_directory directory;
  running kith{options_for(directory.path())};
  std::unique_ptr<admin::definition_store> definitions =
      admin::definition_store::open(persistence::real_files(), directory.path(), {}).value();
  admin::probe counts;
  std::unique_ptr<persistence::dead_letters> letters = open_letters();
  admin::routes routes{*kith, *definitions, parts_of()};

  std::unique_ptr<persistence::dead_letters> open_letters() {
    persistence::dead_letter_options options;
    options.now_ms = [] { return std::int64_t{1'714'557'600'000}; };
    return persistence::dead_letters::open(persistence::real_files(), directory.path() + "/dead-letters", options)
        .value();
  }
  admin::parts parts_of() {
    admin::parts with;
    with.letters = letters.get();
    with.counts = &counts;
    return with;
  }

  admin::response metrics(const std::string& accept) {
    net::credential rights;
    rights.can_read = true;
    admin::request asked;
    asked.method = "GET";
    asked.target = "/metrics";
    asked.who = std::make_shared<net::identity>(rights);
    asked.accept = accept;
    return routes.handle(asked);
  }
};

}  // namespace

TEST_CASE("OpenMetrics is for those who ask for it") {
  CHECK(exposition_for("") == exposition::text);
  CHECK(exposition_for("*/*") == exposition::text);
  CHECK(exposition_for("text/plain;version=0.0.4") == exposition::text);
  CHECK(exposition_for("application/openmetrics-text") == exposition::openmetrics);
  CHECK(exposition_for("application/openmetrics-text; version=1.0.0; charset=utf-8") == exposition::openmetrics);
  CHECK(exposition_for("application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.6,application/openmetrics-"
                       "text;version=0.0.1;q=0.5,text/plain;version=0.0.4;q=0.3,*/*;q=0.2") == exposition::openmetrics);
  CHECK(exposition_for("application/openmetrics-text;version=0.0.1") == exposition::text);
  CHECK(exposition_for("application/openmetrics-text;q=0") == exposition::text);
  CHECK(exposition_for("application/openmetrics-text;q=0.2, text/plain;q=0.9") == exposition::text);
  CHECK(exposition_for(",;q=,application/openmetrics-text;q=x") == exposition::text);
}

TEST_CASE_METHOD(api, "metrics are whole in OpenMetrics, with the trace of a slow one beside its bucket") {
  actors::trace_context traced{0x4bf92f3577b34da6, 0xa3ce929d0e0e4736, 7, true};
  kith->latency().record(0, actors::stage::end_to_end, std::chrono::milliseconds(40), traced);
  kith->latency().record(0, actors::stage::end_to_end, std::chrono::microseconds(200));
  kith->latency().record(0, actors::stage::end_to_end, std::chrono::seconds(30));
  kith.publish({track("ada", "m-1", "2024-05-01T10:00:00Z")});
  const auto got = metrics("application/openmetrics-text; version=1.0.0");
  CHECK(got.status == 200);
  CHECK(got.content_type == "application/openmetrics-text; version=1.0.0; charset=utf-8");
  CHECK(got.headers.at("Vary") == "Accept");
  const parsed all(got.body);
  CHECK(all.wrong == std::vector<std::string>());
  CHECK(all.samples.at("kith_events_applied_total") == 1);
  CHECK(all.samples.at("kith_ready") == 1);
  const auto bucket = [&](const std::string& le) {
    return "kith_stage_duration_seconds_bucket{stage=\"end_to_end\",le=\"" + le + "\"}";
  };
  CHECK(all.samples.at(bucket("0.00025")) == 1);
  CHECK(all.samples.at(bucket("0.025")) == 1);
  CHECK(all.samples.at(bucket("0.05")) == 2);
  CHECK(all.samples.at(bucket("5")) == 2);
  CHECK(all.samples.at(bucket("+Inf")) == 3);
  CHECK(all.samples.at("kith_stage_duration_seconds_count{stage=\"end_to_end\"}") == 3);
  CHECK(all.samples.at("kith_stage_duration_seconds_sum{stage=\"end_to_end\"}") > 30.0);
  REQUIRE(all.exemplars.size() == 1);
  CHECK(all.exemplars.at(bucket("0.05")) == "{trace_id=\"4bf92f3577b34da6a3ce929d0e0e4736\"}");
  // The same numbers in Prometheus' own format, without exemplars.
  const auto plain = metrics("");
  CHECK(plain.content_type == "text/plain; version=0.0.4; charset=utf-8");
  CHECK(plain.body.find("kith_stage_duration_seconds_bucket{stage=\"end_to_end\",le=\"0.05\"} 2") != std::string::npos);
  CHECK(plain.body.find("trace_id") == std::string::npos);
}

TEST_CASE_METHOD(api,
                 "no two families of a scrape have one name, though a gauge is named as a counter without _total") {
  persistence::dead_letter letter;
  letter.source = "shop";
  letter.code = "schema";
  std::promise<result<void>> kept;
  letters->put({letter}, [&](const result<void>& outcome) { kept.set_value(outcome); });
  REQUIRE(kept.get_future().get());
  const auto got = metrics("application/openmetrics-text; version=1.0.0");
  const parsed all(got.body);
  CHECK(all.wrong == std::vector<std::string>());
  CHECK(got.body.find("# TYPE kith_dead_letters gauge\n") != std::string::npos);
  CHECK(got.body.find("# TYPE kith_dead_letters_total unknown\n") != std::string::npos);
  CHECK(got.body.find("# TYPE kith_dead_letters_dropped counter\n") != std::string::npos);
  CHECK(all.samples.at("kith_dead_letters{source=\"shop\",code=\"schema\"}") == 1);
  CHECK(all.samples.at("kith_dead_letters_total{source=\"shop\",code=\"schema\"}") == 1);
}

TEST_CASE("values and labels are written as OpenMetrics wants them") {
  prometheus::MetricFamily family;
  family.name = "odd";
  family.help = "a \"quoted\"\nhelp with \\";
  family.type = prometheus::MetricType::Gauge;
  family.metric.emplace_back();
  family.metric.back().label = {{"name", "with \" and \\ and \n"}};
  family.metric.back().gauge.value = std::numeric_limits<double>::quiet_NaN();
  CHECK(admin::openmetrics_text({family}, nullptr) ==
        "# HELP odd a \\\"quoted\\\"\\nhelp with \\\\\n# TYPE odd gauge\nodd{name=\"with \\\" and \\\\ and \\n\"} "
        "NaN\n# EOF\n");
}
