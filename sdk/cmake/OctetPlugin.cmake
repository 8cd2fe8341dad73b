# octet_add_plugin(NAME name MANIFEST plugin.toml SOURCES a.cpp ...
#                  [REGISTER register.cpp ...] [LIBRARIES target ...]
#                  [OUTPUT_DIRECTORY dir] [WITHOUT_TORCH])
#
# Builds NAME.so: hidden visibility, one exported data symbol (octet_plugin), no
# undefined symbols, RUNPATH $ORIGIN only. The manifest text and the build
# fingerprint stand in the ELF sections .octet.manifest and .octet.build, so
# that a host can read them without running any code of the plugin.
#
# SOURCES also make the OBJECT library <name>_objects, which tests link. The
# files of REGISTER are only in the module: those with OCTET_PRECISION_PLUGIN or
# OCTET_FEATURE_PLUGIN (default: register.cpp, when it exists).
#
# WITHOUT_TORCH: a plugin of the C header alone that links no LibTorch.
set(OCTET_SDK_CMAKE_DIR ${CMAKE_CURRENT_LIST_DIR})

# The CUDA toolkit that this LibTorch was built with, for the fingerprint: one
# version of LibTorch comes in builds for several.
file(STRINGS ${OCTET_TORCH_ROOT}/include/caffe2/core/macros.h octet_line
     REGEX "\"CUDA_VERSION\"")
set(OCTET_LIBTORCH_CUDA none)
if(octet_line MATCHES "\"CUDA_VERSION\", \"([0-9.]+)\"")
  set(OCTET_LIBTORCH_CUDA ${CMAKE_MATCH_1})
endif()
unset(octet_line)

# One precompiled header for all plugins: LibTorch's headers take most of the
# time that a plugin's file compiles.
function(octet_plugin_precompiled_header target)
  if(NOT TARGET octet_plugin_pch)
    set(source ${CMAKE_BINARY_DIR}/octet_plugin_pch.cpp)
    file(CONFIGURE OUTPUT ${source} CONTENT "// Holds the precompiled header.\n")
    add_library(octet_plugin_pch OBJECT ${source})
    target_link_libraries(octet_plugin_pch PRIVATE octet::sdk octet::torch)
    set_target_properties(octet_plugin_pch PROPERTIES
      CXX_VISIBILITY_PRESET hidden VISIBILITY_INLINES_HIDDEN ON)
    target_precompile_headers(octet_plugin_pch PRIVATE
      <ATen/TensorOperators.h> <octet/feature.h> <octet/precision.h>)
  endif()
  target_precompile_headers(${target} REUSE_FROM octet_plugin_pch)
endfunction()

function(octet_add_plugin)
  cmake_parse_arguments(ARG "WITHOUT_TORCH" "NAME;MANIFEST;OUTPUT_DIRECTORY"
                        "SOURCES;REGISTER;LIBRARIES" ${ARGN})
  if(ARG_UNPARSED_ARGUMENTS OR ARG_KEYWORDS_MISSING_VALUES)
    message(FATAL_ERROR "[build] octet_add_plugin(NAME ${ARG_NAME}): expected "
            "NAME, MANIFEST, SOURCES, REGISTER, LIBRARIES, OUTPUT_DIRECTORY and "
            "WITHOUT_TORCH, with values, found: ${ARG_UNPARSED_ARGUMENTS} "
            "${ARG_KEYWORDS_MISSING_VALUES}")
  endif()
  if(NOT ARG_NAME OR NOT ARG_MANIFEST)
    message(FATAL_ERROR "[build] octet_add_plugin expects NAME and MANIFEST")
  endif()
  if(NOT ARG_REGISTER AND EXISTS ${CMAKE_CURRENT_SOURCE_DIR}/register.cpp)
    set(ARG_REGISTER register.cpp)
  endif()
  if(NOT ARG_OUTPUT_DIRECTORY)
    set(ARG_OUTPUT_DIRECTORY ${OCTET_PLUGIN_DIR})
  endif()
  set(libraries octet::sdk ${ARG_LIBRARIES})
  if(NOT ARG_WITHOUT_TORCH)
    list(APPEND libraries octet::torch)
  endif()

  set(module ${ARG_NAME}_plugin)
  cmake_path(ABSOLUTE_PATH ARG_MANIFEST OUTPUT_VARIABLE manifest)
  set(embedded ${CMAKE_CURRENT_BINARY_DIR}/${ARG_NAME}_manifest.cpp)
  add_custom_command(
    OUTPUT ${embedded}
    COMMAND ${CMAKE_COMMAND} -DMANIFEST=${manifest} -DOUTPUT=${embedded}
            -P ${OCTET_SDK_CMAKE_DIR}/OctetEmbedManifest.cmake
    DEPENDS ${manifest} ${OCTET_SDK_CMAKE_DIR}/OctetEmbedManifest.cmake
    COMMENT "Embedding the manifest of plugin ${ARG_NAME}"
    VERBATIM)
  set_source_files_properties(${embedded} PROPERTIES
    COMPILE_DEFINITIONS OCTET_CUDA_VERSION="${OCTET_LIBTORCH_CUDA}")
  add_library(${module} MODULE ${ARG_REGISTER} ${embedded})
  # Only the preprocessor needs LibTorch's version header.
  target_include_directories(${module} SYSTEM PRIVATE
    ${OCTET_TORCH_ROOT}/include
    ${OCTET_TORCH_ROOT}/include/torch/csrc/api/include)
  target_link_libraries(${module} PRIVATE ${libraries})

  if(ARG_SOURCES)
    add_library(${ARG_NAME}_objects OBJECT ${ARG_SOURCES})
    target_link_libraries(${ARG_NAME}_objects PUBLIC ${libraries})
    target_include_directories(${ARG_NAME}_objects PUBLIC
      ${CMAKE_CURRENT_SOURCE_DIR})
    target_link_libraries(${module} PRIVATE ${ARG_NAME}_objects)
    set_target_properties(${ARG_NAME}_objects PROPERTIES
      CXX_VISIBILITY_PRESET hidden VISIBILITY_INLINES_HIDDEN ON)
    if(NOT ARG_WITHOUT_TORCH)
      octet_plugin_precompiled_header(${ARG_NAME}_objects)
    endif()
  endif()
  if(NOT ARG_WITHOUT_TORCH)
    octet_plugin_precompiled_header(${module})
    set_source_files_properties(${embedded} PROPERTIES
      SKIP_PRECOMPILE_HEADERS ON)
  endif()

  set_target_properties(${module} PROPERTIES
    OUTPUT_NAME ${ARG_NAME} PREFIX "" SUFFIX ".so" DEFINE_SYMBOL ""
    CXX_VISIBILITY_PRESET hidden VISIBILITY_INLINES_HIDDEN ON
    LIBRARY_OUTPUT_DIRECTORY ${ARG_OUTPUT_DIRECTORY}
    BUILD_WITH_INSTALL_RPATH ON INSTALL_RPATH "$ORIGIN"
    INSTALL_RPATH_USE_LINK_PATH OFF
    LINK_DEPENDS ${OCTET_SDK_CMAKE_DIR}/octet_plugin.map)
  target_link_options(${module} PRIVATE
    -Wl,--no-undefined -Wl,-z,now
    -Wl,--version-script=${OCTET_SDK_CMAKE_DIR}/octet_plugin.map)
endfunction()
