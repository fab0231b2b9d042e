#include "profile/msgpack.hpp"

#include <array>
#include <bit>
#include <limits>

#include "profile/msgpack_scan.hpp"

namespace kith::profile::msgpack {

namespace {

token integer_token(std::int64_t value) noexcept {
  token out;
  out.type = kind::integer;
  out.integer = value;
  return out;
}

}  // namespace

token reader::next() noexcept {
  token out;
  const auto left = static_cast<std::size_t>(end_ - at_);
  const auto truncated = [&] {
    token broken;
    broken.type = kind::truncated;
    return broken;
  };
  if (left == 0) return truncated();
  const auto tag = static_cast<unsigned char>(*at_);

  // A payload of `size` bytes behind `head` header bytes.
  const auto payload = [&](kind type, std::size_t head, std::uint64_t size) {
    if (left < head || left - head < size) return truncated();
    out.type = type;
    out.size = static_cast<std::uint32_t>(size);
    out.bytes = {at_ + head, static_cast<std::size_t>(size)};
    at_ += head + size;
    return out;
  };
  const auto container = [&](kind type, std::size_t head, std::uint64_t entries) {
    out.type = type;
    out.size = static_cast<std::uint32_t>(entries);
    at_ += head;
    return out;
  };
  const auto sized = [&](int bytes, std::uint64_t& value) {
    if (left < 1 + static_cast<std::size_t>(bytes)) return false;
    value = load_big_endian(at_ + 1, static_cast<unsigned>(bytes));
    return true;
  };
  std::uint64_t value = 0;

  if (tag < 0x80) {
    ++at_;
    return integer_token(tag);
  }
  if (tag < 0x90) return container(kind::map, 1, tag & 0x0fU);
  if (tag < 0xa0) return container(kind::array, 1, tag & 0x0fU);
  if (tag < 0xc0) return payload(kind::string, 1, tag & 0x1fU);
  if (tag >= 0xe0) {
    ++at_;
    return integer_token(static_cast<signed char>(tag));
  }
  switch (tag) {
    case 0xc0: ++at_; return out;
    case 0xc1: out.type = kind::invalid; return out;
    case 0xc2:
    case 0xc3:
      ++at_;
      out.type = kind::boolean;
      out.integer = tag & 1;
      return out;
    case 0xc4: return sized(1, value) ? payload(kind::binary, 2, value) : truncated();
    case 0xc5: return sized(2, value) ? payload(kind::binary, 3, value) : truncated();
    case 0xc6: return sized(4, value) ? payload(kind::binary, 5, value) : truncated();
    case 0xc7:
    case 0xc8:
    case 0xc9: {
      const int bytes = 1 << (tag - 0xc7);
      if (!sized(bytes, value) || left < static_cast<std::size_t>(bytes) + 2) return truncated();
      out.extension_type = static_cast<std::int8_t>(at_[bytes + 1]);
      return payload(kind::extension, static_cast<std::size_t>(bytes) + 2, value);
    }
    case 0xca: {
      if (!sized(4, value)) return truncated();
      out.type = kind::real;
      out.real = std::bit_cast<float>(static_cast<std::uint32_t>(value));
      at_ += 5;
      return out;
    }
    case 0xcb: {
      if (!sized(8, value)) return truncated();
      out.type = kind::real;
      out.real = std::bit_cast<double>(value);
      at_ += 9;
      return out;
    }
    case 0xcc:
    case 0xcd:
    case 0xce:
    case 0xcf: {
      const int bytes = 1 << (tag - 0xcc);
      if (!sized(bytes, value)) return truncated();
      at_ += 1 + bytes;
      if (value <= static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max())) {
        return integer_token(static_cast<std::int64_t>(value));
      }
      out.type = kind::natural;
      out.natural = value;
      return out;
    }
    case 0xd0:
    case 0xd1:
    case 0xd2:
    case 0xd3: {
      const int bytes = 1 << (tag - 0xd0);
      if (!sized(bytes, value)) return truncated();
      at_ += 1 + bytes;
      switch (bytes) {
        case 1: return integer_token(static_cast<std::int8_t>(value));
        case 2: return integer_token(static_cast<std::int16_t>(value));
        case 4: return integer_token(static_cast<std::int32_t>(value));
        default: return integer_token(static_cast<std::int64_t>(value));
      }
    }
    case 0xd4:
    case 0xd5:
    case 0xd6:
    case 0xd7:
    case 0xd8:
      if (left < 2) return truncated();
      out.extension_type = static_cast<std::int8_t>(at_[1]);
      return payload(kind::extension, 2, 1ULL << (tag - 0xd4));
    case 0xd9: return sized(1, value) ? payload(kind::string, 2, value) : truncated();
    case 0xda: return sized(2, value) ? payload(kind::string, 3, value) : truncated();
    case 0xdb: return sized(4, value) ? payload(kind::string, 5, value) : truncated();
    case 0xdc: return sized(2, value) ? container(kind::array, 3, value) : truncated();
    case 0xdd: return sized(4, value) ? container(kind::array, 5, value) : truncated();
    case 0xde: return sized(2, value) ? container(kind::map, 3, value) : truncated();
    default: return sized(4, value) ? container(kind::map, 5, value) : truncated();
  }
}

