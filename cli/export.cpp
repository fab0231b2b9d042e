#include <cstdio>
#include <filesystem>
#include <map>

#include "actors/batch.hpp"
#include "actors/clock.hpp"
#include "admin/json.hpp"
#include "cli/command.hpp"
#include "cli/exit_codes.hpp"
#include "persistence/journal.hpp"
#include "persistence/store.hpp"

namespace kith::cli {

namespace {

/// The profiles that the journal's tail touches: snapshots with the tail's events applied, in memory.
class journal_tail {
 public:
  explicit journal_tail(persistence::store& store) : store_(store) {}

  result<void> replay(const std::string& directory) {
    auto& files = persistence::real_files();
    const auto segments = persistence::list_segments(files, directory);
    if (!segments) return tl::make_unexpected(segments.error());
    for (std::size_t i = 0; i < segments->size(); ++i) {
      const auto& segment = (*segments)[i];
      const bool last = i + 1 == segments->size() || (*segments)[i + 1].shard != segment.shard;
      result<void> outcome;
      const auto read =
          persistence::read_segment(files, segment, last, 0, [&](std::string_view payload, std::uint64_t) {
            outcome = apply(payload);
            return outcome.has_value();
          });
      if (!read) return tl::make_unexpected(read.error());
      if (!outcome)
        return tl::make_unexpected(error{outcome.error().code, segment.path + ": " + outcome.error().message});
      for (const auto& damage : read->damages) {
        damages_.push_back(segment.path + " at byte " + std::to_string(damage.offset) + ": " + damage.what);
      }
    }
    return {};
  }
  /// Events in there are missing from what is exported.
  const std::vector<std::string>& damages() const { return damages_; }
  /// In the order of addresses.
  const std::map<profile::hash128, profile::profile>& profiles() const { return profiles_; }

 private:
  result<void> apply(std::string_view payload) {
    const auto made = actors::make_replay_batch(payload, {}, 1);
    if (!made) return tl::make_unexpected(made.error());
    for (const auto& event : (*made)->events) {
      auto at = profiles_.find(event.address);
      if (at == profiles_.end()) {
        auto loaded = load(event.address);
        if (!loaded) return tl::make_unexpected(loaded.error());
        at = profiles_.emplace(event.address, std::move(*loaded)).first;
      }
      auto seen = at->second.check(event);
      if (seen == profile::seen::ask_spilled) {
        const auto spilled = store_.is_spilled(event.address, event.id);
        if (!spilled) return tl::make_unexpected(spilled.error());
        seen =
            *spilled || spilled_.contains({event.address, event.id}) ? profile::seen::duplicate : profile::seen::fresh;
      }
      if (seen == profile::seen::duplicate) continue;
      std::vector<profile::spilled_id> left;
      at->second.apply(event, left);
      for (const auto& each : left) spilled_.emplace(std::pair(event.address, each.id), true);
    }
    return {};
  }
  result<profile::profile> load(profile::hash128 address) {
    auto found = store_.load({&address, 1});
    if (!found) return tl::make_unexpected(found.error());
    if (!found->front()) return profile::profile();
    return profile::profile::decode(*found->front());
  }

  persistence::store& store_;
  std::vector<std::string> damages_;
  std::map<profile::hash128, profile::profile> profiles_;
  std::map<std::pair<profile::hash128, profile::hash128>, bool> spilled_;
};

/// False: nobody reads any more.
bool print(profile::hash128 address, const profile::profile& state) {
  std::string map;
  profile::msgpack::writer out(map);
  state.write_map(out, address);
  return std::puts(admin::dump(admin::to_json(map)).c_str()) != EOF;
}

int export_all(const std::string& directory) {
  if (!std::filesystem::exists(directory + "/store")) {
    report("export", {errc::not_found, directory + ": is no data directory of kith (it has no store/)"});
    return exit_no_input;
  }
  persistence::store_options options;
  options.read_only = true;
  options.now_ms = actors::wall_clock_ms;
  const auto store = persistence::store::open(persistence::real_files(), directory + "/store", options);
  if (!store) return report("export", store.error());
  journal_tail tail(**store);
  if (const auto replayed = tail.replay(directory + "/journal"); !replayed) return report("export", replayed.error());
  auto next = tail.profiles().begin();
  const auto end = tail.profiles().end();
  result<void> outcome;
  const auto walked = (*store)->for_each_snapshot([&](profile::hash128 address, std::string_view bytes) {
    for (; next != end && next->first < address; ++next) print(next->first, next->second);
    if (next != end && next->first == address) {
      print(next->first, next->second);
      ++next;
      return std::ferror(stdout) == 0;
    }
    const auto state = profile::profile::decode(bytes);
    if (!state) {
      outcome = fail(errc::invalid_argument, "profile " + to_hex(address) + ": " + state.error().message);
      return false;
    }
    return print(address, *state);
  });
  if (!walked) return report("export", walked.error());
  if (!outcome) return report("export", outcome.error());
  for (; next != end; ++next) print(next->first, next->second);
  if (std::fflush(stdout) == EOF) return report("export", {errc::unavailable, "standard output cannot be written"});
  for (const auto& each : tail.damages()) std::fprintf(stderr, "DAMAGED %s\n", each.c_str());
  return tail.damages().empty() ? exit_ok : exit_data;
}

}  // namespace

command_body add_export(CLI::App& app) {
  auto directory = std::make_shared<std::string>();
  app.add_option("DIR", *directory, "the data directory; no server may run on it")->required();
  app.footer(
      "Prints a profile map a line, in the order of profile ids. The directory is not changed.\n"
      "Exit codes: 0 all of it, 65 the directory is damaged and something is missing, 66 no data directory.");
  return [directory] { return export_all(*directory); };
}

}  // namespace kith::cli
