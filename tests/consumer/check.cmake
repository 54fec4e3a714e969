# Configures, builds and runs the project tests/consumer/WAY in WORK, against the library in SOURCE.
function(run)
  execute_process(COMMAND ${ARGV} RESULT_VARIABLE status OUTPUT_VARIABLE output ERROR_VARIABLE output)
  if(NOT status EQUAL 0)
    list(JOIN ARGV " " command)
    message(FATAL_ERROR "${command}\n${output}")
  endif()
  set(output "${output}" PARENT_SCOPE)
endfunction()

set(consumers "${SOURCE}/tests/consumer")
set(stage "${WORK}/stage")
set(configure "${CMAKE_COMMAND}" -G "${GENERATOR}")
set(with_compiler "-DCMAKE_CXX_COMPILER=${COMPILER}" "-DCMAKE_CXX_COMPILER_LAUNCHER=${LAUNCHER}"
  -DCMAKE_EXPORT_COMPILE_COMMANDS=ON)
file(REMOVE_RECURSE "${WORK}")

if(WAY STREQUAL "subdirectory")
  list(APPEND with_compiler "-DREPSCOPE=${SOURCE}")

elseif(WAY STREQUAL "copied")
  file(COPY "${SOURCE}/include" DESTINATION "${WORK}/build")

elseif(WAY STREQUAL "installed")
  run(${configure} ${with_compiler} -S "${SOURCE}" -B "${WORK}/library" -DREPSCOPE_BUILD_TESTS=OFF
    -DREPSCOPE_BUILD_EXAMPLES=OFF -DREPSCOPE_INSTALL=ON)
  run("${CMAKE_COMMAND}" --install "${WORK}/library" --prefix "${stage}")
  list(APPEND with_compiler "-DCMAKE_PREFIX_PATH=${stage}")

  file(GLOB_RECURSE ours RELATIVE "${SOURCE}" "${SOURCE}/include/*")
  file(GLOB_RECURSE installed RELATIVE "${stage}" "${stage}/include/*")
  list(SORT ours)
  list(SORT installed)
  if(NOT ours STREQUAL installed)
    message(FATAL_ERROR "not the same headers:\n${ours}\n${installed}")
  endif()

  # Only the language level and the two packages may reach a user.
  file(GLOB_RECURSE exported "${stage}/*/repscopeTargets.cmake")
  file(READ "${exported}" exported)
  foreach(wanted IN ITEMS "INTERFACE_COMPILE_FEATURES \"cxx_std_20\""
      "INTERFACE_LINK_LIBRARIES \"Eigen3::Eigen;Threads::Threads\"")
    string(FIND "${exported}" "${wanted}" at)
    if(at EQUAL -1)
      message(FATAL_ERROR "the exported target lacks ${wanted}:\n${exported}")
    endif()
  endforeach()
  string(REGEX MATCHALL "INTERFACE_[A-Z_]+ " properties "${exported}")
  list(REMOVE_DUPLICATES properties)
  list(REMOVE_ITEM properties "INTERFACE_COMPILE_FEATURES " "INTERFACE_LINK_LIBRARIES " "INTERFACE_INCLUDE_DIRECTORIES "
    "INTERFACE_HEADER_SETS ")
  if(properties)
    message(FATAL_ERROR "the exported target has more on its interface: ${properties}")
  endif()

  run(${configure} -S "${consumers}/refused" -B "${WORK}/refused" "-DCMAKE_PREFIX_PATH=${stage}")

else()
  message(FATAL_ERROR "no such consumer: ${WAY}")
endif()

run(${configure} ${with_compiler} -S "${consumers}/${WAY}" -B "${WORK}/build")
file(READ "${WORK}/build/compile_commands.json" commands)
if(commands MATCHES " -(W[a-z]|march|mtune|O[0-9]|f[a-z])")
  message(FATAL_ERROR "flags reach the consumer:\n${commands}")
endif()
run("${CMAKE_COMMAND}" --build "${WORK}/build")
run("${WORK}/build/consumer")
if(NOT output STREQUAL "4 samples, last 2\n")
  message(FATAL_ERROR "the consumer prints \"${output}\"")
endif()
