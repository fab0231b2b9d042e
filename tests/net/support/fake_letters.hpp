// Dead letters in memory.
#pragma once

#include <functional>
#include <mutex>
#include <string_view>
#include <vector>

#include "persistence/dead_letters.hpp"
#include "tests/net/support/fake_service.hpp"

namespace kith::test {

/// Keeps what is put, and answers on command.
class fake_letters final : public persistence::dead_letters {
 public:
  using done = std::function<void(result<void>)>;

  void put(std::vector<persistence::dead_letter> letters, done then) override {
    const std::lock_guard lock(mutex_);
    for (auto& each : letters) letters_.push_back(std::move(each));
    waiting_.push_back(std::move(then));
  }
  bool answer_one(const result<void>& outcome) {
    done then;
    if (!eventually([&] {
          const std::lock_guard lock(mutex_);
          if (waiting_.empty()) return false;
          then = std::move(waiting_.front());
          waiting_.erase(waiting_.begin());
          return true;
        })) {
      return false;
    }
    then(outcome);
    return true;
  }
  std::vector<persistence::dead_letter> letters() const {
    const std::lock_guard lock(mutex_);
    return letters_;
  }

  result<void> copy_to(const std::string&) override { return none(); }
  result<persistence::dead_letter_page> list(const persistence::dead_letter_query&) override { return none(); }
  result<persistence::dead_letter> get(std::string_view) override { return none(); }
  result<std::uint64_t> drop(std::span<const std::string>, persistence::leaving) override { return none(); }
  result<persistence::dead_letter_drop> drop(const persistence::dead_letter_query&) override { return none(); }
  result<std::uint64_t> erase(const std::function<bool(const persistence::dead_letter&)>&) override { return none(); }
  result<void> compact() override { return none(); }
  result<void> mark_replayed(std::span<const persistence::replay_mark>) override { return none(); }
  persistence::dead_letter_status status() const override { return {}; }

 private:
  static tl::unexpected<error> none() { return fail(errc::internal, "not asked for here"); }

  mutable std::mutex mutex_;
  std::vector<persistence::dead_letter> letters_;
  std::vector<done> waiting_;
};

}  // namespace kith::test
