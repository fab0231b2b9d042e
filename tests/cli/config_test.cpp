#include "cli/config.hpp"

#include <cstdio>
#include <filesystem>
#include <fstream>
#include <unistd.h>

#include "cli/config_schemas.hpp"
#include "tests/catch.hpp"

using namespace kith;

namespace {

cli::config good(const std::string& toml) {
  auto parsed = cli::parse_config(toml, "kith.toml");
  if (!parsed) FAIL(parsed.error().message);
  return std::move(*parsed);
}

std::string message_of(const std::string& toml) {
  const auto parsed = cli::parse_config(toml, "kith.toml");
  REQUIRE_FALSE(parsed);
  REQUIRE(parsed.error().code == errc::invalid_argument);
  return parsed.error().message;
}

}  // namespace

TEST_CASE("an empty configuration is all defaults") {
  const auto made = good("");
  REQUIRE(made.data == "data");
  REQUIRE(made.protocol_address().address == "127.0.0.1");
  REQUIRE(made.protocol_address().port == 7440);
  REQUIRE(made.admin_address().port == 7442);
  REQUIRE(made.runtime.memory_bytes == 4ULL << 30);
  REQUIRE(made.runtime.dedup_retention_ms == 0);
  REQUIRE(made.log_as == cli::log_format::automatic);
  REQUIRE(made.credentials.empty());
  REQUIRE_FALSE(made.unlisted_certificates);
}

TEST_CASE("whether unlisted certificates were spoken of is known") {
  REQUIRE(good("[tls]\nunlisted_certificates = true\n").unlisted_certificates == true);
  REQUIRE(good("[tls]\nunlisted_certificates = false\n").unlisted_certificates == false);
  REQUIRE(good("[tls]\nrequire_client_certificate = true\n").unlisted_certificates == std::nullopt);
}

TEST_CASE("sizes, durations and words are read") {
  const auto made = good(
      "[memory]\nprofiles = \"4GiB\"\nidle = \"90s\"\n[journal]\nsegment = 65536\ncheckpoint_interval = \"1h\"\n"
      "[watch]\nkeep = \"2h\"\nbytes = \"1MiB\"\n[dedup]\nretention = \"30d\"\n[history]\nretention = "
      "\"forever\"\n[log]\nlevel = \"warning\"\nformat = "
      "\"json\"\n"
      "[limits]\nframe_timeout = \"250ms\"\nevents_per_second = 1.5\n");
  REQUIRE(made.runtime.memory_bytes == 4ULL << 30);
  REQUIRE(made.runtime.idle == std::chrono::seconds(90));
  REQUIRE(made.runtime.journal.segment_bytes == 65536);
  REQUIRE(made.runtime.checkpoint_interval == std::chrono::hours(1));
  REQUIRE(made.runtime.watch_keep == std::chrono::hours(2));
  REQUIRE(made.runtime.watch_bytes == 1 << 20);
  REQUIRE(made.runtime.dedup_retention_ms == 30LL * 24 * 3600 * 1000);
  REQUIRE(made.runtime.store.history_retention_ms == 0);
  REQUIRE(made.log_at_least == cli::log_level::warning);
  REQUIRE(made.log_as == cli::log_format::json);
  REQUIRE(made.connection.frame_timeout == std::chrono::milliseconds(250));
  REQUIRE(made.connection.events_per_second == 1.5);
}

