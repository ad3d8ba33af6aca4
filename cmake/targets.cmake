# stoker_library(NAME DEPENDS a b SYSTEM lib1 lib2)
#   One static library per folder: every *.cc below the current folder, except *_test.cc.
#   The *_test.cc files become the test program NAME_test, linked with the same libraries.
#   TEST_DEPENDS names libraries that only the tests need.
function(stoker_library NAME)
  cmake_parse_arguments(ARG "" "" "DEPENDS;SYSTEM;TEST_DEPENDS" ${ARGN})
  file(GLOB_RECURSE sources CONFIGURE_DEPENDS "${CMAKE_CURRENT_SOURCE_DIR}/*.cc")
  set(tests ${sources})
  list(FILTER sources EXCLUDE REGEX "_test\\.cc$")
  list(FILTER tests INCLUDE REGEX "_test\\.cc$")

  if(sources)
    add_library(stoker_${NAME} STATIC ${sources})
    target_link_libraries(stoker_${NAME} PUBLIC ${ARG_DEPENDS} ${ARG_SYSTEM} stoker_flags)
  else()
    add_library(stoker_${NAME} INTERFACE)
    target_link_libraries(stoker_${NAME} INTERFACE ${ARG_DEPENDS} ${ARG_SYSTEM} stoker_flags)
  endif()

  if(STOKER_TESTS AND tests)
    stoker_test(${NAME}_test SOURCES ${tests} DEPENDS stoker_${NAME} ${ARG_TEST_DEPENDS})
  endif()
endfunction()

# stoker_test(NAME SOURCES ... DEPENDS ...): one GoogleTest program, registered with ctest.
function(stoker_test NAME)
  cmake_parse_arguments(ARG "" "" "SOURCES;DEPENDS" ${ARGN})
  add_executable(${NAME} ${ARG_SOURCES})
  target_link_libraries(${NAME} PRIVATE ${ARG_DEPENDS} stoker_flags GTest::gtest GTest::gmock GTest::gtest_main)
  target_compile_definitions(${NAME} PRIVATE STOKER_SOURCE_DIR="${CMAKE_SOURCE_DIR}")
  add_test(NAME ${NAME} COMMAND ${NAME} --gtest_brief=1)
  set_tests_properties(${NAME} PROPERTIES TIMEOUT 300)
endfunction()
