# Included by CMakeLists.txt: what `cpack -G DEB` writes, a package with the program and one with the headers. See
# .ci/packaging/deb, which builds them for each processor of the architecture.
set(CPACK_PACKAGE_NAME repscope)
set(CPACK_PACKAGE_VENDOR repscope)
set(CPACK_PACKAGE_CONTACT "the repscope authors")
set(CPACK_PACKAGING_INSTALL_PREFIX /usr)
set(CPACK_STRIP_FILES ON)
set(CPACK_COMPONENTS_ALL headers)
if(TARGET repscope_program)
  list(APPEND CPACK_COMPONENTS_ALL program)
endif()

set(CPACK_DEB_COMPONENT_INSTALL ON)
set(CPACK_DEBIAN_FILE_NAME DEB-DEFAULT)
set(CPACK_DEBIAN_PACKAGE_CONTROL_STRICT_PERMISSION ON)

set(CPACK_DEBIAN_PROGRAM_PACKAGE_NAME repscope)
set(CPACK_COMPONENT_PROGRAM_DESCRIPTION "The program repscope measures saved activations, corrupts images, and trains
networks for studies of both.")
set(CPACK_DEBIAN_PROGRAM_PACKAGE_SECTION science)
set(CPACK_DEBIAN_PROGRAM_PACKAGE_SHLIBDEPS ON)
set(CPACK_DEBIAN_PROGRAM_PACKAGE_SUGGESTS "gnuplot-nox, dataset-fashion-mnist")

set(CPACK_DEBIAN_HEADERS_PACKAGE_NAME librepscope-dev)
set(CPACK_COMPONENT_HEADERS_DESCRIPTION "The C++20 headers of repscope, with files for CMake and pkg-config.")
set(CPACK_DEBIAN_HEADERS_PACKAGE_SECTION libdevel)
set(CPACK_DEBIAN_HEADERS_PACKAGE_ARCHITECTURE all)
set(CPACK_DEBIAN_HEADERS_PACKAGE_DEPENDS "libeigen3-dev (>= 3.4)")
set(CPACK_DEBIAN_HEADERS_PACKAGE_SUGGESTS "zlib1g-dev, nlohmann-json3-dev, libhdf5-dev, libonnx-dev, libprotobuf-dev")
include(CPack)