TEST_CASE("purposes and retention are read, and a purpose that is named is one that is there") {
  const auto made = good(
      "[consent.purposes.marketing]\nbasis = \"consent\"\n[consent.purposes.sale]\ndefault = \"granted\"\ngpc = "
      "true\n[retention.traits]\ncart = \"30d\"\n[retention.events]\n\"Page Viewed\" = \"2d\"\n"
      "[views.mail]\nfields = [\"version\"]\npurpose = \"marketing\"\n"
      "[segments.all]\nexpression = \"true\"\npurpose = \"sale\"\n"
      "[webhooks.crm]\nurl = \"https://crm.example/\"\nsecrets = [\"whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw\"]\n"
      "purpose = \"marketing\"\n");
  REQUIRE(made.privacy->purposes().size() == 2);
  const auto* sale = made.privacy->find("sale");
  REQUIRE(sale != nullptr);
  CHECK(sale->granted_by_default);
  CHECK(sale->gpc);
  CHECK(made.privacy->find("marketing")->basis == profile::legal_basis::consent);
  CHECK(made.privacy->forgets_traits());
  CHECK(made.runtime.store.event_retention_ms == persistence::event_retention{{"Page Viewed", 2LL * 24 * 3600 * 1000}});
  CHECK(made.runtime.views->all()[0].purpose() == "marketing");
  CHECK(made.definitions[0].what.purpose == "sale");
  CHECK(made.webhooks[0].purpose == "marketing");
  CHECK(good("").privacy->fingerprint() == 0);

  const auto has = [](const std::string& toml, const std::string& what) {
    const auto message = message_of(toml);
    CAPTURE(message);
    CHECK(message.find(what) != std::string::npos);
  };
  has("[views.mail]\nfields = [\"version\"]\npurpose = \"ads\"\n",
      "kith.toml:3:11: views.mail.purpose: \"ads\" is no purpose; none is configured");
  has("[consent.purposes.sale]\n[segments.all]\nexpression = \"true\"\npurpose = \"ads\"\n",
      "segments.all.purpose: \"ads\" is no purpose; configured are sale");
  has("[consent.purposes.sale]\ndefault = \"maybe\"\n", "must be \"denied\" or \"granted\"");
  has("[consent.purposes.sale]\nbasis = \"because\"\n", "must be one of consent, contract, legal_obligation");
  has("[consent.purposes.sale]\ngcp = true\n", "did you mean gpc?");
  has("[retention.traits]\ncart = 0\n", "kith.toml:2:8: retention.traits.cart: must be longer than nothing");
  has("[retention.events]\n\"Page Viewed\" = \"soon\"\n", "must be a duration");
  has("[retention]\ntraits = 5\n", "must hold durations");
}

TEST_CASE("each port may have an address of its own") {
  const auto made = good("[listen]\nprotocol = \"0.0.0.0:9000\"\nadmin = \"[::1]:9002\"\n");
  REQUIRE(made.protocol_address().address == "0.0.0.0");
  REQUIRE(made.protocol_address().port == 9000);
  REQUIRE(made.admin_address().address == "::1");
  REQUIRE(made.admin_address().port == 9002);
}

TEST_CASE("an unknown key is refused with its place, what is allowed and the nearest name") {
  REQUIRE(message_of("data = \"d\"\n\n[memory]\n  profile = \"1GiB\"\n") ==
          "kith.toml:4:3: memory.profile: is not a key; did you mean profiles? Allowed: profiles, idle, in_flight, "
          "store_cache");
  const auto far = message_of("entirely_something_else = 1\n");
  REQUIRE(far.rfind("kith.toml:1:1: entirely_something_else: is not a key Allowed: data, node", 0) == 0);
  REQUIRE(far.find("did you mean") == std::string::npos);
}

