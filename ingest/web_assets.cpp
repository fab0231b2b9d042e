#include "ingest/web_assets.hpp"

#include <libdeflate.h>
#include <memory>
#include <nlohmann/json.hpp>

#include "profile/hash.hpp"

namespace kith::ingest {

web_assets::web_assets() {
  const auto script = kith_script();
  const std::unique_ptr<libdeflate_compressor, decltype(&libdeflate_free_compressor)> compressor(
      libdeflate_alloc_compressor(12), libdeflate_free_compressor);
  compressed_.resize(libdeflate_gzip_compress_bound(compressor.get(), script.size()));
  compressed_.resize(
      libdeflate_gzip_compress(compressor.get(), script.data(), script.size(), compressed_.data(), compressed_.size()));
  tag_ = '"' + profile::to_hex(profile::hash_of(script)) + '"';
}

net::http_response web_assets::script(const net::http_request& request) const {
  net::http_response made;
  made.fields = {{"Cache-Control", "public, max-age=3600"},
                 {"ETag", tag_},
                 {"Vary", "Accept-Encoding"},
                 {"Cross-Origin-Resource-Policy", "cross-origin"},
                 {"X-Content-Type-Options", "nosniff"}};
  if (request.field("if-none-match") == tag_) {
    made.status = 304;
    return made;
  }
  made.content_type = "text/javascript; charset=utf-8";
  if (request.field("accept-encoding").find("gzip") != std::string_view::npos) {
    made.fields.emplace_back("Content-Encoding", "gzip");
    made.body = compressed_;
  } else {
    made.body = kith_script();
  }
  return made;
}

net::http_response web_assets::settings(std::string_view write_key, const net::http_request& request) {
  nlohmann::json segment = {
      {"apiKey", write_key},         {"apiHost", std::string(request.field("host")) + "/v1"}, {"protocol", "https"},
      {"addBundledMetadata", false}, {"unbundledIntegrations", nlohmann::json::array()},
  };
  const auto none = nlohmann::json::object();
  const nlohmann::json made = {
      {"integrations", {{"Segment.io", std::move(segment)}}},
      {"plan",
       {{"track", {{"__default", {{"enabled", true}, {"integrations", none}}}}},
        {"identify", {{"__default", {{"enabled", true}}}}},
        {"group", {{"__default", {{"enabled", true}}}}}}},
      {"edgeFunction", none},
      {"analyticsNextEnabled", true},
      {"middlewareSettings", none},
      {"enabledMiddleware", none},
      {"metrics", {{"sampleRate", 0}}},
      {"legacyVideoPluginsEnabled", false},
      {"remotePlugins", nlohmann::json::array()},
  };
  return {200,
          "application/json",
          made.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace),
          {{"Cache-Control", "public, max-age=300"}}};
}

}  // namespace kith::ingest
