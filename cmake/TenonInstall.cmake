# SPDX-License-Identifier: Apache-2.0
#
# What an installation needs beside the files themselves: pkg-config files and a CMake package, both of
# which find their prefix from where they lie, so that an installed tree can be moved.
if(NOT TARGET tenon)
  return()
endif()
include(CMakePackageConfigHelpers)

# pkg-config
set(pkgconfig_dir ${CMAKE_INSTALL_FULL_LIBDIR}/pkgconfig)
file(RELATIVE_PATH pc_to_prefix ${pkgconfig_dir} ${CMAKE_INSTALL_PREFIX})
file(RELATIVE_PATH pc_libdir ${CMAKE_INSTALL_PREFIX} ${CMAKE_INSTALL_FULL_LIBDIR})
file(RELATIVE_PATH pc_includedir ${CMAKE_INSTALL_PREFIX} ${CMAKE_INSTALL_FULL_INCLUDEDIR})
string(REGEX REPLACE "/$" "" pc_to_prefix "${pc_to_prefix}")
set(pc_files tenon.pc)
if(TARGET tenon_nn)
  list(APPEND pc_files tenon-nn.pc)
endif()
foreach(pc_file IN LISTS pc_files)
  configure_file(${PROJECT_SOURCE_DIR}/cmake/${pc_file}.in ${PROJECT_BINARY_DIR}/${pc_file} @ONLY)
  install(FILES ${PROJECT_BINARY_DIR}/${pc_file} DESTINATION ${CMAKE_INSTALL_LIBDIR}/pkgconfig)
endforeach()

# CMake
set(package_dir ${CMAKE_INSTALL_LIBDIR}/cmake/Tenon)
configure_package_config_file(${PROJECT_SOURCE_DIR}/cmake/TenonConfig.cmake.in
  ${PROJECT_BINARY_DIR}/TenonConfig.cmake INSTALL_DESTINATION ${package_dir}
  PATH_VARS TENON_INSTALL_PLUGIN_DIR)
write_basic_package_version_file(${PROJECT_BINARY_DIR}/TenonConfigVersion.cmake
  COMPATIBILITY SameMinorVersion)
install(FILES ${PROJECT_BINARY_DIR}/TenonConfig.cmake ${PROJECT_BINARY_DIR}/TenonConfigVersion.cmake
        DESTINATION ${package_dir})
install(EXPORT TenonTargets NAMESPACE tenon:: DESTINATION ${package_dir})