TEST_CASE("a wrong value is refused with its place and what is allowed") {
  struct wrong {
    const char* toml;
    const char* message;
  };
  const auto [toml, message] = GENERATE(
      wrong{"shards = 0\n", "kith.toml:1:10: shards: must be a whole number from 1 to 256"},
      wrong{"shards = \"2\"\n", "kith.toml:1:10: shards: must be a whole number from 1 to 256"},
      wrong{"shards = 1.0\n", "kith.toml:1:10: shards: must be a whole number from 1 to 256"},
      wrong{"data = 7\n", "kith.toml:1:8: data: must be a string"},
      wrong{"memory = 1\n", "kith.toml:1:10: memory: must be a table: [memory]"},
      wrong{"[limits]\nevent = \"lots\"\n",
            "kith.toml:2:9: limits.event: must be a number of bytes, or a size like \"64MiB\" or \"2GiB\""},
      wrong{"[limits]\nframe = \"1GiB\"\n", "kith.toml:2:9: limits.frame: must be from 4 KiB to 32 MiB"},
      wrong{"[limits]\nframe = -1\n",
            "kith.toml:2:9: limits.frame: must be a number of bytes, or a size like \"64MiB\" or \"2GiB\""},
      wrong{"[memory]\nprofiles = \"999999999999999GiB\"\n",
            "kith.toml:2:12: memory.profiles: must be a number of bytes, or a size like \"64MiB\" or \"2GiB\""},
      wrong{"[limits]\nevents_per_second = nan\n",
            "kith.toml:2:21: limits.events_per_second: must be a number from 0 (none) on"},
      wrong{"[memory]\nidle = \"10 fortnights\"\n",
            "kith.toml:2:8: memory.idle: must be a duration like \"250ms\", \"30s\", \"10m\", \"6h\" or \"90d\""},
      wrong{"[log]\nlevel = \"loud\"\n",
            "kith.toml:2:9: log.level: must be \"debug\", \"info\", \"warning\" or \"error\""},
      wrong{"[listen]\nadmin = \"here\"\n",
            "kith.toml:2:9: listen.admin: must be an address with a port, like \"0.0.0.0:7440\" or \"[::]:7440\""},
      wrong{"[tls]\nrequire_client_certificate = 1\n",
            "kith.toml:2:30: tls.require_client_certificate: must be true or false"});
  REQUIRE(message_of(toml) == message);
}

TEST_CASE("the bounds of dead letters are read, and have to fit") {
  REQUIRE(good("").dead_letters.bytes == 1U << 30);
  REQUIRE(good("").dead_letters.keep_ms == 30LL * 86'400'000);
  const auto made = good("[dead_letters]\nbytes = \"2MiB\"\nkeep = \"forever\"\nletter_bytes = \"64KiB\"\n");
  REQUIRE(made.dead_letters.bytes == 2U << 20);
  REQUIRE(made.dead_letters.keep_ms == 0);
  REQUIRE(made.dead_letters.letter_bytes == 64U << 10);
  REQUIRE(message_of("[dead_letters]\nkeep = 0.5\n").rfind("kith.toml:2:8: dead_letters.keep: must be a duration", 0) ==
          0);
  REQUIRE(message_of("[dead_letters]\nbytes = \"1MiB\"\nletter_bytes = \"2MiB\"\n") ==
          "kith.toml: dead_letters: letter_bytes (2097152) is more than bytes (1048576), so that one letter could push "
          "out all others");
}

TEST_CASE("what is no TOML is refused with its place") {
  const auto message = message_of("data = \"d\"\nnode = \n");
  CAPTURE(message);
  REQUIRE(message.rfind("kith.toml:2:", 0) == 0);
  REQUIRE(message.find("is not TOML") != std::string::npos);
}

TEST_CASE("credentials are read") {
  const auto file = std::filesystem::temp_directory_path() / "kith-config-test.token";
  std::ofstream(file) << "secret\n";
  const auto made = good("[[credentials]]\nname = \"shop\"\ntoken_file = \"" + file.string() +
                         "\"\nrights = [\"publish\"]\nevents_per_second = 5\n"
                         "[[credentials]]\nname = \"ops\"\ncommon_name = \"ops.example\"\nrights = [\"read\", "
                         "\"admin\"]\nsource = \"desk\"\n");
  std::filesystem::remove(file);
  REQUIRE(made.credentials.size() == 2);
  REQUIRE(made.credentials[0].token == "secret");
  REQUIRE(made.credentials[0].can_publish);
  REQUIRE_FALSE(made.credentials[0].can_read);
  REQUIRE_FALSE(made.credentials[0].can_admin);
  REQUIRE(made.credentials[0].events_per_second == 5);
  REQUIRE(made.credentials[1].common_name == "ops.example");
  REQUIRE(made.credentials[1].can_admin);
  REQUIRE_FALSE(made.credentials[1].can_publish);
  REQUIRE(made.credentials[1].source == "desk");
}

