#include <fstream>

#include "profile/identity/kin.hpp"
#include "profile/identity/rules.hpp"
#include "profile/profile.hpp"
#include "tests/catch.hpp"

using namespace kith;
using namespace kith::profile;
namespace identity = kith::profile::identity;
using identity::evidence;
using identity::ignored;
using identity::kin;

namespace {

hash128 at(std::uint64_t n) { return {n, n}; }
identifier user(const std::string& id) { return {id_kind::user, "", id}; }

evidence known_at(std::int64_t time_ms, const std::string& message = "m") { return {time_ms, message, INT64_MIN}; }

}  // namespace

TEST_CASE("values that broken trackers send are blocked by default, whatever their case and blanks") {
  const auto& rules = *identity::default_rules();
  for (const auto* value :
       {"undefined", "NULL", " none ", "0", "-1", "True", "false", "anonymous", "Guest", "test", "UNKNOWN", "   ", "\t",
        "00000000-0000-0000-0000-000000000000", "00000000000000000000000000000000"}) {
    INFO(value);
    CHECK(rules.judge(id_kind::user, {}, value) == ignored::blocked);
    CHECK(rules.judge(id_kind::anonymous, {}, value) == ignored::blocked);
    CHECK(rules.judge(id_kind::external, "crm", value) == ignored::blocked);
  }
  for (const auto* value : {"ada", "00", "nullable", "10000000-0000-0000-0000-000000000000", "0-0", "tester"}) {
    INFO(value);
    CHECK(rules.judge(id_kind::user, {}, value) == ignored::no);
  }
}

TEST_CASE("a type has rules of its own beside those for all") {
  identity::settings settings;
  settings.blocked_patterns = {"bot-.*"};
  settings.types["email"].blocked = {"info@example.com"};
  settings.types["email"].blocked_patterns = {".*@invalid\\.example"};
  settings.types["email"].limit = identity::id_limit{5, 1000};
  settings.types["phone"].unique = false;
  settings.priority = {"user", "crm", "external", "anonymous"};
  const auto rules = identity::rules::make(settings).value();
  CHECK(rules->judge(id_kind::external, "email", "Info@Example.com") == ignored::blocked);
  CHECK(rules->judge(id_kind::external, "email", "x@invalid.example") == ignored::blocked);
  CHECK(rules->judge(id_kind::external, "email", "x@invalid.example.com") == ignored::no);
  CHECK(rules->judge(id_kind::external, "crm", "info@example.com") == ignored::no);
  CHECK(rules->judge(id_kind::user, {}, "bot-7") == ignored::blocked);
  CHECK(rules->judge(id_kind::external, "phone", "123") == ignored::not_unique);
  CHECK(rules->limit(id_kind::external, "email").most == 5);
  CHECK(rules->limit(id_kind::external, "crm").most == 1000);
  CHECK(rules->limit(id_kind::user, {}).most == 100);
  CHECK(rules->place(id_kind::user, {}) < rules->place(id_kind::external, "crm"));
  CHECK(rules->place(id_kind::external, "crm") < rules->place(id_kind::external, "email"));
  CHECK(rules->place(id_kind::external, "email") == rules->place(id_kind::external, "other"));
  CHECK(rules->place(id_kind::external, "other") < rules->place(id_kind::anonymous, {}));
}

TEST_CASE("rules that cannot be are refused with what is wrong") {
  identity::settings settings;
  settings.types["email"].blocked_patterns = {"("};
  CHECK(identity::rules::make(settings).error().message.find("types.email.blocked_patterns: \"(\"") == 0);
  settings = {};
  settings.priority = {"user", "user"};
  CHECK(identity::rules::make(settings).error().message == "priority: names \"user\" twice");
}

TEST_CASE("links keep the earliest evidence, whatever the order") {
  kin one(user("a"));
  kin other(user("a"));
  CHECK(one.add(at(2), user("b"), known_at(20)));
  CHECK(one.add(at(2), user("b"), known_at(10, "n")));
  CHECK(one.add(at(2), user("b"), known_at(10, "m")));
  CHECK_FALSE(one.add(at(2), user("b"), known_at(11)));
  CHECK(one.add(at(1), user("c"), known_at(5)));
  other.add(at(1), user("c"), known_at(5));
  other.add(at(2), user("b"), known_at(10, "m"));
  other.add(at(2), user("b"), known_at(20));
  CHECK(one.encode() == other.encode());
  CHECK(one.find(at(2))->why.message_id == "m");
  CHECK(one.knows(at(2), known_at(15)));
  CHECK_FALSE(one.knows(at(2), known_at(5)));
  CHECK_FALSE(one.knows(at(3), known_at(5)));
}

