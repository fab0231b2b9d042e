// Keys of persons: derived, destroyed for good, on a disk that fails and forgets; and what is encrypted with them.
#include "persistence/key_ring.hpp"

#include <filesystem>
#include <fstream>
#include <iterator>
#include <openssl/evp.h>
#include <random>

#include "persistence/sealed_record.hpp"
#include "persistence/simulated_files.hpp"
#include "persistence/whole_file.hpp"
#include "tests/catch.hpp"

using namespace kith;
using namespace kith::persistence;
using profile::hash128;

namespace {

const std::string directory = "/data/keys";

class addresses {
 public:
  explicit addresses(std::uint64_t seed) : random_(seed) {}
  hash128 next() { return {random_(), random_()}; }
  std::vector<hash128> some(std::size_t count) {
    std::vector<hash128> made;
    while (made.size() < count) made.push_back(next());
    return made;
  }

 private:
  std::mt19937_64 random_;
};

std::string bytes_of(const secret& value) { return {value.bytes.begin(), value.bytes.end()}; }

std::string encoded(const key_tree& tree) {
  std::string text;
  tree.encode(text);
  return text;
}

struct ring_rig {
  explicit ring_rig(file_system& files, const encryption_settings& with = {}) {
    auto opened =
        key_ring::open(files, directory, with, [this](std::string_view, std::string_view line) { logged += line; });
    if (opened) {
      ring = std::move(*opened);
    } else {
      refused = opened.error();
    }
  }

  std::unique_ptr<key_ring> ring;
  error refused;
  std::string logged;
};

/// Which keys of the epoch there are, and what they are.
std::vector<std::optional<secret>> keys_of(const key_epoch& of, const std::vector<hash128>& whose) {
  secret_generator by;
  std::vector<std::optional<secret>> keys;
  for (const auto at : permuted(of, whose)) keys.push_back(of.people.key_of(at, by));
  return keys;
}

constexpr unsigned way_bits = 50;  ///< of an address, through the tree

std::string ring_file(file_system& files) {
  const auto names = files.list(directory);
  REQUIRE(names);
  std::string found;
  for (const auto& name : *names) {
    if (!name.starts_with("ring-") || name.ends_with(".next")) continue;
    REQUIRE(found.empty());  // there is one
    found = directory;
    found.append("/").append(name);
  }
  REQUIRE(!found.empty());
  return found;
}

encryption_settings by_key(const secret& key) {
  encryption_settings made;
  made.key = key;
  return made;
}

const std::vector<std::string> texts = {"ada's first event", "bob's event", std::string(1000, 'x'),
                                        "ada's second event"};

std::vector<record_piece> pieces_of(const std::vector<hash128>& whose) {
  std::vector<record_piece> pieces;
  for (std::size_t i = 0; i < texts.size(); ++i) {
    pieces.push_back({whose[i % whose.size()], static_cast<unsigned char>(i), texts[i]});
  }
  return pieces;
}

}  // namespace

TEST_CASE("a destroyed key follows from nothing that is left of the tree, and every other key stays") {
  addresses random(7);
  secret_generator by;
  const auto root = secret::random();
  key_tree tree(root);
  auto kept = random.some(300);
  auto gone = random.some(200);
  // Neighbours, up to the last level.
  for (unsigned bit = 64 - way_bits; bit < 64; bit += 3)
    kept.push_back({gone[0].high ^ (std::uint64_t{1} << bit), gone[0].low});
  std::vector<secret> before;
  before.reserve(kept.size());
  for (const auto each : kept) before.push_back(*tree.key_of(each, by));
  std::vector<std::string> on_the_ways;
  for (const auto each : gone) {
    for (unsigned depth = 0; depth <= key_tree::levels; ++depth) {
      on_the_ways.push_back(bytes_of(key_tree::below(root, 0, depth, each, by)));
    }
  }
  // One, some, all the rest; some twice.
  CHECK(tree.destroy({gone[0]}, by) == 1);
  CHECK(tree.size() == key_tree::most_added);
  CHECK(tree.destroy({gone.begin(), gone.begin() + 50}, by) == 49);
  CHECK(tree.destroy({gone.begin() + 20, gone.end()}, by) == 150);
  CHECK(tree.destroy(gone, by) == 0);
  for (const auto each : gone) {
    CHECK(tree.covering(each) == nullptr);
    CHECK(!tree.key_of(each, by));
  }
  for (std::size_t i = 0; i < kept.size(); ++i) {
    const auto key = tree.key_of(kept[i], by);
    REQUIRE(key);
    REQUIRE(*key == before[i]);
  }
  const auto text = encoded(tree);
  for (const auto& each : on_the_ways) REQUIRE(text.find(each) == std::string::npos);
  profile::taker in(text);
  const auto read = key_tree::decode(in);
  REQUIRE(!in.failed());
  REQUIRE(in.done());
  CHECK(encoded(read) == text);
}

