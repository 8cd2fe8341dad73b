# What `cmake --install BUILD --prefix P` puts where:
#
#   P/bin                trainer, octet_conformance
#   P/lib/octet          liboctet_base.so, liboctet_train.so, plugins/, libtorch/
#   P/include/octet      the SDK's headers
#   P/lib/cmake/Octet    find_package(Octet)
#   P/share/octet        what `trainer plugins new` copies, the worked examples
#
# Paths inside are relative ($ORIGIN), so the prefix can be moved. The build
# tree has the same layout where a program looks for a file beside itself.
include(CMakePackageConfigHelpers)

set(OCTET_INSTALL_LIBTORCH copy CACHE STRING
    "How LibTorch gets into the prefix: copy (500 MB), or link (a symbolic link to the folder that this build uses)")
set_property(CACHE OCTET_INSTALL_LIBTORCH PROPERTY STRINGS copy link)
if(NOT OCTET_INSTALL_LIBTORCH MATCHES "^(copy|link)$")
  message(FATAL_ERROR "[build] OCTET_INSTALL_LIBTORCH: expected copy or link, "
          "found ${OCTET_INSTALL_LIBTORCH}")
endif()

set_target_properties(octet_train PROPERTIES
  INSTALL_RPATH "$ORIGIN:$ORIGIN/libtorch/torch/lib")
set_target_properties(octet_conformance PROPERTIES
  INSTALL_RPATH "$ORIGIN/../lib/octet:$ORIGIN/../lib/octet/libtorch/torch/lib")

install(TARGETS trainer octet_conformance RUNTIME DESTINATION bin)
install(TARGETS octet_base octet_train LIBRARY DESTINATION lib/octet)
install(FILES ${OCTET_LIBRARY_DIR}/known_plugins.json DESTINATION lib/octet)
if(OCTET_PLUGINS)
  get_property(plugins GLOBAL PROPERTY OCTET_INSTALLED_PLUGINS)
  install(TARGETS ${plugins} LIBRARY DESTINATION lib/octet/plugins)
endif()

install(DIRECTORY ${PROJECT_SOURCE_DIR}/sdk/include/octet DESTINATION include)
install(DIRECTORY ${PROJECT_SOURCE_DIR}/sdk/template
                  ${PROJECT_SOURCE_DIR}/sdk/examples
        DESTINATION share/octet)

set(config ${PROJECT_BINARY_DIR}/cmake)
configure_package_config_file(
  ${CMAKE_CURRENT_LIST_DIR}/OctetConfig.cmake.in ${config}/OctetConfig.cmake
  INSTALL_DESTINATION lib/cmake/Octet
  NO_SET_AND_CHECK_MACRO NO_CHECK_REQUIRED_COMPONENTS_MACRO)
# Before 1.0 the SDK may change with every minor version.
write_basic_package_version_file(${config}/OctetConfigVersion.cmake
  COMPATIBILITY SameMinorVersion)
install(FILES
  ${config}/OctetConfig.cmake ${config}/OctetConfigVersion.cmake
  ${CMAKE_CURRENT_LIST_DIR}/OctetLibTorch.cmake
  ${CMAKE_CURRENT_LIST_DIR}/OctetPlugin.cmake
  ${CMAKE_CURRENT_LIST_DIR}/OctetEmbedManifest.cmake
  ${CMAKE_CURRENT_LIST_DIR}/octet_plugin.map
  DESTINATION lib/cmake/Octet)

# `cmake -DOCTET_INSTALL_LIBTORCH=link -P BUILD/cmake_install.cmake` overrides
# the build's choice.
install(CODE "
  if(NOT DEFINED OCTET_INSTALL_LIBTORCH)
    set(OCTET_INSTALL_LIBTORCH \"${OCTET_INSTALL_LIBTORCH}\")
  endif()
  set(OCTET_LIBTORCH \"${OCTET_LIBTORCH}\")")
install(SCRIPT ${CMAKE_CURRENT_LIST_DIR}/OctetInstallLibTorch.cmake)

file(MAKE_DIRECTORY ${PROJECT_BINARY_DIR}/share/octet ${OCTET_LIBRARY_DIR})
file(CREATE_LINK ${PROJECT_SOURCE_DIR}/sdk/template
     ${PROJECT_BINARY_DIR}/share/octet/template SYMBOLIC)
if(NOT EXISTS ${OCTET_LIBRARY_DIR}/libtorch)
  file(CREATE_LINK ${OCTET_LIBTORCH} ${OCTET_LIBRARY_DIR}/libtorch SYMBOLIC)
endif()
