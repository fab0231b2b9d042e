// Load over HTTPS as Segment's libraries make it: batches of events, gzip, keep-alive; one JSON object of results.
//
// Bodies are made before the clock starts, so that what is measured is the server and what a client must do at least:
// TLS, sending, reading answers. With a rate, a latency counts from when its request was due.
#include <CLI/CLI.hpp>
#include <boost/asio.hpp>
#include <boost/asio/ssl.hpp>
#include <chrono>
#include <cstdio>
#include <fstream>
#include <libdeflate.h>
#include <memory>
#include <nlohmann/json.hpp>
#include <random>
#include <string>
#include <vector>

#include "actors/histogram.hpp"
#include "profile/encoding.hpp"
#include "profile/event.hpp"

namespace {

namespace asio = boost::asio;
using asio::ip::tcp;
using clock_type = std::chrono::steady_clock;

struct settings {
  unsigned short port = 7441;
  std::string ca;
  std::string key_file;
  std::size_t events = 1'000'000;
  std::size_t profiles = 100'000;
  std::size_t batch = 100;
  std::size_t connections = 16;
  double rate = 0;  ///< requests a second; 0: as many as go
};

std::int64_t now_ms() {
  return std::chrono::duration_cast<std::chrono::milliseconds>(std::chrono::system_clock::now().time_since_epoch())
      .count();
}

nlohmann::json event(std::uint64_t number, std::mt19937_64& random, std::size_t profiles, std::uint64_t run) {
  return {
      {"type", "track"},
      {"event", "Order Completed"},
      {"messageId", "http-" + std::to_string(run) + "-" + std::to_string(number)},
      {"userId", "user-" + std::to_string(random() % profiles)},
      {"timestamp", kith::profile::format_time(now_ms())},
      {"properties",
       {{"order_id", number},
        {"total", static_cast<double>(random() % 20000) / 100},
        {"currency", "EUR"},
        {"products", {{{"sku", "sku-" + std::to_string(random() % 1000)}, {"quantity", 1}}}}}},
      {"context", {{"library", {{"name", "http_bench"}, {"version", "1"}}}, {"locale", "de-DE"}}},
  };
}

/// Whole requests.
std::vector<std::string> make_requests(const settings& with) {
  std::ifstream in(with.key_file);
  std::string key;
  std::getline(in, key);
  std::mt19937_64 random(7);
  const auto run = std::random_device()();
  const std::unique_ptr<libdeflate_compressor, decltype(&libdeflate_free_compressor)> gzip(
      libdeflate_alloc_compressor(6), libdeflate_free_compressor);
  std::vector<std::string> made;
  for (std::uint64_t number = 0; number < with.events;) {
    std::string body;
    std::string fields;
    if (with.batch == 1) {
      body = event(number++, random, with.profiles, run).dump();
    } else {
      nlohmann::json all = {{"batch", nlohmann::json::array()}, {"sentAt", kith::profile::format_time(now_ms())}};
      for (std::size_t i = 0; i < with.batch && number < with.events; ++i) {
        all["batch"].push_back(event(number++, random, with.profiles, run));
      }
      const auto text = all.dump();
      body.resize(libdeflate_gzip_compress_bound(gzip.get(), text.size()));
      body.resize(libdeflate_gzip_compress(gzip.get(), text.data(), text.size(), body.data(), body.size()));
      fields = "Content-Encoding: gzip\r\n";
    }
    made.push_back("POST /v1/" + std::string(with.batch == 1 ? "track" : "batch") +
                   " HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nAuthorization: Basic " +
                   kith::profile::base64_of(key + ":") + "\r\n" + fields +
                   "Content-Length: " + std::to_string(body.size()) + "\r\n\r\n" + body);
  }
  return made;
}

/// What all connections share.
struct load {
  const settings& with;
  const std::vector<std::string>& requests;
  std::size_t next = 0;
  std::size_t failed = 0;
  clock_type::time_point begun{};
  kith::actors::histogram latencies;  ///< microseconds
};

class connection : public std::enable_shared_from_this<connection> {
 public:
  connection(asio::io_context& io, asio::ssl::context& tls, load& of) : stream_(io, tls), timer_(io), of_(of) {}

  void open(unsigned short port) {
    stream_.lowest_layer().connect({asio::ip::make_address("127.0.0.1"), port});
    stream_.lowest_layer().set_option(tcp::no_delay(true));
    stream_.handshake(asio::ssl::stream_base::client);
  }

