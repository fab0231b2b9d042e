#include <cstdio>
#include <filesystem>
#include <map>
#include <set>
#include <unistd.h>

#include "actors/batch.hpp"
#include "actors/clock.hpp"
#include "actors/journal_record.hpp"
#include "admin/dead_letter_json.hpp"
#include "admin/json.hpp"
#include "cli/command.hpp"
#include "cli/config.hpp"
#include "cli/encryption_keys.hpp"
#include "cli/exit_codes.hpp"
#include "cli/export_people.hpp"
#include "cli/progress.hpp"
#include "persistence/dead_letters.hpp"
#include "persistence/directory_lock.hpp"
#include "persistence/missing_segments.hpp"
#include "persistence/store.hpp"
#include "profile/consent.hpp"

namespace kith::cli {

namespace {

/// Calls each(batch) for every record of the journal; what is damaged is added to `damages`. `opener`: null, there are
/// no keys of encrypted ones.
template <class F>
result<void> for_each_record(const std::string& directory, std::string_view step, step_progress& bar,
                             persistence::record_opener* opener, std::vector<std::string>* damages, F each) {
  auto& files = persistence::real_files();
  const auto segments = persistence::list_segments(files, directory);
  if (!segments) return tl::make_unexpected(segments.error());
  std::uint64_t total = 0;
  std::uint64_t done = 0;
  for (const auto& segment : *segments) total += segment.bytes;
  for (std::size_t i = 0; i < segments->size(); done += (*segments)[i++].bytes) {
    const auto& segment = (*segments)[i];
    const bool last = i + 1 == segments->size() || (*segments)[i + 1].shard != segment.shard;
    result<void> outcome;
    const auto read =
        persistence::read_segment(files, segment, last, 0, [&](std::string_view payload, std::uint64_t end) {
          bar.update(step, done + end, total);
          const auto plain = actors::open_record(payload, opener);
          if (!plain) return outcome = tl::make_unexpected(plain.error()), false;
          const auto made = actors::make_replay_batch(plain->payload, {}, 1);
          outcome = made ? each(**made) : tl::make_unexpected(made.error());
          return outcome.has_value();
        });
    if (!read) return tl::make_unexpected(read.error());
    if (!outcome) {
      return tl::make_unexpected(error{outcome.error().code, segment.path + ": " + outcome.error().message});
    }
    if (damages == nullptr) continue;
    for (const auto& damage : read->damages) {
      damages->push_back(segment.path + " at byte " + std::to_string(damage.offset) + ": " + damage.what);
    }
  }
  return {};
}

/// What the data directory holds: the snapshots, with the events of the journal's tail applied in memory.
class directory_reader {
 public:
  directory_reader(persistence::store& store, step_progress& bar, persistence::record_opener* opener)
      : store_(store), bar_(bar), opener_(opener) {}

  result<void> replay(const std::string& journal) {
    if (auto known = people_.read(store_); !known) return known;
    auto linked = for_each_record(journal, "journal, identities", bar_, opener_, &damages_,
                                  [&](const actors::batch& record) -> result<void> {
                                    for (const auto& event : record.events) people_.link(event);
                                    if (record.order) people_.take_apart(*record.order);
                                    return {};
                                  });
    if (!linked) return linked;
    people_.settle();
    return for_each_record(journal, "journal, events", bar_, opener_, nullptr,
                           [&](const actors::batch& record) -> result<void> {
                             for (const auto& event : record.events) {
                               if (auto applied = apply(event); !applied) return applied;
                             }
                             return {};
                           });
  }
  result<void> look_for_missing(const std::string& data) {
    auto& files = persistence::real_files();
    persistence::journal_extent journal;
    auto segments = persistence::list_segments(files, data + "/journal");
    if (!segments) return tl::make_unexpected(segments.error());
    journal.present = std::move(*segments);
    if (auto marks = persistence::read_checkpoint(files, data)) journal.marks = std::move(*marks);
    auto fed = store_.fed();
    if (!fed) return tl::make_unexpected(fed.error());
    journal.fed = std::move(*fed);
    for (const auto& each : persistence::find_missing(journal)) {
      if (!each.saved) damages_.push_back(data + "/journal: " + each.what());
    }
    return {};
  }
  /// Events in there are missing from what is exported.
  const std::vector<std::string>& damages() const { return damages_; }
  /// Those that the tail touches, and the ids of those with several identifiers; sorted, each once.
  std::vector<profile::hash128> beside_the_store() const {
    std::set<profile::hash128> all = people_.joined();
    for (const auto& [address, state] : tail_) {
      if (!people_.is_joined(address)) all.insert(address);
    }
    return {all.begin(), all.end()};
  }
  bool is_joined(profile::hash128 address) const { return people_.is_joined(address); }

  /// The whole profile of that id.
  result<profile::profile> read(profile::hash128 address) {
    profile::profile whole;
    std::vector<profile::spilled_id> spilled;
    for (const auto each : people_.of(address)) {
      if (const auto found = tail_.find(each); found != tail_.end()) {
        whole.join(found->second, spilled);
        continue;
      }
      const auto loaded = load(each);
      if (!loaded) return tl::make_unexpected(loaded.error());
      whole.join(*loaded, spilled);
    }
    return whole;
  }

