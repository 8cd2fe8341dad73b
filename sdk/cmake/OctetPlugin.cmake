# octet_add_plugin(NAME name SOURCES a.cpp ... MANIFEST plugin.toml)
#
# Builds NAME.so: hidden visibility, one exported data symbol, no undefined
# symbols. The manifest text and the build fingerprint stand in the ELF
# sections .octet.manifest and .octet.build, so that a host can read them
# without running any code of the plugin. Tests link <name>_objects.
function(octet_add_plugin)
  cmake_parse_arguments(ARG "" "NAME;MANIFEST" "SOURCES" ${ARGN})
  add_library(${ARG_NAME}_objects OBJECT ${ARG_SOURCES})
  target_link_libraries(${ARG_NAME}_objects PUBLIC octet::sdk octet::torch)
  target_include_directories(${ARG_NAME}_objects PUBLIC
    ${CMAKE_CURRENT_SOURCE_DIR})
  add_library(${ARG_NAME}_plugin MODULE)
  target_link_libraries(${ARG_NAME}_plugin PRIVATE ${ARG_NAME}_objects)
  set_target_properties(${ARG_NAME}_plugin PROPERTIES
    OUTPUT_NAME ${ARG_NAME} PREFIX ""
    LIBRARY_OUTPUT_DIRECTORY ${OCTET_PLUGIN_DIR})
  target_link_options(${ARG_NAME}_plugin PRIVATE -Wl,--no-undefined)
endfunction()
