// What of an answer is personal data, and the answer without it (docs/security.md, "Masking").
//
// Thread safety: a personal_rules is not changed once it is made; shared_personal_rules from any thread.
#pragma once

#include <map>
#include <memory>
#include <mutex>
#include <nlohmann/json.hpp>
#include <set>
#include <string>
#include <string_view>
#include <vector>

namespace kith::admin {

/// [pii]. A name stands for a member at any depth, a dotted path for one within another; case, `_` and `-` do not
/// count: `first_name` is `firstName`.
struct personal_settings {
  std::vector<std::string> traits{"email",    "phone",    "mobile",        "name",       "firstName",
                                  "lastName", "fullName", "middleName",    "maidenName", "displayName",
                                  "username", "nickname", "birthday",      "birthDate",  "dateOfBirth",
                                  "gender",   "address",  "street",        "postalCode", "zip",
                                  "avatar",   "photo",    "ssn",           "nationalId", "passport",
                                  "taxId",    "iban",     "accountNumber", "cardNumber", "ip"};
  std::vector<std::string> properties{
      "email",           "phone",    "mobile",     "firstName",     "lastName",   "fullName",
      "username",        "birthday", "birthDate",  "dateOfBirth",   "address",    "billingAddress",
      "shippingAddress", "street",   "postalCode", "zip",           "ssn",        "nationalId",
      "passport",        "taxId",    "iban",       "accountNumber", "cardNumber", "ip"};
  std::vector<std::string> context{"ip",           "location",    "device.id", "device.advertisingId",
                                   "device.token", "device.name", "userAgent"};
  std::vector<std::string> ids{"email", "phone"};  ///< kinds: user, anonymous, or an external type
  /// What a name of these lists is, beside personal_classes(): a word. A name that is only here is one of traits.
  std::map<std::string, std::string> classes{};
  bool detect = true;  ///< text that holds an e-mail address, or is a phone number, is personal wherever it stands
};

/// What the usual names are, by their plain form: {"phone", "contact"}, …
const std::map<std::string_view, std::string_view>& personal_classes();

class personal_rules {
 public:
  /// One name that is personal.
  struct classified {
    std::string name;       ///< as it is configured
    std::string_view held;  ///< traits, properties, context or ids
    std::string what;       ///< its class; `personal`: nobody said more
  };
  static constexpr std::string_view mask = "•••";

  explicit personal_rules(const personal_settings& settings = {});

  /// Masks an answer: each of its `items`, if it has some, else itself. What was masked is listed, as dotted paths, in
  /// the member `masked` of each; it is there, be it empty.
  void mask_answer(nlohmann::json& answer) const;
  const std::vector<classified>& names() const noexcept { return names_; }
  /// The same for lines of JSON.
  std::string mask_lines(std::string_view lines) const;

 private:
  using path = std::vector<std::string>;  ///< of plain names
  using path_list = std::vector<path>;
  enum class place : unsigned char { elsewhere, traits, properties, context };
  struct walk;

  void mask_one(nlohmann::json& one) const;
  void descend(nlohmann::json& value, walk& at) const;
  void descend_object(nlohmann::json& object, walk& at) const;
  bool is_personal(const walk& at) const;
  bool is_personal_id(const nlohmann::json& object, std::string_view key) const;
  bool looks_personal(std::string_view text) const;
  void mask_explanation(nlohmann::json& parts, std::vector<std::string>& masked) const;
  static void hide(nlohmann::json& value, walk& at);

  std::vector<classified> names_;
  path_list traits_;
  path_list properties_;
  path_list context_;
  std::set<std::string> words_;  ///< the last name of each path
  std::set<std::string> ids_;
  bool detect_ = true;
};

/// Those that hold now.
class shared_personal_rules {
 public:
  std::shared_ptr<const personal_rules> current() const {
    const std::lock_guard lock(mutex_);
    return rules_;
  }
  void set(const personal_settings& settings) {
    auto made = std::make_shared<const personal_rules>(settings);
    const std::lock_guard lock(mutex_);
    rules_ = std::move(made);
  }

 private:
  mutable std::mutex mutex_;
  std::shared_ptr<const personal_rules> rules_ = std::make_shared<const personal_rules>();
};

}  // namespace kith::admin