 private:
  result<void> apply(const profile::event_view& event) {
    for (const auto each : people_.of(event.address)) {
      const auto counted = is_counted(each, event);
      if (!counted) return tl::make_unexpected(counted.error());
      if (*counted) return {};
    }
    auto state = in_tail(event.address);
    if (!state) return tl::make_unexpected(state.error());
    std::vector<profile::spilled_id> left;
    (*state)->apply(event, left);
    for (const auto& each : left) spilled_.emplace(event.address, each.id);
    return {};
  }
  result<bool> is_counted(profile::hash128 facet, const profile::event_view& event) {
    const auto state = in_tail(facet);
    if (!state) return tl::make_unexpected(state.error());
    const auto seen = (*state)->check(event);
    if (seen != profile::seen::ask_spilled) return seen == profile::seen::duplicate;
    if (spilled_.contains({facet, event.id})) return true;
    return store_.is_spilled(facet, event.id);
  }
  result<profile::profile*> in_tail(profile::hash128 facet) {
    auto at = tail_.find(facet);
    if (at == tail_.end()) {
      auto loaded = load(facet);
      if (!loaded) return tl::make_unexpected(loaded.error());
      at = tail_.emplace(facet, std::move(*loaded)).first;
    }
    return &at->second;
  }
  result<profile::profile> load(profile::hash128 address) {
    auto found = store_.load({&address, 1});
    if (!found) return tl::make_unexpected(found.error());
    if (!found->front()) return profile::profile();
    return profile::profile::decode(*found->front());
  }

  persistence::store& store_;
  step_progress& bar_;
  persistence::record_opener* const opener_;
  people people_;
  std::vector<std::string> damages_;
  std::map<profile::hash128, profile::profile> tail_;  ///< by identifier
  std::set<std::pair<profile::hash128, profile::hash128>> spilled_;
};

struct export_flags {
  std::string directory;
  bool letters = false;
  std::string purpose;  ///< empty: all profiles
  std::string config_file;
  std::string key_file;
};

/// Prints profiles, but for those without consent to the purpose, and for traits that are past their time.
class printer {
 public:
  printer(std::string purpose, std::shared_ptr<const profile::privacy_rules> rules)
      : purpose_(std::move(purpose)), rules_(std::move(rules)) {}

  /// False: nobody reads any more.
  bool print(profile::hash128 address, profile::profile& state) {
    if (state.empty()) return true;
    if (!purpose_.empty() && !profile::consent::judge(state.inside(), *rules_, purpose_).granted()) {
      ++left_out_;
      return true;
    }
    std::vector<std::string> forgotten;
    state.forget_traits(*rules_, actors::wall_clock_ms(), forgotten);
    std::string map;
    profile::msgpack::writer out(map);
    profile::derived with;
    with.rules = rules_.get();
    state.write_map(out, address, {}, with);
    return std::puts(admin::dump(admin::to_json(map)).c_str()) != EOF;
  }
  void tell_left_out() const {
    if (purpose_.empty()) return;
    std::fprintf(stderr, "left out, without consent to %s: %llu profiles\n", purpose_.c_str(),
                 static_cast<unsigned long long>(left_out_));
  }

