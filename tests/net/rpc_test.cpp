#include "net/rpc.hpp"

#include "net/requests.hpp"
#include "profile/msgpack.hpp"
#include "tests/catch.hpp"

using namespace kith;
using namespace std::string_literals;

TEST_CASE("a request is what was written") {
  std::string frame;
  net::begin_request(frame, 7, "get", 1);
  profile::msgpack::writer(frame).string("x");
  net::set_msgid(frame.data(), 0xfedcba98);
  const auto call = net::parse_envelope(frame);
  REQUIRE(call);
  REQUIRE(call->kind == net::envelope_kind::request);
  REQUIRE(call->msgid == 0xfedcba98);
  REQUIRE(call->method == "get");
  REQUIRE(call->params == "\x91\xa1x");
  REQUIRE(net::msgid_of(frame) == 0xfedcba98);
}

TEST_CASE("an error is what was written") {
  std::string frame;
  net::write_error_response(frame, 3, {errc::resource_exhausted, "slowly", 250});
  const auto call = net::parse_envelope(frame);
  REQUIRE(call);
  REQUIRE(call->kind == net::envelope_kind::response);
  const auto error = net::parse_error(call->error);
  REQUIRE(error);
  REQUIRE(error->code == errc::resource_exhausted);
  REQUIRE(error->message == "slowly");
  REQUIRE(error->retry_after_ms == 250);
  REQUIRE_FALSE(net::parse_error("\xc0"));
  REQUIRE(net::parse_error("\xa3"
                           "odd")
              ->code == errc::internal);
}

TEST_CASE("what is no envelope is refused with what is wrong") {
  const auto message = [](const std::string& frame) {
    const auto call = net::parse_envelope(frame);
    REQUIRE_FALSE(call);
    REQUIRE(call.error().code == errc::invalid_argument);
    return call.error().message;
  };
  REQUIRE(message("\x01") == "request: not an array; send [0, msgid, method, params]");
  REQUIRE(message("\x91\x05").find("first element") != std::string::npos);
  REQUIRE(message("\x93\x00\x01\xa1x"s).find("number of elements") != std::string::npos);
  REQUIRE(message("\x94\x00\xff\xa1x\x90"s).find("msgid") != std::string::npos);
  REQUIRE(message("\x94\x00\xcf\x00\x00\x00\x01\x00\x00\x00\x00\xa1x\x90"s).find("msgid") != std::string::npos);
  REQUIRE(message("\x94\x00\x01\x02\x90"s).find("method") != std::string::npos);
  REQUIRE(message("\x94\x00\x01\xa1x\x80"s).find("params") != std::string::npos);
}

TEST_CASE("a publish outcome is read back") {
  std::string encoded;
  profile::msgpack::writer to(encoded);
  to.map(4);
  to.string("applied");
  to.natural(5);
  to.string("duplicate");
  to.natural(1);
  to.string("rejected");
  to.array(1);
  to.array(3);
  to.natural(2);
  to.string("too_late");
  to.string("old");
  to.string("details");
  to.array(2);
  to.nil();
  to.array(4);
  to.string("000102030405060708090a0b0c0d0e0f");
  to.natural(9);
  to.array(0);
  to.array(0);
  const auto outcome = net::parse_publish_outcome(encoded);
  REQUIRE(outcome);
  REQUIRE(outcome->applied == 5);
  REQUIRE(outcome->duplicate == 1);
  REQUIRE(outcome->rejected.at(0).index == 2);
  REQUIRE(outcome->rejected.at(0).code == errc::too_late);
  REQUIRE(outcome->details.at(0).rejected);
  REQUIRE(outcome->details.at(1).version == 9);
  for (std::size_t n = 0; n < encoded.size(); ++n) {
    REQUIRE_FALSE(net::parse_publish_outcome(std::string_view(encoded).substr(0, n)));
  }
}