TEST_CASE("a credential that nobody could use is refused with its place") {
  REQUIRE(message_of("\n[[credentials]]\ntoken = \"t\"\n") == "kith.toml:2:1: credentials: has no name");
  REQUIRE(message_of("[[credentials]]\nname = \"shop\"\n") ==
          "kith.toml:1:1: credentials \"shop\": needs a token, token_file, token_sha256 or common_name to be known by");
  REQUIRE(
      message_of("[[credentials]]\nname = \"shop\"\ntoken_file = \"/nowhere/shop.token\"\n") ==
      "kith.toml:3:14: credentials.token_file: names /nowhere/shop.token, which cannot be read or has no first line: "
      "that is where the secret stands");
  REQUIRE(message_of("[[credentials]]\nname = \"shop\"\ntoken_sha256 = \"abc\"\n") ==
          "kith.toml:1:1: credentials \"shop\": token_sha256 must be 64 hexadecimal digits");
  REQUIRE(message_of("[[credentials]]\nname = \"shop\"\ntoken = \"t\"\nrights = [\"write\"]\n") ==
          "kith.toml:4:11: credentials.rights: holds something else than \"publish\", \"read\", \"admin\", "
          "\"forward\"");
}

TEST_CASE("a role is for the admin API alone, unless rights are given beside it") {
  const auto one = [](const std::string& more) {
    return good("[[credentials]]\nname = \"a\"\ntoken = \"t\"\n" + more).credentials.at(0);
  };
  const auto viewer = one("role = \"viewer\"\n");
  REQUIRE(viewer.granted == net::role::viewer);
  REQUIRE_FALSE((viewer.can_publish || viewer.can_read || viewer.can_admin));
  REQUIRE_FALSE(viewer.personal);
  const auto both = one("rights = [\"read\"]\nrole = \"operator\"\npii = false\n");
  REQUIRE(both.granted == net::role::operations);
  REQUIRE(both.can_read);
  REQUIRE(both.personal == false);
  REQUIRE(one("").granted == net::role::none);
  REQUIRE(message_of("[[credentials]]\nname = \"a\"\ntoken = \"t\"\nrole = \"king\"\n") ==
          "kith.toml:4:8: credentials.role: must be \"viewer\", \"operator\", \"privacy\" or \"admin\"");
}

TEST_CASE("what the admin port asks for, records and masks is read") {
  const auto made = good(
      "[admin]\nsession = \"30m\"\nsession_idle = \"5m\"\nrequests_per_second = 0\nfailures_per_second = 2.5\n"
      "[audit]\nfile = \"1MiB\"\nreads = false\n"
      "[pii]\ntraits = [\"email\", \"address.street\"]\nids = []\ndetect = false\n");
  REQUIRE(made.access.session.lifetime == std::chrono::minutes(30));
  REQUIRE(made.access.session.idle == std::chrono::minutes(5));
  REQUIRE(made.access.requests_per_second == 0);
  REQUIRE(made.access.failures_per_second == 2.5);
  REQUIRE(made.audit.file_bytes == 1024 * 1024);
  REQUIRE_FALSE(made.audit.reads);
  REQUIRE(made.personal.traits == std::vector<std::string>{"email", "address.street"});
  REQUIRE(made.personal.ids.empty());
  REQUIRE_FALSE(made.personal.detect);
  REQUIRE(message_of("[admin]\nsession = \"10ms\"\n") == "kith.toml: admin.session: must be a second or more");
  REQUIRE(message_of("[pii]\ntraits = [\"a..b\"]\n").find("holds \"a..b\"") != std::string::npos);
  REQUIRE(message_of("[audit]\nfile = \"1GiB\"\n").find("audit.file: must be from 64 KiB to 64 MiB") !=
          std::string::npos);
}

TEST_CASE("segments and computed traits are read, with the place of each expression") {
  const auto made = good(
      "[segments.loyal]\nexpression = 'traits.orders >= 3'\nowner = \"crm\"\n\n"
      "[segments.\"a.b\"]\ndescription = \"two\"\nexpression = \"true\"\n"
      "[computed.revenue]\nexpression = '''\n1 +\n2'''\n");
  REQUIRE(made.definitions.size() == 3);
  const auto& revenue = made.definitions[0];
  REQUIRE(revenue.what.kind == admin::definition_kind::computed);
  REQUIRE(revenue.what.name == "revenue");
  REQUIRE(revenue.what.expression == "1 +\n2");
  REQUIRE(revenue.place == "kith.toml:9:14");
  const auto& dotted = made.definitions[1];
  REQUIRE(dotted.what.kind == admin::definition_kind::segment);
  REQUIRE(dotted.what.name == "a.b");
  REQUIRE(dotted.what.description == "two");
  REQUIRE(dotted.place == "kith.toml:7:14");
  const auto& loyal = made.definitions[2];
  REQUIRE(loyal.what.name == "loyal");
  REQUIRE(loyal.what.expression == "traits.orders >= 3");
  REQUIRE(loyal.what.owner == "crm");
  REQUIRE(loyal.what.version == 1);
}

