// Consent and retention under the whole runtime: through joins and unmerges, crashes and time; what has no consent is
// not in the segment, not in the view and not in the queue of a webhook.
#include <algorithm>
#include <set>

#include "persistence/store.hpp"
#include "profile/privacy_rules.hpp"
#include "profile/segments/catalog.hpp"
#include "tests/actors/support/harness.hpp"
#include "tests/catch.hpp"

using namespace kith;
using namespace kith::tests;
using nlohmann::json;
using profile::segments::catalog;
using profile::segments::definition;

namespace {

profile::identifier user(const std::string& id) { return {profile::id_kind::user, "", id}; }
profile::identifier anonymous(const std::string& id) { return {profile::id_kind::anonymous, "", id}; }

json identify(const std::string& who, const std::string& id, json traits, std::int64_t time_ms = start_ms) {
  return {{"type", "identify"},
          {"messageId", id},
          {"userId", who},
          {"traits", std::move(traits)},
          {"timestamp", profile::format_time(time_ms)}};
}

json saying(json event, const std::string& purpose, bool granted) {
  event["context"]["consent"]["categoryPreferences"][purpose] = granted;
  return event;
}

json with_signal(json event) {
  event["context"]["globalPrivacyControl"] = true;
  return event;
}

std::string at(std::int64_t offset_ms) { return profile::format_time(start_ms + offset_ms); }

using rules_pointer = std::shared_ptr<const profile::privacy_rules>;

rules_pointer shop_rules(bool sale_by_default = true) {
  std::vector<profile::purpose> purposes;
  purposes.push_back({"marketing", "", false, profile::legal_basis::consent, false});
  purposes.push_back({"sale", "", sale_by_default, profile::legal_basis::legitimate_interests, true});
  std::vector<profile::trait_retention> traits;
  traits.push_back({"cart", 10 * day});
  return std::make_shared<const profile::privacy_rules>(std::move(purposes), std::move(traits));
}

std::shared_ptr<const catalog> shop_segments(const rules_pointer& rules) {
  const auto segment = [](const char* name, const char* expression, const char* purpose) {
    definition made;
    made.name = name;
    made.expression = expression;
    made.purpose = purpose;
    return made;
  };
  constexpr auto anybody = "size(ids.user) + size(ids.anonymous) > 0";
  auto made = catalog::make({segment("everybody", anybody, ""), segment("mailable", "has(traits.plan)", "marketing"),
                             segment("sold", anybody, "sale"), segment("carts", "has(traits.cart)", "")},
                            rules);
  if (!made) throw std::runtime_error(made.error().front().message);
  return *made;
}

struct room {
  temporary_directory directory;
  std::shared_ptr<std::atomic<std::int64_t>> clock = std::make_shared<std::atomic<std::int64_t>>(start_ms + day);

  actors::runtime_options options() const {
    auto made = options_for(directory.path());
    made.definitions = shop_segments(shop_rules());
    const std::vector<profile::view_path> card{{"traits", "plan"}, {"traits", "cart"}};
    made.views = std::make_shared<const profile::view_set>(
        std::vector<profile::view>{{"mail", "", card, "marketing"}, {"card", "", card}, {"agreed", "", {{"consent"}}}});
    made.now_ms = [clock = clock] { return clock->load(); };
    made.outgoing = std::make_shared<const std::vector<actors::outgoing_rule>>(
        std::vector<actors::outgoing_rule>{{"mailer", {"everybody", "mailable"}, "marketing"}, {"all", {}, ""}});
    return made;
  }
};

std::set<std::string> segments_of(running& kith, const std::string& of) {
  return kith.get(of).at("segments").get<std::set<std::string>>();
}

/// What waits in a webhook's queue, in order: "ada everybody+".
std::vector<std::string> queued(running& kith, const std::string& queue) {
  REQUIRE(kith->save_memberships());
  const auto items = kith->outgoing(queue, persistence::outgoing_list::waiting, nullptr, 1000);
  REQUIRE(items);
  std::vector<std::string> all;
  for (const auto& each : *items) {
    const auto told = actors::told_change::decode(each.content);
    REQUIRE(told);
    const auto who = json::from_msgpack(told->who);
    const auto& ids = who.at("userIds").empty() ? who.at("anonymousIds") : who.at("userIds");
    all.push_back(ids.at(0).get<std::string>() + " " + told->segment + (told->entered ? "+" : "-"));
  }
  return all;
}

using texts = std::vector<std::string>;

}  // namespace

