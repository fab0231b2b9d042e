#include "tests/actors/support/hooked_store.hpp"

namespace kith::tests {

namespace {

using namespace persistence;
using profile::hash128;
using values = result<std::vector<std::optional<std::string>>>;

class hooked_store final : public store {
 public:
  hooked_store(std::unique_ptr<store> below, const store_hooks& hooks) : below_(std::move(below)), hooks_(hooks) {}

  bool may_have_snapshot(hash128 address) override { return below_->may_have_snapshot(address); }
  bool may_be_spilled(hash128 address, hash128 id) override { return below_->may_be_spilled(address, id); }
  values load(std::span<const hash128> addresses) override {
    return call<values>(store_call::load, {addresses.begin(), addresses.end()},
                        [&] { return below_->load(addresses); });
  }
  values load_standings(std::span<const hash128> addresses) override {
    return call<values>(store_call::load_standings, {addresses.begin(), addresses.end()},
                        [&] { return below_->load_standings(addresses); });
  }
  values load_identities(std::span<const hash128> addresses) override {
    return call<values>(store_call::load_identities, {addresses.begin(), addresses.end()},
                        [&] { return below_->load_identities(addresses); });
  }
  result<void> for_each_identity(const std::function<bool(hash128, std::string_view)>& each) override {
    return below_->for_each_identity(each);
  }
  result<void> for_each_timer(const std::function<bool(std::int64_t, hash128)>& each) override {
    return below_->for_each_timer(each);
  }
  result<members_page> members(std::uint64_t segment, std::optional<hash128> behind, std::size_t limit) override {
    return below_->members(segment, behind, limit);
  }
  result<std::unordered_map<std::uint64_t, std::uint64_t>> count_members() override { return below_->count_members(); }
  result<void> forget_members(std::uint64_t segment) override { return below_->forget_members(segment); }
  result<bool> is_spilled(hash128 address, hash128 id) override {
    return call<result<bool>>(store_call::is_spilled, {address}, [&] { return below_->is_spilled(address, id); });
  }
  result<std::vector<hash128>> spilled_at_both(hash128 first, hash128 second) override {
    return below_->spilled_at_both(first, second);
  }
  result<void> save(std::span<const snapshot_write> snapshots) override {
    std::vector<hash128> addresses;
    for (const auto& each : snapshots) addresses.push_back(each.address);
    return call<result<void>>(store_call::save, addresses, [&] { return below_->save(snapshots); });
  }
  result<std::vector<outgoing_item>> outgoing(std::string_view queue, outgoing_list list, const outgoing_item* behind,
                                              std::size_t limit) override {
    return below_->outgoing(queue, list, behind, limit);
  }
  result<void> change_outgoing(std::span<const outgoing_change> changes) override {
    return below_->change_outgoing(changes);
  }
  result<void> feed(std::span<const history_event> events, unsigned shard, journal_position fed_to) override {
    return call<result<void>>(store_call::feed, {}, [&] { return below_->feed(events, shard, fed_to); });
  }
  result<std::vector<std::pair<unsigned, journal_position>>> fed() override { return below_->fed(); }
  result<history_page> read_history(hash128 address, const history_query& query) override {
    return below_->read_history(address, query);
  }
  result<std::optional<history_page::item>> find_in_history(hash128 address, hash128 id) override {
    return below_->find_in_history(address, id);
  }
  result<std::uint64_t> erase(std::span<const hash128> addresses) override {
    return call<result<std::uint64_t>>(store_call::erase, {addresses.begin(), addresses.end()},
                                       [&] { return below_->erase(addresses); });
  }
  result<void> compact(std::span<const hash128> addresses) override {
    return call<result<void>>(store_call::compact, {addresses.begin(), addresses.end()},
                              [&] { return below_->compact(addresses); });
  }
  result<void> flush() override {
    return call<result<void>>(store_call::flush, {}, [&] { return below_->flush(); });
  }
  result<void> copy_to(const std::string& directory) override { return below_->copy_to(directory); }
  std::uint64_t estimated_snapshots() override { return below_->estimated_snapshots(); }
  result<void> for_each_snapshot(const std::function<bool(hash128, std::string_view)>& each, hash128 from) override {
    return below_->for_each_snapshot(each, from);
  }
  result<std::vector<std::string>> verify(const progress_report& progress) override { return below_->verify(progress); }

 private:
  template <class Outcome, class F>
  Outcome call(store_call what, const std::vector<hash128>& addresses, F real) {
    if (auto fine = hooks_.before(what, addresses); !fine) return tl::make_unexpected(fine.error());
    auto outcome = real();
    if (auto fine = hooks_.after(what, addresses); !fine) return tl::make_unexpected(fine.error());
    return outcome;
  }

  std::unique_ptr<store> below_;
  const store_hooks& hooks_;
};

}  // namespace

actors::runtime_options hooked(actors::runtime_options options, const store_hooks& hooks) {
  options.open_store = [&hooks](file_system& files, const std::string& directory,
                                store_options with) -> result<std::unique_ptr<store>> {
    auto opened = store::open(files, directory, std::move(with));
    if (!opened) return opened;
    return std::make_unique<hooked_store>(std::move(*opened), hooks);
  };
  return options;
}

}  // namespace kith::tests
