#include "admin/personal.hpp"

#include <algorithm>

#include "admin/http.hpp"
#include "admin/json.hpp"

namespace kith::admin {

namespace {

using nlohmann::json;

bool is_letter(char c) noexcept { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); }
bool is_digit(char c) noexcept { return c >= '0' && c <= '9'; }

/// A name as names are compared.
std::string plain(std::string_view name) {
  std::string made;
  for (const char c : name) {
    if (c == '_' || c == '-' || c == ' ') continue;
    made.push_back(c >= 'A' && c <= 'Z' ? static_cast<char>(c + ('a' - 'A')) : c);
  }
  return made;
}

/// Somewhere in it: x@y.z
bool holds_email(std::string_view text) noexcept {
  const auto is_part = [](char c) {
    return is_letter(c) || is_digit(c) || c == '.' || c == '_' || c == '-' || c == '+' || c == '%' ||
           static_cast<unsigned char>(c) >= 128;
  };
  for (auto at = text.find('@'); at != std::string_view::npos; at = text.find('@', at + 1)) {
    if (at == 0 || !is_part(text[at - 1])) continue;
    auto end = at + 1;
    while (end < text.size() && is_part(text[end])) ++end;
    const auto domain = text.substr(at + 1, end - at - 1);
    const auto dot = domain.find('.');
    if (dot != std::string_view::npos && dot != 0 && dot + 1 < domain.size()) return true;
  }
  return false;
}

/// The whole of it: +49 170 1234567
bool is_phone(std::string_view text) noexcept {
  if (text.size() < 8 || text.size() > 24 || text.front() != '+') return false;
  std::size_t digits = 0;
  for (const char c : text.substr(1)) {
    if (is_digit(c)) {
      ++digits;
    } else if (c != ' ' && c != '-' && c != '(' && c != ')' && c != '.' && c != '/') {
      return false;
    }
  }
  return digits >= 7 && digits <= 15;
}

}  // namespace

/// Where in an answer the walk is.
struct personal_rules::walk {
  place where = place::elsewhere;
  path within{};        ///< plain names from the traits, properties or context on
  std::string shown{};  ///< the dotted path
  std::vector<std::string> masked{};
};

const std::map<std::string_view, std::string_view>& personal_classes() {
  static const std::map<std::string_view, std::string_view> classes = {{"email", "contact"},
                                                                       {"phone", "contact"},
                                                                       {"mobile", "contact"},
                                                                       {"address", "contact"},
                                                                       {"billingaddress", "contact"},
                                                                       {"shippingaddress", "contact"},
                                                                       {"street", "contact"},
                                                                       {"postalcode", "contact"},
                                                                       {"zip", "contact"},
                                                                       {"name", "name"},
                                                                       {"firstname", "name"},
                                                                       {"lastname", "name"},
                                                                       {"fullname", "name"},
                                                                       {"middlename", "name"},
                                                                       {"maidenname", "name"},
                                                                       {"displayname", "name"},
                                                                       {"username", "name"},
                                                                       {"nickname", "name"},
                                                                       {"birthday", "demographic"},
                                                                       {"birthdate", "demographic"},
                                                                       {"dateofbirth", "demographic"},
                                                                       {"gender", "demographic"},
                                                                       {"avatar", "image"},
                                                                       {"photo", "image"},
                                                                       {"ssn", "government_id"},
                                                                       {"nationalid", "government_id"},
                                                                       {"passport", "government_id"},
                                                                       {"taxid", "government_id"},
                                                                       {"iban", "financial"},
                                                                       {"accountnumber", "financial"},
                                                                       {"cardnumber", "financial"},
                                                                       {"location", "location"},
                                                                       {"ip", "device"},
                                                                       {"device.id", "device"},
                                                                       {"device.advertisingid", "device"},
                                                                       {"device.token", "device"},
                                                                       {"device.name", "device"},
                                                                       {"useragent", "device"}};
  return classes;
}

personal_rules::personal_rules(const personal_settings& settings) : detect_(settings.detect) {
  std::map<std::string, std::string> said;
  for (const auto& [name, what] : settings.classes) said[plain(name)] = what;
  const auto list = [&](const std::string& text, std::string_view held) {
    const auto key = plain(text);
    const auto known = personal_classes().find(key);
    const auto own = said.find(key);
    names_.push_back({text, held,
                      own != said.end()                   ? own->second
                      : known != personal_classes().end() ? std::string(known->second)
                                                          : "personal"});
  };
  auto traits = settings.traits;
  for (const auto& [name, what] : settings.classes) {
    const auto same = [key = plain(name)](const std::string& each) { return plain(each) == key; };
    const auto is_in = [&](const std::vector<std::string>& names) {
      return std::any_of(names.begin(), names.end(), same);
    };
    if (!is_in(traits) && !is_in(settings.properties) && !is_in(settings.context)) traits.push_back(name);
  }
  const auto take = [&](const std::vector<std::string>& from, path_list& into, std::string_view held) {
    for (const auto& text : from) {
      list(text, held);
      path made;
      for (const auto part : split(text, '.')) made.push_back(plain(part));
      words_.insert(made.back());
      into.push_back(std::move(made));
    }
  };
  take(traits, traits_, "traits");
  take(settings.properties, properties_, "properties");
  take(settings.context, context_, "context");
  for (const auto& each : settings.ids) {
    list(each, "ids");
    ids_.insert(plain(each));
  }
}

bool personal_rules::looks_personal(std::string_view text) const {
  return detect_ && (holds_email(text) || is_phone(text));
}