TEST_CASE("what was taken apart stays apart until somebody says otherwise later") {
  kin one(user("a"));
  one.add(at(2), user("b"), known_at(10));
  CHECK(one.counts(*one.find(at(2))));
  CHECK(one.part(at(2), 100));
  CHECK_FALSE(one.part(at(2), 50));
  CHECK_FALSE(one.counts(*one.find(at(2))));
  one.add(at(2), user("b"), known_at(200));  // an event that names both is no such word
  CHECK_FALSE(one.counts(*one.find(at(2))));
  one.add(at(2), user("b"), {90, "alias", 90});
  CHECK_FALSE(one.counts(*one.find(at(2))));
  one.add(at(2), user("b"), {101, "alias", 101});
  CHECK(one.counts(*one.find(at(2))));
}

TEST_CASE("an encoded identity is read again, and a damaged one is refused") {
  kin one({id_kind::external, "email", "a@b.example"});
  one.belong_to(at(9));
  one.add(at(2), user("b"), {10, "m-1", 11});
  one.add(at(3), {id_kind::anonymous, "", "c"}, known_at(12));
  one.part(at(3), 100);
  const auto bytes = one.encode();
  const auto read = kin::decode(bytes);
  REQUIRE(read);
  CHECK(read->encode() == bytes);
  CHECK(read->self().type == "email");
  CHECK(read->belongs_to() == at(9));
  for (std::size_t cut = 0; cut < bytes.size(); ++cut) CHECK_FALSE(kin::decode(bytes.substr(0, cut)));
  CHECK_FALSE(kin::decode(bytes + "x"));
}

TEST_CASE("groups are what chains of links that count lead to") {
  kin a(user("a"));
  kin b(user("b"));
  kin c(user("c"));
  kin d(user("d"));
  a.add(at(2), user("b"), known_at(1));
  c.add(at(2), user("b"), known_at(1));
  const std::vector<std::pair<hash128, const kin*>> all = {{at(1), &a}, {at(2), &b}, {at(3), &c}, {at(4), &d}};
  CHECK(identity::groups(all) == std::vector<std::vector<std::size_t>>{{0, 1, 2}, {3}});
  c.part(at(2), 5);
  CHECK(identity::groups(all) == std::vector<std::vector<std::size_t>>{{0, 1}, {2}, {3}});
}

TEST_CASE("an event that is taken out again leaves the counts of the others") {
  const auto event = [](const std::string& id, const std::string& name) {
    return event_from_json("{\"type\":\"track\",\"event\":\"" + name + "\",\"userId\":\"u\",\"messageId\":\"" + id +
                           "\",\"timestamp\":\"2024-05-01T10:00:00Z\"}")
        .value();
  };
  profile::profile state;
  std::vector<spilled_id> spilled;
  for (const auto& bytes : {event("m-1", "A"), event("m-2", "A"), event("m-3", "B")}) {
    state.apply(*parse_event(bytes, {1'800'000'000'000, 0, nullptr, {}}), spilled);
  }
  state.retract(hash_of("m-1"), "A");
  state.retract(hash_of("m-3"), "B");
  CHECK(state.version() == 1);
  CHECK_FALSE(state.recently_counted(hash_of("m-1")));
  CHECK(state.recently_counted(hash_of("m-2")));
  const auto again = profile::profile::decode(state.encode());
  REQUIRE(again);
  CHECK(again->encode() == state.encode());
}

TEST_CASE("the primary identifier is the first by the rules that identifies somebody") {
  const auto primary_of = [](const std::string& ids) {
    const auto bytes = event_from_json("{\"type\":\"track\",\"event\":\"A\",\"messageId\":\"m\"," + ids + "}").value();
    const auto event = parse_event(bytes, {1'800'000'000'000, 0, identity::default_rules().get(), {}});
    return event ? event->primary : std::uint8_t{255};
  };
  const std::string externals = R"("context":{"externalIds":[{"type":"a","id":"null"},{"type":"b","id":"7"}]})";
  CHECK(primary_of(R"("userId":"u","anonymousId":"a",)" + externals) == primary_user);
  CHECK(primary_of(R"("userId":"null","anonymousId":"a")") == primary_anonymous);
  CHECK(primary_of(R"("userId":"null","anonymousId":"a",)" + externals) == primary_external + 1);
  CHECK(primary_of(R"("userId":"null")") == primary_user);
  CHECK(primary_of(R"("anonymousId":"0")") == primary_anonymous);
}
