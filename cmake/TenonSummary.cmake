# SPDX-License-Identifier: Apache-2.0
#
# What this build is, in a few lines at the end of configuring.
get_property(backends GLOBAL PROPERTY TENON_BACKENDS)
list(JOIN backends " " backends)
if(NOT backends)
  set(backends "none")
endif()
set(openmp "no (one thread)")
if(OpenMP_C_FOUND)
  set(openmp "${OpenMP_C_VERSION}")
endif()
set(tests "no")
if(TARGET tenon_test_support)
  set(tests "Criterion")
endif()
set(kind "${CMAKE_BUILD_TYPE}")
if(TENON_SANITIZE)
  string(APPEND kind ", sanitizers ${TENON_SANITIZE}")
endif()
list(JOIN TENON_ISAS " " isas)
message(STATUS "Tenon ${PROJECT_VERSION}, plugin ABI ${TN_ABI_VERSION}: ${kind}, "
               "${CMAKE_C_COMPILER_ID} ${CMAKE_C_COMPILER_VERSION}, ${CMAKE_SYSTEM_PROCESSOR}")
message(STATUS "  backends ${backends} | isa ${isas} | OpenMP ${openmp} | tests ${tests}")
