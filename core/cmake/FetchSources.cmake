# Fetches the libraries of Sources.cmake, those that are not there yet, into DESTINATION/<name>-<version>:
#   cmake -DDESTINATION=folder [-DDEBIAN_MIRROR=address] -P FetchSources.cmake
# With DEBIAN_MIRROR the archives come from there when it has them, for machines that reach nothing else.

include("${CMAKE_CURRENT_LIST_DIR}/Sources.cmake")

# Downloads and unpacks one archive, from the first of `urls` that has it.
function(fetch_library folder sha256 urls)
  set(scratch "${folder}.fetching")
  file(REMOVE_RECURSE "${scratch}")
  foreach(url IN LISTS urls)
    message(STATUS "${url}")
    file(DOWNLOAD "${url}" "${scratch}/archive" STATUS status INACTIVITY_TIMEOUT 30)
    list(POP_FRONT status code)
    if(code EQUAL 0)
      file(SHA256 "${scratch}/archive" found)
      if(found STREQUAL sha256)
        file(ARCHIVE_EXTRACT INPUT "${scratch}/archive" DESTINATION "${scratch}/unpacked")
        # The archive holds one folder, by a name of its own.
        file(GLOB content "${scratch}/unpacked/*")
        file(RENAME "${content}" "${folder}")
        file(REMOVE_RECURSE "${scratch}")
        return()
      endif()
      set(status "SHA256 is ${found}, not ${sha256}")
    endif()
    string(APPEND problems "\n  ${url}: ${status}")
  endforeach()
  message(FATAL_ERROR "could not fetch ${folder}:${problems}")
endfunction()

foreach(name IN LISTS FLOWMATCH_LIBRARIES)
  string(TOUPPER ${name} key)
  set(urls ${FLOWMATCH_${key}_UPSTREAM})
  if(DEBIAN_MIRROR)
    list(PREPEND urls ${DEBIAN_MIRROR}/${FLOWMATCH_${key}_DEBIAN})
  endif()
  set(folder "${DESTINATION}/${name}-${FLOWMATCH_${key}_VERSION}")
  if(NOT EXISTS "${folder}")
    fetch_library("${folder}" ${FLOWMATCH_${key}_SHA256} "${urls}")
  endif()
endforeach()
