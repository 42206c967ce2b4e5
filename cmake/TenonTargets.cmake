# SPDX-License-Identifier: Apache-2.0
#
# How Tenon's targets are made: compiler settings, the shared library, the backend, the program. Each
# folder's list file says only which sources belong to which target.
set(CMAKE_C_STANDARD 11)
set(CMAKE_C_STANDARD_REQUIRED ON)
set(CMAKE_C_EXTENSIONS OFF)
set(CMAKE_C_VISIBILITY_PRESET hidden)
set(CMAKE_POSITION_INDEPENDENT_CODE ON)
set(CMAKE_EXPORT_COMPILE_COMMANDS ON)

if(NOT CMAKE_BUILD_TYPE AND NOT CMAKE_CONFIGURATION_TYPES)
  set(CMAKE_BUILD_TYPE Release CACHE STRING "Debug, Release, RelWithDebInfo or MinSizeRel" FORCE)
endif()
set(CMAKE_C_FLAGS_RELEASE "-O2 -DNDEBUG")

# --- where things go -------------------------------------------------------------------------------------

# The plugin ABI's number has one home: the header.
set(TN_ABI_VERSION 0)
set(plugin_header ${PROJECT_SOURCE_DIR}/plugin_api/include/tenon/plugin.h)
if(EXISTS ${plugin_header})
  set_property(DIRECTORY ${PROJECT_SOURCE_DIR} APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS ${plugin_header})
  file(STRINGS ${plugin_header} abi_line REGEX "^#define[ \t]+TN_ABI_VERSION[ \t]")
  if(NOT abi_line MATCHES "TN_ABI_VERSION[^0-9]+([0-9]+)")
    message(FATAL_ERROR "no '#define TN_ABI_VERSION <number>' in ${plugin_header}")
  endif()
  set(TN_ABI_VERSION ${CMAKE_MATCH_1})
endif()

set(CMAKE_RUNTIME_OUTPUT_DIRECTORY ${PROJECT_BINARY_DIR}/bin)
set(CMAKE_LIBRARY_OUTPUT_DIRECTORY ${PROJECT_BINARY_DIR}/lib)
set(CMAKE_ARCHIVE_OUTPUT_DIRECTORY ${PROJECT_BINARY_DIR}/lib)
set(TENON_PLUGIN_SUBDIR tenon/abi${TN_ABI_VERSION})
set(TENON_BUILD_PLUGIN_DIR ${PROJECT_BINARY_DIR}/lib/${TENON_PLUGIN_SUBDIR})
set(TENON_TEST_PLUGIN_DIR ${PROJECT_BINARY_DIR}/lib/test_plugins)
set(TENON_INSTALL_PLUGIN_DIR ${CMAKE_INSTALL_LIBDIR}/${TENON_PLUGIN_SUBDIR})

set(CMAKE_BUILD_RPATH_USE_ORIGIN ON)
file(RELATIVE_PATH tenon_bin_to_lib ${CMAKE_INSTALL_FULL_BINDIR} ${CMAKE_INSTALL_FULL_LIBDIR})

# --- what the compiler is told ---------------------------------------------------------------------------

# Sanitizers apply to everything that is built, backends included; -O1 keeps the tests quick.
if(TENON_SANITIZE)
  add_compile_options(-fsanitize=${TENON_SANITIZE} -fno-omit-frame-pointer -O1 -g)
  add_link_options(-fsanitize=${TENON_SANITIZE})
  add_compile_definitions(TN_SANITIZE=1)
  if(TENON_SANITIZE MATCHES "undefined")
    # A report that lets the program go on would let the test pass.
    add_compile_options(-fno-sanitize-recover=undefined)
    add_link_options(-fno-sanitize-recover=undefined)
  endif()
endif()

find_package(Threads REQUIRED)
find_package(OpenMP QUIET COMPONENTS C)