TEST_CASE("keys of addresses whose ways differ anywhere differ") {
  secret_generator by;
  const key_tree tree(secret::random());
  const hash128 one{0x0123456789abcdef, 0xfedcba9876543210};
  const auto key = tree.key_of(one, by);
  for (unsigned bit = 64 - way_bits; bit < 64; ++bit) {
    REQUIRE(!(*tree.key_of({one.high ^ std::uint64_t{1} << bit, one.low}, by) == *key));
  }
}

TEST_CASE("bytes that are no tree are refused") {
  secret_generator by;
  key_tree tree(secret::random());
  tree.destroy({{1, 2}}, by);
  const auto text = encoded(tree);
  const auto refused = [](std::string_view bytes) {
    profile::taker in(bytes);
    key_tree::decode(in);
    return in.failed();
  };
  CHECK(refused(std::string_view(text).substr(0, text.size() - 1)));
  auto deeper = text;
  deeper[4 + 8] = key_tree::levels + 1;
  CHECK(refused(deeper));
  auto covered = text;
  covered[4 + 8] = 0;  // the root, and others below it
  CHECK(refused(covered));
  CHECK(refused(std::string("\xff\xff\xff\xff", 4)));
}

TEST_CASE("a ring is the same behind a restart, and what was destroyed in any epoch stays destroyed") {
  simulated_files disk(1);
  addresses random(3);
  const auto whose = random.some(20);
  std::vector<std::optional<secret>> first;
  std::vector<std::optional<secret>> second;
  {
    const ring_rig rig(disk);
    REQUIRE(rig.ring);
    CHECK(rig.ring->current() == nullptr);
    REQUIRE(rig.ring->begin_epoch());
    REQUIRE(rig.ring->begin_epoch());
    first = keys_of(*rig.ring->find(1), whose);
    second = keys_of(*rig.ring->current(), whose);
    for (std::size_t i = 0; i < whose.size(); ++i) CHECK(!(*first[i] == *second[i]));
    const auto before = rig.ring->destructions();
    REQUIRE(rig.ring->destroy(std::span(whose).first(3)));
    CHECK(rig.ring->destructions() != before);
  }
  const ring_rig rig(disk);
  REQUIRE(rig.ring);
  CHECK(rig.ring->size() == 2);
  const auto first_now = keys_of(*rig.ring->find(1), whose);
  const auto second_now = keys_of(*rig.ring->find(2), whose);
  for (std::size_t i = 0; i < whose.size(); ++i) {
    REQUIRE(first_now[i].has_value() == (i >= 3));
    REQUIRE(second_now[i].has_value() == (i >= 3));
    if (i >= 3) CHECK(*first_now[i] == *first[i]);
    if (i >= 3) CHECK(*second_now[i] == *second[i]);
  }
  REQUIRE(rig.ring->forget_before(2));
  CHECK(rig.ring->find(1) == nullptr);
  CHECK(rig.ring->current()->number == 2);
}

TEST_CASE("an epoch gets a number above those that it is told of, and there is an end of them") {
  simulated_files disk(1);
  const ring_rig rig(disk);
  REQUIRE(rig.ring->begin_epoch(41));
  CHECK(rig.ring->current()->number == 42);
  REQUIRE(rig.ring->begin_epoch(7));
  CHECK(rig.ring->current()->number == 43);
  const auto refused = rig.ring->begin_epoch(UINT32_MAX);
  REQUIRE(!refused);
  CHECK(refused.error().code == errc::resource_exhausted);
  CHECK(rig.ring->current()->number == 43);
}

