#include "cli/top_view.hpp"

#include <algorithm>
#include <array>
#include <cstdio>

#include "cli/text_table.hpp"

namespace kith::cli {

namespace {

using nlohmann::json;

constexpr std::array<std::pair<const char*, const char*>, 6> stages = {{{"ingest", "ingest"},
                                                                        {"journal", "journal"},
                                                                        {"apply", "apply"},
                                                                        {"segment", "segment"},
                                                                        {"read", "read"},
                                                                        {"end_to_end", "end to end"}}};
constexpr std::array<const char*, top_pages> page_names = {"Overview", "Segments", "Shards"};
constexpr double slow_us = 100'000;  ///< worth a colour
constexpr double much_lag = 1024.0 * 1024 * 1024;
constexpr double said_to_be_back = 5;  ///< seconds

enum class ink : std::uint8_t { plain, dim, bold, good, warn, bad, tab };

const char* start_of(ink which) {
  switch (which) {
    case ink::plain: return "";
    case ink::dim: return "\033[2m";
    case ink::bold: return "\033[1m";
    case ink::good: return "\033[32m";
    case ink::warn: return "\033[33m";
    case ink::bad: return "\033[1;31m";
    case ink::tab: return "\033[7m";
  }
  return "";
}

/// So many characters of UTF-8.
std::string_view cut(std::string_view text, std::size_t characters) {
  std::size_t at = 0;
  for (; at < text.size(); ++at) {
    const bool begins = (static_cast<unsigned char>(text[at]) & 0xC0) != 0x80;
    if (begins && characters-- == 0) break;
  }
  return text.substr(0, at);
}

/// So many characters of it at most, and a sign where something is left out: `>= 10` without its end is another
/// condition.
std::string fitted(const std::string& text, std::size_t characters, bool unicode) {
  if (width_of(text) <= characters) return text;
  const std::string sign = unicode ? "…" : "...";
  const auto kept = characters - std::min(characters, width_of(sign));
  return std::string(cut(text, kept)) + std::string(cut(sign, characters - kept));
}

/// One line, which ends where the screen does.
class row {
 public:
  explicit row(const top_screen& on) : columns_(on.columns), colours_(on.colours) {}

  row& put(std::string_view text, ink of = ink::plain) {
    const auto shown = cut(text, columns_ - width_);
    if (shown.empty()) return *this;
    const bool coloured = colours_ && of != ink::plain;
    if (coloured) text_ += start_of(of);
    text_ += shown;
    if (coloured) text_ += "\033[0m";
    width_ += width_of(std::string(shown));
    return *this;
  }
  row& to(std::size_t column) {
    if (column > width_) put(std::string(std::min(column, columns_) - width_, ' '));
    return *this;
  }
  /// So that it ends before that column. Half a number would be another one: where the screen ends sooner, there is
  /// none.
  row& before(std::size_t column, const std::string& text, ink of = ink::plain) {
    if (column > columns_) return *this;
    const auto width = width_of(text);
    return to(column > width ? column - width : 0).put(text, of);
  }
  std::size_t width() const noexcept { return width_; }
  std::size_t room() const noexcept { return columns_ - width_; }
  std::string take() { return std::move(text_); }