# Warnings and language settings of every target that is ours. Strict C11 hides POSIX, so it is asked for;
# the core and the backends, which talk to the system, say _GNU_SOURCE themselves.
function(tenon_defaults target)
  target_compile_definitions(${target} PRIVATE _POSIX_C_SOURCE=200809L)
  target_compile_options(${target} PRIVATE -Wall -Wextra -Wpedantic -Wconversion -Wshadow)
  if(TENON_WERROR)
    target_compile_options(${target} PRIVATE -Werror)
    if(TENON_SANITIZE)
      # Instrumented code makes these two guess wrongly; the plain build still has them.
      target_compile_options(${target} PRIVATE -Wno-error=maybe-uninitialized
                                               -Wno-error=stringop-overflow)
    endif()
  endif()
endfunction()

# Kernels are compiled at -O3 and may reorder what ISO C fixes only for errno and traps.
set(TENON_KERNEL_OPTIONS -fno-math-errno -fno-trapping-math -ffp-contract=fast)
if(NOT TENON_SANITIZE)
  list(APPEND TENON_KERNEL_OPTIONS $<$<NOT:$<CONFIG:Debug>>:-O3>)
endif()

# The variants of a *.simd.c file on this processor: a list of isa names, and their flags in TENON_ISA_<isa>.
set(TENON_ISAS baseline)
set(TENON_ISA_baseline "")
if(CMAKE_SYSTEM_PROCESSOR MATCHES "^(x86_64|AMD64|amd64)$" AND CMAKE_SIZEOF_VOID_P EQUAL 8)
  list(APPEND TENON_ISAS avx2 avx512)
  set(TENON_ISA_avx2 -mavx2 -mfma -mf16c)
  set(TENON_ISA_avx512 -mavx512f -mavx512dq -mavx512bw -mavx512vl -mfma -mf16c -mprefer-vector-width=512)
endif()

# --- the kinds of target ---------------------------------------------------------------------------------

# Every backend hangs on this, so that building one program also builds what it loads at run time.
add_custom_target(tenon_plugins)

# tenon_add_library(<target> OUTPUT <name> EXPORT <name> INCLUDE <dir> SOURCES ... [LINK ...])
# One of the shared libraries, with its public headers.
function(tenon_add_library target)
  cmake_parse_arguments(ARG "" "OUTPUT;EXPORT;INCLUDE" "SOURCES;LINK" ${ARGN})
  add_library(${target} SHARED ${ARG_SOURCES})
  add_library(tenon::${ARG_EXPORT} ALIAS ${target})
  tenon_defaults(${target})
  set_target_properties(${target} PROPERTIES OUTPUT_NAME ${ARG_OUTPUT} EXPORT_NAME ${ARG_EXPORT}
                        VERSION ${PROJECT_VERSION} SOVERSION ${PROJECT_VERSION_MAJOR}
                        INSTALL_RPATH $ORIGIN)
  target_include_directories(${target} PUBLIC $<BUILD_INTERFACE:${ARG_INCLUDE}>
                             $<INSTALL_INTERFACE:${CMAKE_INSTALL_INCLUDEDIR}>)
  target_link_libraries(${target} ${ARG_LINK})
  target_link_options(${target} PRIVATE -Wl,--as-needed)
  if(NOT TENON_SANITIZE)
    target_link_options(${target} PRIVATE -Wl,-z,defs)
  endif()
  install(TARGETS ${target} EXPORT TenonTargets LIBRARY DESTINATION ${CMAKE_INSTALL_LIBDIR})
  install(DIRECTORY ${ARG_INCLUDE}/tenon DESTINATION ${CMAKE_INSTALL_INCLUDEDIR}
          FILES_MATCHING PATTERN "*.h")
endfunction()

