// What lies in the journal of somebody erased can be read by nobody, also not with all the keys; all else can.
#include <array>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <mutex>

#include "actors/journal_record.hpp"
#include "persistence/check.hpp"
#include "persistence/journal_format.hpp"
#include "persistence/sealed_record.hpp"
#include "persistence/simulated_files.hpp"
#include "tests/actors/support/harness.hpp"
#include "tests/catch.hpp"

using namespace kith;
using namespace kith::tests;
using profile::id_kind;
using profile::identifier;

namespace {

const identifier ada{id_kind::user, "", "ada-7c1f"};
const identifier device{id_kind::anonymous, "", "device-7c1f"};
const identifier bob{id_kind::user, "", "bob-51e0"};

nlohmann::json of(const identifier& who, const std::string& id) {
  auto made = track(who.value, id, "2024-05-01T10:00:00Z");
  if (who.kind == id_kind::anonymous) {
    made.erase("userId");
    made["anonymousId"] = who.value;
  }
  made["properties"] = {{"what", "planted-by-" + who.value}};
  return made;
}

void fill(running& kith) {
  auto both = of(ada, "m-1");
  both["anonymousId"] = device.value;
  kith.publish({both, of(device, "m-2"), of(bob, "m-3")});
  kith.publish({of(bob, "m-4"), of(ada, "m-5")});
}

std::vector<persistence::segment_file> segments_in(const std::string& data) {
  auto listed = persistence::list_segments(persistence::real_files(), data + "/journal");
  REQUIRE(listed);
  return std::move(*listed);
}

struct journal_contents {
  std::string raw;       ///< all bytes of all segments
  std::string readable;  ///< what of it the keys on the disk decrypt
  std::uint64_t destroyed = 0;
  std::uint64_t sealed = 0;
};

journal_contents look_into(const std::string& data, const persistence::encryption_settings& with = {}) {
  auto& files = persistence::real_files();
  const auto ring = persistence::key_ring::look(files, data + "/keys", with);
  REQUIRE(ring);
  persistence::record_opener opener(**ring, 64 * 1024);
  journal_contents found;
  for (const auto& segment : segments_in(data)) {
    const auto read = persistence::read_segment(files, segment, true, 0, [&](std::string_view payload, std::uint64_t) {
      found.raw += payload;
      if (!persistence::is_sealed(payload)) return found.readable += payload, true;
      ++found.sealed;
      persistence::opened_record opened;
      REQUIRE(opener.open(payload, opened));
      found.destroyed += opened.destroyed;
      for (const auto& each : opened.pieces) found.readable += each.bytes;
      return true;
    });
    REQUIRE(read);
    CHECK(read->damages.empty());
  }
  return found;
}

bool holds(const std::string& text, const identifier& who) { return text.find(who.value) != std::string::npos; }

persistence::check_report check(const std::string& data, const persistence::encryption_settings& with = {}) {
  const auto found = persistence::check_directory(
      persistence::real_files(), data, [](auto, auto, auto) {}, with);
  REQUIRE(found);
  return *found;
}

/// Behind what was written last in each segment, with a right checksum: that takes no key.
void append_record(const std::string& data, std::string_view payload) {
  auto& files = persistence::real_files();
  for (const auto& segment : segments_in(data)) {
    const auto read = persistence::read_segment(files, segment, true, 0, [](auto, auto) { return true; });
    REQUIRE(read);
    std::string head(persistence::format::record_head_bytes, '\0');
    persistence::format::encode(payload, read->last_sequence + 1, read->last_sequence, head.data());
    const std::array<std::string_view, 2> pieces{head, payload};
    REQUIRE((*files.open(segment.path, persistence::open_mode::append))->append(pieces));
  }
}

}  // namespace

TEST_CASE("the journal holds nothing in clear, and what is of somebody erased nobody can decrypt any more") {
  temporary_directory directory;
  {
    running kith(options_for(directory.path()));
    fill(kith);
    auto found = look_into(directory.path());
    CHECK(found.sealed == 2);
    for (const auto& who : {ada, device, bob}) {
      CHECK(!holds(found.raw, who));
      CHECK(holds(found.readable, who));
    }
    REQUIRE(kith->erase(device));
    found = look_into(directory.path());
    for (const auto& who : {ada, device}) CHECK(!holds(found.readable, who));
    CHECK(holds(found.readable, bob));
    CHECK(found.destroyed == 3);
    // The others go on under the same keys.
    CHECK(kith.publish({of(bob, "m-6"), of(ada, "m-7")}).applied == 1);
    CHECK(look_into(directory.path()).readable.find("m-6") != std::string::npos);
    kith.kill();
  }
  auto sound = check(directory.path());
  CHECK(sound.sound());
  CHECK(sound.encrypted == 3);
  CHECK(sound.unreadable == 3);
  running kith(options_for(directory.path()));
  CHECK(kith.get(bob)["version"] == 3);
  CHECK(kith.get(ada).is_null());
  CHECK(kith.get(device).is_null());
  CHECK(kith->stats().events_unreadable >= 3);
  // A purge leaves no old keys.
  REQUIRE(kith->checkpoint());
  CHECK(kith->pending_erasures().empty());
  const auto ring = persistence::key_ring::look(persistence::real_files(), directory.path() + "/keys", {});
  REQUIRE(ring);
  CHECK((*ring)->size() == 1);
  CHECK((*ring)->current()->people.is_whole());
}

