#include "cli/publish_tally.hpp"

namespace kith::cli {

namespace {

/// The fault of the batch's content, not of the server or of what lies between.
bool is_content(errc code) { return code == errc::invalid_argument || code == errc::too_large; }

}  // namespace

void publish_tally::sent(std::size_t from, std::uint64_t line) {
  const std::lock_guard lock(mutex_);
  sent_[from].lines.push_back(line);
  ++counts_.events;
}

void publish_tally::refused(std::uint64_t line, const error& why) {
  const std::lock_guard lock(mutex_);
  ++counts_.events;
  reject(line, why.code, why.message);
}

void publish_tally::answered(std::size_t from, std::uint64_t first, std::size_t count,
                             const result<actors::publish_outcome>& outcome) {
  const std::lock_guard lock(mutex_);
  auto& publisher = sent_[from];
  const auto line_of = [&](std::uint64_t index) { return publisher.lines.at(first + index - publisher.base); };
  if (outcome) {
    counts_.applied += outcome->applied;
    counts_.duplicate += outcome->duplicate;
    for (const auto& each : outcome->rejected) reject(line_of(each.index), each.code, each.message);
  } else if (is_content(outcome.error().code)) {
    for (std::size_t i = 0; i < count; ++i) reject(line_of(i), outcome.error().code, outcome.error().message);
  } else {
    counts_.failed += count;
    if (!failure_) failure_ = outcome.error();
  }
  publisher.answered.emplace(first, count);
  for (auto next = publisher.answered.begin(); next != publisher.answered.end() && next->first == publisher.base;
       next = publisher.answered.erase(next)) {
    publisher.base += next->second;
    publisher.lines.erase(publisher.lines.begin(), publisher.lines.begin() + static_cast<std::ptrdiff_t>(next->second));
  }
}

publish_tally::counts publish_tally::so_far() const {
  const std::lock_guard lock(mutex_);
  return counts_;
}

std::optional<error> publish_tally::failure() const {
  const std::lock_guard lock(mutex_);
  return failure_;
}

void publish_tally::reject(std::uint64_t line, errc code, const std::string& message) {
  ++counts_.rejected;
  rejected_(line, code, message);
}

}  // namespace kith::cli
