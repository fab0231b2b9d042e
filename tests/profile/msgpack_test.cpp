#include "profile/msgpack.hpp"

#include <nlohmann/json.hpp>
#include <rapidcheck.h>

#include "tests/catch.hpp"

using namespace kith::profile;
using nlohmann::json;

namespace {

rc::Gen<json> some_value(int depth) {
  return rc::gen::exec([depth]() -> json {
    switch (*rc::gen::inRange(0, depth > 0 ? 9 : 7)) {
      case 0: return nullptr;
      case 1: return *rc::gen::arbitrary<bool>();
      // Shifted, so that every width of integers is met.
      case 2: return *rc::gen::arbitrary<std::int64_t>() >> *rc::gen::inRange(0, 63);
      case 3: return ~std::uint64_t{0} >> *rc::gen::inRange(0, 63);
      case 4: return *rc::gen::arbitrary<double>();
      case 5: return std::string(static_cast<std::size_t>(*rc::gen::inRange(0, 300)), 's');
      case 6: return json::binary(std::vector<std::uint8_t>(static_cast<std::size_t>(*rc::gen::inRange(0, 300)), 7));
      case 7: {
        auto array = json::array();
        for (int left = *rc::gen::inRange(0, 20); left > 0; --left) array.push_back(*some_value(depth - 1));
        return array;
      }
      default: {
        auto map = json::object();
        for (int left = *rc::gen::inRange(0, 20); left > 0; --left) map[std::to_string(left)] = *some_value(depth - 1);
        return map;
      }
    }
  });
}

/// Reads with our reader, builds with nlohmann's types.
json read(msgpack::reader& in) {
  const auto token = in.next();
  switch (token.type) {
    case msgpack::kind::nil: return nullptr;
    case msgpack::kind::boolean: return token.integer != 0;
    case msgpack::kind::integer: return token.integer;
    case msgpack::kind::natural: return token.natural;
    case msgpack::kind::real: return token.real;
    case msgpack::kind::string: return std::string(token.bytes);
    case msgpack::kind::binary: return json::binary({token.bytes.begin(), token.bytes.end()});
    case msgpack::kind::array: {
      auto array = json::array();
      for (std::uint32_t i = 0; i < token.size; ++i) array.push_back(read(in));
      return array;
    }
    case msgpack::kind::map: {
      auto map = json::object();
      for (std::uint32_t i = 0; i < token.size; ++i) {
        const auto key = read(in).get<std::string>();
        map[key] = read(in);
      }
      return map;
    }
    default: throw std::runtime_error("broken");
  }
}

void write(const json& value, msgpack::writer& out) {
  if (value.is_null()) return out.nil();
  if (value.is_boolean()) return out.boolean(value.get<bool>());
  if (value.is_number_unsigned()) return out.natural(value.get<std::uint64_t>());
  if (value.is_number_integer()) return out.integer(value.get<std::int64_t>());
  if (value.is_number_float()) return out.real(value.get<double>());
  if (value.is_string()) return out.string(value.get<std::string>());
  if (value.is_binary()) {
    const auto& bytes = value.get_binary();
    return out.binary({reinterpret_cast<const char*>(bytes.data()), bytes.size()});
  }
  if (value.is_array()) {
    out.array(value.size());
    for (const auto& each : value) write(each, out);
    return;
  }
  out.map(value.size());
  for (const auto& [key, each] : value.items()) {
    out.string(key);
    write(each, out);
  }
}

std::string written_by_nlohmann(const json& value) {
  std::string bytes;
  json::to_msgpack(value, bytes);
  return bytes;
}

}  // namespace

TEST_CASE("what nlohmann writes is read as the same value") {
  REQUIRE(rc::check("read", [] {
    const auto value = *some_value(3);
    const auto bytes = written_by_nlohmann(value);
    msgpack::reader in(bytes);
    RC_ASSERT(read(in) == value);
    RC_ASSERT(in.done());
    msgpack::reader skipper(bytes);
    RC_ASSERT(skipper.skip() == bytes);
  }));
}

TEST_CASE("what is written is read by nlohmann as the same value") {
  REQUIRE(rc::check("write", [] {
    const auto value = *some_value(3);
    std::string bytes;
    msgpack::writer out(bytes);
    write(value, out);
    RC_ASSERT(json::from_msgpack(bytes) == value);
  }));
}

TEST_CASE("a value cut anywhere is no value, and the reader stays where it was") {
  REQUIRE(rc::check("cut", [] {
    const auto bytes = written_by_nlohmann(*some_value(2));
    const auto cut = static_cast<std::size_t>(*rc::gen::inRange(0, static_cast<int>(bytes.size())));
    msgpack::reader in(std::string_view(bytes).substr(0, cut));
    RC_ASSERT(in.skip().empty());
    RC_ASSERT(in.offset() == 0U);
  }));
}

TEST_CASE("arbitrary bytes are taken as nlohmann takes them, or refused") {
  REQUIRE(rc::check("arbitrary", [] {
    const auto octets = *rc::gen::container<std::vector<std::uint8_t>>(rc::gen::arbitrary<std::uint8_t>());
    const std::string bytes(octets.begin(), octets.end());
    msgpack::reader in(bytes);
    const auto whole = in.skip();
    if (whole.empty()) return;
    // nlohmann also refuses keys that are not strings; what both take must end at the same byte.
    const auto theirs = json::from_msgpack(whole, true, false);
    if (theirs.is_discarded()) return;
    const auto shorter = whole.substr(0, whole.size() - 1);
    RC_ASSERT(json::from_msgpack(shorter, true, false).is_discarded());
  }));
}