 private:
  const std::string purpose_;
  const std::shared_ptr<const profile::privacy_rules> rules_;
  std::uint64_t left_out_ = 0;
};

/// Without a configuration nobody has agreed who did not say so, and who sent the signal has not.
result<std::shared_ptr<const profile::privacy_rules>> rules_of(const export_flags& flags) {
  std::shared_ptr<const profile::privacy_rules> rules;
  if (!flags.config_file.empty()) {
    const auto settings = load_config(flags.config_file);
    if (!settings) return tl::make_unexpected(settings.error());
    rules = settings->privacy;
    if (!flags.purpose.empty() && rules->find(flags.purpose) == nullptr) {
      return fail(errc::invalid_argument, "\"" + flags.purpose + "\" is no purpose of " + flags.config_file +
                                              "; configured are " + rules->purpose_list());
    }
    return rules;
  }
  std::vector<profile::purpose> purposes;
  if (!flags.purpose.empty()) purposes.push_back({flags.purpose, {}, false, profile::legal_basis::unsaid, true});
  return std::make_shared<const profile::privacy_rules>(std::move(purposes), std::vector<profile::trait_retention>());
}

/// The keys of the journal; null: there are none. They are wrapped by what the flag, or else the configuration, names.
result<std::unique_ptr<persistence::key_ring>> keys_of(const export_flags& flags) {
  encryption_keys from;
  if (!flags.config_file.empty()) {
    const auto settings = load_config(flags.config_file);
    if (!settings) return tl::make_unexpected(settings.error());
    from = settings->keys;
  }
  if (!flags.key_file.empty()) from = {flags.key_file, {}, {}, {}};
  persistence::encryption_settings with;
  if (auto loaded = load_keys(from, with); !loaded) return tl::make_unexpected(loaded.error());
  auto ring = persistence::key_ring::look(persistence::real_files(), flags.directory + "/keys", with);
  if (!ring && ring.error().code == errc::not_found) return nullptr;
  return ring;
}

int export_all(const export_flags& flags) {
  const auto& directory = flags.directory;
  const auto rules = rules_of(flags);
  if (!rules) {
    report("export", rules.error());
    return exit_config;
  }
  printer out(flags.purpose, *rules);
  if (!std::filesystem::exists(directory + "/store")) {
    report("export", {errc::not_found, directory + ": is no data directory of kith (it has no store/)"});
    return exit_no_input;
  }
  const auto lock = persistence::lock_for_reading(directory);
  if (!lock) return report("export", lock.error());
  persistence::store_options options;
  options.read_only = true;
  options.now_ms = actors::wall_clock_ms;
  const auto store = persistence::store::open(persistence::real_files(), directory + "/store", options);
  if (!store) return report("export", store.error());
  step_progress bar(::isatty(STDOUT_FILENO) == 0);  // not among the profiles
  const auto keys = keys_of(flags);
  if (!keys) return report("export", keys.error());
  std::optional<persistence::record_opener> opener;
  if (*keys) opener.emplace(**keys, persistence::encryption_settings().cache_bytes);
  directory_reader reader(**store, bar, opener ? &*opener : nullptr);
  if (const auto replayed = reader.replay(directory + "/journal"); !replayed) return report("export", replayed.error());
  if (const auto looked = reader.look_for_missing(directory); !looked) return report("export", looked.error());
  const auto about = (*store)->estimated_snapshots();
  const auto others = reader.beside_the_store();
  auto next = others.begin();
  result<void> outcome;
  const auto print_one = [&](profile::hash128 address) {
    auto whole = reader.read(address);
    if (!whole) {
      outcome = fail(errc::invalid_argument, "profile " + to_hex(address) + ": " + whole.error().message);
      return false;
    }
    return out.print(address, *whole);
  };
  std::uint64_t walked_over = 0;
  const auto walked = (*store)->for_each_snapshot([&](profile::hash128 address, std::string_view bytes) {
    bar.update("profiles", ++walked_over, about);
    for (; next != others.end() && *next < address; ++next) {
      if (!print_one(*next)) return false;
    }
    if (next != others.end() && *next == address) return print_one(*next++);
    if (reader.is_joined(address)) return true;
    auto state = profile::profile::decode(bytes);
    if (!state) {
      outcome = fail(errc::invalid_argument, "profile " + to_hex(address) + ": " + state.error().message);
      return false;
    }
    return out.print(address, *state);
  });
  bar.clear();
  if (!walked) return report("export", walked.error());
  if (!outcome) return report("export", outcome.error());
  for (; next != others.end() && outcome; ++next) print_one(*next);
  if (!outcome) return report("export", outcome.error());
  if (std::fflush(stdout) == EOF) return report("export", {errc::unavailable, "standard output cannot be written"});
  out.tell_left_out();
  for (const auto& each : reader.damages()) std::fprintf(stderr, "DAMAGED %s\n", each.c_str());
  return reader.damages().empty() ? exit_ok : exit_data;
}

int export_letters(const std::string& directory) {
  auto& files = persistence::real_files();
  const auto lock = persistence::lock_for_reading(directory);
  if (!lock) return report("export", lock.error());
  const auto letters = directory + "/dead-letters";
  const auto there = files.exists(letters);
  if (!there) return report("export", there.error());
  if (!*there) return exit_ok;
  const auto read = persistence::dead_letters::for_each(letters, [](const persistence::dead_letter& each) {
    return std::puts(admin::dump(admin::letter_json(each)).c_str()) != EOF;
  });
  if (!read) return report("export", read.error());
  if (std::fflush(stdout) == EOF) return report("export", {errc::unavailable, "standard output cannot be written"});
  return exit_ok;
}

}  // namespace

command_body add_export(CLI::App& app) {
  auto flags = std::make_shared<export_flags>();
  app.add_option("DIR", flags->directory, "the data directory; no server may run on it")->required();
  auto* letters = app.add_flag("--dead-letters", flags->letters, "the dead letters instead, the oldest first");
  app.add_option("--purpose", flags->purpose, "only profiles with consent to this purpose")->excludes(letters);
  app.add_option("--config", flags->config_file, "says what holds for those who said nothing; else nobody agreed");
  app.add_option("--key-file", flags->key_file, "what encryption.key_file names, to read an encrypted journal");
  app.footer(
      "Prints a profile map a line, in the order of profile ids. The directory is not changed.\n"
      "Exit codes: 0 all of it, 65 the directory is damaged and something is missing, 66 no data directory,\n"
      "69 a server runs on it, 78 the configuration is wrong.");
  return [flags] { return flags->letters ? export_letters(flags->directory) : export_all(*flags); };
}

}  // namespace kith::cli
