// What is answered about the dead letters of a process, whatever else it serves.
#pragma once

#include "admin/http.hpp"
#include "admin/parts.hpp"

namespace kith::admin {

response list_letters(const parts& with, const call& asked);
/// The id is the third part of the path.
response show_letter(const parts& with, const call& asked);
response count_letters(const parts& with, const call& asked);
/// REQUIRES: the letters outlive the response.
response export_letters(const parts& with, const call& asked);
/// Replays and drops.
response decide_letters(const parts& with, const call& asked);

}  // namespace kith::admin
