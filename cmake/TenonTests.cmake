# SPDX-License-Identifier: Apache-2.0
#
# How tests are registered. The environment that the sanitizers need is a property of each test, so that
# ./dev, ctest and an editor run the same thing.
set(TENON_TEST_ENVIRONMENT OMP_WAIT_POLICY=passive)
set(tenon_support ${PROJECT_SOURCE_DIR}/tests/support)
set(tenon_asan_options detect_leaks=1 allocator_may_return_null=1 strict_string_checks=1)
list(JOIN tenon_asan_options ":" tenon_asan_options)

# Criterion runs each test in a child whose exit nobody watches for leaks; there TN_TEST asks for them at
# the end of the body, and the check at exit would only see Criterion's own.
function(tenon_sanitizer_environment out criterion)
  set(environment ${TENON_TEST_ENVIRONMENT})
  if(TENON_SANITIZE MATCHES "address")
    set(asan "ASAN_OPTIONS=${tenon_asan_options}")
    if(criterion)
      string(APPEND asan ":leak_check_at_exit=0")
    endif()
    list(APPEND environment "${asan}"
         "LSAN_OPTIONS=suppressions=${tenon_support}/lsan.supp:print_suppressions=0"
         "UBSAN_OPTIONS=print_stacktrace=1")
  endif()
  if(TENON_SANITIZE MATCHES "thread")
    list(APPEND environment
         "TSAN_OPTIONS=halt_on_error=1:allocator_may_return_null=1:suppressions=${tenon_support}/tsan.supp")
  endif()
  set(${out} ${environment} PARENT_SCOPE)
endfunction()

# tenon_add_criterion_program(<name> <sources>...): a Criterion executable, not yet registered.
function(tenon_add_criterion_program name)
  tenon_add_program(${name} OUTPUT ${name} SOURCES ${ARGN}
                    LINK tenon_test_support tenon $<TARGET_NAME_IF_EXISTS:tenon_nn>
                         $<TARGET_NAME_IF_EXISTS:tenon_conformance> ${CMAKE_DL_LIBS} Threads::Threads)
  target_compile_definitions(${name} PRIVATE
    TN_TEST_PLUGIN_DIR="${TENON_TEST_PLUGIN_DIR}" TN_TEST_DATA_DIR="${PROJECT_SOURCE_DIR}/tests/data"
    TN_SOURCE_DIR="${PROJECT_SOURCE_DIR}" TN_BUILD_DIR="${PROJECT_BINARY_DIR}")
endfunction()

# tenon_add_criterion_test(<name> <sources>...): one CTest entry; CTest runs the programs side by side,
# so each runs its own tests one after the other.
function(tenon_add_criterion_test name)
  tenon_add_criterion_program(${name} ${ARGN})
  add_test(NAME ${name} COMMAND ${name} --jobs 1)
  tenon_sanitizer_environment(environment ON)
  set_tests_properties(${name} PROPERTIES ENVIRONMENT "${environment}" TIMEOUT 600)
endfunction()

# tenon_add_program_test(<target>): a program that must exit with 0, and leak nothing.
function(tenon_add_program_test target)
  add_test(NAME ${target} COMMAND ${target} ${ARGN})
  tenon_sanitizer_environment(environment OFF)
  set_tests_properties(${target} PROPERTIES ENVIRONMENT "${environment}" TIMEOUT 600)
endfunction()
