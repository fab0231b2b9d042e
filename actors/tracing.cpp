#include "actors/tracing.hpp"

#include <utility>
#include <algorithm>
#include <cmath>
#include <iterator>

namespace kith::actors {

namespace {

constexpr std::size_t traceparent_bytes = 55;
constexpr std::uint64_t golden = 0x9E3779B97F4A7C15;  ///< of the generator splitmix64

std::uint64_t mixed(std::uint64_t x) noexcept {
  x = (x ^ (x >> 30)) * 0xBF58476D1CE4E5B9;
  x = (x ^ (x >> 27)) * 0x94D049BB133111EB;
  return x ^ (x >> 31);
}

/// Lower case only, as the standard says.
bool parse_hex(std::string_view digits, std::uint64_t& into) noexcept {
  into = 0;
  for (const char each : digits) {
    const bool decimal = each >= '0' && each <= '9';
    if (!decimal && (each < 'a' || each > 'f')) return false;
    into = (into << 4) | static_cast<std::uint64_t>(decimal ? each - '0' : each - 'a' + 10);
  }
  return true;
}

void append_hex(std::string& to, std::uint64_t value) {
  constexpr std::string_view digits = "0123456789abcdef";
  for (int shift = 60; shift >= 0; shift -= 4) to += digits[(value >> shift) & 15];
}

std::uint64_t threshold_of(double ratio) noexcept {
  if (!(ratio > 0)) return 0;
  return ratio >= 1 ? UINT64_MAX : static_cast<std::uint64_t>(std::ldexp(ratio, 64));
}

}  // namespace

std::optional<trace_context> parse_traceparent(std::string_view text) noexcept {
  std::uint64_t version = 0;
  std::uint64_t flags = 0;
  trace_context made;
  if (text.size() < traceparent_bytes || text[2] != '-' || text[35] != '-' || text[52] != '-') return std::nullopt;
  if (!parse_hex(text.substr(0, 2), version) || version == 0xff) return std::nullopt;
  // A later version may say more behind what this one knows.
  const bool ends = text.size() == traceparent_bytes;
  if (version == 0 ? !ends : !ends && text[traceparent_bytes] != '-') return std::nullopt;
  if (!parse_hex(text.substr(3, 16), made.high) || !parse_hex(text.substr(19, 16), made.low) ||
      !parse_hex(text.substr(36, 16), made.span) || !parse_hex(text.substr(53, 2), flags)) {
    return std::nullopt;
  }
  if (!made.exists() || made.span == 0) return std::nullopt;
  made.sampled = (flags & 1) != 0;
  return made;
}

std::string trace_id_of(const trace_context& at) {
  std::string text;
  append_hex(text, at.high);
  append_hex(text, at.low);
  return text;
}

std::string span_id_of(std::uint64_t span) {
  std::string text;
  append_hex(text, span);
  return text;
}

std::string traceparent_of(const trace_context& at) {
  return "00-" + trace_id_of(at) + "-" + span_id_of(at.span) + (at.sampled ? "-01" : "-00");
}

tracer::tracer(const tracer_options& options) : options_(options), threshold_(threshold_of(options.sample)) {}

std::uint64_t tracer::next_id() noexcept {
  const auto drawn = drawn_.fetch_add(1, std::memory_order_relaxed);
  const auto id = mixed(options_.seed + drawn * golden);
  return id != 0 ? id : next_id();
}

trace_context tracer::begin(std::string_view traceparent) {
  if (!traceparent.empty()) {
    if (const auto sent = parse_traceparent(traceparent)) return *sent;
  }
  trace_context made;
  made.low = next_id();
  const auto threshold = threshold_.load(std::memory_order_relaxed);
  made.sampled = threshold == UINT64_MAX || made.low < threshold;
  // The other half keeps all of its chance, though the first is below the threshold.
  if (made.sampled) {
    made.high = mixed(options_.other_seed ^ next_id());
    made.low = mixed(options_.other_seed + made.low);
  }
  return made;
}

trace_context tracer::unsampled() { return {next_id(), next_id(), next_id(), false}; }

void tracer::sample(double ratio) noexcept { threshold_.store(threshold_of(ratio), std::memory_order_relaxed); }

void tracer::record(span done) {
  counts_.recorded.fetch_add(1, std::memory_order_relaxed);
  const std::lock_guard lock(mutex_);
  if (stopped_ || waiting_.size() >= options_.most_spans) {
    counts_.overflowed.fetch_add(1, std::memory_order_relaxed);
    return;
  }
  waiting_.push_back(std::move(done));
  if (waiting_.size() == wanted_) wake_.notify_one();
}

std::vector<span> tracer::take(std::size_t most, std::chrono::milliseconds patience) {
  std::unique_lock lock(mutex_);
  wanted_ = most;
  wake_.wait_for(lock, patience, [&] { return stopped_ || waiting_.size() >= most; });
  const auto count = std::min(most, waiting_.size());
  const auto end = waiting_.begin() + static_cast<std::ptrdiff_t>(count);
  std::vector<span> taken(std::make_move_iterator(waiting_.begin()), std::make_move_iterator(end));
  waiting_.erase(waiting_.begin(), end);
  return taken;
}

void tracer::stop() {
  const std::lock_guard lock(mutex_);
  stopped_ = true;
  wake_.notify_all();
}

bool tracer::stopped() const {
  const std::lock_guard lock(mutex_);
  return stopped_;
}

void tracer::remember(profile::hash128 key, const trace_context& at) {
  const std::lock_guard lock(links_mutex_);
  if (!remembered_.insert_or_assign(key, at).second) return;
  order_.push_back(key);
  if (order_.size() > options_.most_links) {
    remembered_.erase(order_.front());
    order_.pop_front();
  }
  links_.store(order_.size(), std::memory_order_relaxed);
}

trace_context tracer::recall(profile::hash128 key) const {
  if (links_.load(std::memory_order_relaxed) == 0) return {};
  const std::lock_guard lock(links_mutex_);
  const auto found = remembered_.find(key);
  return found == remembered_.end() ? trace_context() : found->second;
}

struct open_span::state {
  state(tracer& recorder, span what) : to(recorder), made(std::move(what)) {}
  ~state() { end(); }
  state(const state&) = delete;
  state& operator=(const state&) = delete;