bool personal_rules::is_personal(const walk& at) const {
  if (at.where == place::elsewhere) return false;
  const auto& rules = at.where == place::traits ? traits_ : at.where == place::properties ? properties_ : context_;
  return std::any_of(rules.begin(), rules.end(), [&](const path& rule) {
    return rule.size() <= at.within.size() && std::equal(rule.rbegin(), rule.rend(), at.within.rbegin());
  });
}

/// Ids by their kind: `userId`, `anonymousIds`, and `id` beside `type` or `kind`.
bool personal_rules::is_personal_id(const json& object, std::string_view key) const {
  const auto name = plain(key);
  if (name == "userid" || name == "userids" || name == "previousid") return ids_.contains("user");
  if (name == "anonymousid" || name == "anonymousids") return ids_.contains("anonymous");
  if (name != "id") return false;
  for (const auto* of : {"type", "kind"}) {
    const auto kind = object.find(of);
    if (kind != object.end() && kind->is_string() && ids_.contains(plain(kind->get_ref<const std::string&>()))) {
      return true;
    }
  }
  return false;
}

void personal_rules::hide(json& value, walk& at) {
  if (value.is_null()) return;
  value = mask;
  at.masked.push_back(at.shown);
}

void personal_rules::descend_object(json& object, walk& at) const {
  std::vector<std::string> keys;
  for (const auto& [key, value] : object.items()) keys.push_back(key);
  for (const auto& key : keys) {
    auto& value = object[key];
    const bool telling = looks_personal(key);
    const auto shown = telling ? std::string(mask) : key;
    walk below{at.where, at.within, at.shown.empty() ? shown : at.shown + "." + shown, {}};
    const bool open = at.where == place::elsewhere || at.where == place::context;
    if (open && (key == "traits" || key == "computed")) {
      below.where = place::traits;
      below.within.clear();
    } else if (at.where == place::elsewhere && key == "properties") {
      below.where = place::properties;
    } else if (at.where == place::elsewhere && key == "context") {
      below.where = place::context;
    } else if (at.where != place::elsewhere) {
      below.within.push_back(plain(key));
    }
    if (is_personal(below) || is_personal_id(object, key)) {
      hide(value, below);
    } else {
      descend(value, below);
    }
    if (telling) {
      object.erase(key);
      object[shown] = mask;
      below.masked = {below.shown};
    }
    at.masked.insert(at.masked.end(), below.masked.begin(), below.masked.end());
  }
}

void personal_rules::descend(json& value, walk& at) const {
  if (value.is_object()) return descend_object(value, at);
  if (value.is_string()) {
    if (looks_personal(value.get_ref<const std::string&>())) hide(value, at);
    return;
  }
  if (!value.is_array()) return;
  for (std::size_t i = 0; i < value.size(); ++i) {
    walk below{at.where, at.within, at.shown + "." + std::to_string(i), {}};
    descend(value[i], below);
    at.masked.insert(at.masked.end(), below.masked.begin(), below.masked.end());
  }
}

/// The value of an expression that names something personal; what it compares with stands in the expression itself.
void personal_rules::mask_explanation(json& parts, std::vector<std::string>& masked) const {
  for (std::size_t i = 0; i < parts.size(); ++i) {
    auto& part = parts[i];
    if (!part.is_object() || !part.contains("value") || !part["value"].is_string()) continue;
    const auto expression = part.value("expression", std::string());
    std::string word;
    bool personal = false;
    for (std::size_t c = 0; c <= expression.size() && !personal; ++c) {
      if (c < expression.size() && (is_letter(expression[c]) || is_digit(expression[c]) || expression[c] == '_')) {
        word.push_back(expression[c]);
        continue;
      }
      personal = !word.empty() && words_.contains(plain(word));
      word.clear();
    }
    const auto& value = part["value"].get_ref<const std::string&>();
    if (!personal || value == "true" || value == "false") continue;
    part["value"] = mask;
    masked.push_back("parts." + std::to_string(i) + ".value");
  }
}

void personal_rules::mask_one(json& one) const {
  if (!one.is_object()) return;
  walk at;
  descend_object(one, at);
  if (one.contains("parts") && one["parts"].is_array()) mask_explanation(one["parts"], at.masked);
  // A dead letter: what was sent, as it came, may hold anything.
  if (one.contains("bytes") && one["bytes"].is_string() && one.contains("encoding")) {
    one["bytes"] = mask;
    at.masked.push_back("bytes");
    if (one.contains("headers") && one["headers"].is_array() && !one["headers"].empty()) {
      for (auto& each : one["headers"]) {
        if (each.is_array() && each.size() == 2) each[1] = mask;
      }
      at.masked.push_back("headers");
    }
  }
  std::sort(at.masked.begin(), at.masked.end());
  at.masked.erase(std::unique(at.masked.begin(), at.masked.end()), at.masked.end());
  one["masked"] = std::move(at.masked);
}

void personal_rules::mask_answer(json& answer) const {
  for (const auto* list : {"items", "sample", "profiles"}) {
    if (!answer.is_object() || !answer.contains(list) || !answer[list].is_array()) continue;
    for (auto& each : answer[list]) mask_one(each);
    return;
  }
  mask_one(answer);
}

std::string personal_rules::mask_lines(std::string_view lines) const {
  std::string made;
  for (const auto line : split(lines, '\n')) {
    if (line.empty()) continue;
    auto one = json::parse(line, nullptr, false);
    mask_one(one);
    made += dump(one) + '\n';
  }
  return made;
}

}  // namespace kith::admin
