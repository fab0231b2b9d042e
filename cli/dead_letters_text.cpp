#include "cli/dead_letters_text.hpp"

#include "admin/json.hpp"
#include "cli/text_table.hpp"

namespace kith::cli {

namespace {

using nlohmann::json;

constexpr std::size_t shown_message = 60;

/// On one line: what came from outside is not to move the cursor of a terminal.
std::string one_line(std::string text) {
  for (char& each : text) {
    if (static_cast<unsigned char>(each) < 0x20 || each == 0x7f) each = ' ';
  }
  return text;
}

std::string text_in(const json& object, const char* key) {
  const auto found = object.find(key);
  if (found == object.end() || found->is_null()) return "-";
  const auto text = found->is_string() ? found->get<std::string>() : admin::dump(*found);
  return text.empty() ? "-" : one_line(text);
}

std::string in_short(std::string text) {
  if (width_of(text) <= shown_message) return text;
  std::size_t end = shown_message - 1;
  while (end > 0 && (static_cast<unsigned char>(text[end]) & 0xC0) == 0x80) --end;
  return text.substr(0, end) + "…";
}

std::string number_in(const json& object, const char* key) {
  return std::to_string(object.at(key).get<std::uint64_t>());
}

}  // namespace

std::string letters_text(const json& letters) {
  if (letters.empty()) return "no dead letters\n";
  std::vector<std::vector<std::string>> rows{{"ID", "AT", "SOURCE", "EDGE", "CODE", "EVENT", "MESSAGE"}};
  for (const auto& each : letters) {
    rows.push_back({text_in(each, "id"), text_in(each, "at"), text_in(each, "source"), text_in(each, "edge"),
                    text_in(each, "code"), in_short(text_in(each, "event")), in_short(text_in(each, "message"))});
  }
  return table_text(rows);
}

std::string letter_text(const json& letter) {
  std::vector<std::vector<std::string>> rows;
  for (const auto* key : {"id", "at", "source", "edge", "code", "message", "ids", "event", "messageId", "contentType",
                          "size", "attempts", "replayed"}) {
    rows.push_back({std::string(key) + ":", text_in(letter, key)});
  }
  for (const auto& each : letter.at("headers")) {
    rows.push_back({"header:", one_line(each.at(0).get<std::string>() + ": " + each.at(1).get<std::string>())});
  }
  auto text = table_text(rows);
  if (letter.at("truncated") == true) text += "It was cut when it was kept, and cannot be replayed.\n";
  text += '\n';
  if (letter.contains("decoded")) {
    text += letter["decoded"].dump(2, ' ', true, json::error_handler_t::replace);
  } else {
    // As a JSON string if there is anything in it that a terminal might take for an order.
    const auto bytes = letter.at("bytes").get<std::string>();
    const bool plain = std::all_of(bytes.begin(), bytes.end(), [](char each) {
      return (static_cast<unsigned char>(each) >= 0x20 && each != 0x7f) || each == '\n' || each == '\t';
    });
    text += plain ? bytes : json(bytes).dump(-1, ' ', true, json::error_handler_t::replace);
  }
  return text + '\n';
}

std::string letter_counts_text(const json& counts) {
  std::vector<std::vector<std::string>> rows{{"SOURCE", "CODE", "LETTERS", "BYTES"}};
  for (const auto& each : counts.at("items")) {
    rows.push_back(
        {text_in(each, "source"), text_in(each, "code"), number_in(each, "letters"), number_in(each, "bytes")});
  }
  auto text = rows.size() == 1 ? std::string("no dead letters\n") : table_text(rows);
  if (rows.size() > 1) {
    text += number_in(counts, "letters") + (counts.at("letters") == 1 ? " letter, " : " letters, ") +
            number_in(counts, "bytes") + " bytes\n";
  }
  const auto& since = counts.at("sinceStart");
  const auto pushed =
      since.at("pushedOutByBytes").get<std::uint64_t>() + since.at("pushedOutByAge").get<std::uint64_t>();
  if (pushed > 0) text += "since the server's start the bounds pushed out " + std::to_string(pushed) + "\n";
  return text;
}

std::string decided_text(const json& sum, bool replayed) {
  std::string text;
  for (const auto& each : sum.at("failures")) text += text_in(each, "id") + ": " + text_in(each, "message") + '\n';
  if (replayed) {
    text += number_in(sum, "replayed") + " replayed: " + number_in(sum, "applied") + " applied, " +
            number_in(sum, "duplicate") + " duplicate, " + number_in(sum, "rejected") + " refused again, " +
            number_in(sum, "failed") + " failed\n";
    if (sum.at("rejected") != 0) text += "why is in `kith dead-letters show ID`\n";
  } else {
    text += number_in(sum, "dropped") + " dropped\n";
  }
  if (sum.at("missing") != 0) text += number_in(sum, "missing") + " not found\n";
  return text;
}

}  // namespace kith::cli
