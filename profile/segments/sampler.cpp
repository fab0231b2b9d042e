#include "profile/segments/sampler.hpp"

#include <cmath>
#include <optional>

#include "profile/bytes.hpp"
#include "profile/cel/msgpack_view.hpp"
#include "profile/segments/bounds.hpp"
#include "profile/segments/event_fields.hpp"
#include "profile/segments/fixed.hpp"

namespace kith::profile::segments {

using cel::value;

namespace {

struct scratch {
  cel::arena of_event;
  cel::arena of_run;
  std::optional<value> event;
  std::vector<std::uint64_t> asked;  ///< by predicate: which event's answer it is
  std::vector<char> met;
  std::uint64_t event_number = 0;
  std::string payload;
};

scratch& mine() {
  thread_local scratch of_thread;
  return of_thread;
}

class event_activation final : public cel::activation {
 public:
  explicit event_activation(const value& event) noexcept : event_(event) {}
  value variable(std::uint32_t, cel::arena&) override { return event_; }
  value slot(std::uint32_t, cel::arena&) override { return value::null(); }

 private:
  const value& event_;
};

/// False if it is no number.
bool number_of(const value& of, double& number) noexcept {
  if (of.is(cel::kind::integer)) number = static_cast<double>(of.as_integer());
  else if (of.is(cel::kind::natural)) number = static_cast<double>(of.as_natural());
  else if (of.is(cel::kind::real)) number = of.as_real() + 0.0;  // no negative zero
  else return false;
  return true;
}

/// 1 and 1.0 are one value.
value canonical(const value& of) noexcept {
  constexpr double exact = 9007199254740992.0;
  if (!of.is(cel::kind::real)) return of;
  const auto number = of.as_real() + 0.0;
  if (std::abs(number) <= exact && std::trunc(number) == number)
    return value::integer(static_cast<std::int64_t>(number));
  return value::real(number);
}

}  // namespace

sampler::sampler(const catalog::body& with, const event_view& event) : with_(with), event_(event) {
  auto& s = mine();
  s.of_event.reset();
  s.event.reset();
  ++s.event_number;
  if (s.asked.size() < with.predicates.size()) {
    s.asked.resize(with.predicates.size());
    s.met.resize(with.predicates.size());
  }
}

const value& sampler::event_value() {
  auto& s = mine();
  if (!s.event) s.event = event_map(event_, s.of_event);
  return *s.event;
}

bool sampler::meets(std::uint32_t predicate) {
  if (predicate == no_predicate) return true;
  auto& s = mine();
  if (s.asked[predicate] != s.event_number) {
    s.asked[predicate] = s.event_number;
    s.of_run.reset();
    event_activation from(event_value());
    s.met[predicate] = with_.predicates[predicate].run.evaluate(from, s.of_run).is_true() ? 1 : 0;
  }
  return s.met[predicate] != 0;
}

sampler::found sampler::take(const aggregate& of, std::string_view& payload) {
  payload = {};
  if (!meets(of.predicate)) return found::nothing;
  if (of.path.empty()) return found::taken;
  auto& s = mine();
  s.of_run.reset();
  s.payload.clear();
  const auto at = value_at(event_value(), of.path, s.of_run);
  if (at.is(cel::kind::null)) return found::nothing;
  if (of.held == storage::number || of.held == storage::number_list) {
    double number = 0;
    if (!number_of(at, number)) return found::nothing;
    if (!is_summable(number)) return found::unusable;
    put(s.payload, number);
  } else {
    const bool hashes = of.held == storage::distinct || of.held == storage::distinct_list;
    msgpack::writer out(s.payload);
    cel::write_msgpack(hashes ? canonical(at) : at, out, s.of_run);
    if (hashes) {
      const auto hash = hash_of(s.payload).low;
      s.payload.clear();
      put(s.payload, hash);
    } else if (s.payload.size() > bounds::value_bytes) {
      return found::unusable;
    }
  }
  payload = s.payload;
  return found::taken;
}

}  // namespace kith::profile::segments
