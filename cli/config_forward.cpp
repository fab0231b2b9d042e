#include "cli/config_forward.hpp"

#include <cstdlib>

#include "cli/config_edges.hpp"
#include "cli/service_process.hpp"

namespace kith::cli {

namespace {

/// What all servers of the store are reached with.
struct store_access {
  std::vector<std::string> servers;
  net::client_options shared;
};

void read_servers(const table_reader& reader, const toml::node& node, const std::string& where, store_access& into) {
  read_texts(reader, node, where, into.servers);
  if (into.servers.empty()) reader.refuse(node, where, "must name at least one server, like [\"kith-1.example:7440\"]");
  for (const auto& each : into.servers) {
    if (!parse_address(each)) {
      reader.refuse(node, where, "\"" + each + "\": must be a host with a port, like \"kith-1.example:7440\"");
    }
  }
}

void read_token_from(table_reader& t, net::client_options& into) {
  t.text("token", into.token)
      .key("token_file", [&t, &into](const toml::node& node,
                                     const std::string& where) { into.token = first_line_named(t, node, where); })
      .key("token_env", [&t, &into](const toml::node& node, const std::string& where) {
        const auto name = node.value<std::string>().value_or("");
        const char* value =
            name.empty() ? nullptr : std::getenv(name.c_str());  // NOLINT(concurrency-mt-unsafe): nobody sets any
        if (value == nullptr || *value == '\0')
          t.refuse(node, where, "must name a variable of the environment that is set");
        into.token = value;
      });
}

void describe_store(table_reader& t, ingest::forward::store_link& into, store_access& access) {
  const auto time = [&t](const char* name, std::chrono::milliseconds& field) {
    t.milliseconds(name, [&field](std::int64_t ms) { field = std::chrono::milliseconds(ms); });
  };
  t.key("servers", [&](const toml::node& node, const std::string& where) { read_servers(t, node, where, access); })
      .text("ca", access.shared.ca_file)
      .text("certificate", access.shared.cert_file)
      .text("key", access.shared.key_file)
      .text("server_name", access.shared.server_name)
      .bytes("in_flight", into.in_flight_bytes, 64 * kib, gib)
      .number("in_flight_batches", into.in_flight_batches, 1, 1024);
  read_token_from(t, access.shared);
  time("timeout", access.shared.request_timeout);
  time("connect_timeout", access.shared.connect_timeout);
  time("retry_first", into.retry_first);
  time("retry_most", into.retry_most);
}

void describe(table_reader& root, forward_config& into, store_access& access) {
  auto& edges = into.edges;
  root.text("data", edges.data)
      .number("threads", into.threads, 1, 256)
      .milliseconds("stop_patience", [&into](std::int64_t ms) { into.stop_patience = std::chrono::milliseconds(ms); });
  root.table("listen", [&edges](table_reader& t) { t.listen("ingest", edges.ingest).listen("admin", edges.admin); });
  root.table("tls", [&edges](table_reader& t) {
    t.text("certificate", edges.tls.certificate).text("key", edges.tls.key).text("client_ca", edges.tls.ca);
  });
  root.table("store", [&into, &access](table_reader& t) { describe_store(t, into.store, access); });
  root.key("spool", [&root, &into](const toml::node& node, const std::string& where) {
    const auto* table = node.as_table();
    if (table == nullptr) root.refuse(node, where, "must be a table: [spool]");
    std::size_t bytes = into.spool.bytes;
    std::size_t keep_free = into.spool.keep_free;
    table_reader t(root.file(), where);
    t.bytes("bytes", bytes, 1024 * kib, 1024 * 1024 * gib)
        .bytes("keep_free", keep_free, 0, 1024 * 1024 * gib)
        .bytes("segment", into.spool.segment_bytes, 4 * kib, gib);
    t.read(*table);
    into.spool.bytes = bytes;
    into.spool.keep_free = keep_free;
  });
  root.table("limits", [&edges](table_reader& t) {
    t.bytes("event", edges.runtime.event.bytes, 256, 1024 * kib)
        .number("nesting", edges.runtime.event.nesting, 1, static_cast<std::int64_t>(limits::max_nesting));
  });
  describe_edges(root, edges);
}

void add_servers(const store_access& access, ingest::forward::store_link& to) {
  for (const auto& each : access.servers) {
    const auto at = parse_address(each).value();
    auto options = access.shared;
    options.host = at.host;
    options.port = at.port;
    options.agent = "kith-forward";
    to.servers.push_back(std::move(options));
  }
}

std::string hidden(const std::string& secret) { return secret.empty() ? "none" : "(hidden)"; }

}  // namespace

result<forward_config> parse_forward_config(std::string_view toml_text, const std::string& file_name) {
  return read_toml<forward_config>(toml_text, file_name, [&](const toml::table& table) {
    forward_config made;
    store_access access;
    table_reader root(file_name, "");
    describe(root, made, access);
    root.read(table);
    check_edges(file_name, made.edges);
    if (made.spool.segment_bytes > made.spool.bytes / 4) {
      throw bad_config{file_name + ": spool.segment: must be at most a quarter of spool.bytes"};
    }
    add_servers(access, made.store);
    return made;
  });
}

result<forward_config> load_forward_config(const std::string& file_name) {
  const auto text = text_of_config(file_name);
  return text ? parse_forward_config(*text, file_name) : tl::make_unexpected(text.error());
}

std::string text_of(const forward_config& of) {
  const auto ingest = of.edges.ingest_address();
  const auto admin = of.edges.admin_address();
  std::string text = "ingest       " + address_text(ingest.address, ingest.port) + "\n";
  text += "admin        " + address_text(admin.address, admin.port) + "\n";
  text += "spool        " + of.edges.data + "/spool, at most " + size_text(static_cast<std::int64_t>(of.spool.bytes)) +
          "\n";
  for (const auto& each : of.store.servers) {
    text += "store        " + address_text(each.host, each.port) + ", certificate " +
            (each.cert_file.empty() ? "none" : each.cert_file) + ", token " + hidden(each.token) + "\n";
  }
  for (const auto& each : of.edges.credentials) {
    text += "credential   " + each.name + ", source " + (each.source.empty() ? each.name : each.source) + ", token " +
            hidden(each.token + each.token_sha256) + "\n";
  }
  for (const auto& each : of.edges.sources) {
    text += "source       " + each.name + (each.webhook ? ", takes webhooks, secrets (hidden)" : "") + "\n";
  }
  return text;
}

}  // namespace kith::cli
