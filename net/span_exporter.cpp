#include "net/span_exporter.hpp"

#include <algorithm>
#include <condition_variable>
#include <curl/curl.h>
#include <mutex>
#include <nlohmann/json.hpp>
#include <random>
#include <thread>

#include "net/backoff.hpp"
#include "net/outgoing_url.hpp"
#include "persistence/thread_name.hpp"

namespace kith::net {

namespace {

using actors::span;
using nlohmann::json;
using std::chrono::milliseconds;

constexpr milliseconds first_pause{500};
constexpr milliseconds longest_pause{5'000};
constexpr milliseconds last_patience{1'000};  ///< when the process ends
constexpr std::chrono::nanoseconds clock_slack = std::chrono::milliseconds(5);
constexpr std::size_t kept_of_an_answer = 4096;
constexpr int error_status = 2;  ///< STATUS_CODE_ERROR

json attribute(std::string_view key, json value) { return {{"key", key}, {"value", std::move(value)}}; }

json text(std::string_view of) { return {{"stringValue", of}}; }

/// 64-bit integers are strings in the JSON encoding of Protocol Buffers.
json attribute_of(const actors::span_note& note) {
  if (const auto* number = std::get_if<std::int64_t>(&note.value)) {
    return attribute(note.name, {{"intValue", std::to_string(*number)}});
  }
  return attribute(note.name, text(std::get<std::string>(note.value)));
}

json json_of(const span& of, const std::function<std::int64_t(actors::time_point)>& unix_nanoseconds) {
  auto attributes = json::array();
  for (const auto& note : of.notes) attributes.push_back(attribute_of(note));
  json made = {{"traceId", trace_id_of(of.at)},
               {"spanId", actors::span_id_of(of.at.span)},
               {"name", of.name},
               {"kind", static_cast<int>(of.kind)},
               {"startTimeUnixNano", std::to_string(unix_nanoseconds(of.begun))},
               {"endTimeUnixNano", std::to_string(std::max(unix_nanoseconds(of.begun), unix_nanoseconds(of.ended)))},
               {"attributes", std::move(attributes)}};
  if (of.parent != 0) made["parentSpanId"] = actors::span_id_of(of.parent);
  if (!of.error.empty()) made["status"] = {{"code", error_status}, {"message", of.error}};
  return made;
}

/// The wall clock as it is now, but for what a running trace would be torn apart by.
class wall_clock {
 public:
  std::int64_t at(actors::time_point point) const {
    return std::chrono::duration_cast<std::chrono::nanoseconds>(point.time_since_epoch() + ahead_).count();
  }
  void look() {
    // Who is interrupted between the two clocks would see them apart.
    constexpr int tries = 5;
    auto narrowest = std::chrono::nanoseconds::max();
    std::chrono::nanoseconds ahead{0};
    for (int i = 0; i < tries; ++i) {
      const auto before = actors::now();
      const auto wall = std::chrono::system_clock::now().time_since_epoch();
      const auto took = std::chrono::duration_cast<std::chrono::nanoseconds>(actors::now() - before);
      if (took >= narrowest) continue;
      narrowest = took;
      ahead = std::chrono::duration_cast<std::chrono::nanoseconds>(wall - before.time_since_epoch()) - took / 2;
    }
    if (ahead - ahead_ > clock_slack || ahead_ - ahead > clock_slack) ahead_ = ahead;
  }

 private:
  std::chrono::nanoseconds ahead_{0};
};

struct easy_cleanup {
  void operator()(CURL* handle) const { curl_easy_cleanup(handle); }
};
struct list_cleanup {
  void operator()(curl_slist* list) const { curl_slist_free_all(list); }
};

std::size_t receive(char* data, std::size_t size, std::size_t count, void* to) {
  auto& answer = *static_cast<std::string*>(to);
  answer.append(data, std::min(size * count, kept_of_an_answer - std::min(answer.size(), kept_of_an_answer)));
  return size * count;
}

/// As OTLP/HTTP says which.
bool is_temporary(long status) noexcept {
  return status == 0 || status == 429 || status == 502 || status == 503 || status == 504;
}

/// partialSuccess.rejectedSpans of an answer; 0: it took all.
std::uint64_t rejected_in(const std::string& answer) {
  const auto told = json::parse(answer, nullptr, false);
  if (!told.is_object()) return 0;
  const auto partial = told.value("partialSuccess", json::object());
  if (!partial.is_object() || !partial.contains("rejectedSpans")) return 0;
  const auto& count = partial.at("rejectedSpans");
  if (count.is_number_unsigned()) return count.get<std::uint64_t>();
  return count.is_string() ? std::strtoull(count.get_ref<const std::string&>().c_str(), nullptr, 10) : 0;
}

}  // namespace

result<void> check(const tracing_settings& of) {
  if (of.endpoint.empty()) return {};
  const auto url = parse_outgoing_url(of.endpoint);
  if (!url) return tl::make_unexpected(url.error());
  if (of.endpoint.find_first_of("?#") != std::string::npos) {
    return fail(errc::invalid_argument, "must have no query: /v1/traces is added to it");
  }
  if (url->scheme == "http" && !url->is_here() && !of.headers.empty()) {
    return fail(errc::invalid_argument,
                "must be https: with http everybody on the way to " + url->host + " could read the headers");
  }
  return {};
}

actors::tracer_options tracer_options_of(const tracing_settings& of) {
  std::random_device chance;
  const auto number = [&] { return (std::uint64_t{chance()} << 32) | chance(); };
  actors::tracer_options made;
  made.sample = of.sample;
  made.most_spans = of.queue;
  made.seed = number();
  made.other_seed = number();
  return made;
}

std::string otlp_json(std::span<const span> spans, std::string_view service, std::string_view node,
                      const std::function<std::int64_t(actors::time_point)>& unix_nanoseconds) {
  auto all = json::array();
  for (const auto& each : spans) all.push_back(json_of(each, unix_nanoseconds));
  const json resource = {
      {"attributes",
       {attribute("service.name", text(service)), attribute("service.instance.id", text(node)),
        attribute("service.version", text(KITH_VERSION)), attribute("telemetry.sdk.language", text("cpp")),
        attribute("telemetry.sdk.name", text("kith"))}}};
  const json scope = {{"scope", {{"name", "kith"}, {"version", KITH_VERSION}}}, {"spans", std::move(all)}};
  const json resource_spans = {{"resource", resource}, {"scopeSpans", json::array({scope})}};
  return json{{"resourceSpans", json::array({resource_spans})}}.dump(-1, ' ', false, json::error_handler_t::replace);
}

struct span_exporter::impl {
  impl(std::shared_ptr<actors::tracer> traces, tracing_settings where, std::string instance,
       std::function<void(std::string_view, std::string_view)> logger)
      : from(std::move(traces)), to(std::move(where)), node(std::move(instance)), log(std::move(logger)) {
    curl_global_init(CURL_GLOBAL_DEFAULT);
    url = to.endpoint;
    while (url.ends_with('/')) url.pop_back();
    url += "/v1/traces";
    request.reset(curl_easy_init());
    prepare();
    thread = std::thread([this] { run(); });
  }
  ~impl() {
    {
      const std::lock_guard lock(mutex);
      stopping = true;
    }
    wake.notify_all();
    from->stop();
    thread.join();
    request.reset();
    curl_global_cleanup();
  }

  void prepare() {
    auto* at = request.get();
    for (const auto& each : to.headers) headers.reset(curl_slist_append(headers.release(), each.c_str()));
    headers.reset(curl_slist_append(headers.release(), "content-type: application/json"));
    headers.reset(curl_slist_append(headers.release(), "expect:"));
    curl_easy_setopt(at, CURLOPT_URL, url.c_str());
    curl_easy_setopt(at, CURLOPT_PROTOCOLS_STR, "http,https");
    curl_easy_setopt(at, CURLOPT_PROXY, "");
    curl_easy_setopt(at, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(at, CURLOPT_SSLVERSION, static_cast<long>(CURL_SSLVERSION_TLSv1_2));
    curl_easy_setopt(at, CURLOPT_USERAGENT, "kith/" KITH_VERSION);
    curl_easy_setopt(at, CURLOPT_HTTPHEADER, headers.get());
    curl_easy_setopt(at, CURLOPT_WRITEFUNCTION, &receive);
    curl_easy_setopt(at, CURLOPT_WRITEDATA, &answer);
    curl_easy_setopt(at, CURLOPT_XFERINFOFUNCTION, &impl::is_to_end);
    curl_easy_setopt(at, CURLOPT_XFERINFODATA, this);
    curl_easy_setopt(at, CURLOPT_NOPROGRESS, 0L);
    if (!to.ca.empty()) {
      curl_easy_setopt(at, CURLOPT_CAINFO, to.ca.c_str());
      curl_easy_setopt(at, CURLOPT_CAPATH, nullptr);
    }
  }

  /// Not 0: the request under way is cut off.
  static int is_to_end(void* self, curl_off_t, curl_off_t, curl_off_t, curl_off_t) {
    auto& at = *static_cast<impl*>(self);
    const std::lock_guard lock(at.mutex);
    if (!at.stopping) return 0;
    const auto now = actors::now();
    if (at.end_by == actors::time_point()) at.end_by = now + last_patience;
    return now > at.end_by ? 1 : 0;
  }

  void run() {
    persistence::name_thread("spans");
    for (;;) {
      auto spans = from->take(most_spans, to.interval);
      if (!spans.empty()) {
        send(spans);
      } else if (from->stopped()) {
        return;
      }
    }
  }

  void send(const std::vector<span>& spans) {
    clock.look();
    const auto body = otlp_json(spans, to.service, node, [this](actors::time_point at) { return clock.at(at); });
    auto& counts = from->counts();
    for (unsigned attempt = 1;; ++attempt) {
      const auto [status, why] = post(body);
      if (status >= 200 && status < 300) {
        const auto refused = std::min<std::uint64_t>(rejected_in(answer), spans.size());
        counts.exported += spans.size() - refused;
        counts.refused += refused;
        return works(refused);
      }
      ++counts.failures;
      const bool again = is_temporary(status) && attempt < most_attempts;
      if (!again) {
        (is_temporary(status) ? counts.unreachable : counts.refused) += spans.size();
        return fails(why);
      }
      if (pause(attempt)) {
        counts.unreachable += spans.size();
        return;
      }
    }
  }

  /// The status, 0: there was no answer; and what is wrong.
  std::pair<long, std::string> post(const std::string& body) {
    answer.clear();
    auto* at = request.get();
    curl_easy_setopt(at, CURLOPT_POSTFIELDS, body.data());
    curl_easy_setopt(at, CURLOPT_POSTFIELDSIZE_LARGE, static_cast<curl_off_t>(body.size()));
    curl_easy_setopt(at, CURLOPT_TIMEOUT_MS, static_cast<long>(to.timeout.count()));
    const auto code = curl_easy_perform(at);
    if (code != CURLE_OK) return {0, curl_easy_strerror(code)};
    long status = 0;
    curl_easy_getinfo(at, CURLINFO_RESPONSE_CODE, &status);
    return {status, "it answered " + std::to_string(status) + ": " + answer.substr(0, 200)};
  }

  /// True: the process ends.
  bool pause(unsigned failures) {
    std::unique_lock lock(mutex);
    return wake.wait_for(lock, backoff(first_pause, longest_pause, failures - 1, random), [this] { return stopping; });
  }

  void works(std::uint64_t refused) {
    if (refused > 0) return fails("it refused " + std::to_string(refused) + " spans: " + answer.substr(0, 200));
    if (std::exchange(failing, false)) log("info", "tracing: " + shown_url(to.endpoint) + " takes spans again");
  }

  void fails(const std::string& why) {
    if (std::exchange(failing, true)) return;
    log("warning", "tracing: " + shown_url(to.endpoint) + ": " + why +
                       "; spans are dropped until it works (kith_tracing_spans_dropped_total counts them), events are "
                       "taken in as ever");
  }

  const std::shared_ptr<actors::tracer> from;
  const tracing_settings to;
  const std::string node;
  const std::function<void(std::string_view, std::string_view)> log;
  std::string url;
  std::unique_ptr<curl_slist, list_cleanup> headers;
  std::unique_ptr<CURL, easy_cleanup> request;
  std::string answer;
  wall_clock clock;
  std::minstd_rand random{std::random_device{}()};
  bool failing = false;  ///< and that is logged
  std::mutex mutex;      ///< of what follows
  std::condition_variable wake;
  bool stopping = false;
  actors::time_point end_by{};
  std::thread thread;
};

span_exporter::span_exporter(std::shared_ptr<actors::tracer> from, tracing_settings to, std::string node,
                             std::function<void(std::string_view level, std::string_view message)> log)
    : impl_(std::make_unique<impl>(std::move(from), std::move(to), std::move(node), std::move(log))) {}
span_exporter::~span_exporter() = default;

}  // namespace kith::net