TEST_CASE("who was erased, and lifted, comes back, and is read again behind a crash") {
  temporary_directory directory;
  {
    running kith(options_for(directory.path()));
    fill(kith);
    const auto erased = kith->erase(ada);
    REQUIRE(erased);
    REQUIRE(kith->checkpoint());
    for (const auto& each : erased->hashes) REQUIRE(kith->lift_suppression(each));
    CHECK(kith.publish({of(ada, "m-8")}).applied == 1);
    kith.kill();
  }
  running kith(options_for(directory.path()));
  CHECK(kith.get(ada)["version"] == 1);
}

TEST_CASE("an unmerge is replayed as it was, and names nobody that was erased") {
  temporary_directory directory;
  {
    running kith(options_for(directory.path()));
    fill(kith);
    REQUIRE(kith.unmerge(ada, {device}));
    kith.kill();
  }
  {
    running kith(options_for(directory.path()));
    CHECK(kith.identity(ada)["identifiers"].size() == 1);
    REQUIRE(kith->erase(device));
    CHECK(!kith.get(ada).is_null());
    const auto found = look_into(directory.path());
    CHECK(!holds(found.raw, device));
    CHECK(holds(found.readable, ada));
    kith.kill();
  }
  running kith(options_for(directory.path()));
  CHECK(kith.identity(ada)["identifiers"].size() == 1);
  CHECK(kith.get(ada)["version"] == 2);
  CHECK(kith.get(device).is_null());
}

TEST_CASE("a journal of before is read, and one of later without encryption too") {
  temporary_directory directory;
  auto plain = options_for(directory.path());
  plain.encryption.journal = false;
  const auto versions = [&] {
    std::string found;
    for (const auto& each : segments_in(directory.path())) {
      std::string head;
      const auto file = persistence::real_files().open(each.path, persistence::open_mode::read);
      REQUIRE((*file)->read_at(0, 8, head));
      found.push_back(head.back());
    }
    return found;
  };
  {
    running kith(plain);
    CHECK(!std::filesystem::exists(directory.path() + "/keys"));
    fill(kith);
    kith.kill();
  }
  CHECK(versions() == "11");
  {
    running kith(options_for(directory.path()));
    CHECK(kith.get(bob)["version"] == 2);
    kith.publish({of(bob, "m-6")});
    kith.kill();
  }
  CHECK(versions() == "1212");  // by shard
  {
    running kith(plain);
    CHECK(kith.get(bob)["version"] == 3);
    CHECK(kith.get(ada)["version"] == 3);
    kith.publish({of(bob, "m-7")});
    kith.kill();
  }
  CHECK(versions() == "121121");
  running kith(options_for(directory.path()));
  CHECK(kith.get(bob)["version"] == 4);
}

TEST_CASE("a start with a wrong key, or without the keys, is refused; with them nothing is lost") {
  temporary_directory directory;
  auto options = options_for(directory.path());
  options.encryption.key = persistence::secret::random();
  {
    running kith(options);
    fill(kith);
    kith.kill();
  }
  auto wrong = options;
  wrong.encryption.key = persistence::secret::random();
  const auto refused = actors::runtime::start(wrong, persistence::real_files());
  REQUIRE(!refused);
  CHECK(refused.error().code == errc::invalid_argument);
  CHECK(refused.error().message.find("/keys/ring-") != std::string::npos);

  const auto unopened = check(directory.path());
  CHECK(unopened.sound());
  CHECK(unopened.encrypted == 2);
  CHECK(unopened.unopened.find("encryption.old_key_file") != std::string::npos);
  CHECK(check(directory.path(), options.encryption).unopened.empty());

  const auto keys = directory.path() + "/keys";
  std::filesystem::rename(keys, keys + ".away");
  const auto without = actors::runtime::start(options, persistence::real_files());
  REQUIRE(!without);
  CHECK(without.error().code == errc::internal);
  CHECK(without.error().message.find("--accept-missing-journal") != std::string::npos);
  CHECK(!check(directory.path(), options.encryption).sound());
  std::filesystem::remove_all(keys);
  std::filesystem::rename(keys + ".away", keys);

  auto rotated = options;
  rotated.encryption.key = persistence::secret::random();
  rotated.encryption.old_key = options.encryption.key;
  running kith(rotated);
  CHECK(kith.get(bob)["version"] == 2);
  CHECK(kith.get(ada)["version"] == 3);
  auto again = rotated.encryption;
  again.key = persistence::secret::random();
  REQUIRE(kith->wrap_keys(again));
  CHECK(look_into(directory.path(), again).destroyed == 0);
}

