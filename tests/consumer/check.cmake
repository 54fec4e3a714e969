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

  # The same for projects without CMake.
  find_program(pkg_config pkg-config REQUIRED)
  run("${CMAKE_COMMAND}" -E env "PKG_CONFIG_PATH=${stage}/share/pkgconfig" "${pkg_config}" --cflags --libs
    "repscope >= 0.1")
  string(FIND "${output}" "-I${stage}/" at)
  if(at EQUAL -1 OR NOT output MATCHES "-pthread")
    message(FATAL_ERROR "pkg-config: expected the folder of the headers and -pthread, got ${output}")
  endif()
  separate_arguments(flags UNIX_COMMAND "${output}")
  run("${COMPILER}" -std=c++20 "${consumers}/main.cpp" -o "${WORK}/by_pkg_config" ${flags})
  run("${WORK}/by_pkg_config")
  if(NOT output STREQUAL "4 samples, last 2\n")
    message(FATAL_ERROR "the consumer by pkg-config prints \"${output}\"")
  endif()

  # The Debian package of the headers.
  find_program(dpkg_deb dpkg-deb REQUIRED)
  get_filename_component(cmake_folder "${CMAKE_COMMAND}" DIRECTORY)
  run("${cmake_folder}/cpack" -G DEB -D CPACK_COMPONENTS_ALL=headers --config "${WORK}/library/CPackConfig.cmake"
    -B "${WORK}/packages")
  file(GLOB packages "${WORK}/packages/*.deb")
  if(NOT packages MATCHES "/librepscope-dev_[0-9.]+_all\\.deb$")
    message(FATAL_ERROR "expected one package librepscope-dev, got ${packages}")
  endif()
  run("${dpkg_deb}" --extract "${packages}" "${WORK}/root")
  file(GLOB_RECURSE packed RELATIVE "${WORK}/root/usr" "${WORK}/root/*")
  file(GLOB_RECURSE expected RELATIVE "${stage}" "${stage}/*")
  list(SORT packed)
  list(SORT expected)
  if(NOT packed STREQUAL expected)
    message(FATAL_ERROR "librepscope-dev: expected the files\n${expected}\ngot\n${packed}")
  endif()
  run("${dpkg_deb}" --field "${packages}" Depends)
  if(NOT output MATCHES "libeigen3-dev \\(>= 3\\.4\\)")
    message(FATAL_ERROR "librepscope-dev depends on: ${output}")
  endif()

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
