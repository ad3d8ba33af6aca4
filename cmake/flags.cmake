# Compiler flags of every target: warnings are errors, sanitizers by preset, lld as the linker.

add_library(stoker_flags INTERFACE)
target_include_directories(stoker_flags INTERFACE "${CMAKE_SOURCE_DIR}/src")
target_compile_options(stoker_flags INTERFACE
  -Wall -Wextra -Wconversion -Wshadow -Wnon-virtual-dtor -Woverloaded-virtual -Wimplicit-fallthrough
  -Wpedantic -Wno-missing-designated-field-initializers -Werror -fno-omit-frame-pointer -ffile-prefix-map=${CMAKE_SOURCE_DIR}/=)
target_link_options(stoker_flags INTERFACE -fuse-ld=lld)

# function: coroutines stop UBSan with "Cannot represent a difference across sections".
if(STOKER_SANITIZER STREQUAL "asan")
  target_compile_options(stoker_flags INTERFACE -O1 -g1 -fsanitize=address,undefined
    -fno-sanitize=function,vptr,null,alignment -fno-sanitize-recover=all)
  target_link_options(stoker_flags INTERFACE -fsanitize=address,undefined)
elseif(STOKER_SANITIZER STREQUAL "tsan")
  target_compile_options(stoker_flags INTERFACE -O1 -g1 -fsanitize=thread)
  target_link_options(stoker_flags INTERFACE -fsanitize=thread)
elseif(STOKER_SANITIZER STREQUAL "fuzz")
  target_compile_options(stoker_flags INTERFACE -O1 -g1 -fsanitize=fuzzer-no-link,address)
  target_link_options(stoker_flags INTERFACE -fsanitize=address)
elseif(STOKER_SANITIZER STREQUAL "coverage")
  target_compile_options(stoker_flags INTERFACE -O0 -g1 -fprofile-instr-generate -fcoverage-mapping)
  target_link_options(stoker_flags INTERFACE -fprofile-instr-generate)
elseif(NOT STOKER_SANITIZER STREQUAL "")
  message(FATAL_ERROR "STOKER_SANITIZER must be asan, tsan, fuzz, coverage or empty")
endif()
