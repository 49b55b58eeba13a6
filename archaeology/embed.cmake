# SPDX-License-Identifier: Apache-2.0
# Writes OUTPUT, a C++ file that holds the texts of the archaeology as string literals.
# Usage: cmake -D OUTPUT=texts.cc -D DIRECTORY=archaeology "-DNAMES=tar.md,age.md" -P embed.cmake

# Appends the file as a raw string literal.
function(append_literal variable file)
  file(READ "${file}" text)
  string(FIND "${text}" ")MIXTAPE\"" clash)
  if(NOT clash EQUAL -1)
    message(FATAL_ERROR "${file} contains the end of its own literal")
  endif()
  set(${variable} "${${variable}}R\"MIXTAPE(${text})MIXTAPE\"" PARENT_SCOPE)
endfunction()

set(code "// Made by archaeology/embed.cmake.\n#include \"engine/format/archaeology_texts.h\"\n\n")
string(APPEND code "namespace mixtape::format {\n\nstd::string_view readme_template() {\n  return ")
append_literal(code "${DIRECTORY}/README.txt.in")
string(APPEND code ";\n}\n\nstd::span<const ArchaeologyText> archaeology_texts() {\n")
string(APPEND code "  static constexpr ArchaeologyText kTexts[] = {\n")
string(REPLACE "," ";" NAMES "${NAMES}")
foreach(name ${NAMES})
  string(APPEND code "    {\"${name}\", ")
  append_literal(code "${DIRECTORY}/${name}")
  string(APPEND code "},\n")
endforeach()
string(APPEND code "  };\n  return kTexts;\n}\n\n}  // namespace mixtape::format\n")
file(WRITE "${OUTPUT}" "${code}")