TEST_CASE("every tag of the specification is skipped by its own length") {
  const std::vector<std::string> forms = {"\x7f",
                                          "\xe0",
                                          "\xc0",
                                          "\xc2",
                                          "\xc3",
                                          std::string("\xcc\x01", 2),
                                          std::string("\xcd\0\1", 3),
                                          std::string("\xce\0\0\0\1", 5),
                                          std::string("\xcf\0\0\0\0\0\0\0\1", 9),
                                          std::string("\xd0\1", 2),
                                          std::string("\xd1\0\1", 3),
                                          std::string("\xd2\0\0\0\1", 5),
                                          std::string("\xd3\0\0\0\0\0\0\0\1", 9),
                                          std::string("\xca\0\0\0\0", 5),
                                          std::string("\xcb\0\0\0\0\0\0\0\0", 9),
                                          std::string("\xa2hi"),
                                          std::string("\xd9\2hi", 4),
                                          std::string("\xda\0\2hi", 5),
                                          std::string("\xdb\0\0\0\2hi", 7),
                                          std::string("\xc4\2hi", 4),
                                          std::string("\xc5\0\2hi", 5),
                                          std::string("\xc6\0\0\0\2hi", 7),
                                          std::string("\xd4\5x", 3),
                                          std::string("\xd5\5xx", 4),
                                          std::string("\xd6\5xxxx", 6),
                                          "\xd7\5" + std::string(8, 'x'),
                                          "\xd8\5" + std::string(16, 'x'),
                                          std::string("\xc7\2\5hi", 5),
                                          std::string("\xc8\0\2\5hi", 6),
                                          std::string("\xc9\0\0\0\2\5hi", 8),
                                          std::string("\x92\1\2", 3),
                                          std::string("\xdc\0\2\1\2", 5),
                                          std::string("\xdd\0\0\0\2\1\2", 7),
                                          std::string("\x81\1\2", 3),
                                          std::string("\xde\0\1\1\2", 5),
                                          std::string("\xdf\0\0\0\1\1\2", 7),
                                          "\x80",
                                          "\x90"};
  for (const auto& bytes : forms) {
    INFO(static_cast<int>(static_cast<unsigned char>(bytes.front())));
    const auto followed = bytes + "\x2a";
    msgpack::reader in(followed);
    CHECK(in.skip() == bytes);
    CHECK(in.next().integer == 42);
    for (std::size_t cut = 0; cut < bytes.size(); ++cut) {
      CHECK(msgpack::reader(std::string_view(bytes).substr(0, cut)).skip().empty());
    }
  }
  CHECK(msgpack::reader("\xc1").skip().empty());
  CHECK(msgpack::reader("\x91\xc1").skip().empty());
}

TEST_CASE("nesting is bounded and declared sizes are not believed") {
  const auto nested = [](std::size_t depth) { return std::string(depth - 1, '\x91') + '\x90'; };
  CHECK(msgpack::reader(nested(31)).skip(32).size() == 31);
  CHECK(msgpack::reader(nested(33) + "").skip(64).size() == 33);
  CHECK(msgpack::reader(std::string(33, '\x91') + '\1').skip(32).empty());
  CHECK(msgpack::reader(std::string(32, '\x91') + '\1').skip(32).size() == 33);
  CHECK(msgpack::reader(std::string(1'000'000, '\x91')).skip(1000).empty());
  CHECK(msgpack::reader(std::string("\xdd\xff\xff\xff\xff", 5)).skip().empty());
  CHECK(msgpack::reader(std::string("\xdf\xff\xff\xff\xff", 5)).skip().empty());
  CHECK(msgpack::reader(std::string("\xdb\xff\xff\xff\xff", 5)).skip().empty());
}

TEST_CASE("timestamps of 4, 8 and 12 bytes are milliseconds since 1970") {
  const auto ms_of = [](const std::string& bytes) {
    std::int64_t ms = -1;
    return msgpack::timestamp_ms(msgpack::reader(bytes).next(), ms) ? ms : std::int64_t{-1};
  };
  CHECK(ms_of(std::string("\xd6\xff\x65\x53\xf1\x00", 6)) == 1'700'000'000'000);
  const auto eight = (std::uint64_t{123'999'999} << 34) | 1'700'000'000U;
  std::string bytes = "\xd7\xff";
  for (int shift = 56; shift >= 0; shift -= 8) bytes.push_back(static_cast<char>(eight >> shift));
  CHECK(ms_of(bytes) == 1'700'000'000'123);
  CHECK(ms_of(std::string("\xc7\x0c\xff\0\0\0\0\xff\xff\xff\xff\xff\xff\xff\xff", 15)) == -1000);
  CHECK(ms_of(std::string("\xd6\x01\0\0\0\1", 6)) == -1);
  CHECK(ms_of(std::string("\xd4\xff\0", 3)) == -1);
}
