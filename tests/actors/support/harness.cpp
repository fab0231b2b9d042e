#include "tests/actors/support/harness.hpp"

#include <cstdlib>
#include <filesystem>
#include <stdexcept>
#include <thread>

namespace kith::tests {

namespace {

class gated_file : public persistence::file {
 public:
  gated_file(std::unique_ptr<persistence::file> below, gated_files& gate) : below_(std::move(below)), gate_(gate) {}
  result<void> append(std::span<const std::string_view> pieces) override { return below_->append(pieces); }
  result<void> sync() override {
    while (gate_.closed) std::this_thread::sleep_for(std::chrono::milliseconds(1));
    if (gate_.failing) return fail(errc::unavailable, "fdatasync: Input/output error");
    return below_->sync();
  }
  result<void> read_at(std::uint64_t offset, std::size_t size, std::string& out) const override {
    return below_->read_at(offset, size, out);
  }
  result<std::uint64_t> size() const override { return below_->size(); }
  result<void> truncate(std::uint64_t size) override { return below_->truncate(size); }

 private:
  std::unique_ptr<persistence::file> below_;
  gated_files& gate_;
};

}  // namespace

temporary_directory::temporary_directory() {
  std::string pattern = (std::filesystem::temp_directory_path() / "kith-test-XXXXXX").string();
  if (::mkdtemp(pattern.data()) == nullptr) throw std::runtime_error("mkdtemp");
  path_ = pattern;
}

temporary_directory::~temporary_directory() {
  std::error_code ignored;
  std::filesystem::remove_all(path_, ignored);
}

result<std::unique_ptr<persistence::file>> gated_files::open(const std::string& path, persistence::open_mode mode) {
  auto opened = below_.open(path, mode);
  if (!opened || path.find(folder_) == std::string::npos) return opened;
  return std::make_unique<gated_file>(std::move(*opened), *this);
}

nlohmann::json track(const std::string& user, const std::string& id, const std::string& time, const std::string& name) {
  return {{"type", "track"}, {"event", name}, {"messageId", id}, {"userId", user}, {"timestamp", time}};
}

std::string encode(const std::vector<nlohmann::json>& events) {
  const auto bytes = nlohmann::json::to_msgpack(nlohmann::json(events));
  return {bytes.begin(), bytes.end()};
}

std::shared_ptr<const profile::segments::catalog> catalog_of(
    const std::vector<std::pair<std::string, std::string>>& segments, std::int64_t created_ms) {
  std::vector<profile::segments::definition> all;
  for (const auto& [name, expression] : segments) {
    profile::segments::definition made;
    made.name = name;
    made.expression = expression;
    made.created_ms = created_ms;
    all.push_back(made);
  }
  auto compiled = profile::segments::catalog::make(all);
  if (!compiled) throw std::runtime_error(compiled.error().front().message);
  return *compiled;
}

bool eventually(const std::function<bool()>& condition) {
  const auto until = std::chrono::steady_clock::now() + std::chrono::seconds(30);  // a busy machine's
  while (!condition()) {
    if (std::chrono::steady_clock::now() > until) return false;
    std::this_thread::sleep_for(std::chrono::milliseconds(2));
  }
  return true;
}

running::running(actors::runtime_options options, persistence::file_system& files) {
  auto started = actors::runtime::start(std::move(options), files);
  if (!started) throw std::runtime_error(started.error().message);
  runtime_ = std::move(*started);
  if (!eventually([&] { return runtime_->state().now != actors::phase::recovering; })) {
    throw std::runtime_error("recovery did not end");
  }
}

running::~running() { kill(); }

std::future<result<actors::publish_outcome>> running::send(const std::vector<nlohmann::json>& events,
                                                           actors::publish_options options, actors::shard_id home) {
  auto promise = std::make_shared<std::promise<result<actors::publish_outcome>>>();
  boost::asio::post(runtime_->io(home), [this, promise, bytes = encode(events), options, home] {
    runtime_->publish(home, bytes, options, "test",
                      [promise](result<actors::publish_outcome> outcome) { promise->set_value(std::move(outcome)); });
  });
  return promise->get_future();
}

actors::publish_outcome running::publish(const std::vector<nlohmann::json>& events, actors::publish_options options) {
  auto outcome = send(events, options).get();
  if (!outcome) throw std::runtime_error(outcome.error().message);
  return *outcome;
}

namespace {

using found = result<actors::found_profiles>;

nlohmann::json first_of(const found& results) {
  if (!results) throw std::runtime_error(results.error().message);
  const auto map = results->at(0);
  return map ? nlohmann::json::from_msgpack(*map) : nlohmann::json();
}

profile::hash128 address(const profile::identifier& id) {
  profile::hash128 made;
  if (!profile::address_of(id, made)) throw std::runtime_error("no profile id: " + id.value);
  return made;
}

}  // namespace

nlohmann::json running::get(const std::string& user) { return get({profile::id_kind::user, "", user}); }

nlohmann::json running::get(const profile::identifier& id) {
  auto promise = std::make_shared<std::promise<found>>();
  boost::asio::post(runtime_->io(0), [this, promise, at = address(id)] {
    runtime_->read(0, {at}, {}, [promise](const found& results) { promise->set_value(results); });
  });
  return first_of(promise->get_future().get());
}

nlohmann::json running::view(const profile::identifier& id, const std::string& name) {
  auto promise = std::make_shared<std::promise<found>>();
  boost::asio::post(runtime_->io(0), [this, promise, at = address(id), name] {
    runtime_->read_view(0, {at}, name, [promise](const found& results) { promise->set_value(results); });
  });
  return first_of(promise->get_future().get());
}

nlohmann::json running::identity(const profile::identifier& id) {
  auto promise = std::make_shared<std::promise<found>>();
  boost::asio::post(runtime_->io(0), [this, promise, at = address(id)] {
    runtime_->read_identity(0, at, [promise](const found& results) { promise->set_value(results); });
  });
  return first_of(promise->get_future().get());
}

result<void> running::unmerge(const profile::identifier& of, std::vector<profile::identifier> out) {
  auto promise = std::make_shared<std::promise<result<void>>>();
  boost::asio::post(runtime_->io(0), [this, promise, at = address(of), out = std::move(out)] {
    runtime_->unmerge(0, at, out, "test", [promise](const result<void>& outcome) { promise->set_value(outcome); });
  });
  return promise->get_future().get();
}

void running::kill() {
  if (runtime_) runtime_->stop(std::chrono::seconds(0));
  runtime_.reset();
}

void running::stop() {
  runtime_->stop(std::chrono::seconds(30));
  runtime_.reset();
}

actors::runtime_options options_for(const std::string& data) {
  actors::runtime_options options;
  options.shards = 2;
  options.data = data;
  options.store.write_buffer_bytes = 4 * 1024 * 1024;
  options.journal.segment_bytes = 1024 * 1024;
  return options;
}

}  // namespace kith::tests
