#include "ingest/guards.hpp"

#include <algorithm>

#include "profile/cel/check.hpp"
#include "profile/cel/environment.hpp"
#include "profile/cel/msgpack_view.hpp"
#include "profile/cel/parse.hpp"

namespace kith::ingest {

namespace cel = profile::cel;

namespace {

constexpr std::uint64_t filter_steps = 20'000;

class event_variable final : public cel::activation {
 public:
  explicit event_variable(std::string_view event) : event_(event) {}
  cel::value variable(std::uint32_t, cel::arena& memory) override { return cel::from_msgpack(event_, memory); }
  cel::value slot(std::uint32_t, cel::arena&) override { return cel::value::null(); }

 private:
  std::string_view event_;
};

}  // namespace

result<event_filter> event_filter::make(std::string_view text) {
  const auto refused = [](const cel::diagnostic& why) { return fail(errc::invalid_argument, why.text()); };
  cel::environment names;
  names.with("event", "dyn");
  auto tree = cel::parse(std::string(text));
  if (!tree) return refused(tree.error());
  const auto type = cel::check(*tree, names);
  if (!type) return refused(type.error());
  if (!type->is(cel::type_kind::boolean) && !type->is(cel::type_kind::dyn)) {
    return fail(errc::invalid_argument, "1:1: gives " + type->text() + "; it must give a bool");
  }
  auto made = cel::compile(*tree, names);
  if (!made) return refused(made.error());
  return event_filter{std::string(text), std::move(*made)};
}

bool event_filter::holds_back(std::string_view event, cel::arena& memory) const {
  memory.reset();
  event_variable from(event);
  const auto given = run.evaluate(from, memory, {filter_steps, nullptr});
  return given.is(cel::kind::boolean) && given.as_boolean();
}

guard_settings guard_settings::for_programs() const {
  auto made = *this;
  if (!crawlers_said) made.crawlers = true;
  if (!rate_said) made.profile_rate = 0;
  return made;
}

bool rate_guard::let_through(profile::hash128 address, std::int64_t now_ms, const guard_settings& by) {
  if (by.profile_rate <= 0) return true;
  auto& mine = parts_[address.high % parts];
  const std::lock_guard lock(mine.mutex);
  if (mine.buckets.size() >= most_kept) forget_full(mine, now_ms, by);
  const auto [found, is_new] = mine.buckets.try_emplace(address, bucket{by.profile_burst, now_ms});
  auto& its = found->second;
  const auto passed = std::max<std::int64_t>(0, now_ms - its.at_ms);
  its.left = std::min(by.profile_burst, its.left + static_cast<double>(passed) / 1000 * by.profile_rate);
  its.at_ms = std::max(its.at_ms, now_ms);
  if (its.left < 1) return false;
  its.left -= 1;
  return true;
}

/// Those whose burst is whole again by now are as if they were new; if there are none, all are forgotten.
void rate_guard::forget_full(part& of, std::int64_t now_ms, const guard_settings& by) {
  std::erase_if(of.buckets, [&](const auto& each) {
    const auto passed = static_cast<double>(std::max<std::int64_t>(0, now_ms - each.second.at_ms)) / 1000;
    return each.second.left + passed * by.profile_rate >= by.profile_burst;
  });
  if (of.buckets.size() >= most_kept) of.buckets.clear();
}

}  // namespace kith::ingest
