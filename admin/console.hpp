// The files of the web console (admin/console), which are part of the executable. CMake makes them from what
// admin/console/build.mjs has bundled.
#pragma once

#include <span>
#include <string_view>

namespace kith::admin {

struct console_file {
  std::string_view name;  ///< "index.html", "assets/console-….js"
  std::string_view content_type;
  std::string_view hash;  ///< hexadecimal, of its bytes
  std::string_view bytes;
  std::string_view gzip;  ///< the same, compressed
};

/// All, by name. Empty: the executable was built without Node.js.
std::span<const console_file> console_files();

}  // namespace kith::admin
