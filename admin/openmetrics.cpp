#include "admin/openmetrics.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <optional>
#include <set>

namespace kith::admin {

namespace {

using prometheus::ClientMetric;
using prometheus::MetricFamily;
using prometheus::MetricType;

constexpr std::string_view openmetrics_type = "application/openmetrics-text";

std::string_view trimmed(std::string_view text) {
  while (!text.empty() && (text.front() == ' ' || text.front() == '\t')) text.remove_prefix(1);
  while (!text.empty() && (text.back() == ' ' || text.back() == '\t')) text.remove_suffix(1);
  return text;
}

/// The part before `at`, which is taken off.
std::string_view next_part(std::string_view& from, char at) {
  const auto end = std::min(from.find(at), from.size());
  const auto part = from.substr(0, end);
  from.remove_prefix(std::min(end + 1, from.size()));
  return trimmed(part);
}

/// 0 to 1: how much the range wants that type; nothing: it does not speak of it.
std::optional<double> wish_of(std::string_view range, std::string_view type, std::string_view version) {
  if (next_part(range, ';') != type) return std::nullopt;
  double wish = 1;
  while (!range.empty()) {
    auto parameter = next_part(range, ';');
    const auto name = next_part(parameter, '=');
    auto value = trimmed(parameter);
    if (value.size() >= 2 && value.front() == '"' && value.back() == '"') value = value.substr(1, value.size() - 2);
    if (name == "version" && value != version) return std::nullopt;
    if (name == "q" && std::from_chars(value.data(), value.data() + value.size(), wish).ec != std::errc()) return 0;
  }
  return wish;
}

double wish_for(std::string_view accept, std::string_view type, std::string_view version) {
  double most = 0;
  while (!accept.empty()) most = std::max(most, wish_of(next_part(accept, ','), type, version).value_or(0));
  return most;
}

std::string number(double value) {
  if (std::isnan(value)) return "NaN";
  if (std::isinf(value)) return value > 0 ? "+Inf" : "-Inf";
  std::array<char, 32> text{};
  const auto end = std::to_chars(text.data(), text.data() + text.size(), value).ptr;
  return {text.data(), end};
}

std::string escaped(std::string_view text) {
  std::string made;
  for (const char each : text) {
    if (each == '\\' || each == '"') made += '\\';
    each == '\n' ? made += "\\n" : made += each;
  }
  return made;
}

const char* name_of(MetricType type) {
  switch (type) {
    case MetricType::Counter: return "counter";
    case MetricType::Gauge: return "gauge";
    case MetricType::Summary: return "summary";
    case MetricType::Histogram: return "histogram";
    default: return "unknown";
  }
}

using labels = std::vector<std::pair<std::string, std::string>>;

class writer {
 public:
  writer(const std::vector<MetricFamily>& all, const actors::latency_recorder* exemplars_of)
      : exemplars_of_(exemplars_of) {
    for (const auto& each : all) names_.insert(each.name);
  }

  void add(const MetricFamily& of) {
    constexpr std::string_view total = "_total";
    name_ = of.name;
    suffix_ = total;
    const char* type = name_of(of.type);
    if (of.type == MetricType::Counter && name_.ends_with(total)) {
      const auto without = name_.substr(0, name_.size() - total.size());
      // OpenMetrics names a counter's family without _total; where that is another's name, it cannot be a counter.
      if (names_.contains(without)) {
        type = "unknown";
        suffix_ = {};
      } else {
        name_ = without;
      }
    }
    text_ += "# HELP " + name_ + " " + escaped(of.help) + "\n# TYPE " + name_ + " " + type + "\n";
    for (const auto& each : of.metric) add(of.type, each);
  }
  std::string end() { return std::move(text_) + "# EOF\n"; }

 private:
  void add(MetricType type, const ClientMetric& of) {
    labels known;
    for (const auto& each : of.label) known.emplace_back(each.name, each.value);
    switch (type) {
      case MetricType::Counter: return sample(suffix_, known, number(of.counter.value));
      case MetricType::Summary: return add_summary(known, of.summary);
      case MetricType::Histogram: return add_histogram(known, of.histogram);
      default: return sample("", known, number(of.gauge.value));
    }
  }

  void add_summary(const labels& known, const ClientMetric::Summary& of) {
    for (const auto& each : of.quantile) {
      auto with = known;
      with.emplace_back("quantile", number(each.quantile));
      sample("", with, number(each.value));
    }
    sample("_count", known, std::to_string(of.sample_count));
    sample("_sum", known, number(of.sample_sum));
  }

  void add_histogram(const labels& known, const ClientMetric::Histogram& of) {
    const auto shown = exemplars_for(known);
    for (std::size_t i = 0; i < of.bucket.size(); ++i) {
      auto with = known;
      with.emplace_back("le", number(of.bucket[i].upper_bound));
      const auto* one = shown && i < shown->size() && (*shown)[i].at_ms > 0 ? &(*shown)[i] : nullptr;
      sample("_bucket", with, std::to_string(of.bucket[i].cumulative_count), one);
    }
    sample("_count", known, std::to_string(of.sample_count));
    sample("_sum", known, number(of.sample_sum));
  }

  using exemplars = decltype(actors::latency_buckets::exemplars);
  std::optional<exemplars> exemplars_for(const labels& known) const {
    if (exemplars_of_ == nullptr || name_ != duration_family) return std::nullopt;
    for (std::size_t i = 0; i < actors::stage_count; ++i) {
      const auto stage = static_cast<actors::stage>(i);
      if (!known.empty() && known.front().second == actors::name_of(stage)) {
        return exemplars_of_->buckets(stage).exemplars;
      }
    }
    return std::nullopt;
  }

  void sample(std::string_view suffix, const labels& with, const std::string& value,
              const actors::latency_sample* exemplar = nullptr) {
    text_ += name_;
    text_ += suffix;
    if (!with.empty()) {
      text_ += '{';
      for (const auto& [key, text] : with) {
        text_ += (text_.back() == '{' ? "" : ",") + key + "=\"" + escaped(text) + '"';
      }
      text_ += '}';
    }
    text_ += ' ' + value;
    if (exemplar != nullptr) {
      text_ += " # {trace_id=\"" + trace_id_of(exemplar->of) + "\"} " +
               number(static_cast<double>(exemplar->microseconds) / 1e6) + ' ' +
               number(static_cast<double>(exemplar->at_ms) / 1e3);
    }
    text_ += '\n';
  }

  const actors::latency_recorder* exemplars_of_;
  std::set<std::string> names_;  ///< of all families, as they came
  std::string name_;
  std::string_view suffix_;  ///< of a counter's samples
  std::string text_;
};

}  // namespace

exposition exposition_for(std::string_view accept) {
  const auto open = wish_for(accept, openmetrics_type, "1.0.0");
  return open > 0 && open >= wish_for(accept, "text/plain", "0.0.4") ? exposition::openmetrics : exposition::text;
}

std::string_view content_type_of(exposition how) noexcept {
  return how == exposition::openmetrics ? "application/openmetrics-text; version=1.0.0; charset=utf-8"
                                        : "text/plain; version=0.0.4; charset=utf-8";
}

std::string openmetrics_text(const std::vector<MetricFamily>& families, const actors::latency_recorder* exemplars_of) {
  writer to(families, exemplars_of);
  for (const auto& each : families) to.add(each);
  return to.end();
}

}  // namespace kith::admin
