// Receipts: what they say, and that nobody else can have made them.
#include "admin/receipts.hpp"

#include "persistence/dead_letter.hpp"
#include "persistence/simulated_files.hpp"
#include "tests/catch.hpp"

using namespace kith;
using nlohmann::json;

namespace {

actors::erasure some_erasure() {
  actors::erasure made;
  made.id = std::string(32, 'a');
  made.at_ms = 1'767'600'000'000;
  made.gone_by_ms = made.at_ms + 3'660'000;
  made.hashes.push_back({1, 2, 3});
  made.history_events = 5;
  return made;
}

}  // namespace

TEST_CASE("a receipt is checked with the public key, also by the key of a restart") {
  persistence::simulated_files disk(3);
  const auto signer = admin::receipt_signer::open(disk, "/data/privacy", "node-1");
  REQUIRE(signer);
  const auto receipt = (*signer)->sign(some_erasure(), "ticket 7");
  const auto again = admin::receipt_signer::open(disk, "/data/privacy", "node-1");
  REQUIRE(again);
  CHECK((*again)->keys() == (*signer)->keys());
  const auto told = admin::verify_receipt(receipt + "\n", (*again)->keys());
  REQUIRE(told);
  CHECK(told->at("iss") == "node-1");
  CHECK(told->at("jti") == std::string(32, 'a'));
  CHECK(told->at("reason") == "ticket 7");
  CHECK(told->at("historyEvents") == 5);
  CHECK(told->at("goneBy") == "2026-01-05T09:01:00.000Z");
  CHECK(told->at("ids").at(0).get<std::string>().substr(0, 6) == "010203");
  CHECK(told->at("notCovered") == json{"backups", "spools and dead letters of forwarders", "journal/quarantine",
                                       "blocks that the file system keeps of deleted files",
                                       "queues of webhooks that were taken out of the configuration",
                                       "journal segments of shards that an earlier process had more of",
                                       "events of other profiles that name an identifier",
                                       "identity links of other profiles that were unmerged from it",
                                       "hashes in the audit log", "what others were told before"});
}

TEST_CASE("a receipt that was changed, or that another key signed, is refused") {
  persistence::simulated_files disk(3);
  const auto signer = admin::receipt_signer::open(disk, "/data/privacy", "node-1");
  const auto other = admin::receipt_signer::open(disk, "/data/other", "node-1");
  REQUIRE(signer);
  REQUIRE(other);
  const auto receipt = (*signer)->sign(some_erasure(), "ticket 7");
  CHECK(!admin::verify_receipt(receipt, (*other)->keys()));
  for (std::size_t at = 0; at + 1 < receipt.size(); at += 7) {
    auto changed = receipt;
    changed[at] = changed[at] == 'A' ? 'B' : 'A';
    if (changed == receipt) continue;
    CAPTURE(at);
    CHECK(!admin::verify_receipt(changed, (*signer)->keys()));
  }
  for (const auto* nonsense : {"", "a.b", "..", "a.b.c", "{}"}) {
    CHECK(!admin::verify_receipt(nonsense, (*signer)->keys()));
  }
  CHECK(!admin::verify_receipt(receipt, json::object()));
}

TEST_CASE("a dead letter names somebody as a word or a whole text, however it was written") {
  persistence::dead_letter letter;
  const auto names = [&](std::string bytes, const std::string& who) {
    letter.bytes = std::move(bytes);
    return persistence::names_any(letter, {who});
  };
  CHECK(names(R"({"userId":"ada"})", "ada"));
  CHECK(
      names("\x81\xa6userId\xa3"
            "ada\x01",
            "ada"));
  CHECK(
      names("\x81\xa6userId\xa3"
            "adaa",
            "ada"));
  CHECK(names("email=Ada%40example.com&x=1", "ada@example.com"));
  CHECK(!names(R"({"userId":"adam"})", "ada"));
  CHECK(!names(R"({"userId":"a-1"})", "1x"));
  CHECK(!names("{}", ""));
  letter.ids = "user:ada anonymous:a-17";
  CHECK(names("{}", "ada"));
  CHECK(!names("{}", "17x"));
}