TEST_CASE("consent is read with the profile, follows joins and unmerges, and a crash takes nothing of it") {
  const room in;
  {
    running kith(in.options());
    auto seen = track("ada", "m-1", at(0));
    seen.erase("userId");
    seen["anonymousId"] = "a-1";
    kith.publish(
        {with_signal(saying(seen, "marketing", true)), saying(identify("ada", "m-2", {}), "marketing", false)});
    // Each by itself: the same time, so the id decides once they are joined.
    CHECK(kith.get(anonymous("a-1"))["consent"]["marketing"]["granted"] == true);
    CHECK(kith.get("ada")["consent"]["marketing"]["granted"] == false);
    CHECK(kith.get("ada")["consent"]["sale"]["granted"] == true);
    auto both = track("ada", "m-3", at(1000));
    both["anonymousId"] = "a-1";
    kith.publish({both});
    const auto joined = kith.get("ada")["consent"];
    CHECK(joined["marketing"]["messageId"] == "m-2");
    CHECK(joined["sale"] == json{{"status", "denied"},
                                 {"granted", false},
                                 {"basis", "legitimate_interests"},
                                 {"source", "gpc"},
                                 {"at", at(0)},
                                 {"messageId", "m-1"}});
    CHECK(kith.view(user("ada"), "agreed") == json{{"consent", joined}});
    kith.kill();
  }
  running kith(in.options());
  CHECK(kith.get("ada")["consent"]["sale"]["source"] == "gpc");
  REQUIRE(kith.unmerge(user("ada"), {anonymous("a-1")}));
  CHECK(kith.get("ada")["consent"]["sale"]["source"] == "default");
  CHECK(kith.get("ada")["consent"]["marketing"]["messageId"] == "m-2");
  CHECK(kith.get(anonymous("a-1"))["consent"]["marketing"]["messageId"] == "m-1");
  CHECK(kith.get(anonymous("a-1"))["consent"]["sale"]["source"] == "gpc");
  kith.stop();
  running again(in.options());
  CHECK(again.get(anonymous("a-1"))["consent"]["sale"]["source"] == "gpc");
}

TEST_CASE("who gives consent enters at once, who takes it back leaves at once, and the answer says so") {
  const room in;
  running kith(in.options());
  actors::publish_options telling;
  telling.detail = true;
  const auto changed = [&](const json& event) {
    const auto outcome = kith.publish({event}, telling);
    REQUIRE(outcome.details.size() == 1);
    const auto& what = outcome.details[0].memberships;
    if (!what) return std::pair<texts, texts>();
    auto entered = what->entered;
    std::sort(entered.begin(), entered.end());
    return std::pair(entered, what->left);
  };
  CHECK(changed(identify("ada", "m-1", {{"plan", "gold"}})) == std::pair<texts, texts>({"everybody", "sold"}, {}));
  CHECK(changed(saying(track("ada", "m-2", at(1)), "marketing", true)) == std::pair<texts, texts>({"mailable"}, {}));
  CHECK(changed(with_signal(track("ada", "m-3", at(2)))) == std::pair<texts, texts>({}, {"sold"}));
  CHECK(changed(saying(track("ada", "m-4", at(3)), "marketing", false)) == std::pair<texts, texts>({}, {"mailable"}));
  // An older word that comes late changes nothing.
  CHECK(changed(saying(track("ada", "m-5", at(0)), "marketing", true)) == std::pair<texts, texts>());
  CHECK(segments_of(kith, "ada") == std::set<std::string>{"everybody"});

  // Other rules judge all profiles anew.
  kith.publish({identify("bob", "m-1", {})});
  CHECK(segments_of(kith, "bob") == std::set<std::string>{"everybody", "sold"});
  REQUIRE(kith->define(shop_segments(shop_rules(false))));
  CHECK(eventually([&] { return segments_of(kith, "bob") == std::set<std::string>{"everybody"}; }));
  CHECK(kith.get("bob")["consent"]["sale"]["granted"] == false);
}

