# Installs the build in BUILD to a folder in SCRATCH, and there builds and runs the project beside this file:
#   cmake -DBUILD=build/native -DSCRATCH=build/native/consumer -P run.cmake

function(run)
  execute_process(COMMAND ${ARGN} RESULT_VARIABLE result OUTPUT_VARIABLE output ERROR_VARIABLE output)
  if(NOT result EQUAL 0)
    string(REPLACE ";" " " command "${ARGN}")
    message(FATAL_ERROR "${command}\n${output}")
  endif()
  set(output "${output}" PARENT_SCOPE)
endfunction()

function(expect_output pattern)
  if(NOT output MATCHES "${pattern}")
    message(FATAL_ERROR "expected ${pattern}, not\n${output}")
  endif()
endfunction()

file(REMOVE_RECURSE "${SCRATCH}")
run("${CMAKE_COMMAND}" --install "${BUILD}" --prefix "${SCRATCH}/installed" --config Release)
# Moved as a package is: nothing in it may hold the path that it was installed to.
file(RENAME "${SCRATCH}/installed" "${SCRATCH}/moved")
# By the same generator: the one that CMake would choose may not be there.
run("${CMAKE_COMMAND}" -S "${CMAKE_CURRENT_LIST_DIR}" -B "${SCRATCH}/build" -G "${GENERATOR}"
    "-DCMAKE_PREFIX_PATH=${SCRATCH}/moved" "-DCMAKE_CXX_COMPILER=${COMPILER}" "-DCMAKE_CXX_FLAGS=${FLAGS}")
run("${CMAKE_COMMAND}" --build "${SCRATCH}/build")
run("${SCRATCH}/build/consumer")
expect_output("^3 steps done\n$")
run("${SCRATCH}/moved/bin/flowmatch" --version)
expect_output("^${VERSION}\n$")
