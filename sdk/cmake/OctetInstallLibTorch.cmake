# Script of `cmake --install`: LibTorch in lib/octet/libtorch of the prefix,
# with the folders of the wheels, whose RUNPATHs then fit.
set(target ${CMAKE_INSTALL_PREFIX}/lib/octet/libtorch)
set(here $ENV{DESTDIR}${target})

if(OCTET_INSTALL_LIBTORCH STREQUAL "link")
  message(STATUS "Linking: ${target} -> ${OCTET_LIBTORCH}")
  if(EXISTS ${here} AND NOT IS_SYMLINK ${here})
    file(REMOVE_RECURSE ${here})
  endif()
  file(CREATE_LINK ${OCTET_LIBTORCH} ${here} SYMBOLIC)
elseif(OCTET_INSTALL_LIBTORCH STREQUAL "copy")
  message(STATUS "Copying LibTorch: ${target}")
  if(IS_SYMLINK ${here})
    file(REMOVE ${here})
  endif()
  file(GLOB libraries ${OCTET_LIBTORCH}/torch/lib/*.so ${OCTET_LIBTORCH}/torch/lib/*.so.*)
  file(INSTALL ${libraries} DESTINATION ${target}/torch/lib MESSAGE_NEVER)
  file(INSTALL ${OCTET_LIBTORCH}/torch/include DESTINATION ${target}/torch
       MESSAGE_NEVER)
  # libtorch_cpu.so itself needs two of NVIDIA's libraries, its CUDA companion
  # all of them.
  if(EXISTS ${OCTET_LIBTORCH}/torch/lib/libtorch_cuda.so)
    file(INSTALL ${OCTET_LIBTORCH}/nvidia DESTINATION ${target} MESSAGE_NEVER)
  else()
    file(GLOB libraries ${OCTET_LIBTORCH}/nvidia/cu13/lib/libcudart.so.*
         ${OCTET_LIBTORCH}/nvidia/cu13/lib/libcupti.so.*)
    file(INSTALL ${libraries} DESTINATION ${target}/nvidia/cu13/lib
         MESSAGE_NEVER)
  endif()
else()
  message(FATAL_ERROR "[install] OCTET_INSTALL_LIBTORCH: expected copy or "
          "link, found ${OCTET_INSTALL_LIBTORCH}")
endif()
