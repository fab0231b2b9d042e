// What each admin URL answers. No sockets here: a request comes in as values and a response goes out.
//
// Thread safety: handle() from any thread that is no shard's; it may block.
#pragma once

#include <utility>
#include <functional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "actors/service.hpp"
#include "actors/shard_pulse.hpp"
#include "actors/tracing.hpp"
#include "admin/asking.hpp"
#include "admin/auditor.hpp"
#include "admin/definition_store.hpp"
#include "admin/http.hpp"
#include "admin/idempotency.hpp"
#include "admin/live.hpp"
#include "admin/member_history.hpp"
#include "admin/parts.hpp"
#include "net/probe.hpp"
#include "persistence/dead_letters.hpp"
#include "webhooks/deliverer.hpp"

namespace kith::admin {

/// Does a request change anything, where it succeeds?
enum class effect : std::uint8_t { reads, changes };
/// What an answer tells of people, and what those get who may not see personal data: all of it; the answer with that
/// masked; nothing, for it would be told by what is asked.
enum class personal : std::uint8_t { none, masked, refused };

class routes {
 public:
  routes(actors::service& service, definition_store& definitions, parts with = {});

  response handle(const request& asked);
  /// Takes what GET /v1/live tells. To be called every live::pace.
  void look() { live_->take(); }
  /// Counts members for …/counts, when it is time to: then it may block for long. To be called every live::pace or so.
  void count_members();

  /// Every route as it declares itself; `{}` in a path stands for a parameter.
  struct declaration {
    std::string method;
    std::string path;
    net::role needs;  ///< none: anybody may ask
    admin::effect effect;
    admin::personal personal;
  };
  static std::vector<declaration> listed();

 private:
  response healthz(const call& asked);
  response readyz(const call& asked);
  response metrics(const call& asked);
  response openapi(const call& asked);
  response profile(const call& asked);
  response trait_sources(const call& asked);
  response views(const call& asked);
  response events(const call& asked);
  response stats(const call& asked);
  response latency(const call& asked);
  response snapshot(const call& asked);

  // backup_routes.cpp
  response list_backups(const call& asked);
  response begin_backup(const call& asked);

  // segment_routes.cpp; those with "definition" in their name serve segments and computed traits
  response profile_segments(const call& asked);
  response explain(const call& asked);
  response definitions(const call& asked);
  response definition(const call& asked);
  response add_definition(const call& asked);
  response put_definition(const call& asked);
  response remove_definition(const call& asked);
  response enable_definition(const call& asked);
  response members(const call& asked);
  response member_counts(const call& asked);
  response member_lines(const std::string& name, std::optional<profile::hash128> behind);
  response preview(const call& asked);

  // console_routes.cpp
  response console_page(const call& asked);
  response console_file_of(const call& asked);
  response live_events(const call& asked);

  // debug_routes.cpp
  response debug_shards(const call& asked);
  response debug_slowest(const call& asked);
  response debug_memory(const call& asked);
  response debug_build(const call& asked);
  response debug_config(const call& asked);

  // backfill_routes.cpp
  response backfill(const call& asked);
  response cancel_backfill(const call& asked);
  response resume_backfill(const call& asked);
  response after(const result<void>& changed);
  static nlohmann::json told(const actors::backfill_progress& of);

  response answer_of(profile_question question, const std::function<nlohmann::json(nlohmann::json)>& shape = {});
  // identity_routes.cpp
  response identity(const call& asked);
  response unmerge(const call& asked);
  response ignored_identifiers(const call& asked);
  response identity_of(profile::hash128 address);

  // webhook_routes.cpp
  response list_webhooks(const call& asked);
  response webhook_letters(const call& asked);
  response decide_webhook_letters(const call& asked);

  // dead_letter_routes.cpp
  response dead_letters(const call& asked);
  response dead_letter(const call& asked);
  response count_dead_letters(const call& asked);
  response export_dead_letters(const call& asked);
  response decide_dead_letters(const call& asked);

  // schema_routes.cpp
  response list_schemas(const call& asked);
  response schema(const call& asked);
  response put_schema(const call& asked);
  response remove_schema(const call& asked);
  response check_schema(const call& asked);
  response report_schemas(const call& asked);
  response propose_schema(const call& asked);

  // session_routes.cpp
  response open_session(const call& asked);
  response session(const call& asked);
  response close_session(const call& asked);
  response ways_to_sign_in(const call& asked);
  response begin_sign_in(const call& asked);
  response finish_sign_in(const call& asked);
  response refused_sign_in(std::string_view reason, const std::string& detail);
  static response for_browser(response made);

  // audit_routes.cpp
  response audit(const call& asked);
  response audit_head(const call& asked);

  // token_routes.cpp
  response list_tokens(const call& asked);
  response token(const call& asked);
  response put_token(const call& asked);
  response rotate_token(const call& asked);
  response remove_token(const call& asked);

  // privacy_routes.cpp
  response privacy_rules(const call& asked);
  response erase_profile(const call& asked);
  response receipt_keys(const call& asked);
  response suppressions(const call& asked);
  response look_up_suppression(const call& asked);
  response lift_suppression(const call& asked);

  // request_routes.cpp
  response export_person(const call& asked);
  response privacy_request_list(const call& asked);
  response new_privacy_request(const call& asked);
  response privacy_request_of(const call& asked);
  response step_privacy_request(const call& asked);
  response kept_export(const call& asked);
  void show_request_as_it_is(response& again) const;

  nlohmann::json with_message_ids(profile::hash128 address, nlohmann::json explanation);
  void add_counted_events(profile::hash128 address, nlohmann::json& explanation);
  response answer_with(const kept_definition& one);
  nlohmann::json described(const kept_definition& one, const std::unordered_map<std::uint64_t, std::uint64_t>* counts);

  struct route;
  static const std::vector<route>& table();

  // dispatch.cpp
  static std::string allowed_at(const std::vector<std::string>& path);
  std::optional<response> refuse(const route& chosen, const call& asked) const;
  response dispatch(const route& chosen, const call& asked);
  response carry_out(const route& chosen, const call& asked);
  actors::open_span begin_span(const route& chosen, const request& sent) const;
  response answer(const route& chosen, const call& asked);
  bool is_recorded(const route& chosen, const request& asked, const response& answer) const;
  void mask(response& answer) const;

  actors::service& service_;
  definition_store& definitions_;
  const parts with_;
  const std::shared_ptr<live> live_;
  member_history member_history_;
  auditor auditor_;
  idempotent_answers repeated_;
  actors::shard_pulse pulse_{service_};
};

/// The OpenAPI 3.1 document.
std::string_view openapi_document();

}  // namespace kith::admin