TEST_CASE("a ring that was not finished is overwritten and removed, by the next one or by what looks for it") {
  const auto root = std::filesystem::temp_directory_path() / ("kith-keys-" + std::to_string(std::random_device()()));
  const auto keys = root / "keys";
  const auto plant = [&](const std::string& name) {
    std::filesystem::create_directories(keys);
    std::ofstream(keys / name) << std::string(100, 'k');
    std::filesystem::create_hard_link(keys / name, root / name);  // so that what becomes of its bytes is seen
  };
  const auto bytes_of_file = [&](const std::string& name) {
    std::ifstream in(root / name, std::ios::binary);
    return std::string(std::istreambuf_iterator<char>(in), {});
  };
  plant("ring-000000000001.key.next");
  plant("ring-000000000007.key.next");
  auto opened = key_ring::open(real_files(), keys.string(), {}, [](auto, auto) {});
  REQUIRE(opened);
  REQUIRE((*opened)->begin_epoch());
  CHECK(bytes_of_file("ring-000000000001.key.next") == std::string(100, '\0'));
  CHECK(bytes_of_file("ring-000000000007.key.next") == std::string(100, 'k'));
  const auto removed = remove_unfinished(real_files(), keys.string());
  REQUIRE(removed);
  CHECK(*removed == std::vector<std::string>{(keys / "ring-000000000007.key.next").string()});
  CHECK(bytes_of_file("ring-000000000007.key.next") == std::string(100, '\0'));
  CHECK(!std::filesystem::exists(keys / "ring-000000000007.key.next"));
  CHECK(std::filesystem::exists(keys / "ring-000000000001.key"));
  CHECK(remove_unfinished(real_files(), (root / "none").string())->empty());
  std::filesystem::remove_all(root);
}

TEST_CASE("a power cut while keys are destroyed leaves the ring as it was or as it was to be") {
  simulated_files disk(5);
  addresses random(11);
  const auto whose = random.some(30);
  std::size_t begun = 0;
  std::vector<std::optional<secret>> keys;
  {
    const ring_rig rig(disk);
    REQUIRE(rig.ring->begin_epoch());
    keys = keys_of(*rig.ring->current(), whose);
    begun = disk.operation_count();
    REQUIRE(rig.ring->destroy(std::span(whose).first(1)));
  }
  const auto ended = disk.operation_count();
  REQUIRE(ended > begun + 4);
  bool was_old = false;
  for (std::size_t cut = begun; cut <= ended; ++cut) {
    for (std::uint64_t seed = 0; seed < 6; ++seed) {
      INFO("cut behind " << cut << ", seed " << seed);
      const auto left = disk.crash_at(cut, seed);
      const ring_rig rig(*left);
      INFO(rig.refused.message);
      REQUIRE(rig.ring);
      const auto now = keys_of(*rig.ring->current(), whose);
      was_old = was_old || now[0].has_value();
      if (cut == ended) REQUIRE(!now[0].has_value());
      for (std::size_t i = 1; i < whose.size(); ++i) REQUIRE(*now[i] == *keys[i]);
      ring_file(*left);  // one, and no older one
    }
  }
  CHECK(was_old);
}

TEST_CASE("a disk that fails while keys are destroyed loses none that were not") {
  addresses random(13);
  const auto whose = random.some(5);
  for (std::uint64_t nth = 0; nth < 12; ++nth) {
    simulated_files disk(nth);
    std::vector<std::optional<secret>> keys;
    bool destroyed = false;
    {
      const ring_rig rig(disk);
      REQUIRE(rig.ring->begin_epoch());
      keys = keys_of(*rig.ring->current(), whose);
      disk.fail(disk.calls() + nth, simulated_files::fault::io_error);
      destroyed = rig.ring->destroy(std::span(whose).first(1)).has_value();
      disk.heal();
    }
    const ring_rig rig(disk);
    REQUIRE(rig.ring);
    const auto now = keys_of(*rig.ring->current(), whose);
    if (destroyed) CHECK(!now[0].has_value());
    for (std::size_t i = 1; i < whose.size(); ++i) REQUIRE(*now[i] == *keys[i]);
  }
}

TEST_CASE("a ring that another key wraps is refused and left alone, and the error says which and what to do") {
  simulated_files disk(2);
  const auto right = secret::random();
  {
    const ring_rig rig(disk, by_key(right));
    REQUIRE(rig.ring->begin_epoch());
  }
  const auto path = ring_file(disk);
  const auto bytes = disk.contents(path);
  CHECK(disk.contents(directory + "/wrapping.key").empty());  // ours alone wraps it
  const auto wrong = secret::random();
  for (const auto& with : {by_key(wrong), encryption_settings{}}) {
    const ring_rig rig(disk, with);
    REQUIRE(!rig.ring);
    CHECK(rig.refused.code == errc::invalid_argument);
    CHECK(rig.refused.message.find(path) == 0);
    CHECK(rig.refused.message.find(fingerprint(right)) != std::string::npos);
    CHECK(rig.refused.message.find("encryption.old_key_file") != std::string::npos);
    CHECK(disk.contents(path) == bytes);
    CHECK(disk.contents(directory + "/wrapping.key").empty());
  }
  CHECK(ring_rig(disk, by_key(right)).ring);
}