TEST_CASE("a record that was changed is damage, and one of somebody erased is not") {
  temporary_directory directory;
  {
    running kith(options_for(directory.path()));
    fill(kith);
    kith.kill();
  }
  // One that passes its checksum: somebody changed it who can count.
  auto& files = persistence::real_files();
  for (const auto& segment : segments_in(directory.path())) {
    if (segment.bytes <= persistence::format::segment_head_bytes) continue;
    std::string bytes;
    REQUIRE((*files.open(segment.path, persistence::open_mode::read))->read_at(0, segment.bytes, bytes));
    auto* at = bytes.data() + persistence::format::segment_head_bytes;
    const auto head = persistence::format::decode(at);
    at[persistence::format::record_head_bytes + 60] ^= 1;
    const std::string payload(at + persistence::format::record_head_bytes, head.length);
    persistence::format::encode(payload, head.sequence, head.synced, at);
    REQUIRE(files.remove(segment.path));
    const std::array<std::string_view, 1> pieces{bytes};
    REQUIRE((*files.open(segment.path, persistence::open_mode::create))->append(pieces));
  }
  const auto found = check(directory.path());
  REQUIRE(found.findings.size() == 1);
  CHECK(found.findings[0].what.find("AES-256-GCM") != std::string::npos);
  std::string logged;
  auto options = options_for(directory.path());
  std::mutex mutex;
  options.log = [&](std::string_view level, std::string_view message) {
    const std::lock_guard lock(mutex);
    logged.append(level).append(" ").append(message).append("\n");
  };
  running kith(options);
  const std::lock_guard lock(mutex);
  CHECK(logged.find("error") != std::string::npos);
  CHECK(logged.find("AES-256-GCM") != std::string::npos);
}

TEST_CASE("a plain record that somebody slipped into the journal changes no profile, and is told") {
  temporary_directory directory;
  {
    running kith(options_for(directory.path()));
    fill(kith);
    kith.kill();
  }
  const auto event = nlohmann::json::to_msgpack(of(bob, "m-slipped-in"));
  std::string payload;
  actors::begin_record(payload, 1'714'557'600'000, 1, "nobody");
  payload.append(event.begin(), event.end());
  append_record(directory.path(), payload);
  const auto slipped_in = segments_in(directory.path()).size();
  REQUIRE(slipped_in > 0);
  const auto told = check(directory.path());
  REQUIRE(told.findings.size() == slipped_in);
  CHECK(told.findings[0].what.find("not encrypted") != std::string::npos);

  std::string logged;
  std::mutex mutex;
  auto options = options_for(directory.path());
  options.log = [&](std::string_view level, std::string_view message) {
    const std::lock_guard lock(mutex);
    logged.append(level).append(" ").append(message).append("\n");
  };
  running kith(options);
  CHECK(kith.get(bob)["version"] == 2);
  CHECK(kith.get(ada)["version"] == 3);
  const std::lock_guard lock(mutex);
  CHECK(logged.find("error the journal of shard") != std::string::npos);
  CHECK(logged.find("not encrypted") != std::string::npos);
  CHECK(kith->stats().journal_damages == slipped_in);
}

TEST_CASE("behind a lost key ring no epoch gets a number that the journal names") {
  temporary_directory directory;
  {
    running kith(options_for(directory.path()));
    fill(kith);
    kith.kill();
  }
  append_record(directory.path(), std::string("\x04\x09\0\0\0", 5) + std::string(100, 'x'));  // of epoch 9
  std::filesystem::remove_all(directory.path() + "/keys");
  auto accepting = options_for(directory.path());
  accepting.accept_missing_journal = true;
  {
    running kith(accepting);
    CHECK(kith.get(bob).is_null());
    CHECK(kith.publish({of(bob, "m-10")}).applied == 1);
    const auto ring = persistence::key_ring::look(persistence::real_files(), directory.path() + "/keys", {});
    REQUIRE(ring);
    CHECK((*ring)->current()->number == 10);
    kith.kill();
  }
  running kith(accepting);
  CHECK(kith.get(bob)["version"] == 1);
}

TEST_CASE("files that a crash has left unfinished are gone behind the next start, their bytes too") {
  temporary_directory directory;
  temporary_directory beside;
  std::vector<std::pair<std::string, std::string>> planted;
  for (const std::string name : {"checkpoint", "keys/ring-000000000005.key", "keys/wrapping.key", "privacy/book",
                                 "privacy/requests/0af3.json", "audit/head", "changes/log"}) {
    const auto path = directory.path() + "/" + name + ".next";
    planted.emplace_back(path, beside.path() + "/" + std::to_string(planted.size()));
    std::filesystem::create_directories(std::filesystem::path(path).parent_path());
    std::ofstream(path) << "ada-7c1f";
    std::filesystem::create_hard_link(path, planted.back().second);
  }
  running kith(options_for(directory.path()));
  for (const auto& [path, link] : planted) {
    INFO(path);
    CHECK(!std::filesystem::exists(path));
    std::ifstream in(link, std::ios::binary);
    CHECK(std::string(std::istreambuf_iterator<char>(in), {}) == std::string(8, '\0'));
  }
}