TEST_CASE("settings of segments stand beside them, and a segment may have the name of one") {
  REQUIRE(good("").runtime.backfill_rate == 0);
  const auto made = good("[segments]\nbackfill_rate = 250\n[segments.loyal]\nexpression = 'true'\n");
  REQUIRE(made.runtime.backfill_rate == 250);
  REQUIRE(made.runtime.error_limit == 10'000);
  REQUIRE(good("[segments]\nerror_limit = 0\n").runtime.error_limit == 0);
  REQUIRE(made.definitions.size() == 1);
  REQUIRE(good("[segments.backfill_rate]\nexpression = 'true'\n").definitions.size() == 1);
  REQUIRE(message_of("[segments]\nbackfill_rate = -1\n") ==
          "kith.toml:2:17: segments.backfill_rate: must be a number from 0 (none) on");
  REQUIRE(message_of("[computed]\nbackfill_rate = 1\n") ==
          "kith.toml:2:17: computed.backfill_rate: must be a table: [computed.backfill_rate]");
}

TEST_CASE("a segment that is none is refused with its place") {
  REQUIRE(message_of("segments = 5\n") == "kith.toml:1:12: segments: must hold tables: [segments.NAME]");
  REQUIRE(message_of("[segments]\nloyal = \"true\"\n") ==
          "kith.toml:2:9: segments.loyal: must be a table: [segments.loyal]");
  REQUIRE(message_of("\n[segments.loyal]\nowner = \"crm\"\n") ==
          "kith.toml:2:1: segments.loyal: needs an expression, for example \"traits.country == 'DE'\"");
  REQUIRE(message_of("[computed.n]\nexpression = 5\n") == "kith.toml:2:14: computed.n.expression: must be a string");
  REQUIRE(message_of("[segments.loyal]\nexpresion = \"true\"\n") ==
          "kith.toml:2:1: segments.loyal.expresion: is not a key; did you mean expression? Allowed: expression, "
          "description, owner, purpose");
}

TEST_CASE("a configuration that is not there is said so") {
  const auto loaded = cli::load_config("no/such/kith.toml");
  REQUIRE_FALSE(loaded);
  REQUIRE(loaded.error().message == "no/such/kith.toml: cannot be read");
}

TEST_CASE("webhooks are read, and wrong ones are refused with their place") {
  const auto read = cli::parse_config(R"(
[webhooks.crm]
url = "https://crm.example/hooks"
secrets = ["whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"]
segments = ["loyal", "gone"]
timeout = "3s"
retry_for = "1d"
concurrency = 2
)",
                                      "kith.toml");
  REQUIRE(read);
  REQUIRE(read->webhooks.size() == 1);
  const auto& crm = read->webhooks.front();
  CHECK(crm.name == "crm");
  CHECK(crm.url == "https://crm.example/hooks");
  CHECK(crm.secrets.front().size() == 24);
  CHECK(crm.segments == std::vector<std::string>{"gone", "loyal"});
  CHECK(crm.timeout == std::chrono::seconds(3));
  CHECK(crm.retry_for == std::chrono::hours(24));
  CHECK(crm.concurrency == 2);
  const auto refused = [](const std::string& text) { return cli::parse_config(text, "kith.toml").error().message; };
  using kith::tests::Contains;
  CHECK_THAT(refused("[webhooks.crm]\nurl = \"http://crm.example/\""),
             Contains("kith.toml:2:7: webhooks.crm.url: must be an https URL"));
  CHECK_THAT(refused("[webhooks.crm]\nurl = \"https://crm.example/\""), Contains("webhooks.crm: needs secrets"));
  CHECK_THAT(refused("[webhooks.crm]\nsecrets = [\"hush\"]"),
             Contains("kith.toml:2:11: webhooks.crm.secrets: must be \"whsec_\""));
  CHECK_THAT(refused("[webhooks.\"c r m\"]\nurl = \"https://crm.example/\""), Contains("the name must be"));
}

