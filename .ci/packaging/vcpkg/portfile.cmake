# Untested: the port of vcpkg for the headers of repscope. Replace REPO, REF and SHA512 by those of a release.
vcpkg_from_github(
  OUT_SOURCE_PATH SOURCE_PATH
  REPO repscope/repscope
  REF "v${VERSION}"
  SHA512 0
  HEAD_REF main
)
set(VCPKG_BUILD_TYPE release) # headers
vcpkg_cmake_configure(
  SOURCE_PATH "${SOURCE_PATH}"
  OPTIONS -DREPSCOPE_BUILD_TESTS=OFF -DREPSCOPE_BUILD_EXAMPLES=OFF -DREPSCOPE_BUILD_PYTHON=OFF -DREPSCOPE_INSTALL=ON
)
vcpkg_cmake_install()
vcpkg_cmake_config_fixup(PACKAGE_NAME repscope CONFIG_PATH share/cmake/repscope)
vcpkg_fixup_pkgconfig()
file(REMOVE_RECURSE "${CURRENT_PACKAGES_DIR}/debug" "${CURRENT_PACKAGES_DIR}/share/doc" "${CURRENT_PACKAGES_DIR}/lib")
vcpkg_install_copyright(FILE_LIST "${SOURCE_PATH}/LICENSE")
