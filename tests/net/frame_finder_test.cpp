#include "net/frame_finder.hpp"

#include <random>
#include <string>

#include "profile/msgpack.hpp"
#include "tests/catch.hpp"

using namespace kith;
using net::frame_finder;
using status = net::frame_finder::status;

namespace {

/// Shown to a finder byte by byte.
frame_finder::outcome one_by_one(const std::string& bytes, net::frame_limits bounds = {}) {
  frame_finder finder(bounds);
  frame_finder::outcome last;
  for (std::size_t n = 0; n <= bytes.size() && last.is == status::need_more; ++n) {
    last = finder.find(std::string_view(bytes).substr(0, n));
  }
  return last;
}

std::string random_value(std::mt19937& random, int depth) {
  std::string out;
  profile::msgpack::writer to(out);
  switch (random() % (depth > 0 ? 9 : 7)) {
    case 0: to.nil(); break;
    case 1: to.boolean(true); break;
    case 2: to.integer(static_cast<std::int64_t>((std::uint64_t{random()} << 32) | random()) >> (random() % 64)); break;
    case 3: to.real(1.5); break;
    case 4: to.string(std::string(random() % 400, 'x')); break;
    case 5: to.binary(std::string(random() % 70'000, 'y')); break;
    case 6:
      out.append(
          "\xc7\x03\x05"
          "abc",
          6);
      break;  // extension 5 of three bytes
    case 7: {
      const std::size_t n = random() % 20;
      to.array(n);
      for (std::size_t i = 0; i < n; ++i) out += random_value(random, depth - 1);
      break;
    }
    default: {
      const std::size_t n = random() % 20;
      to.map(n);
      for (std::size_t i = 0; i < 2 * n; ++i) out += random_value(random, depth - 1);
    }
  }
  return out;
}

}  // namespace

TEST_CASE("a frame is found wherever it is split, and is what the reader skips") {
  std::mt19937 random(7);
  for (int round = 0; round < 300; ++round) {
    const std::string value = random_value(random, 3);
    const std::string bytes = value + "\x93tail";
    frame_finder finder;
    const auto whole = finder.find(bytes);
    if (value.size() > net::frame_limits{}.frame_bytes) continue;
    REQUIRE(whole.is == status::found);
    REQUIRE(whole.bytes == value.size());
    REQUIRE(profile::msgpack::reader(bytes).skip() == value);

    frame_finder again;
    frame_finder::outcome last;
    for (std::size_t n = 0; last.is == status::need_more; n = std::min(bytes.size(), n + random() % 5000)) {
      last = again.find(std::string_view(bytes).substr(0, n));
      if (last.is == status::found) REQUIRE(n >= value.size());
    }
    REQUIRE(last.bytes == value.size());
  }
}

TEST_CASE("frames that follow one another are found one after another") {
  frame_finder finder;
  const std::string bytes("\x92\x01\x02\xa1x\xc0", 6);
  REQUIRE(finder.find(bytes).bytes == 3);
  REQUIRE(finder.find(bytes.substr(3)).bytes == 2);
  REQUIRE(finder.find(bytes.substr(5)).bytes == 1);
  REQUIRE(finder.find({}).is == status::need_more);
}

TEST_CASE("a declared size that can not fit is refused at its header") {
  const net::frame_limits bounds{1024, 35};
  for (const std::string& head : {std::string("\xdd\x7f\xff\xff\xff", 5),  // array of 2^31 - 1
                                  std::string("\xdf\x00\x00\x02\x00", 5),  // map of 512: 1,024 values and a header
                                  std::string("\xdb\x80\x00\x00\x00", 5),  // string of 2 GiB
                                  std::string("\xc6\x00\x00\x04\x00", 5),  // binary of 1,024
                                  std::string("\xc9\xff\xff\xff\xff\x01", 6),
                                  std::string("\x92\xdc\x01\xff\xdc\x02\x00", 7)}) {  // together too much
    const auto found = one_by_one(head, bounds);
    REQUIRE(found.is == status::failed);
    REQUIRE(found.code == errc::too_large);
  }
  const std::string fits = std::string("\xc5\x03\xfd", 3) + std::string(1021, 'x');
  REQUIRE(one_by_one(fits, bounds).bytes == 1024);
}

TEST_CASE("values that wait in outer arrays count towards the frame") {
  // An array of 1,000 whose first element is an array of 100: at least 1,102 bytes with their headers.
  const std::string head("\xdc\x03\xe8\xdc\x00\x64", 6);
  REQUIRE(one_by_one(head, {1024, 35}).is == status::failed);
  REQUIRE(one_by_one(head, {2048, 35}).is == status::need_more);
}

TEST_CASE("nesting is allowed up to the limit and no deeper") {
  const net::frame_limits bounds{1024, 5};
  REQUIRE(one_by_one(std::string(5, '\x91') + "\x01", bounds).is == status::found);
  const auto bomb = one_by_one(std::string(6, '\x91') + "\x01", bounds);
  REQUIRE(bomb.is == status::failed);
  REQUIRE(bomb.code == errc::too_large);
  REQUIRE(one_by_one(std::string(5, '\x91') + "\x90", bounds).is == status::found);  // an empty one holds nothing
}

TEST_CASE("the byte that begins no value is refused, and for good") {
  frame_finder finder;
  REQUIRE(finder.find("\x92\x01\xc1").code == errc::invalid_argument);
  REQUIRE(finder.find("\x01").is == status::failed);
}
