#include "admin/asking.hpp"

#include <boost/asio/post.hpp>
#include <future>
#include <nlohmann/json.hpp>

#include "admin/api_kind.hpp"

namespace kith::admin {

namespace {

using nlohmann::json;
using profile::id_kind;

constexpr std::chrono::seconds patience{10};

}  // namespace

result<told_profiles> ask_profiles(actors::service& service, profile_question question) {
  auto promise = std::make_shared<std::promise<result<told_profiles>>>();
  auto answer = promise->get_future();
  // The service by reference: who asks may be gone when the shard comes to it.
  boost::asio::post(service.io(0), [&service, promise, question = std::move(question)] {
    question(service, [promise](const result<actors::found_profiles>& found) {
      if (!found) return promise->set_value(tl::make_unexpected(found.error()));
      told_profiles told;
      told.reserve(found->size());
      for (std::size_t i = 0; i < found->size(); ++i) {
        const auto one = found->at(i);
        told.push_back(one ? std::optional(std::string(*one)) : std::nullopt);
      }
      promise->set_value(std::move(told));
    });
  });
  if (answer.wait_for(patience) != std::future_status::ready) {
    return fail(errc::unavailable, "the profile could not be read in time; see /readyz");
  }
  return answer.get();
}

result<std::optional<std::string>> ask_profile(actors::service& service, profile_question question) {
  auto told = ask_profiles(service, std::move(question));
  if (!told) return tl::make_unexpected(std::move(told.error()));
  return std::move(told->front());
}

result<actors::publish_outcome> publish_and_wait(actors::service& service, std::string events, std::string source) {
  using answered = result<actors::publish_outcome>;
  auto promise = std::make_shared<std::promise<answered>>();
  auto answer = promise->get_future();
  boost::asio::post(service.io(0), [&service, promise, events = std::move(events), source = std::move(source)] {
    service.publish(0, events, {}, source, [promise](answered outcome) { promise->set_value(std::move(outcome)); });
  });
  if (answer.wait_for(patience) != std::future_status::ready) {
    return fail(errc::unavailable, "the event was not durable in time; see /readyz");
  }
  return answer.get();
}

std::optional<profile::identifier> readable_identifier(const json& of) {
  const auto first = [&](const char* list) {
    const auto at = of.find(list);
    return at == of.end() || !at->is_array() || at->empty() ? json() : at->front();
  };
  if (const auto user = first("userIds"); user.is_string()) {
    return profile::identifier{id_kind::user, {}, user.get<std::string>()};
  }
  if (const auto other = first("externalIds"); other.is_object()) {
    return profile::identifier{id_kind::external, other.value("type", ""), other.value("id", "")};
  }
  const auto device = first("anonymousIds");
  if (!device.is_string()) return std::nullopt;
  return profile::identifier{id_kind::anonymous, {}, device.get<std::string>()};
}

json identifier_json(const profile::identifier& of) {
  if (of.kind != id_kind::external) return {{"kind", kind_of(of)}, {"id", of.value}};
  return {{"kind", "external"}, {"type", of.type}, {"id", of.value}};
}

}  // namespace kith::admin
