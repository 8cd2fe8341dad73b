# Imported target octet::torch: LibTorch (CPU) out of the unpacked PyPI wheel.
#
# The wheel's own CMake package demands a CUDA toolkit, so it is not used.
# OpenMP is on this target because at::parallel_for is silently serial in a
# file that was compiled without -fopenmp.
# An installed SDK sets OCTET_LIBTORCH itself; else it is where tools/setup puts
# it. octet_cache is not cached and by the same rule as tools/cache_folder; the
# tests look in it for what else tools/setup brings.
set(octet_cache "$ENV{XDG_CACHE_HOME}")
if(NOT octet_cache MATCHES "^/")
  set(octet_cache "$ENV{HOME}/.cache")
endif()
if(NOT OCTET_LIBTORCH)
  set(OCTET_LIBTORCH "${octet_cache}/octet/libtorch-2.13.0" CACHE PATH
      "Folder that tools/setup unpacked LibTorch into (holds torch/ and nvidia/)")
endif()
if(NOT EXISTS ${OCTET_LIBTORCH}/torch/lib/libtorch_cpu.so)
  message(FATAL_ERROR "[build] LibTorch expected in ${OCTET_LIBTORCH}, found "
          "no torch/lib/libtorch_cpu.so there; run tools/setup, or give "
          "-DOCTET_LIBTORCH=DIR")
endif()

set(OCTET_TORCH_ROOT ${OCTET_LIBTORCH}/torch)
foreach(lib c10 torch_cpu)
  add_library(octet_${lib} SHARED IMPORTED GLOBAL)
  set_target_properties(octet_${lib} PROPERTIES
    IMPORTED_LOCATION ${OCTET_TORCH_ROOT}/lib/lib${lib}.so)
endforeach()
add_library(octet_torch INTERFACE)
add_library(octet::torch ALIAS octet_torch)
target_include_directories(octet_torch SYSTEM INTERFACE
  ${OCTET_TORCH_ROOT}/include ${OCTET_TORCH_ROOT}/include/torch/csrc/api/include)
target_compile_definitions(octet_torch INTERFACE AT_PER_OPERATOR_HEADERS)
target_compile_options(octet_torch INTERFACE -fopenmp)
target_link_libraries(octet_torch INTERFACE octet_torch_cpu octet_c10
  ${OCTET_TORCH_ROOT}/lib/libgomp.so.1)
target_link_options(octet_torch INTERFACE
  -Wl,-rpath-link,${OCTET_LIBTORCH}/nvidia/cu13/lib)
