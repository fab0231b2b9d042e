#include "tests/persistence/support/journal_rig.hpp"

#include <chrono>
#include <map>
#include <stdexcept>

namespace kith::tests {

using namespace persistence;

completion outcomes::listener() {
  return [this](std::span<const std::uint64_t> tags, const result<void>& outcome) {
    const auto operations = disk_.operation_count();
    const std::lock_guard lock(mutex_);
    for (const auto tag : tags) all_.push_back({tag, outcome, operations, calls_});
    ++calls_;
    moved_.notify_all();
  };
}

bool outcomes::reach(std::size_t count) {
  std::unique_lock lock(mutex_);
  return moved_.wait_for(lock, std::chrono::seconds(30), [&] { return all_.size() >= count; });
}

std::vector<outcomes::one> outcomes::all() const {
  const std::lock_guard lock(mutex_);
  return all_;
}

std::string payload_of(std::uint64_t tag) {
  std::string bytes = std::to_string(tag) + ":payload";
  std::uint64_t state = tag * 0x9e3779b97f4a7c15ULL;
  const auto more = (state >> 32) % 290;
  for (std::uint64_t i = 0; i < more; ++i) {
    state = state * 6364136223846793005ULL + 1442695040888963407ULL;
    bytes.push_back(static_cast<char>(state >> 56));
  }
  return bytes;
}

std::uint64_t tag_of(std::string_view payload) {
  std::uint64_t tag = 0;
  for (const char c : payload.substr(0, 18)) {
    if (c < '0' || c > '9') break;
    tag = tag * 10 + static_cast<std::uint64_t>(c - '0');
  }
  return payload_of(tag) == payload ? tag : 0;
}

std::vector<std::uint64_t> read_tags(file_system& files) {
  std::vector<std::uint64_t> tags;
  const auto segments = list_segments(files, journal_directory).value();
  for (std::size_t i = 0; i < segments.size(); ++i) {
    read_segment(files, segments[i], i + 1 == segments.size(), 0, [&](std::string_view payload, std::uint64_t) {
      tags.push_back(tag_of(payload));
      if (tags.back() == 0) throw std::runtime_error(segments[i].path + ": a record that nobody wrote");
      return true;
    }).value();
  }
  return tags;
}

std::unique_ptr<journal> open_journal(file_system& files, outcomes& into, journal_options options) {
  return std::move(journal::open(files, journal_directory, 0, options, into.listener()).value());
}

void append(journal& to, const std::vector<std::uint64_t>& tags) {
  // The payloads stay valid until completion, which may come after the test has lost interest: for ever, then.
  static std::mutex mutex;
  static std::map<std::uint64_t, std::string> payloads;
  const std::lock_guard lock(mutex);
  std::vector<append_request> requests;
  for (const auto tag : tags) requests.push_back({payloads.try_emplace(tag, payload_of(tag)).first->second, tag});
  to.append(requests);
}

one_segment make_segment(std::uint64_t records) {
  one_segment made{std::make_unique<simulated_files>(), {}, {}};
  if (!made.disk->make_directory(journal_directory)) throw std::runtime_error("no directory");
  outcomes seen(*made.disk);
  {
    const auto journal = open_journal(*made.disk, seen);
    for (std::uint64_t tag = 1; tag <= records; ++tag) {
      append(*journal, {tag});
      if (!seen.reach(tag)) throw std::runtime_error("the journal does not complete");
      made.ends.push_back(journal->durable_end().offset);
    }
  }
  made.path = list_segments(*made.disk, journal_directory).value().at(0).path;
  return made;
}

}  // namespace kith::tests