 private:
  std::size_t columns_;
  bool colours_;
  std::size_t width_ = 0;
  std::string text_;
};

double number_at(const json& of, const char* key) {
  return of.is_object() && of.contains(key) && of.at(key).is_number() ? of.at(key).get<double>() : 0;
}

std::string text_at(const json& of, const char* key) {
  return of.is_object() && of.contains(key) && of.at(key).is_string() ? printable(of.at(key).get<std::string>()) : "";
}

const json& part_of(const json& of, const char* key) {
  static const json nothing;
  return of.is_object() && of.contains(key) ? of.at(key) : nothing;
}

std::string formatted(const char* format, double value) {
  std::array<char, 64> text{};
  std::snprintf(text.data(), text.size(), format, value);
  return text.data();
}

/// "1,234,567"
std::string grouped(double value) {
  auto digits = formatted("%.0f", value);
  for (auto at = digits.size(); at > 3 + (digits.front() == '-' ? 1U : 0U);) digits.insert(at -= 3, ",");
  return digits;
}

std::string rate_text(double value) {
  return (value > 0 && value < 10 ? formatted("%.1f", value) : grouped(value)) + "/s";
}

std::string bytes_text(double value) {
  constexpr std::array<const char*, 5> units = {"B", "KiB", "MiB", "GiB", "TiB"};
  std::size_t unit = 0;
  for (; value >= 1024 && unit + 1 < units.size(); ++unit) value /= 1024;
  return formatted(unit > 0 && value < 100 ? "%.1f " : "%.0f ", value) + units[unit];
}

std::string time_text(double microseconds, bool unicode) {
  if (microseconds < 1000) return formatted("%.0f ", microseconds) + (unicode ? "µs" : "us");
  if (microseconds < 1e6) return formatted(microseconds < 1e4 ? "%.2f ms" : "%.1f ms", microseconds / 1e3);
  return formatted("%.2f s", microseconds / 1e6);
}

std::string duration_text(double seconds) {
  const auto whole = static_cast<long long>(seconds);
  std::array<char, 64> text{};
  if (whole >= 86'400) {
    std::snprintf(text.data(), text.size(), "%lld d %02lld:%02lld h", whole / 86'400, whole / 3600 % 24,
                  whole / 60 % 60);
  } else if (whole >= 60) {
    std::snprintf(text.data(), text.size(), "%lld:%02lld:%02lld", whole / 3600, whole / 60 % 60, whole % 60);
  } else {
    std::snprintf(text.data(), text.size(), "%lld s", whole);
  }
  return text.data();
}

std::string sparkline(const std::deque<double>& values, std::size_t width, bool unicode) {
  constexpr std::array<const char*, 9> blocks = {" ", "▁", "▂", "▃", "▄", "▅", "▆", "▇", "█"};
  constexpr std::array<const char*, 9> plain = {" ", ".", ".", ":", "-", "=", "+", "*", "#"};
  const auto count = std::min(width, values.size());
  const auto first = values.end() - static_cast<std::ptrdiff_t>(count);
  const double most = count == 0 ? 0 : *std::max_element(first, values.end());
  std::string text(width - count, ' ');
  for (auto each = first; each != values.end(); ++each) {
    const auto level = most <= 0 || *each <= 0 ? 0U : static_cast<std::size_t>(std::max(1.0, *each / most * 8 + 0.5));
    text += (unicode ? blocks : plain)[std::min<std::size_t>(level, 8)];
  }
  return text;
}

class view {
 public:
  view(const top_state& of, const top_screen& on)
      : of_(of),
        on_(on),
        alarms_(top_alarms(of)),
        stats_(part_of(of.sample, "stats")),
        point_(part_of(of.sample, "point")) {}

  std::vector<std::string> lines() {
    heading();
    if (of_.sample.is_object()) {
      switch (on_.page) {
        case top_page::overview: overview(); break;
        case top_page::segments: segments(); break;
        case top_page::shards: shards(); break;
      }
    }
    return std::move(lines_);
  }

 private:
  void add(row& one) {
    if (has_room()) lines_.push_back(one.take());
  }
  /// Too narrow for all that stands side by side.
  bool is_narrow() const { return on_.columns < 80; }
  bool has_room(std::size_t lines = 1) const { return on_.rows == 0 || lines_.size() + lines <= on_.rows; }
  /// Blank lines are for screens that have room for them.
  void gap(std::size_t behind) {
    if (on_.rows == 0 || lines_.size() + 1 + behind <= on_.rows) lines_.emplace_back();
  }

