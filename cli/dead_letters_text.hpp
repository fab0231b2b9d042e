// Answers about dead letters as text for people.
#pragma once

#include <nlohmann/json.hpp>
#include <string>

namespace kith::cli {

std::string letters_text(const nlohmann::json& letters);
std::string letter_text(const nlohmann::json& letter);
std::string letter_counts_text(const nlohmann::json& counts);
/// What replaying or dropping has done.
std::string decided_text(const nlohmann::json& sum, bool replayed);

}  // namespace kith::cli
