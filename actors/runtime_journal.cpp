// What of the journal is damaged: told, counted, and no reason not to start.
#include "actors/runtime_impl.hpp"

namespace kith::actors {

using persistence::segment_report;

result<void> runtime_impl::repair_journal() {
  const auto repaired = persistence::repair_journal(files_, journal_directory());
  if (!repaired) return tl::make_unexpected(repaired.error());
  for (const auto& report : *repaired) {
    if (report.torn_bytes > 0) {
      log("info", "journal of shard " + std::to_string(report.shard) + ", segment " + std::to_string(report.segment) +
                      ": cut " + std::to_string(report.torn_bytes) + " bytes of a write that was never acknowledged");
    }
    for (const auto& damage : report.damages) {
      tell_damage(report, damage,
                  damage.bytes > 0 ? "the bytes are kept in journal/quarantine, and the start goes on without them"
                                   : "the start goes on without them");
    }
  }
  return {};
}

/// `then`: what comes of it.
void runtime_impl::tell_damage(const segment_report& in, const segment_report::damage& what, const std::string& then) {
  ++journal_damages_;
  log("error", "the journal of shard " + std::to_string(in.shard) + " is damaged: segment " +
                   std::to_string(in.segment) + ", " + std::to_string(what.bytes) + " bytes at byte " +
                   std::to_string(what.offset) + ": " + what.what + ". Acknowledged events may be lost; " + then);
}

void runtime_impl::tell_unreadable(const std::string& path, const error& why) {
  ++journal_damages_;
  log("error", "the journal is damaged: " + path + " has a record that is whole but cannot be read: " + why.message +
                   ". Acknowledged events are lost; the start goes on without it");
}

}  // namespace kith::actors
