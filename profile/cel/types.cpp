#include "profile/cel/types.hpp"

#include <utility>
#include <array>
#include <cctype>

namespace kith::profile::cel {

namespace {

struct named {
  std::string_view name;
  type_kind kind;
};

// The first name of a kind is the one that is shown.
constexpr std::array<named, 15> names = {{
    {"dyn", type_kind::dyn},
    {"null", type_kind::null},
    {"null_type", type_kind::null},
    {"bool", type_kind::boolean},
    {"int", type_kind::integer},
    {"uint", type_kind::natural},
    {"double", type_kind::real},
    {"string", type_kind::string},
    {"bytes", type_kind::bytes},
    {"list", type_kind::list},
    {"map", type_kind::map},
    {"timestamp", type_kind::timestamp},
    {"duration", type_kind::duration},
    {"type", type_kind::type},
    {"google.protobuf.Timestamp", type_kind::timestamp},
}};

/// Reads types and signatures from the front of a text. Nesting is what a programmer writes: shallow.
class reader {
 public:
  explicit reader(std::string_view text) : text_(text) {}

  std::optional<type> whole_type() {
    auto read = next_type();
    return read && rest().empty() ? read : std::nullopt;
  }

  std::optional<signature> whole_signature() {
    signature made;
    auto head = name();
    auto arguments = list();
    if (head.empty() || !arguments) {
      if (head.empty() || !take('.')) return std::nullopt;
      made.receiver = true;
      made.parameters.push_back(build(head, {}));
      made.name = name();
    } else if (take('.')) {
      made.receiver = true;
      made.parameters.push_back(build(head, std::exchange(*arguments, {})));
      made.name = name();
    } else {
      made.name = head;
    }
    if (made.receiver) arguments = list();
    if (made.name.empty() || !arguments || !take('-') || !take('>')) return std::nullopt;
    for (auto& each : *arguments) made.parameters.push_back(std::move(each));
    auto result = next_type();
    if (!result || !rest().empty()) return std::nullopt;
    made.result = *std::move(result);
    return made;
  }

 private:
  std::string_view rest() {
    while (!text_.empty() && text_.front() == ' ') text_.remove_prefix(1);
    return text_;
  }
  bool take(char c) {
    if (rest().empty() || text_.front() != c) return false;
    text_.remove_prefix(1);
    return true;
  }
  std::string name() {
    std::size_t size = 0;
    const auto text = rest();
    while (size < text.size() && (std::isalnum(static_cast<unsigned char>(text[size])) != 0 || text[size] == '_'))
      ++size;
    std::string read(text.substr(0, size));
    text_.remove_prefix(size);
    return read;
  }
  std::optional<type> next_type() {
    auto head = name();
    if (head.empty()) return std::nullopt;
    while (!rest().empty() && text_.front() == '.') {
      text_.remove_prefix(1);
      head += "." + name();
    }
    if (rest().empty() || text_.front() != '(') return build(head, {});
    auto parts = list();
    return parts ? std::optional(build(head, *std::move(parts))) : std::nullopt;
  }
  std::optional<std::vector<type>> list() {
    if (!take('(')) return std::nullopt;
    std::vector<type> read;
    if (take(')')) return read;
    do {
      auto each = next_type();
      if (!each) return std::nullopt;
      read.push_back(*std::move(each));
    } while (take(','));
    return take(')') ? std::optional(std::move(read)) : std::nullopt;
  }
  static type build(const std::string& head, std::vector<type> parts) {
    if (head.size() == 1 && head[0] >= 'A' && head[0] <= 'Z') return {type_kind::parameter, head, 0, {}};
    auto made = denoted_type(head);
    if (!made) return abstract_type(head, std::move(parts));
    if (!parts.empty()) made->parts = std::move(parts);
    return *std::move(made);
  }

  std::string_view text_;
};

std::string joined(const std::vector<type>& types, std::size_t from) {
  std::string text;
  for (auto i = from; i < types.size(); ++i) text += (i > from ? ", " : "") + types[i].text();
  return text;
}

}  // namespace

std::string type::text() const {
  if (kind == type_kind::parameter) return name.empty() ? "dyn" : name;
  std::string out = name;
  if (kind != type_kind::abstract) {
    for (const auto& each : names) {
      if (each.kind == kind) {
        out = each.name;
        break;
      }
    }
  }
  if (!parts.empty()) out += "(" + joined(parts, 0) + ")";
  return out;
}

std::string signature::text() const {
  const std::string head = receiver ? parameters.front().text() + "." + name : name;
  return head + "(" + joined(parameters, receiver ? 1 : 0) + ") -> " + result.text();
}

std::optional<type> parse_type(std::string_view text) { return reader(text).whole_type(); }

std::optional<signature> parse_signature(std::string_view text) { return reader(text).whole_signature(); }

std::optional<type> denoted_type(std::string_view identifier) {
  if (identifier == "google.protobuf.Duration") return simple(type_kind::duration);
  for (const auto& each : names) {
    if (each.name != identifier) continue;
    if (each.kind == type_kind::list) return list_of({});
    if (each.kind == type_kind::map) return map_of({}, {});
    return simple(each.kind);
  }
  return std::nullopt;
}

}  // namespace kith::profile::cel