TEST_CASE("any changed byte of a ring is noticed, and so is one under another number") {
  simulated_files disk(2);
  const auto key = secret::random();
  {
    const ring_rig rig(disk, by_key(key));
    REQUIRE(rig.ring->begin_epoch());
  }
  const auto path = ring_file(disk);
  const auto bytes = disk.contents(path);
  for (std::size_t at = 0; at < bytes.size(); at += 3) {
    auto changed = bytes;
    changed[at] = static_cast<char>(changed[at] ^ 0x10);
    simulated_files other(1);
    other.put(path, changed);
    REQUIRE(!ring_rig(other, by_key(key)).ring);
  }
  simulated_files older(1);
  older.put(path, "kith keys 1" + bytes.substr(11));
  CHECK(ring_rig(older, by_key(key)).refused.message.find("reads version 2") != std::string::npos);
  simulated_files other(1);
  other.put(directory + "/ring-000000000009.key", bytes);
  const ring_rig renamed(other, by_key(key));
  REQUIRE(!renamed.ring);
  CHECK(renamed.refused.code == errc::internal);
}

TEST_CASE("the key that wraps the ring is rotated at a start and while it runs") {
  simulated_files disk(2);
  addresses random(5);
  const auto whose = random.some(3);
  std::vector<std::optional<secret>> keys;
  const auto first = secret::random();
  const auto second = secret::random();
  {
    const ring_rig rig(disk);  // by one of its own
    REQUIRE(rig.ring->begin_epoch());
    keys = keys_of(*rig.ring->current(), whose);
    CHECK(!disk.contents(directory + "/wrapping.key").empty());
    REQUIRE(rig.ring->wrap(by_key(first), [](auto, auto) {}));
    CHECK(disk.contents(directory + "/wrapping.key").empty());
  }
  CHECK(disk.contents(ring_file(disk)).find(fingerprint(first)) != std::string::npos);
  auto with = by_key(second);
  with.old_key = first;
  {
    const ring_rig rig(disk, with);
    REQUIRE(rig.ring);
    CHECK(rig.logged.find(fingerprint(second)) != std::string::npos);
  }
  CHECK(!ring_rig(disk, by_key(first)).ring);
  const ring_rig rig(disk, by_key(second));
  REQUIRE(rig.ring);
  const auto now = keys_of(*rig.ring->current(), whose);
  for (std::size_t i = 0; i < whose.size(); ++i) CHECK(*now[i] == *keys[i]);
}

TEST_CASE("a rotation that failed is not taken for done by the next one") {
  for (std::uint64_t nth = 0; nth < 10; ++nth) {
    INFO("call " << nth);
    simulated_files disk(nth);
    const auto wanted = secret::random();
    {
      const ring_rig rig(disk);
      REQUIRE(rig.ring->begin_epoch());
      disk.fail(disk.calls() + nth, simulated_files::fault::io_error);
      const auto done = rig.ring->wrap(by_key(wanted), [](auto, auto) {});
      disk.heal();
      if (!done) REQUIRE(rig.ring->wrap(by_key(wanted), [](auto, auto) {}));
    }
    CHECK(ring_rig(disk, by_key(wanted)).ring);
  }
}

TEST_CASE("keys are read as hexadecimal digits and base64, and anything else is refused") {
  const auto hex = parse_secret("000102030405060708090a0b0c0d0e0f101112131415161718191A1B1C1D1E1F\n");
  const auto base64 = parse_secret(" AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=\n");
  REQUIRE(hex);
  REQUIRE(base64);
  CHECK(*hex == *base64);
  CHECK(hex->bytes[31] == 0x1f);
  for (const std::string wrong : {"", "abc", "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh=8",
                                  "000102030405060708090a0b0c0d0e0f101112131415161718191A1B1C1D1Eg1"}) {
    INFO(wrong);
    CHECK(!parse_secret(wrong));
  }
}