  void heading() {
    row top(on_);
    top.put("kith", ink::bold).put(" " + text_at(of_.sample, "version") + "  " + printable(of_.server) + "  ");
    const auto phase = text_at(of_.sample, "phase");
    if (!of_.trouble.empty()) {
      top.put("NO ANSWER for " + duration_text(of_.silent_seconds), ink::bad);
    } else if (phase == "ready") {
      top.put("ready", ink::good);
      if (of_.back_seconds >= 0 && of_.back_seconds < said_to_be_back) top.put(", it is back", ink::good);
    } else {
      top.put(phase, ink::bad);
    }
    top.put("  up " + duration_text(number_at(of_.sample, "uptimeSeconds")), ink::dim);
    if (of_.paused) top.put("  PAUSED", ink::warn);
    add(top);
    row tabs(on_);
    for (std::size_t i = 0; i < top_pages; ++i) {
      tabs.put(" " + std::string(page_names[i]) + " ", i == static_cast<std::size_t>(on_.page) ? ink::tab : ink::dim);
    }
    const std::string keys = "q quit  p pause  tab page";
    if (tabs.width() + keys.size() + 2 < on_.columns) tabs.before(on_.columns, keys, ink::dim);
    if (on_.rows > 0) add(tabs);
    tell_alarms();
  }

  void tell_alarms() {
    for (const auto& each : alarms_) {
      if (!has_room(6)) return;
      row line(on_);
      add(line.put("! " + printable(each), ink::bad));
    }
  }

  void overview() {
    gap(18);
    rates();
    gap(16);
    latencies();
    gap(8);
    keeping();
    top_segments();
  }

  void rates() {
    const auto tell = [&](row& in, std::size_t column, const char* which, ink of = ink::plain) {
      if (column <= on_.columns)
        in.before(column, rate_text(number_at(point_, which)), of).put(std::string(" ") + which);
    };
    row line(on_);
    row reads(on_);
    line.put("events   ", ink::bold);
    reads.put("reads    ", ink::bold).before(22, rate_text(number_at(point_, "reads")));
    tell(line, 22, "applied");
    tell(line, 42, "duplicate");
    tell(is_narrow() ? reads : line, is_narrow() ? 42 : 64, "refused",
         number_at(point_, "refused") > 0 ? ink::warn : ink::plain);
    add(line);
    constexpr std::size_t chart_at = 33;
    if (!is_narrow() && !of_.applied.empty()) {
      const auto width = std::min<std::size_t>(on_.columns - chart_at, 120);
      reads.to(chart_at).put(sparkline(of_.applied, width, on_.unicode), ink::good);
    }
    add(reads);
  }

  void latencies() {
    row head(on_);
    head.put("latency", ink::bold).put(", 1 min", ink::dim);
    const std::size_t step = is_narrow() ? 10 : 12;
    std::size_t at = 15;
    for (const auto* each : {"p50", "p99", "p99.9", "max"}) head.before(at += step, each, ink::dim);
    head.before(at + 14, "measured", ink::dim);
    add(head);
    for (const auto& [key, name] : stages) {
      const auto& of = part_of(part_of(part_of(of_.latency, "stages"), key), "1m");
      const auto count = number_at(of, "count");
      row line(on_);
      line.put("  " + std::string(name));
      at = 15;
      for (const auto* each : {"p50", "p99", "p999", "max"}) {
        const auto value = number_at(of, each);
        const auto how = count == 0 ? ink::dim : value >= slow_us ? ink::warn : ink::plain;
        line.before(at += step, count == 0 ? "-" : time_text(value, on_.unicode), how);
      }
      line.before(at + 14, grouped(count), ink::dim);
      add(line);
    }
  }