  void go_on() {
    if (of_.next == of_.requests.size()) return;
    const auto mine = of_.next++;
    if (of_.with.rate <= 0) {
      due_ = clock_type::now();
      return send(mine);
    }
    due_ = of_.begun +
           std::chrono::nanoseconds(static_cast<std::int64_t>(1e9 * static_cast<double>(mine) / of_.with.rate));
    timer_.expires_at(due_);
    timer_.async_wait([self = shared_from_this(), mine](const boost::system::error_code&) { self->send(mine); });
  }

 private:
  void send(std::size_t which) {
    asio::async_write(stream_, asio::buffer(of_.requests[which]),
                      [self = shared_from_this()](const boost::system::error_code& failed, std::size_t) {
                        if (failed) return self->give_up();
                        self->receive();
                      });
  }
  void receive() {
    asio::async_read_until(stream_, asio::dynamic_buffer(in_), "\r\n\r\n",
                           [self = shared_from_this()](const boost::system::error_code& failed, std::size_t head) {
                             if (failed) return self->give_up();
                             self->receive_body(head);
                           });
  }
  void receive_body(std::size_t head) {
    const auto at = in_.find("Content-Length: ");
    const auto length = at < head ? std::stoul(in_.substr(at + 16)) : 0;
    const auto whole = head + length;
    if (in_.size() >= whole) return answered(whole);
    asio::async_read(stream_, asio::dynamic_buffer(in_), asio::transfer_exactly(whole - in_.size()),
                     [self = shared_from_this(), whole](const boost::system::error_code& failed, std::size_t) {
                       if (failed) return self->give_up();
                       self->answered(whole);
                     });
  }
  void answered(std::size_t bytes) {
    if (in_.compare(9, 3, "200") != 0) ++of_.failed;
    in_.erase(0, bytes);
    const auto took = std::chrono::duration_cast<std::chrono::microseconds>(clock_type::now() - due_).count();
    of_.latencies.record(static_cast<std::uint64_t>(std::max<std::int64_t>(1, took)));
    go_on();
  }
  void give_up() { ++of_.failed; }

  asio::ssl::stream<tcp::socket> stream_;
  asio::steady_timer timer_;
  load& of_;
  std::string in_;
  clock_type::time_point due_{};
};

}  // namespace

int main(int argc, char** argv) {
  settings with;
  CLI::App app("load over HTTPS, for Kith or for another server of the same paths");
  app.add_option("--port", with.port);
  app.add_option("--ca", with.ca)->required();
  app.add_option("--write-key-file", with.key_file)->required();
  app.add_option("--events", with.events);
  app.add_option("--profiles", with.profiles);
  app.add_option("--batch", with.batch, "1: /v1/track without gzip");
  app.add_option("--connections", with.connections);
  app.add_option("--rate", with.rate, "requests a second");
  CLI11_PARSE(app, argc, argv);

  const auto requests = make_requests(with);
  asio::io_context io;
  asio::ssl::context tls(asio::ssl::context::tls_client);
  tls.load_verify_file(with.ca);
  tls.set_verify_mode(asio::ssl::verify_peer);
  load of{with, requests, 0, 0, {}, {}};
  std::vector<std::shared_ptr<connection>> all;
  for (std::size_t i = 0; i < with.connections; ++i) {
    all.push_back(std::make_shared<connection>(io, tls, of));
    all.back()->open(with.port);
  }
  of.begun = clock_type::now();
  for (const auto& each : all) each->go_on();
  io.run();
  const auto seconds = std::chrono::duration<double>(clock_type::now() - of.begun).count();
  const auto ended_ms = now_ms();
  const auto& took = of.latencies;
  const nlohmann::ordered_json made = {
      {"events", with.events},
      {"requests", requests.size()},
      {"failed", of.failed},
      {"seconds", seconds},
      {"ended_ms", ended_ms},
      {"events_per_s", static_cast<double>(with.events) / seconds},
      {"requests_per_s", static_cast<double>(requests.size()) / seconds},
      {"latency_us",
       {{"p50", took.percentile(50)},
        {"p90", took.percentile(90)},
        {"p99", took.percentile(99)},
        {"p999", took.percentile(99.9)},
        {"max", took.max()}}},
  };
  std::puts(made.dump().c_str());
  return of.failed == 0 ? 0 : 1;
}