TEST_CASE("a sealed record is what it was, holds nothing in clear, and any changed byte is noticed") {
  simulated_files disk(1);
  const ring_rig rig(disk);
  REQUIRE(rig.ring->begin_epoch());
  addresses random(1);
  const auto whose = random.some(2);
  record_sealer sealer(rig.ring->current(), 3, 64 * 1024);
  record_opener opener(*rig.ring, 64 * 1024);
  std::string payload;
  std::string before;
  for (int round = 0; round < 3; ++round) {
    sealer.seal("a head", pieces_of(whose), payload);
    CHECK(payload != before);  // another nonce
    before = payload;
    REQUIRE(is_sealed(payload));
    CHECK(sealed_epoch(payload) == 1);
    for (const auto& text : texts) CHECK(payload.find(text.substr(0, 8)) == std::string::npos);
    CHECK(payload.find("a head") == std::string::npos);
    opened_record opened;
    REQUIRE(opener.open(payload, opened));
    CHECK(opened.head == "a head");
    CHECK(opened.destroyed == 0);
    REQUIRE(opened.pieces.size() == texts.size());
    for (std::size_t i = 0; i < texts.size(); ++i) {
      CHECK(opened.pieces[i].bytes == texts[i]);
      CHECK(opened.pieces[i].address == whose[i % 2]);
      CHECK(opened.pieces[i].note == i);
    }
  }
  opened_record opened;
  for (std::size_t at = 0; at < payload.size(); ++at) {
    auto changed = payload;
    changed[at] = static_cast<char>(changed[at] ^ 1);
    const auto read = opener.open(changed, opened);
    REQUIRE(!read);
    REQUIRE(read.error().code == errc::internal);
  }
  for (std::size_t size = 0; size < 100; ++size)
    REQUIRE(!opener.open(std::string_view(payload).substr(0, size), opened));
}

TEST_CASE("pieces of whom the keys were destroyed are passed over, and the others are read") {
  simulated_files disk(1);
  const ring_rig rig(disk);
  REQUIRE(rig.ring->begin_epoch());
  addresses random(1);
  const auto whose = random.some(2);
  record_sealer sealer(rig.ring->current(), 0, 64 * 1024);
  record_opener opener(*rig.ring, 64 * 1024);
  std::string payload;
  sealer.seal("head", pieces_of(whose), payload);
  opened_record opened;
  REQUIRE(opener.open(payload, opened));  // the keys are in its cache
  REQUIRE(rig.ring->destroy(std::span(whose).first(1)));
  const auto check = [&](record_opener& by) {
    REQUIRE(by.open(payload, opened));
    REQUIRE(opened.pieces.size() == 4);
    CHECK(opened.destroyed == 2);
    for (std::size_t i = 0; i < 4; ++i) {
      CHECK(opened.pieces[i].address == whose[i % 2]);
      CHECK(opened.pieces[i].destroyed == (i % 2 == 0));
      CHECK(opened.pieces[i].bytes == (i % 2 == 0 ? std::string() : texts[i]));
    }
  };
  check(opener);
  record_opener fresh(*rig.ring, 64 * 1024);
  check(fresh);
  // What comes for them later is left out from the beginning.
  sealer.adopt(rig.ring->current(), std::span(whose).first(1));
  sealer.seal("head", pieces_of(whose), payload);
  REQUIRE(opener.open(payload, opened));
  REQUIRE(opened.pieces.size() == 2);
  CHECK(opened.destroyed == 0);
  CHECK(opened.pieces[0].bytes == texts[1]);
  CHECK(opened.pieces[1].bytes == texts[3]);
  // Until a new epoch begins.
  REQUIRE(rig.ring->begin_epoch());
  const auto older = rig.ring->find(1);
  sealer.adopt(rig.ring->current(), {});
  sealer.adopt(older, std::span(whose).first(1));  // word of the old one that comes late changes nothing
  sealer.seal("head", pieces_of(whose), payload);
  CHECK(sealed_epoch(payload) == 2);
  REQUIRE(opener.open(payload, opened));
  CHECK(opened.pieces.size() == 4);
  CHECK(opened.destroyed == 0);
  REQUIRE(rig.ring->forget_before(3));
  const auto read = opener.open(payload, opened);
  REQUIRE(!read);
  CHECK(read.error().message.find("epoch 2") != std::string::npos);
}

