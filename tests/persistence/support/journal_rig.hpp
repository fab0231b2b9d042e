// What the journal's tests share: a listener that remembers outcomes, payloads that can be told apart, a full read.
#pragma once

#include <condition_variable>
#include <cstdint>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "persistence/journal.hpp"
#include "persistence/simulated_files.hpp"

namespace kith::tests {

inline const std::string journal_directory = "/data/journal";

/// Remembers what became of each tag, in order. Thread safety: all of it. It outlives the journal.
class outcomes {
 public:
  struct one {
    std::uint64_t tag;
    result<void> is;
    std::size_t operations;  ///< the disk's, when the tag was completed
    std::size_t call;        ///< which call of the completion it came in
  };
  explicit outcomes(const persistence::simulated_files& disk) : disk_(disk) {}

  persistence::completion listener();
  /// Waits until `count` tags were completed; false after 30 s.
  bool reach(std::size_t count);
  std::vector<one> all() const;

 private:
  const persistence::simulated_files& disk_;
  mutable std::mutex mutex_;
  std::condition_variable moved_;
  std::vector<one> all_;
  std::size_t calls_ = 0;
};

/// 8 to 300 bytes that only this tag has.
std::string payload_of(std::uint64_t tag);
std::uint64_t tag_of(std::string_view payload);  ///< 0 if the bytes are nobody's payload

/// The tags of all records that can be read, in order. Checks that reading works and that payloads are whole.
std::vector<std::uint64_t> read_tags(persistence::file_system& files);

std::unique_ptr<persistence::journal> open_journal(persistence::file_system& files, outcomes& into,
                                                   persistence::journal_options options = {});
/// Appends the tags with one call.
void append(persistence::journal& to, const std::vector<std::uint64_t>& tags);

/// A disk with one segment of records 1 to `records`, each in a write of its own; `ends[i]` is where record i + 1 ends.
struct one_segment {
  std::unique_ptr<persistence::simulated_files> disk;
  std::string path;
  std::vector<std::uint64_t> ends;
};
one_segment make_segment(std::uint64_t records);

}  // namespace kith::tests
