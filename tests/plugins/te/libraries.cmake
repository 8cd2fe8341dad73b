# What the tests of the te plugin load at run time, and NVIDIA's headers that
# some of them compare with.
add_subdirectory(${CMAKE_CURRENT_LIST_DIR}/../../fixtures/te_reference
                 ${CMAKE_CURRENT_BINARY_DIR}/fixtures/te_reference)
if(TARGET test_plugins_te)
  add_dependencies(test_plugins_te octet_te_libraries)
  if(EXISTS ${OCTET_CUDA_INCLUDE}/cuda_fp8.h)
    set_source_files_properties(${CMAKE_CURRENT_LIST_DIR}/cuda_casts.cpp
      PROPERTIES COMPILE_OPTIONS "-isystem;${OCTET_CUDA_INCLUDE}"
      COMPILE_DEFINITIONS OCTET_CUDA_FP8 SKIP_PRECOMPILE_HEADERS ON)
  endif()
  if(OCTET_TE_INCLUDE AND OCTET_CUDA_INCLUDE)
    set_source_files_properties(${CMAKE_CURRENT_LIST_DIR}/headers_test.cpp
      PROPERTIES
      COMPILE_OPTIONS "-isystem;${OCTET_TE_INCLUDE};-isystem;${OCTET_CUDA_INCLUDE}"
      COMPILE_DEFINITIONS OCTET_TE_HEADERS SKIP_PRECOMPILE_HEADERS ON)
  endif()
endif()
add_subdirectory(${CMAKE_CURRENT_LIST_DIR}/../../fixtures/fp8_present
                 ${CMAKE_CURRENT_BINARY_DIR}/fixtures/fp8_present)
if(TARGET test_integration)
  add_dependencies(test_integration te_reference_plugin octet_te_libraries
                   te_present_plugin torchao_present_plugin)
endif()
