// The book of erasures: durable before it is acknowledged, never half, and only hashes of what is finished.
#include "persistence/erasure_book.hpp"

#include "persistence/journal.hpp"
#include "persistence/simulated_files.hpp"
#include "persistence/whole_file.hpp"
#include "profile/bytes.hpp"
#include "tests/catch.hpp"

using namespace kith;
using namespace kith::persistence;
using profile::id_kind;

namespace {

constexpr char directory[] = "/data/privacy";

profile::hash128 address(const std::string& user) { return profile::address_of(id_kind::user, "", user); }

pending_erasure of(const std::string& user) {
  return {std::string(31, 'e') + user.back(), 1000, {address(user)}, {{id_kind::user, "", user}}};
}

}  // namespace

TEST_CASE("an erasure is suppressed and unfinished at once, and stays so over a restart") {
  simulated_files disk(1);
  salted_hash kept_by_others{};
  {
    auto book = erasure_book::open(disk, directory);
    REQUIRE(book);
    kept_by_others = (*book)->suppressed()->hash_of(address("ada-1"));
  }
  {
    auto book = erasure_book::open(disk, directory);
    REQUIRE(book);
    CHECK((*book)->suppressed()->hash_of(address("ada-1")) == kept_by_others);
    CHECK(!(*book)->suppressed()->contains(address("ada-1")));
    CHECK((*book)->unfinished() == nullptr);
    REQUIRE((*book)->begin(of("ada-1")));
    CHECK((*book)->suppressed()->contains(address("ada-1")));
  }
  auto book = erasure_book::open(disk, directory);
  REQUIRE(book);
  CHECK((*book)->suppressed()->contains(address("ada-1")));
  CHECK(!(*book)->suppressed()->contains(address("bob-2")));
  CHECK((*book)->unfinished()->contains(address("ada-1")));
  REQUIRE((*book)->pending().size() == 1);
  CHECK((*book)->pending()[0].identifiers[0].value == "ada-1");
  CHECK((*book)->oldest_pending_ms() == 1000);
  const auto hash = (*book)->suppressed()->hash_of(address("ada-1"));
  CHECK((*book)->lift(hash).error().code == errc::unavailable);
  REQUIRE((*book)->finish({of("ada-1").id}));
  CHECK((*book)->unfinished() == nullptr);
  CHECK((*book)->suppressed()->contains(address("ada-1")));
  CHECK(read_file(disk, std::string(directory) + "/book")->find("ada-1") == std::string::npos);
  REQUIRE((*book)->lift(hash));
  CHECK(!(*book)->suppressed()->contains(address("ada-1")));
}

TEST_CASE("a power cut leaves the book as it was or as it was to be") {
  simulated_files disk(5);
  std::size_t begun = 0;
  {
    auto book = erasure_book::open(disk, directory);
    REQUIRE(book);
    REQUIRE((*book)->begin(of("ada-1")));
    begun = disk.operation_count();
    REQUIRE((*book)->begin(of("bob-2")));
  }
  for (std::size_t cut = begun; cut <= disk.operation_count(); ++cut) {
    CAPTURE(cut);
    const auto after = disk.crash_at(cut, cut);
    auto book = erasure_book::open(*after, directory);
    REQUIRE(book);
    CHECK((*book)->suppressed()->contains(address("ada-1")));
    if (cut == disk.operation_count()) CHECK((*book)->suppressed()->contains(address("bob-2")));
  }
}

TEST_CASE("that an erasure is carried out is kept by the next change, or when it is asked for") {
  simulated_files disk(1);
  const auto told = [&] {
    const auto book = erasure_book::open(disk, directory).value();
    std::vector<bool> all;
    for (const auto& each : book->pending()) all.push_back(each.carried_out);
    return all;
  };
  {
    const auto book = erasure_book::open(disk, directory).value();
    REQUIRE(book->begin(of("ada-1")));
    const auto before = disk.operation_count();
    book->note_carried_out(of("ada-1").id);
    CHECK(disk.operation_count() == before);
    CHECK(book->pending()[0].carried_out);
    REQUIRE(book->begin(of("bob-2")));
  }
  CHECK(told() == std::vector<bool>{true, false});
  {
    const auto book = erasure_book::open(disk, directory).value();
    book->note_carried_out(of("bob-2").id);
    REQUIRE(book->keep_noted());
    const auto before = disk.operation_count();
    book->note_carried_out(of("bob-2").id);
    REQUIRE(book->keep_noted());
    CHECK(disk.operation_count() == before);  // nothing new
  }
  CHECK(told() == std::vector<bool>{true, true});
}

TEST_CASE("a book of version 1 is read") {
  simulated_files disk(1);
  REQUIRE(erasure_book::open(disk, directory).value()->begin(of("ada-1")));
  auto bytes = *read_file(disk, std::string(directory) + "/book");
  bytes.resize(bytes.size() - 4);  // the checksum
  REQUIRE(bytes[14] == '2');
  bytes[14] = '1';
  bytes.erase(16 + 32 + 8 + (32 + 4 + 8) + 8 + (1 + 32) + 8, 1);  // head, salt, one suppressed, id, time
  profile::put(bytes, crc32c(bytes));
  REQUIRE(replace_file(disk, directory, "book", bytes));
  const auto book = erasure_book::open(disk, directory);
  REQUIRE(book);
  REQUIRE((*book)->pending().size() == 1);
  CHECK(!(*book)->pending()[0].carried_out);
  CHECK((*book)->pending()[0].identifiers[0].value == "ada-1");
  CHECK((*book)->unfinished()->contains(address("ada-1")));
}

TEST_CASE("nothing starts on a damaged book") {
  simulated_files disk(1);
  {
    auto book = erasure_book::open(disk, directory);
    REQUIRE(book);
    REQUIRE((*book)->begin(of("ada-1")));
  }
  auto bytes = *read_file(disk, std::string(directory) + "/book");
  bytes[40] = static_cast<char>(bytes[40] ^ 1);
  REQUIRE(replace_file(disk, directory, "book", bytes));
  CHECK(erasure_book::open(disk, directory).error().code == errc::internal);
}

TEST_CASE("among many suppressed ids each is found, and nobody else") {
  simulated_files disk(1);
  auto book = erasure_book::open(disk, directory);
  REQUIRE(book);
  pending_erasure many{std::string(32, 'f'), 1000, {}, {}};
  for (int i = 0; i < 5000; ++i) many.addresses.push_back(address("u-" + std::to_string(i)));
  REQUIRE((*book)->begin(many));
  const auto list = (*book)->suppressed();
  for (int i = 0; i < 5000; ++i) {
    if (!list->contains(address("u-" + std::to_string(i)))) FAIL(i);
    if (list->contains(address("v-" + std::to_string(i)))) FAIL(i);
  }
}