  /// Names and values, two on a line.
  void keeping() {
    const auto pair = [&](const char* name, const std::string& value, const char* other, const std::string& second) {
      row line(on_);
      line.put(name, ink::bold).to(13).put(value);
      if (is_narrow()) {
        add(line);
        row below(on_);
        return add(below.put(other, ink::bold).to(13).put(second));
      }
      const std::size_t half = std::clamp<std::size_t>(on_.columns / 2, 42, 60);
      line.to(half).put(other, ink::bold).to(half + 13).put(second);
      add(line);
    };
    const auto bytes = [&](const char* key) { return bytes_text(number_at(stats_, key)); };
    const auto count = [&](const char* key) { return grouped(number_at(stats_, key)); };
    pair("profiles", count("profilesActive") + " in memory", "memory", bytes("profileBytes"));
    pair("on disk", count("profilesStored") + " profiles", "in flight", bytes("inFlightBytes"));
    pair("journal", bytes("journalBytes") + ", " + rate_text(of_.syncs) + " syncs", "history",
         bytes("historyLagBytes") + " behind");
    const auto& letters = part_of(of_.sample, "deadLetters");
    const auto& hooks = part_of(of_.sample, "webhooks");
    pair("dead letters", grouped(number_at(letters, "letters")) + ", " + bytes_text(number_at(letters, "bytes")),
         "webhooks", grouped(number_at(hooks, "endpoints")) + ", " + grouped(number_at(hooks, "waiting")) + " waiting");
    pair("connections",
         grouped(number_at(part_of(of_.sample, "protocol"), "connections")) + " protocol, " +
             grouped(number_at(part_of(of_.sample, "https"), "connections")) + " https",
         "watches", count("watches"));
    pair("shards", std::to_string(part_of(of_.sample, "shards").size()), "timers", count("timers"));
  }

  std::vector<json> sorted_segments() const {
    std::vector<json> all;
    if (of_.segments.is_array()) all = of_.segments.get<std::vector<json>>();
    std::stable_sort(all.begin(), all.end(),
                     [](const json& a, const json& b) { return number_at(a, "members") > number_at(b, "members"); });
    return all;
  }

  static std::string members_of(const json& of) {
    return part_of(of, "members").is_number() ? grouped(number_at(of, "members")) : "?";
  }

  /// The largest, as many as fit into a line.
  void top_segments() {
    const auto all = sorted_segments();
    row line(on_);
    line.put("segments", ink::bold).to(13);
    line.put(grouped(static_cast<double>(all.size())) + ", " + rate_text(of_.entered) + " entered, " +
             rate_text(of_.left) + " left");
    add(line);
    if (all.empty() || !has_room()) return;
    row names(on_);
    names.to(13);
    for (const auto& each : all) {
      const auto text = text_at(each, "name") + " " + members_of(each);
      const bool first = names.width() == 13;
      if (!first && names.width() + width_of(text) + 2 > on_.columns) break;
      if (!first) names.put("  ");
      names.put(text, part_of(each, "disabled").is_object() ? ink::warn : ink::plain);
    }
    add(names);
  }

  void segments() {
    gap(2);
    const auto all = sorted_segments();
    row head(on_);
    head.before(14, "members", ink::dim).put("  ").put("segment", ink::dim);
    head.to(42).put("expression", ink::dim);
    add(head);
    if (all.empty()) {
      row none(on_);
      add(none.put("  there are no segments; `kith segments define` makes one", ink::dim));
    }
    for (const auto& each : all) {
      if (!has_room(&each == &all.back() ? 1 : 2)) {
        row more(on_);
        add(more.put("  and more: there are " + std::to_string(all.size()), ink::dim));
        return;
      }
      const auto& disabled = part_of(each, "disabled");
      row line(on_);
      line.before(14, members_of(each)).put("  ");
      const auto name = fitted(text_at(each, "name"), std::min<std::size_t>(line.room(), 25), on_.unicode);
      line.put(name, disabled.is_object() ? ink::warn : ink::bold).to(42);
      if (disabled.is_object()) {
        line.put(fitted("disabled: " + text_at(disabled, "error"), line.room(), on_.unicode), ink::warn);
      } else {
        line.put(fitted(text_at(each, "expression"), line.room(), on_.unicode));
      }
      add(line);
    }
  }