# tenon_add_backend(<name> SOURCES ... [TEST_ONLY] [LINK ...])
# libtenon_backend_<name>.so, built on plugin_api alone. *.simd.c sources are compiled once for each
# instruction set, with TN_ISA defined as its name; sources that mention OpenMP are compiled with it.
# TEST_ONLY backends go where only the tests look. Other languages' sources (.cu) get no C flags.
function(tenon_add_backend name)
  cmake_parse_arguments(ARG "TEST_ONLY" "" "SOURCES;LINK" ${ARGN})
  set(target tenon_backend_${name})
  set(simd_sources ${ARG_SOURCES})
  list(FILTER simd_sources INCLUDE REGEX "\\.simd\\.c$")
  set(sources ${ARG_SOURCES})
  list(FILTER sources EXCLUDE REGEX "\\.simd\\.c$")

  add_library(${target} MODULE ${sources})
  set(parts ${target})
  if(simd_sources)
    foreach(isa IN LISTS TENON_ISAS)
      add_library(${target}_${isa} OBJECT ${simd_sources})
      target_compile_definitions(${target}_${isa} PRIVATE TN_ISA=${isa})
      target_compile_options(${target}_${isa} PRIVATE ${TENON_ISA_${isa}})
      target_sources(${target} PRIVATE $<TARGET_OBJECTS:${target}_${isa}>)
      list(APPEND parts ${target}_${isa})
    endforeach()
  endif()

  set(uses_openmp OFF)
  if(OpenMP_C_FOUND)
    foreach(source IN LISTS sources)
      get_filename_component(path ${source} ABSOLUTE)
      file(STRINGS ${path} openmp_lines REGEX "TN_HAVE_OPENMP|#[ \t]*pragma[ \t]+omp|omp\\.h")
      if(openmp_lines)
        set_property(SOURCE ${source} APPEND PROPERTY COMPILE_OPTIONS ${OpenMP_C_FLAGS})
        set(uses_openmp ON)
      endif()
    endforeach()
  endif()

  foreach(part IN LISTS parts)
    tenon_defaults(${part})
    target_link_libraries(${part} PRIVATE tenon::plugin_api)
    target_include_directories(${part} PRIVATE ${CMAKE_CURRENT_SOURCE_DIR})
    target_compile_definitions(${part} PRIVATE _GNU_SOURCE)
    target_compile_options(${part} PRIVATE $<$<COMPILE_LANGUAGE:C>:${TENON_KERNEL_OPTIONS}>)
    if(OpenMP_C_FOUND)
      target_compile_definitions(${part} PRIVATE TN_HAVE_OPENMP=1)
    endif()
  endforeach()
  target_link_libraries(${target} PRIVATE ${ARG_LINK} m ${CMAKE_DL_LIBS} Threads::Threads)
  target_link_options(${target} PRIVATE -Wl,--as-needed)
  if(uses_openmp)
    target_link_libraries(${target} PRIVATE ${OpenMP_C_LIBRARIES})
  endif()
  if(NOT TENON_SANITIZE)
    target_link_options(${target} PRIVATE -Wl,-z,defs)
  endif()

  if(ARG_TEST_ONLY)
    set_target_properties(${target} PROPERTIES LIBRARY_OUTPUT_DIRECTORY ${TENON_TEST_PLUGIN_DIR})
  else()
    set_target_properties(${target} PROPERTIES LIBRARY_OUTPUT_DIRECTORY ${TENON_BUILD_PLUGIN_DIR})
    install(TARGETS ${target} LIBRARY DESTINATION ${TENON_INSTALL_PLUGIN_DIR})
    set_property(GLOBAL APPEND PROPERTY TENON_BACKENDS ${name})
  endif()
  add_dependencies(tenon_plugins ${target})
endfunction()

# tenon_add_program(<target> OUTPUT <name> SOURCES ... [LINK ...])
function(tenon_add_program target)
  cmake_parse_arguments(ARG "" "OUTPUT" "SOURCES;LINK" ${ARGN})
  add_executable(${target} ${ARG_SOURCES})
  tenon_defaults(${target})
  set_target_properties(${target} PROPERTIES OUTPUT_NAME ${ARG_OUTPUT}
                        INSTALL_RPATH $ORIGIN/${tenon_bin_to_lib})
  target_link_libraries(${target} PRIVATE ${ARG_LINK} m)
  target_link_options(${target} PRIVATE -Wl,--as-needed)
  add_dependencies(${target} tenon_plugins)
endfunction()
