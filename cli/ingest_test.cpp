// kith ingest test: what a payload of a source of webhooks becomes, without a server.
#include <chrono>
#include <cstdio>
#include <fstream>
#include <iostream>
#include <iterator>
#include <nlohmann/json.hpp>

#include "cli/command.hpp"
#include "cli/config.hpp"
#include "cli/exit_codes.hpp"
#include "ingest/webhook/receive.hpp"

namespace kith::cli {

namespace {

namespace webhook = ingest::webhook;
using nlohmann::json;

constexpr std::string_view command = "ingest test";

struct test_flags {
  std::string source;
  std::string file;
  std::string config_file = "kith.toml";
  std::vector<std::string> headers;
  bool unsigned_too = false;
  bool json = false;
};

result<std::string> read_payload(const std::string& file) {
  if (file == "-") return std::string(std::istreambuf_iterator<char>(std::cin), {});
  std::ifstream in(file, std::ios::binary);
  if (!in) return fail(errc::not_found, file + ": cannot be read");
  return std::string(std::istreambuf_iterator<char>(in), {});
}

std::string_view trimmed(std::string_view text) {
  while (!text.empty() && text.front() == ' ') text.remove_prefix(1);
  while (!text.empty() && text.back() == ' ') text.remove_suffix(1);
  return text;
}

result<std::vector<net::http_field>> fields_of(const std::vector<std::string>& headers) {
  std::vector<net::http_field> made;
  for (const auto& each : headers) {
    const std::string_view text = each;
    const auto colon = text.find(':');
    if (colon == 0 || colon == text.npos) {
      return fail(errc::invalid_argument, "--header: \"" + each + "\" is not 'Name: value'");
    }
    made.push_back({trimmed(text.substr(0, colon)), trimmed(text.substr(colon + 1))});
  }
  return made;
}

/// The source of that name. Errors: not_found, naming those that there are.
result<webhook::settings> find_source(const config& from, const std::string& name) {
  std::string known;
  for (const auto& each : from.sources) {
    if (!each.webhook) continue;
    if (each.name == name) return *each.webhook;
    known += (known.empty() ? "" : ", ") + each.name;
  }
  return fail(errc::not_found,
              "no source \"" + name + "\" takes webhooks; " +
                  (known.empty() ? "there is no [sources.NAME] with a scheme" : "there are: " + known));
}

/// What there is to show; empty texts: nothing is wrong.
struct shown_result {
  std::string signature;  ///< why it does not hold
  std::string refused;
  std::string ignored;
  std::string delivery;
  std::vector<std::string> events;  ///< JSON
  std::vector<webhook::skipped> skipped_events;

  bool good() const { return signature.empty() && refused.empty() && skipped_events.empty(); }
};

shown_result examine(const webhook::settings& of, const net::http_request& request, bool unsigned_too) {
  shown_result made;
  const auto now = std::chrono::system_clock::now().time_since_epoch();
  const auto now_ms = std::chrono::duration_cast<std::chrono::milliseconds>(now).count();
  const auto genuine = webhook::verify(of.scheme, request, now_ms);
  if (!genuine && !unsigned_too) made.signature = genuine.error().message;
  auto id = webhook::delivery_id(of.scheme, request);
  if (!id) {
    made.refused = id.error().message;
    return made;
  }
  auto events = webhook::map_request(of, request, std::move(*id), now_ms);
  if (!events) {
    made.refused = events.error().why.message;
    return made;
  }
  made.delivery = events->delivery_id;
  made.ignored = events->events.ignored;
  made.skipped_events = std::move(events->events.skipped_events);
  for (const auto& each : json::from_msgpack(events->events.events)) {
    made.events.push_back(each.dump(-1, ' ', false, json::error_handler_t::replace));
  }
  return made;
}

std::string place_of(const webhook::skipped& each) {
  return each.rule + (each.index ? ", item " + std::to_string(*each.index) : "");
}

void print_json(const shown_result& what, bool unsigned_too) {
  json events = json::array();
  for (const auto& each : what.events) events.push_back(json::parse(each));
  json skipped = json::array();
  for (const auto& each : what.skipped_events) {
    skipped.push_back({{"rule", each.rule}, {"reason", each.reason}});
    if (each.index) skipped.back()["index"] = *each.index;
  }
  json signature = unsigned_too ? json{{"checked", false}} : json{{"checked", true}, {"holds", what.signature.empty()}};
  if (!what.signature.empty()) signature["reason"] = what.signature;
  json all = {{"signature", signature}, {"delivery", what.delivery}, {"events", events}, {"skipped", skipped}};
  if (!what.refused.empty()) all["refused"] = what.refused;
  if (!what.ignored.empty()) all["ignored"] = what.ignored;
  std::puts(all.dump(-1, ' ', false, json::error_handler_t::replace).c_str());
}

void print_text(const shown_result& what, bool unsigned_too) {
  for (const auto& each : what.events) std::puts(each.c_str());
  std::fflush(stdout);
  const auto say = [](const std::string& line) { std::fprintf(stderr, "%s\n", line.c_str()); };
  if (unsigned_too) say("signature: not checked");
  else say("signature: " + (what.signature.empty() ? "holds" : what.signature));
  if (!what.delivery.empty()) say("delivery: " + what.delivery);
  if (!what.refused.empty()) say("refused: " + what.refused);
  if (!what.ignored.empty()) say("ignored: " + what.ignored);
  for (const auto& each : what.skipped_events) say("skipped: " + place_of(each) + ": " + each.reason);
  say(std::to_string(what.events.size()) + " events");
}

int test(const test_flags& flags) {
  const auto settings = load_config(flags.config_file);
  if (!settings) {
    report(command, settings.error());
    return settings.error().code == errc::not_found ? exit_no_input : exit_config;
  }
  const auto source = find_source(*settings, flags.source);
  if (!source) {
    report(command, source.error());
    return exit_config;
  }
  const auto payload = read_payload(flags.file);
  if (!payload) {
    report(command, payload.error());
    return exit_no_input;
  }
  const auto fields = fields_of(flags.headers);
  if (!fields) {
    report(command, fields.error());
    return exit_usage;
  }
  const auto target = "/v1/webhooks/" + flags.source;
  const auto what = examine(*source, {"POST", target, *fields, *payload}, flags.unsigned_too);
  if (flags.json) print_json(what, flags.unsigned_too);
  else print_text(what, flags.unsigned_too);
  return what.good() ? exit_ok : exit_data;
}

}  // namespace

command_body add_ingest(CLI::App& app) {
  auto flags = std::make_shared<test_flags>();
  app.require_subcommand(1);
  auto* sub = app.add_subcommand("test", "show what a payload of a source of webhooks becomes; needs no server");
  sub->add_option("SOURCE", flags->source, "the NAME in [sources.NAME]")->required();
  sub->add_option("FILE", flags->file, "the payload, as it was sent; - is standard input")->required();
  sub->add_option("--config", flags->config_file, "the server's configuration")->capture_default_str();
  sub->add_option("--header", flags->headers, "a header of the request: 'Name: value'; may be repeated")
      ->allow_extra_args(false);
  sub->add_flag("--unsigned", flags->unsigned_too, "do not check the signature");
  sub->add_flag("--json", flags->json, "print a JSON object");
  sub->footer("Exit codes: 0 it becomes events or is ignored, 65 it is refused, or some of it is.");
  return [flags] { return test(*flags); };
}

}  // namespace kith::cli