std::string_view reader::skip(std::size_t max_depth) noexcept {
  const char* const start = at_;
  const char* const behind = end_of_value(at_, end_, max_depth);
  if (behind == nullptr) return {};
  at_ = behind;
  return {start, static_cast<std::size_t>(behind - start)};
}

void writer::head(unsigned char tag, std::uint64_t value, int bytes) {
  std::array<char, 9> buffer{};
  buffer[0] = static_cast<char>(tag);
  for (int i = 0; i < bytes; ++i) {
    buffer[static_cast<std::size_t>(i) + 1] = static_cast<char>((value >> (8 * (bytes - 1 - i))) & 0xff);
  }
  out_.append(buffer.data(), static_cast<std::size_t>(bytes) + 1);
}

void writer::integer(std::int64_t value) {
  if (value >= 0) return natural(static_cast<std::uint64_t>(value));
  const auto bits = static_cast<std::uint64_t>(value);
  if (value >= -32) return out_.push_back(static_cast<char>(value));
  if (value >= std::numeric_limits<std::int8_t>::min()) return head(0xd0, bits, 1);
  if (value >= std::numeric_limits<std::int16_t>::min()) return head(0xd1, bits, 2);
  if (value >= std::numeric_limits<std::int32_t>::min()) return head(0xd2, bits, 4);
  head(0xd3, bits, 8);
}

void writer::natural(std::uint64_t value) {
  if (value < 0x80) return out_.push_back(static_cast<char>(value));
  if (value <= 0xff) return head(0xcc, value, 1);
  if (value <= 0xffff) return head(0xcd, value, 2);
  if (value <= 0xffffffff) return head(0xce, value, 4);
  head(0xcf, value, 8);
}

void writer::real(double value) { head(0xcb, std::bit_cast<std::uint64_t>(value), 8); }

void writer::string(std::string_view value) {
  if (value.size() < 32) {
    out_.push_back(static_cast<char>(0xa0 | value.size()));
  } else if (value.size() <= 0xff) {
    head(0xd9, value.size(), 1);
  } else if (value.size() <= 0xffff) {
    head(0xda, value.size(), 2);
  } else {
    head(0xdb, value.size(), 4);
  }
  out_.append(value);
}

void writer::binary(std::string_view value) {
  if (value.size() <= 0xff) {
    head(0xc4, value.size(), 1);
  } else if (value.size() <= 0xffff) {
    head(0xc5, value.size(), 2);
  } else {
    head(0xc6, value.size(), 4);
  }
  out_.append(value);
}

void writer::array(std::size_t entries) {
  if (entries < 16) return out_.push_back(static_cast<char>(0x90 | entries));
  if (entries <= 0xffff) return head(0xdc, entries, 2);
  head(0xdd, entries, 4);
}

void writer::map(std::size_t entries) {
  if (entries < 16) return out_.push_back(static_cast<char>(0x80 | entries));
  if (entries <= 0xffff) return head(0xde, entries, 2);
  head(0xdf, entries, 4);
}

bool timestamp_ms(const token& value, std::int64_t& ms) noexcept {
  if (value.type != kind::extension || value.extension_type != -1) return false;
  const char* data = value.bytes.data();
  switch (value.bytes.size()) {
    case 4: ms = static_cast<std::int64_t>(load_big_endian(data, 4)) * 1000; return true;
    case 8: {
      const auto bits = load_big_endian(data, 8);
      ms = static_cast<std::int64_t>(bits & 0x3ffffffffULL) * 1000 + static_cast<std::int64_t>(bits >> 34) / 1'000'000;
      return (bits >> 34) < 1'000'000'000;
    }
    case 12: {
      const auto nanoseconds = static_cast<std::int64_t>(load_big_endian(data, 4));
      const auto seconds = static_cast<std::int64_t>(load_big_endian(data + 4, 8));
      constexpr std::int64_t most = std::numeric_limits<std::int64_t>::max() / 1000 - 1;
      if (nanoseconds >= 1'000'000'000 || seconds > most || seconds < -most) return false;
      ms = seconds * 1000 + nanoseconds / 1'000'000;
      return true;
    }
    default: return false;
  }
}

}  // namespace kith::profile::msgpack
