// What the configurations of a server and of a forwarder have in common: the tables of the edges, and how a file is
// read.
#pragma once

#include <algorithm>
#include <string>
#include <string_view>

#include "cli/config_reader.hpp"

namespace kith::cli {

/// [dead_letters], [log], [schemas], [outgoing], [oauth], [sources], [[credentials]]. REQUIRES: both outlive the
/// reading.
void describe_edges(table_reader& root, config& into);
/// What can only be checked once all of it is read. Throws bad_config.
void check_edges(const std::string& file_name, const config& made);

/// Errors: not_found.
result<std::string> text_of_config(const std::string& file_name);

/// What a parser saw instead may be a secret that lost its quotes.
inline std::string without_content(std::string_view why) {
  return std::string(why.substr(0, std::min(why.find(", saw"), why.size())));
}

/// What `read` makes of the file's table. Errors: invalid_argument, with the place.
template <class T, class Read>
result<T> read_toml(std::string_view toml_text, const std::string& file_name, Read read) {
  try {
    return read(toml::parse(toml_text, file_name));
  } catch (const toml::parse_error& error) {
    const auto at = error.source().begin;
    return fail(errc::invalid_argument, file_name + ":" + std::to_string(at.line) + ":" + std::to_string(at.column) +
                                            ": is not TOML: " + without_content(error.description()));
  } catch (const bad_config& error) {
    return fail(errc::invalid_argument, error.message);
  }
}

}  // namespace kith::cli
