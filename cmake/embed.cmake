# stoker_embed(TARGET TREES PREFIX=FOLDER ... FILES NAME=PATH ...)
#   Adds the files to a target, readable through src/assets/assets.h. A file that changes, appears or goes is noticed by
#   the next build.
find_package(Python3 REQUIRED COMPONENTS Interpreter)

function(stoker_embed TARGET)
  cmake_parse_arguments(ARG "" "" "TREES;FILES" ${ARGN})
  set(out "${CMAKE_CURRENT_BINARY_DIR}/embedded")
  set(script "${CMAKE_SOURCE_DIR}/cmake/embed.py")
  set(inputs "${script}")
  set(words --output "${out}")
  foreach(tree IN LISTS ARG_TREES)
    string(REGEX REPLACE "^[^=]*=" "" folder "${tree}")
    file(GLOB_RECURSE found CONFIGURE_DEPENDS LIST_DIRECTORIES false "${folder}/*")
    list(APPEND inputs ${found})
    list(APPEND words --tree "${tree}")
  endforeach()
  foreach(file IN LISTS ARG_FILES)
    string(REGEX REPLACE "^[^=]*=" "" path "${file}")
    list(APPEND inputs "${path}")
    list(APPEND words --file "${file}")
  endforeach()

  add_custom_command(
    OUTPUT "${out}/embedded.S" "${out}/embedded.cc"
    COMMAND Python3::Interpreter "${script}" ${words}
    COMMAND "${CMAKE_COMMAND}" -E touch "${out}/embedded.S" "${out}/embedded.cc"
    DEPENDS ${inputs}
    COMMENT "Embedding pages and texts"
    VERBATIM)
  # The assembler includes the files by name, which the build system cannot see.
  set_source_files_properties("${out}/embedded.S" PROPERTIES OBJECT_DEPENDS "${inputs}")
  target_sources(${TARGET} PRIVATE "${out}/embedded.S" "${out}/embedded.cc")
endfunction()