TEST_CASE("ways that are the same in two epochs lead to the key of each, however often the epochs change") {
  simulated_files disk(1);
  const ring_rig rig(disk);
  REQUIRE(rig.ring->begin_epoch());
  REQUIRE(rig.ring->begin_epoch());
  const std::array<std::shared_ptr<const key_epoch>, 2> epochs{rig.ring->find(1), rig.ring->find(2)};
  // Somebody in the second epoch whose way there is that of somebody else in the first.
  addresses random(17);
  const auto one = random.next();
  const auto way = permuted(*epochs[0], std::span(&one, 1)).at(0);
  auto block = profile::to_bytes(hash128{way.high, random.next().low});
  permutation(epochs[1]->addresses).back(block.data(), block.size());
  const auto other = profile::hash_from_bytes(block.data());
  REQUIRE(key_tree::way_of(permuted(*epochs[1], std::span(&other, 1)).at(0)) == key_tree::way_of(way));

  std::array<std::string, 2> payloads;
  for (std::size_t i = 0; i < payloads.size(); ++i) {
    record_sealer(epochs[i], 0, 64 * 1024).seal("head", pieces_of({i == 0 ? one : other}), payloads[i]);
  }
  record_opener opener(*rig.ring, 64 * 1024);
  for (int round = 0; round < 2; ++round) {
    for (const auto& payload : payloads) {
      opened_record opened;
      REQUIRE(opener.open(payload, opened));
      REQUIRE(opened.pieces.size() == texts.size());
      for (std::size_t i = 0; i < texts.size(); ++i) CHECK(opened.pieces[i].bytes == texts[i]);
    }
  }
}

TEST_CASE("more keys than a cache has room for are all right") {
  simulated_files disk(1);
  const ring_rig rig(disk);
  REQUIRE(rig.ring->begin_epoch());
  secret_generator by;
  const auto& epoch = *rig.ring->current();
  addresses random(9);
  const auto whose = random.some(3000);
  for (const std::size_t most_bytes : {1, 1024 * 1024}) {
    key_cache cache(most_bytes);
    for (int round = 0; round < 4; ++round) {
      cache.forget(epoch, whose[0]);
      for (const auto each : whose) {
        const auto right = *epoch.people.key_of(each, by);
        for (int asked = 0; asked < 2; ++asked) {
          const auto* key = cache.find(epoch, each);
          REQUIRE(key != nullptr);
          REQUIRE(*key == right);
        }
      }
      if (round == 1) cache.clear();
    }
    CHECK(cache.bytes() <= std::max<std::size_t>(most_bytes, 128));
  }
  key_cache grows(1024 * 1024);
  const auto first = grows.bytes();
  for (int i = 0; i < 20'000; ++i) REQUIRE(grows.find(epoch, random.next()) != nullptr);
  CHECK(grows.bytes() > first);
}

TEST_CASE("the key stream is AES-256-CTR as libcrypto has it, and NIST's example") {
  // SP 800-38A, F.5.5
  const auto key = parse_secret("603deb1015ca71be2b73aef0857d77811f352c073b6108d72d9810a30914dff4");
  REQUIRE(key);
  const std::string start = "\xf0\xf1\xf2\xf3\xf4\xf5\xf6\xf7\xf8\xf9\xfa\xfb\xfc\xfd\xfe\xff";
  std::array<unsigned char, 16> place{};
  std::copy(start.begin(), start.end(), place.begin());
  const std::string text = "\x6b\xc1\xbe\xe2\x2e\x40\x9f\x96\xe9\x3d\x7e\x11\x73\x93\x17\x2a";
  std::string out(text.size(), '\0');
  key_stream stream;
  stream.apply(*key, place, text, out.data());
  CHECK(out == "\x60\x1e\xc3\x13\x77\x57\x89\xa5\xb7\xa7\xf5\x04\xbb\xf3\xd2\x28");
  const std::unique_ptr<EVP_CIPHER_CTX, decltype(&EVP_CIPHER_CTX_free)> context(EVP_CIPHER_CTX_new(),
                                                                                EVP_CIPHER_CTX_free);
  for (const std::size_t size : {0, 1, 15, 16, 17, 1023, 1024, 1025, 5000}) {
    place = {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 0, 0, 0xff, 0xfe};
    const auto plain = random_text(size);
    std::string expected(size, '\0');
    std::string made(size, '\0');
    int written = 0;
    REQUIRE(EVP_EncryptInit_ex(context.get(), EVP_aes_256_ctr(), nullptr, key->bytes.data(), place.data()) == 1);
    REQUIRE(EVP_EncryptUpdate(context.get(), reinterpret_cast<unsigned char*>(expected.data()), &written,
                              reinterpret_cast<const unsigned char*>(plain.data()), static_cast<int>(size)) == 1);
    stream.apply(*key, place, plain, made.data());
    CHECK(made == expected);
    stream.apply(*key, place, made, made.data());
    CHECK(made == plain);
  }
}
