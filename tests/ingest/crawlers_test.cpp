#include "ingest/crawlers.hpp"

#include "tests/catch.hpp"

using namespace kith;
using namespace kith::ingest;
using kith::tests::Contains;

TEST_CASE("crawlers that name themselves are known, browsers and SDKs are not taken for them", "[ingest]") {
  for (const char* crawler :
       {"Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)",
        "Mozilla/5.0 (compatible; bingbot/2.0; +http://www.bing.com/bingbot.htm)", "facebookexternalhit/1.1",
        "Mozilla/5.0 (compatible; AhrefsBot/7.0)",
        "Mozilla/5.0 (compatible; UptimeRobot/2.0; http://www.uptimerobot.com/)",
        "Mozilla/5.0 (compatible; YandexBot/3.0)", "Baiduspider+(+http://www.baidu.com)",
        "Mozilla/5.0 (Linux; Android 7.0) Chrome/109 Chrome-Lighthouse", "curl/7.88.1",
        "Mozilla/5.0 AppleWebKit/537.36 (KHTML, like Gecko); compatible; GPTBot/1.2",
        "Mozilla/5.0 (compatible; Applebot-Extended/0.1)", "Mediatoolkitbot (complaints@mediatoolkit.com)",
        "Mozilla/5.0 (compatible; CensysInspect/1.1; +https://about.censys.io/)"}) {
    CAPTURE(crawler);
    CHECK(crawler_list::built_in()->knows(crawler));
  }
  for (const char* person :
       {"", "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) HeadlessChrome/156.0 Safari/537.36",
        "Mozilla/5.0 (iPhone; CPU iPhone OS 17_0 like Mac OS X) AppleWebKit/605.1.15 Mobile/15E148",
        "Mozilla/5.0 (Linux; Android 9; CUBOT X19) AppleWebKit/537.36 Chrome/99", "analytics-node/2.1.3",
        "Mozilla/5.0 (Windows NT 5.1; rv:11.0) Gecko Firefox/11.0 (via ggpht.com GoogleImageProxy)", "okhttp/4.9.0",
        "Dalvik/2.1.0 (Linux; U; Android 14; Pixel 8 Build/UQ1A)", "Shop/3 CFNetwork/1490.0.4 Darwin/23.2.0",
        "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 Chrome/130.0.0.0 Safari/537.36 Edg/130.0.0.0"}) {
    CAPTURE(person);
    CHECK_FALSE(crawler_list::built_in()->knows(person));
  }
}

TEST_CASE("the crawlers of the release are a list as a file may hold it, and each of its patterns is a good one",
          "[ingest]") {
  const auto made = crawler_list::make(built_in_crawlers());
  REQUIRE(made);
  CHECK((*made)->knows("Mozilla/5.0 (compatible; SemrushBot/7~bl; +http://www.semrush.com/bot.html)"));
  CHECK_FALSE((*made)->knows("Mozilla/5.0 (X11; Linux x86_64; rv:130.0) Gecko/20100101 Firefox/130.0"));
}

TEST_CASE("a file of crawlers is JSON of crawler-user-agents, or a pattern a line", "[ingest]") {
  const auto json = crawler_list::make(R"([{"pattern": "Acme\\/[0-9]", "url": "https://acme.example"}])");
  REQUIRE(json);
  CHECK((*json)->knows("Acme/7"));
  CHECK_FALSE((*json)->knows("Googlebot/2.1"));
  const auto lines = crawler_list::make("# ours\r\n^Acme \r\n\nOther(Bot|Spider)\n");
  REQUIRE(lines);
  CHECK((*lines)->knows("Acme 7"));
  CHECK((*lines)->knows("an OtherSpider"));
  CHECK_FALSE((*lines)->knows("the Acme 7"));
}

TEST_CASE("a file of crawlers that is wrong is refused with what is wrong", "[ingest]") {
  const auto why = [](std::string_view text) {
    const auto made = crawler_list::make(text);
    return made ? std::string("good") : made.error().message;
  };
  CHECK(why("") == "holds no pattern; crawlers = \"allow\" lets all crawlers through");
  CHECK(why("[1,") == "is no JSON array, as crawler-user-agents.json is one");
  CHECK(why(R"([{"pattern": "a"}, {"url": "b"}])") == "entry 1 has no \"pattern\" that is a string");
  CHECK(why("good\nb(ad\n") == "the pattern \"b(ad\": missing ): b(ad");
  CHECK(why("a*") == "the pattern \"a*\" fits every user agent");
  CHECK_THAT(why(std::string(600, 'a')), Contains("is over 512 bytes long"));
  CHECK_THAT(why(std::string((4 << 20) + 1, 'a')), Contains("is over 4194304 bytes long"));
}
