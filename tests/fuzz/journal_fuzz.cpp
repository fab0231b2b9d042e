// Arbitrary bytes as a segment file: reading ends, accounts for every byte, and a repair changes what is read no more.
//
// The input: one byte of choices, then the file. Choice 1: it is the shard's last segment. Choice 2: checksums are set
// right first, so that what the checksums protect is reached too.
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>
#include <vector>

#include "persistence/journal_format.hpp"
#include "persistence/simulated_files.hpp"

namespace {

using namespace kith::persistence;

const std::string directory = "/journal";

void check(bool holds) {
  if (!holds) std::abort();
}

void set_checksums(std::string& bytes) {
  if (bytes.size() < format::segment_head_bytes) return;
  format::put<std::uint32_t>(bytes.data() + 12, 0);
  format::put(bytes.data() + 12, crc32c(std::string_view(bytes).substr(0, format::segment_head_bytes)));
  for (auto at = format::segment_head_bytes; bytes.size() - at >= format::record_head_bytes;) {
    const auto head = format::decode(bytes.data() + at);
    const auto payload = std::string_view(bytes).substr(at + format::record_head_bytes);
    if (head.length > payload.size()) return;
    format::encode(payload.substr(0, head.length), head.sequence, head.synced, bytes.data() + at);
    at += format::record_head_bytes + head.length;
  }
}

struct seen {
  segment_report report;
  std::vector<std::string> payloads;
};

seen look(file_system& files, const segment_file& segment, bool last, bool& readable) {
  seen made;
  std::uint64_t before = 0;
  auto report = read_segment(files, segment, last, 0, [&](std::string_view payload, std::uint64_t end) {
    check(end <= segment.bytes && end >= before + format::record_head_bytes + payload.size());
    before = end;
    made.payloads.emplace_back(payload);
    return true;
  });
  readable = report.has_value();
  if (readable) made.report = std::move(*report);
  return made;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  const bool last = (data[0] & 1) != 0;
  std::string bytes(reinterpret_cast<const char*>(data) + 1, size - 1);
  if ((data[0] & 2) != 0) set_checksums(bytes);

  simulated_files files;
  const segment_file segment{directory + "/" + format::file_name(0, 1), 0, 1, bytes.size()};
  files.put(segment.path, bytes);
  bool readable = false;
  const auto first = look(files, segment, last, readable);
  if (!readable) return 0;  // of another version
  auto sum = first.report.bytes + first.report.torn_bytes;
  for (const auto& damage : first.report.damages) sum += damage.bytes;
  check(sum == bytes.size());
  check(first.report.records == first.payloads.size());
  check(last || first.report.torn_bytes == 0);
  if (!last) return 0;

  for (int again = 0; again < 2; ++again) {
    const auto repaired = repair_journal(files, directory);
    check(repaired.has_value());
    auto left = list_segments(files, directory);
    check(left.has_value());
    if (left->empty()) return check(first.payloads.empty()), 0;
    const auto after = look(files, left->at(0), true, readable);
    check(readable && after.payloads == first.payloads);
    check(after.report.damages.size() == first.report.damages.size());
    check(after.report.torn_bytes == 0 || !after.report.damages.empty());
  }
  return 0;
}
