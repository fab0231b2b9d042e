#include "ingest/schema/schema.hpp"

#include "ingest/schema/evaluation.hpp"

namespace kith::ingest::schema {

namespace {

std::string text_in(const nlohmann::json& document, const char* key) {
  const auto found = document.find(key);
  return found != document.end() && found->is_string() ? found->get<std::string>() : std::string();
}

}  // namespace

std::string text_of(const violation& one) {
  return (one.pointer.empty() ? "the value" : one.pointer) + ": " + one.rule + ": expected " + one.expected +
         ", found " + one.found;
}

schema::schema(std::string event, std::uint32_t version, nlohmann::json document, translation translated,
               std::shared_ptr<const compiled> constraints)
    : event_(std::move(event)),
      version_(version),
      document_(std::move(document)),
      translated_(std::move(translated)),
      constraints_(std::move(constraints)) {}

result<std::shared_ptr<const schema>> schema::make(std::string event, std::uint32_t version, nlohmann::json document) {
  auto translated = translate(document);
  if (!translated) return tl::make_unexpected(translated.error());
  auto constraints = compiled::make(*translated);
  if (!constraints) return tl::make_unexpected(constraints.error());
  return std::shared_ptr<const schema>(
      new schema(std::move(event), version, std::move(document), std::move(*translated), std::move(*constraints)));
}

std::string schema::description() const {
  auto text = text_in(document_, "description");
  return text.empty() ? text_in(document_, "title") : text;
}

std::string schema::owner() const { return text_in(document_, "x-kith-owner"); }

std::vector<violation> schema::validate(std::string_view value, std::string_view where) const {
  std::vector<violation> found;
  constraints_->check(value, where, &found);
  return found;
}

bool schema::is_valid(std::string_view value) const { return constraints_->check(value, {}, nullptr); }

}  // namespace kith::ingest::schema
