#include "ingest/webhook/expressions.hpp"

#include <algorithm>
#include <array>

#include "profile/cel/check.hpp"
#include "profile/cel/collections.hpp"
#include "profile/cel/convert.hpp"
#include "profile/cel/parse.hpp"
#include "profile/cel/text.hpp"

namespace kith::ingest::webhook {

namespace cel = profile::cel;

namespace {

constexpr std::size_t most_shown = 120;
constexpr std::array<std::string_view, 6> event_types = {"track", "identify", "page", "screen", "group", "alias"};
constexpr std::array<std::string_view, 2> priorities = {"normal", "critical"};

/// The text with each ASCII letter between `first` and the one 25 behind it moved by `by`.
cel::value shifted(std::string_view name, std::span<const cel::value> arguments, cel::context& with, char first,
                   int by) {
  const auto& of = arguments.front();
  if (!of.is(cel::kind::string)) return cel::value::no_overload(name, of.is());
  const auto text = of.as_text();
  if (!with.spend_bytes(text.size())) return with.stop();
  auto* const made = with.memory.make_array<char>(text.size());
  if (made == nullptr) return with.out_of_memory();
  std::transform(text.begin(), text.end(), made, [&](char c) {
    return c >= first && c <= static_cast<char>(first + 25) ? static_cast<char>(c + by) : c;
  });
  return cel::value::string({made, text.size()});
}

cel::value upper_ascii(std::span<const cel::value> arguments, cel::context& with) {
  return shifted("upperAscii", arguments, with, 'a', 'A' - 'a');
}
cel::value lower_ascii(std::span<const cel::value> arguments, cel::context& with) {
  return shifted("lowerAscii", arguments, with, 'A', 'a' - 'A');
}

/// Of numbers of any type, as a double.
cel::value sum(std::span<const cel::value> arguments, cel::context& with) {
  if (!arguments.front().is(cel::kind::list)) return cel::value::no_overload("sum", arguments.front().is());
  const auto& list = arguments.front().as_list();
  if (!with.spend(list.size())) return with.stop();
  double total = 0;
  std::uint64_t position = 0;
  for (auto left = list.size(); left > 0; --left) {
    const auto each = cel::to_real(list.next(position, with.memory));
    if (each.is_error()) return each;
    total += each.as_real();
  }
  return cel::value::real(total);
}

/// Words that stand for themselves: `identify` for `'identify'`.
template <class Words>
std::string literal(std::string_view text, const Words& words) {
  const bool known = std::find(words.begin(), words.end(), text) != words.end();
  return known ? cel::quoted(text) : std::string(text);
}

std::string source_of(place at, std::string_view text) {
  if (at == place::type) return literal(text, event_types);
  return at == place::priority ? literal(text, priorities) : std::string(text);
}

struct allowance {
  std::vector<cel::type_kind> kinds;  ///< beside dyn and null; empty: all but functions' own
  std::string_view said;
};

allowance allowed_at(place at) {
  using cel::type_kind;
  switch (at) {
    case place::when: return {{type_kind::boolean}, "a bool"};
    case place::each: return {{type_kind::list}, "a list"};
    case place::base:
    case place::map: return {{type_kind::map}, "a map"};
    case place::type:
    case place::event:
    case place::priority: return {{type_kind::string}, "a string"};
    case place::id:
      return {{type_kind::string, type_kind::integer, type_kind::natural, type_kind::real}, "a string or a number"};
    case place::timestamp:
      return {{type_kind::string, type_kind::integer, type_kind::natural, type_kind::timestamp},
              "a timestamp, a string, or milliseconds since 1970 as an int"};
    case place::any: break;
  }
  return {{}, "a value"};
}

result<void> check_type(place at, const cel::type& given) {
  using cel::type_kind;
  const auto allowed = allowed_at(at);
  const bool any = allowed.kinds.empty() && !given.is(type_kind::type) && !given.is(type_kind::abstract);
  const bool null = given.is(type_kind::null) && at != place::when && at != place::each;
  if (any || null || given.is(type_kind::dyn)) return {};
  if (std::find(allowed.kinds.begin(), allowed.kinds.end(), given.kind) != allowed.kinds.end()) return {};
  return fail(errc::invalid_argument, "1:1: gives " + given.text() + "; it must give " + std::string(allowed.said));
}

}  // namespace

cel::environment names_of_mapping(bool with_item) {
  cel::environment names;
  names.with("body", "dyn")
      .with("headers", "map(string, string)")
      .with("query", "map(string, string)")
      .with("source", "string")
      .with("delivery", "string")
      .with("digest", "string");
  if (with_item) names.with("item", "dyn").with("index", "int");
  names.with_function("string.upperAscii() -> string", upper_ascii)
      .with_function("string.lowerAscii() -> string", lower_ascii)
      .with_function("sum(list(A)) -> double", sum);
  return names;
}

result<cel::program> compile_expression(place at, std::string_view text, bool with_item) {
  const auto refused = [](const cel::diagnostic& why) { return fail(errc::invalid_argument, why.text()); };
  auto tree = cel::parse(source_of(at, text));
  if (!tree) return refused(tree.error());
  const auto names = names_of_mapping(with_item);
  const auto type = cel::check(*tree, names);
  if (!type) return refused(type.error());
  if (auto good = check_type(at, *type); !good) return tl::make_unexpected(good.error());
  auto made = cel::compile(*tree, names);
  if (!made) return refused(made.error());
  return std::move(*made);
}

result<void> check_expression(place at, std::string_view text, bool with_item) {
  const auto made = compile_expression(at, text, with_item);
  if (!made) return tl::make_unexpected(made.error());
  return {};
}

bool is_missing(const cel::value& failed) noexcept {
  constexpr auto null = static_cast<std::uint32_t>(cel::kind::null);
  const auto operands = failed.extra();
  switch (failed.code()) {
    case cel::failure::no_such_key:
    case cel::failure::out_of_range: return true;
    case cel::failure::no_such_overload:
      // value::no_overload(): how many operands it was about, and their kinds.
      return (operands >> 8U) != 0 &&
             ((operands & 15U) == null || ((operands >> 8U) == 2 && (operands >> 4U & 15U) == null));
    default: return false;
  }
}

std::string shown(std::string_view field, std::string_view expression) {
  std::string text(field);
  text.append(" = ").append(cel::quoted(expression.substr(0, most_shown)));
  if (expression.size() > most_shown) text += "...";
  return text;
}

}  // namespace kith::ingest::webhook
