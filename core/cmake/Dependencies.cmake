# Makes the libraries of Sources.cmake into targets, from source in every build, so that the native and the
# WebAssembly programs run the same code: Eigen3::Eigen, hwy, Catch2::Catch2WithMain; and for native programs
# only CLI11::CLI11, nlohmann_json::nlohmann_json, stb.
#
# The sources are, the first that there is: FETCHCONTENT_SOURCE_DIR_<NAME> as given by the user,
# .toolchain/cpp as filled by the project's set-up, or a download.

include_guard(GLOBAL)
include(FetchContent)
include("${CMAKE_CURRENT_LIST_DIR}/Sources.cmake")

# Unpacked files are as new as their unpacking, where CMake asks which way is meant.
if(POLICY CMP0135)
  cmake_policy(SET CMP0135 NEW)
endif()

# Sets <name>_SOURCE_DIR and <name>_BINARY_DIR. No code of the library is run yet: the SOURCE_SUBDIR holds no
# CMakeLists.txt, so that FetchContent adds no target.
macro(flowmatch_fetch name)
  string(TOUPPER ${name} key)
  set(fetched "${PROJECT_SOURCE_DIR}/.toolchain/cpp/${name}-${FLOWMATCH_${key}_VERSION}")
  if(NOT FETCHCONTENT_SOURCE_DIR_${key} AND EXISTS "${fetched}")
    set(FETCHCONTENT_SOURCE_DIR_${key} "${fetched}")
  endif()
  FetchContent_Declare(${name}
    URL ${FLOWMATCH_${key}_UPSTREAM} https://deb.debian.org/debian/${FLOWMATCH_${key}_DEBIAN}
    URL_HASH SHA256=${FLOWMATCH_${key}_SHA256}
    SOURCE_SUBDIR no-targets)
  FetchContent_MakeAvailable(${name})
endmacro()

# Adds the library's own targets, of which only those that we link are built and none is installed, and makes
# the headers of `ARGN` system headers: our warnings are for our own code.
macro(flowmatch_add_targets name)
  add_subdirectory("${${name}_SOURCE_DIR}" "${${name}_BINARY_DIR}" EXCLUDE_FROM_ALL)
  foreach(target ${ARGN})
    get_target_property(includes ${target} INTERFACE_INCLUDE_DIRECTORIES)
    set_target_properties(${target} PROPERTIES
      INTERFACE_SYSTEM_INCLUDE_DIRECTORIES "${includes}")
  endforeach()
endmacro()

# A library of headers, in the folder ARGN of its sources, as a target, without its own CMakeLists.txt, which would
# look for much else. Imported, so that what is installed names it and does not try to install it.
macro(flowmatch_add_headers name target)
  if(NOT TARGET ${target})
    flowmatch_fetch(${name})
    add_library(${target} INTERFACE IMPORTED GLOBAL)
    target_include_directories(${target} SYSTEM INTERFACE "${${name}_SOURCE_DIR}${ARGN}")
  endif()
endmacro()

function(flowmatch_add_eigen)
  if(NOT TARGET Eigen3::Eigen)
    flowmatch_add_headers(eigen Eigen3::Eigen)
    # Only the permissively licensed parts.
    target_compile_definitions(Eigen3::Eigen INTERFACE EIGEN_MPL2_ONLY)
  endif()
endfunction()

function(flowmatch_add_cli11)
  flowmatch_add_headers(cli11 CLI11::CLI11 /include)
endfunction()

function(flowmatch_add_nlohmann_json)
  flowmatch_add_headers(nlohmann_json nlohmann_json::nlohmann_json /include)
endfunction()

function(flowmatch_add_stb)
  flowmatch_add_headers(stb stb)
endfunction()

function(flowmatch_add_highway)
  if(NOT TARGET hwy)
    set(CMAKE_POLICY_DEFAULT_CMP0077 NEW)  # it honours the next line
    set(BUILD_TESTING OFF)
    set(HWY_ENABLE_CONTRIB OFF CACHE BOOL "")
    set(HWY_ENABLE_EXAMPLES OFF CACHE BOOL "")
    set(HWY_ENABLE_INSTALL OFF CACHE BOOL "")
    set(HWY_ENABLE_TESTS OFF CACHE BOOL "")
    flowmatch_fetch(highway)
    flowmatch_add_targets(highway hwy)
  endif()
endfunction()

# Also makes `include(Catch)` find catch_discover_tests.
function(flowmatch_add_catch2)
  if(NOT TARGET Catch2::Catch2WithMain)
    flowmatch_fetch(catch2)
    flowmatch_add_targets(catch2 Catch2 Catch2WithMain)
    # All its files compiled as one: a third of the time.
    set_target_properties(Catch2 PROPERTIES UNITY_BUILD ON UNITY_BUILD_BATCH_SIZE 0)
    set(CMAKE_MODULE_PATH "${CMAKE_MODULE_PATH};${catch2_SOURCE_DIR}/extras" PARENT_SCOPE)
  endif()
endfunction()
