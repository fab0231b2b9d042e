// Dead letters: durable when that is said, paged, searched, counted exactly, bounded out loud.
#include "persistence/dead_letters.hpp"

#include <fstream>
#include <map>
#include <rapidcheck.h>

#include "persistence/dead_letter_files.hpp"
#include "tests/persistence/support/letter_rig.hpp"

using namespace kith;
using namespace kith::persistence;
using namespace kith::tests;

namespace {

using rig = letter_rig;

}  // namespace

TEST_CASE("what was put is there as it was, also after a restart", "[dead_letters]") {
  rig at;
  auto one = letter(std::string("\0\xff{\"a\":1}", 9));
  one.ids = "user:ada";
  one.event = "Order Completed";
  one.message_id = "m-1";
  one.headers = {{"webhook-id", "w-1"}, {"webhook-timestamp", "17"}};
  REQUIRE(at.put({one, letter("second")}));
  at.open();
  const auto page = at.store->list({}).value();
  REQUIRE(page.letters.size() == 2);
  CHECK(page.next.empty());
  CHECK(page.letters[0].bytes == "second");
  const auto& back = page.letters[1];
  CHECK(back.id == "0000000000000001");
  CHECK(back.at_ms == start_ms);
  CHECK(back.bytes == one.bytes);
  CHECK(back.ids == "user:ada");
  CHECK(back.event == "Order Completed");
  CHECK(back.message_id == "m-1");
  CHECK(back.headers == one.headers);
  CHECK(back.content_type == "text/plain");
  CHECK(back.size == 9);
  CHECK_FALSE(back.truncated);
  CHECK(at.store->get(back.id)->bytes == one.bytes);
  CHECK(at.store->get("00000000000000ff").error().code == errc::not_found);
  CHECK(at.store->get("nonsense").error().code == errc::invalid_argument);
}

TEST_CASE("pages go through all letters once, in both orders, while others come", "[dead_letters]") {
  rig at;
  for (int i = 0; i < 7; ++i) REQUIRE(at.put({letter(std::to_string(i))}));
  dead_letter_query query;
  query.limit = 3;
  CHECK(at.listed(query) == texts{"6", "5", "4", "3", "2", "1", "0"});
  query.newest_first = false;
  auto page = at.store->list(query).value();
  REQUIRE(page.letters.size() == 3);
  REQUIRE(at.put({letter("late")}));
  query.cursor = page.next;
  CHECK(at.listed(query) == texts{"3", "4", "5", "6"});
  query.cursor = "nonsense";
  CHECK(at.store->list(query).error().code == errc::invalid_argument);
}

TEST_CASE("letters are found by source, edge, code, event, time and text", "[dead_letters]") {
  rig at;
  auto one = letter("{\"sku\": \"Blue Shoe\"}", "shop", "schema");
  one.ids = "user:ada";
  REQUIRE(at.put({one}));
  at.clock += 1000;
  auto two = letter("two", "bank", "too_late");
  two.edge = "webhook";
  two.event = "Paid";
  two.message_id = "m-2";
  REQUIRE(at.put({two}));
  const auto found = [&](const std::function<void(dead_letter_filter&)>& set) {
    dead_letter_query query;
    set(query.filter);
    return at.listed(query);
  };
  const texts first{one.bytes};
  const texts second{"two"};
  CHECK(found([](auto& f) { f.source = "shop"; }) == first);
  CHECK(found([](auto& f) { f.edge = "webhook"; }) == second);
  CHECK(found([](auto& f) { f.code = "too_late"; }) == second);
  CHECK(found([](auto& f) { f.event = "Paid"; }) == second);
  CHECK(found([](auto& f) { f.text = "blue shoe"; }) == first);
  CHECK(found([](auto& f) { f.text = "USER:ADA"; }) == first);
  CHECK(found([](auto& f) { f.text = "m-2"; }) == second);
  CHECK(found([](auto& f) { f.text = "messageid: missing"; }).size() == 2);
  CHECK(found([](auto& f) { f.from_ms = start_ms + 1; }) == second);
  CHECK(found([](auto& f) { f.until_ms = start_ms + 1000; }) == first);
  CHECK(found([](auto& f) { f.text = "nobody"; }).empty());
}

