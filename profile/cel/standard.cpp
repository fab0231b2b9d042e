#include "profile/cel/standard.hpp"

#include <array>
#include <string>

namespace kith::profile::cel {

namespace {

struct row {
  standard which;
  const char* shape;
};

constexpr row rows[] = {
    {standard::size, "size(string) -> int"},
    {standard::size, "size(bytes) -> int"},
    {standard::size, "size(list(A)) -> int"},
    {standard::size, "size(map(A, B)) -> int"},
    {standard::size, "string.size() -> int"},
    {standard::size, "bytes.size() -> int"},
    {standard::size, "list(A).size() -> int"},
    {standard::size, "map(A, B).size() -> int"},
    {standard::contains, "string.contains(string) -> bool"},
    {standard::starts_with, "string.startsWith(string) -> bool"},
    {standard::ends_with, "string.endsWith(string) -> bool"},
    {standard::matches, "matches(string, string) -> bool"},
    {standard::matches, "string.matches(string) -> bool"},
    {standard::to_integer, "int(int) -> int"},
    {standard::to_integer, "int(uint) -> int"},
    {standard::to_integer, "int(double) -> int"},
    {standard::to_integer, "int(string) -> int"},
    {standard::to_integer, "int(timestamp) -> int"},
    {standard::to_natural, "uint(uint) -> uint"},
    {standard::to_natural, "uint(int) -> uint"},
    {standard::to_natural, "uint(double) -> uint"},
    {standard::to_natural, "uint(string) -> uint"},
    {standard::to_real, "double(double) -> double"},
    {standard::to_real, "double(int) -> double"},
    {standard::to_real, "double(uint) -> double"},
    {standard::to_real, "double(string) -> double"},
    {standard::to_string, "string(string) -> string"},
    {standard::to_string, "string(bool) -> string"},
    {standard::to_string, "string(int) -> string"},
    {standard::to_string, "string(uint) -> string"},
    {standard::to_string, "string(double) -> string"},
    {standard::to_string, "string(bytes) -> string"},
    {standard::to_string, "string(timestamp) -> string"},
    {standard::to_string, "string(duration) -> string"},
    {standard::to_bytes, "bytes(bytes) -> bytes"},
    {standard::to_bytes, "bytes(string) -> bytes"},
    {standard::to_boolean, "bool(bool) -> bool"},
    {standard::to_boolean, "bool(string) -> bool"},
    {standard::to_timestamp, "timestamp(timestamp) -> timestamp"},
    {standard::to_timestamp, "timestamp(string) -> timestamp"},
    {standard::to_timestamp, "timestamp(int) -> timestamp"},
    {standard::to_duration, "duration(duration) -> duration"},
    {standard::to_duration, "duration(string) -> duration"},
    {standard::to_dyn, "dyn(A) -> dyn"},
    {standard::type, "type(A) -> type(A)"},
};

struct getter {
  standard which;
  const char* name;
  bool of_duration;
};

constexpr getter getters[] = {
    {standard::get_full_year, "getFullYear", false},
    {standard::get_month, "getMonth", false},
    {standard::get_date, "getDate", false},
    {standard::get_day_of_month, "getDayOfMonth", false},
    {standard::get_day_of_year, "getDayOfYear", false},
    {standard::get_day_of_week, "getDayOfWeek", false},
    {standard::get_hours, "getHours", true},
    {standard::get_minutes, "getMinutes", true},
    {standard::get_seconds, "getSeconds", true},
    {standard::get_milliseconds, "getMilliseconds", true},
};

std::vector<standard_function> make_functions() {
  std::vector<standard_function> made;
  for (const auto& each : rows) made.push_back({each.which, parse_signature(each.shape).value()});
  for (const auto& each : getters) {
    const std::string call = std::string(".") + each.name;
    made.push_back({each.which, parse_signature("timestamp" + call + "() -> int").value()});
    made.push_back({each.which, parse_signature("timestamp" + call + "(string) -> int").value()});
    if (each.of_duration) made.push_back({each.which, parse_signature("duration" + call + "() -> int").value()});
  }
  return made;
}

/// `types`: what stands for T, one overload each.
void add_same(std::vector<signature>& to, std::string_view types, const char* result = nullptr) {
  while (!types.empty()) {
    const auto space = types.find(' ');
    const std::string t(types.substr(0, space));
    std::string shape = "o(" + t;
    shape.append(", ").append(t).append(") -> ").append(result == nullptr ? t : result);
    to.push_back(parse_signature(shape).value());
    types.remove_prefix(space == std::string_view::npos ? types.size() : space + 1);
  }
}

void add_each(std::vector<signature>& to, std::initializer_list<const char*> shapes) {
  for (const auto* each : shapes) to.push_back(parse_signature(each).value());
}

using overload_table = std::array<std::vector<signature>, static_cast<std::size_t>(op::index) + 1>;

overload_table make_overloads() {
  overload_table made;
  const auto of = [&made](op operation) -> std::vector<signature>& {
    return made[static_cast<std::size_t>(operation)];
  };
  for (const auto each : {op::less, op::less_equal, op::greater, op::greater_equal}) {
    add_same(of(each), "int uint double string bytes bool timestamp duration", "bool");
    add_each(of(each), {"o(int, uint) -> bool", "o(uint, int) -> bool", "o(int, double) -> bool",
                        "o(double, int) -> bool", "o(uint, double) -> bool", "o(double, uint) -> bool"});
  }
  add_same(of(op::add), "int uint double string bytes duration");
  add_each(of(op::add), {"o(list(A), list(A)) -> list(A)", "o(timestamp, duration) -> timestamp",
                         "o(duration, timestamp) -> timestamp"});
  add_same(of(op::subtract), "int uint double duration");
  add_each(of(op::subtract), {"o(timestamp, timestamp) -> duration", "o(timestamp, duration) -> timestamp"});
  add_same(of(op::multiply), "int uint double");
  add_same(of(op::divide), "int uint double");
  add_same(of(op::modulus), "int uint");
  add_each(of(op::negate), {"o(int) -> int", "o(double) -> double"});
  add_each(of(op::logical_not), {"o(bool) -> bool"});
  return made;
}

}  // namespace

const std::vector<standard_function>& standard_functions() {
  static const auto made = make_functions();
  return made;
}

const std::vector<signature>& overloads_of(op operation) {
  static const auto made = make_overloads();
  return made[static_cast<std::size_t>(operation)];
}

}  // namespace kith::profile::cel