TEST_CASE("identity rules are read, and wrong ones are refused with their place") {
  const auto read = cli::parse_config(R"(
[identity]
priority = ["user", "crm", "external", "anonymous"]
limit = 7
[identity.types.email]
blocked = ["info@example.com"]
limit = 2
limit_window = "1d"
[identity.types.phone]
unique = false
)",
                                      "kith.toml");
  REQUIRE(read);
  const auto& rules = *read->runtime.identity;
  using profile::id_kind;
  CHECK(rules.judge(id_kind::external, "email", "info@example.com") == profile::identity::ignored::blocked);
  CHECK(rules.judge(id_kind::user, {}, "undefined") == profile::identity::ignored::blocked);
  CHECK(rules.judge(id_kind::external, "phone", "1") == profile::identity::ignored::not_unique);
  CHECK(rules.limit(id_kind::external, "email").most == 2);
  CHECK(rules.limit(id_kind::external, "email").window_ms == 86'400'000);
  CHECK(rules.limit(id_kind::anonymous, {}).most == 7);
  CHECK(rules.limit(id_kind::user, {}).most == 100);
  const auto refused = [](const std::string& text) { return cli::parse_config(text, "kith.toml").error().message; };
  CHECK_THAT(refused("[identity]\nblocked_patterns = [\"(\"]"),
             kith::tests::Contains("kith.toml:1:1: identity: blocked_patterns"));
  CHECK_THAT(refused("[identity]\npriority = \"user\""),
             kith::tests::Contains("identity.priority: must be an array of strings"));
  CHECK_THAT(refused("[identity.types.email]\nlimits = 3"), kith::tests::Contains("did you mean limit?"));
}

TEST_CASE("views are read, with their paths") {
  const auto made = good(
      "[views.card]\ndescription = \"the header\"\nfields = [\"traits.plan\", [\"events\", \"page.viewed\", "
      "\"count\"], "
      "\"segments\"]\n[views.slim]\nfields = [\"version\"]\n");
  const auto& views = made.runtime.views->all();
  REQUIRE(views.size() == 2);
  CHECK(views[0].name() == "card");
  CHECK(views[0].description() == "the header");
  CHECK(views[0].paths() ==
        std::vector<profile::view_path>{{"traits", "plan"}, {"events", "page.viewed", "count"}, {"segments"}});
  CHECK(good("").runtime.views->all().empty());
}

TEST_CASE("a wrong view is refused with its place and what is allowed") {
  const auto has = [](const std::string& toml, const std::string& wanted) {
    const auto message = message_of(toml);
    CAPTURE(message);
    CHECK(message.find(wanted) != std::string::npos);
  };
  has("[views.a]\nfields = [\"version\", \"trait.plan\"]\n",
      "kith.toml:2:22: views.a.fields: \"trait.plan\": begins with none of profile, version,");
  has("[views.a]\nfields = [\"segments.loyal\"]\n", "segments is shown whole");
  has("[views.a]\nfields = [[\"traits\", 5]]\n", "must hold strings only");
  has("[views.a]\nfields = [5]\n", "must hold paths");
  has("[views.a]\nfields = \"version\"\n", "must be an array of 1 to 256 paths");
  has("[views.a]\nfields = []\n", "must be an array of 1 to 256 paths");
  has("[views.a]\n", "views.a: needs fields");
  has("[views.a]\nfield = [\"version\"]\n", "views.a.field: is not a key; did you mean fields?");
  has("[views.\"a b\"]\nfields = [\"version\"]\n", "the name must be 1 to 64 letters");
  std::string many;
  for (int i = 0; i < 65; ++i) many += "[views.v" + std::to_string(i) + "]\nfields = [\"version\"]\n";
  has(many, "at most 64 views");
}