  void shards() {
    gap(2);
    row head(on_);
    std::size_t at = 6;
    head.before(at, "shard", ink::dim);
    for (const auto* each : {"profiles", "memory", "journal", "in flight", "waiting", "applied"}) {
      head.before(at += 12, each, ink::dim);
    }
    add(head);
    std::size_t number = 0;
    const auto& all = part_of(of_.sample, "shards");
    for (const auto& each : all.is_array() ? all.get<std::vector<json>>() : std::vector<json>()) {
      row line(on_);
      at = 6;
      line.before(at, std::to_string(number++));
      line.before(at += 12, grouped(number_at(each, "profiles")));
      for (const auto* key : {"profileBytes", "journalBytes", "inFlightBytes"}) {
        line.before(at += 12, bytes_text(number_at(each, key)));
      }
      const bool full = part_of(each, "takesMore") == false;
      line.before(at += 12, grouped(number_at(each, "runsWaiting")), full ? ink::warn : ink::plain);
      line.before(at += 12, grouped(number_at(each, "applied")));
      add(line);
    }
    tell_columns(at - 12, at);
  }

  /// What those two mean, of which the screen may be too narrow.
  void tell_columns(std::size_t waiting, std::size_t applied) {
    if (on_.columns < waiting) return;
    gap(1);
    row about(on_);
    about.put("waiting: actors with mail", ink::dim);
    if (on_.columns >= applied) about.put("; applied: events since the start, where they came in", ink::dim);
    add(about);
  }

  const top_state& of_;
  const top_screen& on_;
  const std::vector<std::string> alarms_;
  const json& stats_;
  const json& point_;
  std::vector<std::string> lines_;
};

}  // namespace

std::vector<std::string> top_alarms(const top_state& of) {
  std::vector<std::string> all;
  if (!of.trouble.empty()) all.push_back(of.trouble + "; the numbers are old");
  const auto& sample = of.sample;
  const auto phase = text_at(sample, "phase");
  if (sample.is_object() && phase != "ready") {
    const auto why = text_at(sample, "reason");
    all.push_back("not ready: " + phase + (why.empty() ? "" : ": " + why));
  }
  for (const auto& each : of.segments.is_array() ? of.segments.get<std::vector<json>>() : std::vector<json>()) {
    if (part_of(each, "disabled").is_object()) all.push_back("segment " + text_at(each, "name") + " is disabled");
  }
  if (const auto failing = number_at(part_of(sample, "webhooks"), "failing"); failing > 0) {
    all.push_back(grouped(failing) + (failing == 1 ? " webhook fails" : " webhooks fail"));
  }
  const auto lag = number_at(part_of(sample, "stats"), "historyLagBytes");
  if (lag > much_lag) all.push_back("the history is " + bytes_text(lag) + " behind");
  const auto& shards = part_of(sample, "shards");
  const auto full =
      std::count_if(shards.begin(), shards.end(), [](const json& each) { return part_of(each, "takesMore") == false; });
  if (full > 0)
    all.push_back(std::to_string(full) + (full == 1 ? " shard reads" : " shards read") + " no sockets for now");
  if (of.new_letters > 0) {
    all.push_back(grouped(static_cast<double>(of.new_letters)) + " new dead letters since this began");
  }
  return all;
}

std::vector<std::string> top_lines(const top_state& of, const top_screen& on) { return view(of, on).lines(); }

json top_json(const top_state& of) {
  json made = of.sample.is_object() ? of.sample : json::object();
  made["server"] = of.server;
  made["latency"] = of.latency;
  auto segments = json::array();
  for (const auto& each : of.segments.is_array() ? of.segments : json::array()) {
    segments.push_back({{"name", text_at(each, "name")},
                        {"members", part_of(each, "members")},
                        {"disabled", part_of(each, "disabled").is_object()}});
  }
  made["segments"] = std::move(segments);
  made["alarms"] = top_alarms(of);
  return made;
}

}  // namespace kith::cli