TEST_CASE("a view with a purpose shows nothing but why, until there is consent, and from its loss on") {
  const room in;
  running kith(in.options());
  kith.publish({identify("ada", "m-1", {{"plan", "gold"}})});
  const auto withheld = kith.view(user("ada"), "mail");
  CHECK(withheld["withheld"] == "consent");
  CHECK(withheld["purpose"] == "marketing");
  CHECK(withheld["consent"]["marketing"]["source"] == "default");
  CHECK(withheld["profile"] == kith.get("ada")["profile"]);
  CHECK_FALSE(withheld.contains("traits"));
  const json card = {{"traits", {{"plan", "gold"}}}};
  CHECK(kith.view(user("ada"), "card") == card);
  for (int i = 0; i < 3; ++i) {
    const auto time_ms = std::to_string(2 * i);
    kith.publish({saying(track("ada", "m-2" + time_ms, at(2 * i + 1)), "marketing", true)});
    CHECK(kith.view(user("ada"), "mail") == card);
    CHECK(kith.view(user("ada"), "mail") == card);  // as it was built
    kith.publish({saying(track("ada", "m-3" + time_ms, at(2 * i + 2)), "marketing", false)});
    CHECK(kith.view(user("ada"), "mail")["withheld"] == "consent");
  }
  CHECK(kith->stats().views_withheld == 4);
}

TEST_CASE("a webhook with a purpose hears of those who agreed only, and that they left when they take it back") {
  const room in;
  {
    running kith(in.options());
    kith.publish({identify("ada", "m-1", {{"plan", "gold"}}), identify("bob", "m-1", {{"plan", "gold"}})});
    CHECK(queued(kith, "mailer").empty());
    CHECK(kith->stats().outgoing_withheld == 2);  // everybody, of both
    kith.publish({saying(track("ada", "m-2", at(1)), "marketing", true)});
    CHECK(queued(kith, "mailer") == texts{"ada everybody+", "ada mailable+"});
    kith.stop();
  }
  *in.clock += 1000;  // the queue is in the order of time
  running kith(in.options());
  kith.publish({saying(track("ada", "m-3", at(2)), "marketing", false), track("ada", "m-4", at(3)),
                saying(track("bob", "m-3", at(2)), "marketing", false)});
  const auto all = queued(kith, "mailer");
  REQUIRE(all.size() == 4);
  CHECK(std::set<std::string>(all.begin() + 2, all.end()) == std::set<std::string>{"ada mailable-", "ada everybody-"});
  for (const auto& each : queued(kith, "all")) CHECK(each.find("carts") == std::string::npos);
  CHECK(queued(kith, "all").size() == 6);  // everybody and sold of both; of ada mailable, in and out
}

TEST_CASE("a trait is gone when its time is up, from reads, views, segments and the disk, also of who was away") {
  const room in;
  const auto cart = [](running& kith, const std::string& who) { return kith.get(who)["traits"].contains("cart"); };
  {
    auto options = in.options();
    running kith(options);
    kith.publish({identify("ada", "m-1", {{"cart", {{"sku", 7}}}, {"plan", "gold"}}),
                  identify("bob", "m-1", {{"cart", 1}}), identify("eve", "m-1", {{"cart", 1}}, start_ms + day)});
    CHECK(segments_of(kith, "ada") == std::set<std::string>{"everybody", "sold", "carts"});
    CHECK(kith.view(user("ada"), "card")["traits"]["cart"] == json{{"sku", 7}});
    *in.clock = start_ms + 10 * day - 1;
    CHECK(cart(kith, "ada"));
    *in.clock = start_ms + 10 * day;
    CHECK(eventually([&] { return !cart(kith, "ada") && !cart(kith, "bob"); }));
    CHECK(cart(kith, "eve"));
    CHECK(segments_of(kith, "ada") == std::set<std::string>{"everybody", "sold"});
    CHECK(kith.view(user("ada"), "card") == json{{"traits", {{"plan", "gold"}}}});
    CHECK(kith->stats().traits_forgotten == 2);
    // What comes too late is gone at once, what is set anew stays its time.
    kith.publish({identify("ada", "m-2", {{"cart", 2}}, start_ms - day),
                  identify("bob", "m-2", {{"cart", 2}}, start_ms + 5 * day)});
    CHECK_FALSE(cart(kith, "ada"));
    CHECK(kith.get("bob")["traits"]["cart"] == 2);
    kith.stop();
  }
  *in.clock = start_ms + 11 * day;
  {
    running kith(in.options());
    CHECK(eventually([&] { return !cart(kith, "eve"); }));  // her timer was saved
    CHECK(cart(kith, "bob"));
    kith.kill();
  }
  *in.clock = start_ms + 15 * day;
  auto options = in.options();
  options.idle = std::chrono::seconds(0);  // they are let go
  running kith(options);
  CHECK(eventually([&] { return kith->stats().profiles_active == 0; }));
  CHECK(eventually([&] { return !cart(kith, "bob"); }));
}