TEST_CASE("what becomes of events that do not fit their schema is read") {
  const auto made = good(
      "[schemas]\ndirectory = \"schemas\"\nmode = \"quarantine\"\nunknown = \"reject\"\ncompatibility = \"full\"\n"
      "[schemas.events]\n\"Order Completed\" = \"reject\"\n");
  REQUIRE(made.schemas.directory == "schemas");
  REQUIRE(made.schemas.invalid == ingest::schema::mode::quarantine);
  REQUIRE(made.schemas.unknown == ingest::schema::mode::reject);
  REQUIRE(made.schemas.required == ingest::schema::compatibility::full);
  REQUIRE(made.schemas.of_invalid("web", "Order Completed") == ingest::schema::mode::reject);
  REQUIRE(good("").schemas.required == ingest::schema::compatibility::backward);
  REQUIRE(message_of("[schemas]\nmode = \"drop\"\n") ==
          "kith.toml:2:8: schemas.mode: must be \"allow\", \"quarantine\" or \"reject\"");
  REQUIRE(message_of("[schemas.events]\n\"Order Completed\" = 1\n") ==
          "kith.toml:2:21: schemas.events.\"Order Completed\": must be \"allow\", \"quarantine\" or \"reject\"");
  REQUIRE_THAT(message_of("[schemas]\ncompatibility = \"some\"\n"), tests::Contains("\"none\", \"backward\""));
}

TEST_CASE("what a source has otherwise is read") {
  ingest::schema::source_modes modes;
  cli::table_reader reader("kith.toml", "sources.ios.schemas");
  cli::describe_source_schemas(reader, modes);
  reader.read(toml::parse("mode = \"reject\"\nevents = { Order = \"allow\" }"));
  REQUIRE(modes.invalid == ingest::schema::mode::reject);
  REQUIRE_FALSE(modes.unknown);
  REQUIRE(modes.events.at("Order") == ingest::schema::mode::allow);
}

TEST_CASE("where spans go is read") {
  const net::tracing_settings defaults;
  const auto usual = good(
                         "[tracing]\nendpoint = \"http://127.0.0.1:4318\"\nsample = 0.01\nservice = \"kith\"\n"
                         "queue = 16384\ninterval = \"1s\"\ntimeout = \"10s\"\n")
                         .tracing;
  CHECK(usual.endpoint == "http://127.0.0.1:4318");
  CHECK(usual.sample == defaults.sample);
  CHECK(usual.service == defaults.service);
  CHECK(usual.queue == defaults.queue);
  CHECK(usual.interval == defaults.interval);
  CHECK(usual.timeout == defaults.timeout);
  CHECK(good("[tracing]\nsample = 1\n").tracing.sample == 1);
  CHECK(message_of("[tracing]\nsample = 1.5\n") ==
        "kith.toml:2:10: tracing.sample: must be a number from 0 (none) to 1 (all)");
  CHECK_THAT(message_of("[tracing]\nendpoint = \"127.0.0.1:4318\"\n"), tests::Contains("tracing.endpoint"));
  const auto path = "/tmp/kith-headers-" + std::to_string(::getpid());
  const auto with = "[tracing]\nendpoint = \"https://otlp.example\"\nheaders_file = \"" + path + "\"\n";
  CHECK_THAT(message_of(with), tests::Contains("must name a file"));
  std::ofstream(path) << "# for the collector\nAuthorization: S3CRET\n\nX-Tenant: shop\r\n";
  CHECK(good(with).tracing.headers == std::vector<std::string>{"Authorization: S3CRET", "X-Tenant: shop"});
  CHECK_THAT(message_of("[tracing]\nendpoint = \"http://otlp.example\"\nheaders_file = \"" + path + "\"\n"),
             tests::Contains("must be https"));
  std::ofstream(path) << "X-Tenant: shop\nS3CRET\n";
  CHECK_THAT(message_of(with), tests::Contains(path + ":2: is no header"));
  CHECK(message_of(with).find("S3CRET") == std::string::npos);
  std::remove(path.c_str());
}
