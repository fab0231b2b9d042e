// What `kith bench` sends: events made from a template, and whose.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <cstdio>
#include <numeric>
#include <random>
#include <string>

#include "profile/msgpack.hpp"

namespace kith::cli {

/// Ranks 1 to n with probability proportional to rank^-s: rejection-inversion (W. Hörmann, G. Derflinger,
/// "Rejection-inversion to generate variates from monotone discrete distributions", ACM TOMACS 6(3), 1996).
class zipf_sampler {
 public:
  zipf_sampler(std::uint64_t n, double s)
      : n_(static_cast<double>(n)),
        s_(s),
        low_(integral(1.5) - 1.0),
        high_(integral(n_ + 0.5)),
        shortcut_(2.0 - inverse(integral(2.5) - std::pow(2.0, -s_))) {}

  template <class Random>
  std::uint64_t operator()(Random& random) {
    std::uniform_real_distribution<double> uniform(low_, high_);
    for (;;) {
      const double u = uniform(random);
      const double x = inverse(u);
      const double rank = std::min(n_, std::max(1.0, std::floor(x + 0.5)));
      if (rank - x <= shortcut_ || u >= integral(rank + 0.5) - std::pow(rank, -s_))
        return static_cast<std::uint64_t>(rank);
    }
  }

 private:
  /// The integral of x^-s, continuous in s at 1.
  double integral(double x) const {
    const double log_x = std::log(x);
    const double t = (1.0 - s_) * log_x;
    return std::abs(t) < 1e-8 ? log_x * (1.0 + t / 2.0) : std::expm1(t) / (1.0 - s_);
  }
  double inverse(double y) const {
    const double t = y * (1.0 - s_);
    return std::abs(t) < 1e-8 ? std::exp(y * (1.0 - t / 2.0)) : std::exp(std::log1p(t) / (1.0 - s_));
  }

  double n_;
  double s_;
  double low_;
  double high_;
  double shortcut_;
};

/// Spreads the ranks 1 to n over the profiles 0 to n-1, each to one of its own, so that the popular ones are no
/// neighbours.
class rank_spreader {
 public:
  explicit rank_spreader(std::uint64_t n) : n_(n), stride_(std::max<std::uint64_t>(1, golden(n))) {
    while (std::gcd(stride_, n_) != 1) ++stride_;
  }
  std::uint64_t operator()(std::uint64_t rank) const noexcept { return (rank - 1) * stride_ % n_; }

 private:
  static std::uint64_t golden(std::uint64_t n) { return static_cast<std::uint64_t>(static_cast<double>(n) * 0.618034); }

  std::uint64_t n_;
  std::uint64_t stride_;
};

/// An order with three traits (last writer wins) and counters, about 170 bytes. Fields of fixed width are patched in
/// place. With two ids it names an anonymousId too, one for each userId and the same text.
class event_template {
 public:
  /// `run` tells the messageIds of this run from those of others.
  explicit event_template(std::uint32_t run, const std::string& id_prefix = "u-", bool two_ids = false) {
    profile::msgpack::writer out(bytes_);
    char id[32];
    std::snprintf(id, sizeof id, "%08x-%011d", run, 0);
    out.map(two_ids ? 8 : 7);
    out.string("type");
    out.string("track");
    out.string("event");
    out.string("Order Completed");
    out.string("messageId");
    out.string(id);
    message_digits_ = bytes_.size() - 11;
    out.string("userId");
    out.string(id_prefix + "0000000000");
    user_digits_ = bytes_.size() - 10;
    if (two_ids) {
      out.string("anonymousId");
      out.string(id_prefix + "0000000000");
      anonymous_digits_ = bytes_.size() - 10;
    }
    out.string("timestamp");
    out.integer(1'700'000'000'000);
    time_ = bytes_.size() - 8;
    out.string("traits");
    out.map(3);
    out.string("plan");
    out.string("gold");
    out.string("country");
    out.string("DE");
    country_ = bytes_.size() - 2;
    out.string("score");
    out.integer(10'000);
    score_ = bytes_.size() - 2;
    out.string("properties");
    out.map(2);
    out.string("total");
    out.real(29.5);
    out.string("quantity");
    out.integer(2);
  }

  std::size_t size() const noexcept { return bytes_.size(); }

  /// Appends the event with this number, of this user.
  /// `traits_of`: traits are another one's when this number is.
  void append(std::string& out, std::uint64_t number, std::uint64_t user, std::int64_t time_ms,
              std::uint64_t traits_of) {
    put_digits(message_digits_, 11, number);
    put_digits(user_digits_, 10, user);
    if (anonymous_digits_ > 0) put_digits(anonymous_digits_, 10, user);
    for (int i = 0; i < 8; ++i)
      bytes_[time_ + static_cast<std::size_t>(i)] = static_cast<char>((time_ms >> (56 - 8 * i)) & 0xff);
    bytes_[country_] = static_cast<char>('A' + traits_of % 26);
    bytes_[score_ + 1] = static_cast<char>(traits_of & 0xff);
    out.append(bytes_);
  }

 private:
  void put_digits(std::size_t at, std::size_t digits, std::uint64_t value) {
    for (std::size_t i = digits; i-- > 0; value /= 10) bytes_[at + i] = static_cast<char>('0' + value % 10);
  }

  std::string bytes_;
  std::size_t message_digits_ = 0;
  std::size_t user_digits_ = 0;
  std::size_t anonymous_digits_ = 0;  ///< 0: none
  std::size_t time_ = 0;
  std::size_t country_ = 0;
  std::size_t score_ = 0;
};

/// The userId that event_template gives this user, into a string that keeps its memory.
inline void set_bench_user(std::string& id, const std::string& id_prefix, std::uint64_t user) {
  id = id_prefix;
  id.append(10, '0');
  for (auto at = id.size(); at-- > id_prefix.size(); user /= 10) id[at] = static_cast<char>('0' + user % 10);
}

inline std::string bench_user(std::uint64_t user) {
  std::string id;
  set_bench_user(id, "u-", user);
  return id;
}

}  // namespace kith::cli