TEST_CASE("the facets of a profile that was joined forget their traits too") {
  const room in;
  running kith(in.options());
  auto seen = identify("ada", "m-1", {{"cart", 1}});
  seen.erase("userId");
  seen["anonymousId"] = "a-1";
  auto both = track("ada", "m-3", at(1000));
  both["anonymousId"] = "a-1";
  kith.publish({seen, identify("ada", "m-2", {{"plan", "gold"}}), both});
  CHECK(kith.get("ada")["traits"]["cart"] == 1);
  *in.clock = start_ms + 10 * day;
  CHECK(eventually([&] { return !kith.get("ada")["traits"].contains("cart"); }));
  REQUIRE(kith.unmerge(user("ada"), {anonymous("a-1")}));
  CHECK(kith.get(anonymous("a-1"))["traits"] == json::object());
  CHECK(kith.get("ada")["traits"] == json{{"plan", "gold"}});
}

TEST_CASE("events with a retention of their own leave the history in their time, and profiles keep what they counted") {
  const room in;
  auto options = in.options();
  options.store.event_retention_ms = {{"Page Viewed", 2 * day}, {"identify", 3 * day}};
  running kith(options);
  kith.publish({track("ada", "m-1", at(0), "Page Viewed"), track("ada", "m-2", at(0)), identify("ada", "m-3", {}),
                track("ada", "m-4", at(day), "Page Viewed")});
  const auto history = [&](std::size_t limit = 100) {
    persistence::history_query query;
    query.newest_first = false;
    query.limit = limit;
    profile::hash128 address;
    REQUIRE(profile::address_of(user("ada"), address));
    std::set<std::string> ids;
    for (;;) {
      const auto page = kith->history(address, query);
      REQUIRE(page);
      for (const auto& item : page->items) ids.insert(json::from_msgpack(item.encoded)["messageId"].get<std::string>());
      if (page->next.empty()) return ids;
      query.cursor = page->next;
    }
  };
  CHECK(history() == std::set<std::string>{"m-1", "m-2", "m-3", "m-4"});
  *in.clock = start_ms + 2 * day;
  CHECK(history() == std::set<std::string>{"m-2", "m-3", "m-4"});
  CHECK(history(1) == std::set<std::string>{"m-2", "m-3", "m-4"});
  *in.clock = start_ms + 3 * day;
  CHECK(history() == std::set<std::string>{"m-2"});
  CHECK(kith.get("ada")["events"]["Page Viewed"]["count"] == 2);
  CHECK(kith.publish({track("ada", "m-1", at(0), "Page Viewed")}).duplicate == 1);
}

TEST_CASE("a purpose that nobody configured is kept and counted, and one too many is left out loudly") {
  const room in;
  running kith(in.options());
  kith.publish({saying(track("ada", "m-1", at(0)), "unheard of", true)});
  CHECK(kith.get("ada")["consent"]["unheard of"]["granted"] == true);
  CHECK(kith->stats().consent_unknown == 1);
  for (std::size_t i = 0; i < 3; ++i) {
    auto many = track("ada", "m-2" + std::to_string(i), at(0));
    for (std::size_t purpose = 0; purpose < 64; ++purpose) {
      many = saying(std::move(many), "a" + std::to_string(1000 + i * 64 + purpose), true);
    }
    kith.publish({many});
  }
  CHECK(kith->stats().consent_overflows == 2);
  auto wrong = track("ada", "m-3", at(0));
  wrong["context"]["consent"] = {{"categoryPreferences", {{"ads", "yes"}}}};
  const auto refused = kith.publish({wrong});
  REQUIRE(refused.rejected.size() == 1);
  CHECK(refused.rejected[0].message == "context.consent.categoryPreferences.ads: must be true or false");
}
