# Makes KITH_CONSOLE_SOURCE, a C++ source that holds the files of admin/console/dist. They are known when CMake
# configures, as scripts/build bundles them before that; the same bundle makes the same source in every build directory,
# so that ccache has it compiled already.
set(console_dist ${PROJECT_SOURCE_DIR}/admin/console/dist)
set(KITH_CONSOLE_SOURCE ${PROJECT_BINARY_DIR}/console_files.cpp)

file(GLOB console_names CONFIGURE_DEPENDS RELATIVE ${console_dist} ${console_dist}/index.html ${console_dist}/assets/*)
list(FILTER console_names EXCLUDE REGEX "\\.gz$")
list(SORT console_names)
if(NOT console_names)
  message(WARNING "kith is built without its web console: ${console_dist} is not there. scripts/build makes it where "
    "nodejs and npm are installed.")
endif()

# The bytes of a file as the elements of an array.
function(kith_bytes path variable)
  set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS ${path})
  file(READ ${path} hex HEX)
  string(REGEX REPLACE "([0-9a-f][0-9a-f])" "0x\\1," bytes "${hex}")
  set(${variable} "${bytes}" PARENT_SCOPE)
endfunction()

set(console_arrays)
set(console_entries)
set(console_count 0)
foreach(name ${console_names})
  if(name MATCHES "\\.html$")
    set(type "text/html; charset=utf-8")
  elseif(name MATCHES "\\.js$")
    set(type "text/javascript; charset=utf-8")
  elseif(name MATCHES "\\.css$")
    set(type "text/css; charset=utf-8")
  elseif(name MATCHES "\\.svg$")
    set(type "image/svg+xml")
  else()
    message(FATAL_ERROR "scripts/console.cmake: what is the type of ${name}?")
  endif()
  kith_bytes(${console_dist}/${name} plain)
  kith_bytes(${console_dist}/${name}.gz gzip)
  file(SHA256 ${console_dist}/${name} hash)
  string(SUBSTRING ${hash} 0 16 hash)
  string(APPEND console_arrays
    "constexpr unsigned char plain_${console_count}[] = {${plain}};\n"
    "constexpr unsigned char gzip_${console_count}[] = {${gzip}};\n")
  string(APPEND console_entries
    "    {\"${name}\", \"${type}\", \"${hash}\", text_of(plain_${console_count}), text_of(gzip_${console_count})},\n")
  math(EXPR console_count "${console_count} + 1")
endforeach()

string(CONCAT console_source
  "// Made from admin/console/dist by scripts/console.cmake.\n"
  "#include <array>\n"
  "#include <cstddef>\n\n"
  "#include \"admin/console.hpp\"\n\n"
  "namespace kith::admin {\n\nnamespace {\n\n"
  "template <std::size_t size>\n"
  "[[maybe_unused]] std::string_view text_of(const unsigned char (&bytes)[size]) {\n"
  "  return {reinterpret_cast<const char*>(bytes), size};\n"
  "}\n\n"
  "${console_arrays}\n"
  "}  // namespace\n\n"
  "std::span<const console_file> console_files() {\n"
  "  static const std::array<console_file, ${console_count}> all{{\n${console_entries}  }};\n"
  "  return all;\n"
  "}\n\n"
  "}  // namespace kith::admin\n")
file(CONFIGURE OUTPUT ${KITH_CONSOLE_SOURCE} CONTENT "@console_source@" @ONLY)