TEST_CASE("a letter over the cap is cut out loud", "[dead_letters]") {
  rig at(1 << 20, 1024);
  auto big = letter(std::string(5000, 'x'));
  big.message = std::string(letter_message_bytes - 1, 'm') + "\u00e4\u00e4";
  REQUIRE(at.put({big}));
  auto many = letter("headers");
  for (int i = 0; i < 20; ++i) many.headers.emplace_back("x-" + std::to_string(i), std::string(1000, 'h'));
  REQUIRE(at.put({many}));
  const auto page = at.store->list({}).value();
  CHECK(page.letters[1].truncated);
  CHECK(page.letters[1].size == 5000);
  CHECK(page.letters[1].kept == 1024);
  CHECK(page.letters[1].bytes == std::string(1024, 'x'));
  CHECK(page.letters[1].message == std::string(letter_message_bytes - 1, 'm'));  // no half a character
  CHECK(page.letters[0].truncated);
  CHECK(page.letters[0].headers.size() < 20);
  CHECK(at.store->status().truncated == 2);
  CHECK_THAT(at.log(), Contains("were cut") && Contains("5000 bytes"));
}

TEST_CASE("past the bound in bytes the oldest go, counted and logged", "[dead_letters]") {
  rig at(10'000, 1000);
  for (int i = 0; i < 40; ++i) REQUIRE(at.put({letter(std::to_string(i) + std::string(500, '.'))}));
  at.settle();
  const auto status = at.store->status();
  CHECK(status.bytes <= 10'000);
  CHECK(status.letters > 10);
  CHECK(status.letters + status.pushed_out_by_bytes == 40);
  CHECK(status.pushed_out_by_age == 0);
  CHECK(at.store->list({}).value().letters.front().bytes.substr(0, 2) == "39");
  CHECK(at.ids().front() == letters::id_of(40 - status.letters + 1));
  CHECK_THAT(at.log(), Contains("warning: dead letters: the oldest 1 were pushed out") && Contains("(10000)"));
  const auto before = at.log().size();
  at.open();  // tells the rest
  CHECK_THAT(at.log().substr(before), Contains("were pushed out"));
  CHECK(at.store->status().letters == status.letters);
}

TEST_CASE("past the bound in time the oldest go, counted and logged", "[dead_letters]") {
  rig at;
  REQUIRE(at.put({letter("old"), letter("old too")}));
  at.clock += 29 * day_ms;
  REQUIRE(at.put({letter("young")}));
  at.clock += day_ms + 1;
  at.settle();
  CHECK(at.listed({}) == texts{"young"});
  CHECK(at.store->status().pushed_out_by_age == 2);
  CHECK_THAT(at.log(), Contains("2 were pushed out, since they are older"));
}

TEST_CASE("no id is given twice, although its letter is gone", "[dead_letters]") {
  rig at;
  REQUIRE(at.put({letter("a"), letter("b")}));
  const auto first = at.ids();
  CHECK(at.store->drop(first, leaving::dropped) == 2);
  CHECK(at.store->drop(first, leaving::dropped) == 0);
  at.open();
  REQUIRE(at.put({letter("c")}));
  CHECK(at.ids() == texts{"0000000000000003"});
}

TEST_CASE("letters that are too many to wait are refused at once", "[dead_letters]") {
  rig at;
  at.options.queue_bytes = 4000;
  at.open();
  std::promise<void> entered;
  std::promise<void> go_on;
  auto blocked = go_on.get_future().share();
  at.store->put({letter("holds the thread")}, [&](const result<void>&) {
    entered.set_value();
    blocked.wait();
  });
  entered.get_future().wait();
  std::promise<result<void>> second;
  at.store->put({letter(std::string(3000, 'x'))}, [&](const result<void>& outcome) { second.set_value(outcome); });
  result<void> third;
  at.store->put({letter(std::string(3000, 'y'))}, [&](const result<void>& outcome) { third = outcome; });
  REQUIRE_FALSE(third);
  CHECK(third.error().code == errc::resource_exhausted);
  go_on.set_value();
  CHECK(second.get_future().get());
  CHECK(at.store->status().refused == 1);
  CHECK(at.store->status().letters == 2);
}

TEST_CASE("one that is refused again says so and stays", "[dead_letters]") {
  rig at;
  REQUIRE(at.put({letter("a")}));
  at.clock += 500;
  const auto id = at.ids().front();
  REQUIRE(at.store->mark_replayed(std::vector<replay_mark>{{id, "too_late", "older than dedup.retention"}}));
  REQUIRE(at.store->mark_replayed(std::vector<replay_mark>{{id, "", ""}, {"00000000000000ff", "", ""}}));
  at.open();
  const auto back = at.store->get(id).value();
  CHECK(back.attempts == 2);
  CHECK(back.replayed_ms == start_ms + 500);
  CHECK(back.code == "too_late");
  CHECK(back.message == "older than dedup.retention");
  CHECK(back.bytes == "a");
  CHECK(at.store->status().counts.size() == 1);
}

TEST_CASE("counts are those of the letters, whatever happens", "[dead_letters]") {
  rig at(6000, 1000);
  std::uint64_t taken = 0;
  CHECK(rc::check([&] {
    const auto code = *rc::gen::element<std::string>("schema", "too_late", "bot");
    const auto source = *rc::gen::element<std::string>("a", "b");
    const auto known = at.ids();
    switch (*rc::gen::inRange(0, 5)) {
      case 0:
      case 1:
        RC_ASSERT(at.put({letter(std::string(*rc::gen::inRange<std::size_t>(0, 400), 'x'), source, code)}));
        ++taken;
        break;
      case 2:
        if (!known.empty()) RC_ASSERT(at.store->drop(std::vector{*rc::gen::elementOf(known)}, leaving::replayed));
        break;
      case 3:
        if (!known.empty()) {
          RC_ASSERT(at.store->mark_replayed(std::vector<replay_mark>{{*rc::gen::elementOf(known), code, "again"}}));
        }
        break;
      default: at.store.reset(); at.open();
    }
    RC_ASSERT(at.put({}));
    RC_ASSERT(at.put({}));
    std::map<std::pair<std::string, std::string>, std::uint64_t> counted;
    std::uint64_t all = 0;
    for (const auto& each : at.store->status().counts) {
      if (each.letters > 0) counted[{each.source, each.code}] = each.letters;
      all += each.letters;
    }
    std::map<std::pair<std::string, std::string>, std::uint64_t> there;
    for (const auto& id : at.ids()) {
      const auto one = at.store->get(id).value();
      ++there[{one.source, one.code}];
    }
    RC_ASSERT(counted == there);
    RC_ASSERT(all == at.store->status().letters);
    RC_ASSERT(at.store->status().bytes <= 6000U);
  }));
  CHECK(taken > 0);
}

TEST_CASE("letters are dropped by filter, page by page", "[dead_letters]") {
  rig at;
  for (int i = 0; i < 10; ++i) REQUIRE(at.put({letter(std::to_string(i), i % 2 == 0 ? "even" : "odd")}));
  dead_letter_query query;
  query.newest_first = false;
  query.filter.source = "odd";
  query.limit = 3;
  std::uint64_t dropped = 0;
  do {
    const auto page = at.store->drop(query).value();
    CHECK(page.dropped <= 3);
    dropped += page.dropped;
    query.cursor = page.next;
  } while (!query.cursor.empty());
  CHECK(dropped == 5);
  CHECK(at.listed({}) == texts{"8", "6", "4", "2", "0"});
  CHECK(at.store->status().dropped == 5);
}

TEST_CASE("a head that is damaged is an error, never a letter that nobody wrote", "[dead_letters]") {
  auto one = letter("bytes");
  one.headers = {{"a", "b"}};
  one.size = one.kept = 5;
  const auto whole = letters::encode_head(one);
  const auto back = letters::decode_head(whole).value();
  CHECK(back.message == one.message);
  CHECK(back.headers == one.headers);
  for (std::size_t size = 0; size < whole.size(); ++size) CHECK_FALSE(letters::decode_head(whole.substr(0, size)));
  CHECK_FALSE(letters::decode_head(whole + "x"));
  CHECK_FALSE(letters::decode_head("\x02" + whole.substr(1)));
  CHECK(rc::check([&] {
    const auto noise = *rc::gen::container<std::string>(rc::gen::arbitrary<char>());
    static_cast<void>(letters::decode_head("\x01" + noise));
  }));
}

TEST_CASE("a letter that cannot be read is told, listed and can be dropped", "[dead_letters]") {
  rig at;
  REQUIRE(at.put({letter("a"), letter("b"), letter("c")}));
  at.store.reset();
  {
    letter_files files;
    REQUIRE(files.open(at.where.letters(), false));
    REQUIRE(files.db().Put({}, files[letter_files::f_heads], letter_files::key_of(1), "nonsense").ok());
    REQUIRE(files.db().Delete({}, files[letter_files::f_bytes], letter_files::key_of(2)).ok());
    REQUIRE(files.db().Put({}, files[letter_files::f_bytes], letter_files::key_of(7), "stray").ok());
  }
  std::uint64_t found = 0;
  const auto damages = dead_letters::verify(
                           real_files(), at.where.letters(), [](auto, auto, auto) {}, found)
                           .value();
  CHECK(found == 3);
  REQUIRE(damages.size() >= 3);
  CHECK_THAT(damages[0], Contains("letter 0000000000000001: a dead letter is damaged"));
  at.open();
  CHECK_THAT(at.log(), Contains("error: dead letters: 1 cannot be read"));
  const auto page = at.store->list({}).value();
  REQUIRE(page.letters.size() == 3);
  CHECK(page.letters[2].code == "damaged");
  CHECK(page.letters[1].truncated);  // its bytes are missing
  CHECK(at.store->drop(std::vector<std::string>{page.letters[2].id}, leaving::dropped) == 1);
  CHECK(at.store->status().letters == 2);
}

TEST_CASE("a sound directory verifies, and one without letters, too", "[dead_letters]") {
  rig at;
  REQUIRE(at.put({letter("a"), letter("")}));
  at.store.reset();
  std::uint64_t found = 0;
  const auto verify = [&](const std::string& where) {
    return dead_letters::verify(
               real_files(), where, [](auto, auto, auto) {}, found)
        .value();
  };
  CHECK(verify(at.where.letters()).empty());
  CHECK(found == 2);
  texts all;
  REQUIRE(dead_letters::for_each(at.where.letters(), [&](const dead_letter& each) {
    all.push_back(each.bytes);
    return true;
  }));
  CHECK(all == texts{"a", ""});
  CHECK(verify(at.where.path + "/nowhere").empty());
  CHECK(found == 0);
  at.open();
}

TEST_CASE("a store that lost its file CURRENT is not begun anew in silence", "[dead_letters]") {
  rig at;
  at.options.bytes = 64 << 20;
  at.open();
  // More than a write buffer holds, so that there are files of letters.
  for (int i = 0; i < 24; ++i) REQUIRE(at.put({letter(std::string(1 << 20, static_cast<char>('a' + i)))}));
  at.open();
  at.store.reset();
  std::filesystem::rename(at.where.letters() + "/CURRENT", at.where.path + "/kept");
  const auto refused = dead_letters::open(real_files(), at.where.letters(), at.options);
  REQUIRE_FALSE(refused);
  CHECK(refused.error().code == errc::internal);
  CHECK_THAT(refused.error().message, Contains("CURRENT is missing"));
  std::filesystem::rename(at.where.path + "/kept", at.where.letters() + "/CURRENT");
  at.open();
  CHECK(at.store->status().letters == 24);
}

TEST_CASE("a store that is open is not opened again", "[dead_letters]") {
  rig at;
  const auto second = dead_letters::open(real_files(), at.where.letters(), at.options);
  REQUIRE_FALSE(second);
  CHECK(second.error().code == errc::unavailable);
  auto wrong = at.options;
  wrong.bytes = 10;
  CHECK(dead_letters::open(real_files(), at.where.path + "/other", wrong).error().code == errc::invalid_argument);
}

TEST_CASE("damage in the middle of the log is told, not skipped", "[dead_letters]") {
  rig at;
  for (int i = 0; i < 50; ++i) REQUIRE(at.put({letter(std::string(1000, 'x'))}));
  at.store.reset();
  for (const auto& each : std::filesystem::directory_iterator(at.where.letters())) {
    if (each.path().extension() != ".log" || each.file_size() < 10'000) continue;
    std::fstream file(each.path(), std::ios::in | std::ios::out | std::ios::binary);
    file.seekp(5000);
    file.put('\x7f');
  }
  const auto refused = dead_letters::open(real_files(), at.where.letters(), at.options);
  REQUIRE_FALSE(refused);
  CHECK(refused.error().code == errc::internal);
  std::uint64_t found = 0;
  CHECK_FALSE(dead_letters::verify(
                  real_files(), at.where.letters(), [](auto, auto, auto) {}, found)
                  .value()
                  .empty());
}