  void end() {
    if (std::exchange(ended, true)) return;
    made.ended = now();
    to.record(std::move(made));
  }

  tracer& to;
  span made;
  bool ended = false;
};

open_span::open_span(tracer* of, const trace_context& within, span_kind kind, std::string_view name)
    : open_span(of, within, kind, name, of != nullptr && within.sampled ? now() : time_point()) {}

open_span::open_span(tracer* of, const trace_context& within, span_kind kind, std::string_view name, time_point begun) {
  if (of == nullptr || !within.sampled) return;
  span made;
  made.at = within;
  made.at.span = of->next_id();
  made.parent = within.span;
  made.kind = kind;
  made.name = name;
  made.begun = begun;
  state_ = std::make_shared<state>(*of, std::move(made));
}

trace_context open_span::context() const noexcept { return state_ ? state_->made.at : trace_context(); }

open_span open_span::child(span_kind kind, std::string_view name) const {
  return state_ ? open_span(&state_->to, state_->made.at, kind, name) : open_span();
}

void open_span::note(const char* name, std::int64_t value) {
  if (!state_) return;
  auto& made = state_->made.notes.emplace_back();
  made.name = name;
  made.value = value;
}

void open_span::note(const char* name, std::string_view value) {
  if (state_) state_->made.notes.push_back({name, std::string(value)});
}

void open_span::fail(std::string_view why) {
  if (state_) state_->made.error = why;
}

void open_span::end() {
  if (state_) state_->end();
}

}  // namespace kith::actors
