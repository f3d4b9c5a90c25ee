# What `cmake --install` puts where: the libraries and their headers, a package for find_package(flowmatch), and
# the command where it is built.
#
# Of the libraries that flowmatch is made from, users meet only Eigen, in its headers. A project that has no
# Eigen of its own gets the copy that flowmatch was built with. Highway is within libflowmatch.a.

include(CMakePackageConfigHelpers)
include(GNUInstallDirs)

set(package_dir "${CMAKE_INSTALL_LIBDIR}/cmake/flowmatch")
set(eigen_dir "${CMAKE_INSTALL_DATADIR}/flowmatch/eigen")

# Its few functions, which would otherwise have to be found beside the library.
target_sources(flowmatch PRIVATE "$<TARGET_OBJECTS:hwy>")
# Eigen aligns what it allocates as the instruction set of the compilation wants it, and frees it in another way:
# a program compiled for AVX could not free what the library has allocated.
target_compile_definitions(flowmatch INTERFACE "$<INSTALL_INTERFACE:EIGEN_MAX_ALIGN_BYTES=16>")

set(libraries flowmatch)
install(DIRECTORY core/include/flowmatch DESTINATION "${CMAKE_INSTALL_INCLUDEDIR}")
if(TARGET flowmatch_io)
  set_target_properties(flowmatch_io PROPERTIES EXPORT_NAME io)
  list(APPEND libraries flowmatch_io)
  install(DIRECTORY core/io/include/flowmatch DESTINATION "${CMAKE_INSTALL_INCLUDEDIR}")
endif()
if(TARGET flowmatch_command)
  install(TARGETS flowmatch_command RUNTIME DESTINATION "${CMAKE_INSTALL_BINDIR}")
endif()
install(TARGETS ${libraries}
  EXPORT flowmatch
  ARCHIVE DESTINATION "${CMAKE_INSTALL_LIBDIR}"
  INCLUDES DESTINATION "${CMAKE_INSTALL_INCLUDEDIR}")
install(EXPORT flowmatch
  FILE flowmatchTargets.cmake
  NAMESPACE flowmatch::
  DESTINATION "${package_dir}")

get_target_property(eigen_source Eigen3::Eigen INTERFACE_INCLUDE_DIRECTORIES)
install(DIRECTORY "${eigen_source}/Eigen" DESTINATION "${eigen_dir}"
  PATTERN CMakeLists.txt EXCLUDE)
install(FILES "${eigen_source}/COPYING.MPL2" DESTINATION "${eigen_dir}")

configure_package_config_file(core/cmake/flowmatchConfig.cmake.in
  "${PROJECT_BINARY_DIR}/flowmatchConfig.cmake"
  INSTALL_DESTINATION "${package_dir}"
  PATH_VARS eigen_dir)
write_basic_package_version_file("${PROJECT_BINARY_DIR}/flowmatchConfigVersion.cmake"
  COMPATIBILITY SameMinorVersion)
install(FILES
  "${PROJECT_BINARY_DIR}/flowmatchConfig.cmake"
  "${PROJECT_BINARY_DIR}/flowmatchConfigVersion.cmake"
  DESTINATION "${package_dir}")
install(FILES LICENSE DESTINATION "${CMAKE_INSTALL_DOCDIR}")
