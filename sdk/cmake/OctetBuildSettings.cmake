# Compiler settings of everything in this repository.
#
# Precompiled headers are dropped silently by GCC when -fPIC, -fopenmp, -g or
# -m flags differ between the header and its user, so those flags are global.
set(CMAKE_CXX_STANDARD 20)
set(CMAKE_CXX_STANDARD_REQUIRED ON)
set(CMAKE_CXX_EXTENSIONS OFF)
set(CMAKE_EXPORT_COMPILE_COMMANDS ON)
set(CMAKE_CXX_VISIBILITY_PRESET hidden)
set(CMAKE_VISIBILITY_INLINES_HIDDEN ON)

if(NOT CMAKE_BUILD_TYPE)
  set(CMAKE_BUILD_TYPE Release CACHE STRING "Build type" FORCE)
endif()
# At -O3 g++ 12 reports false -Wrestrict errors on string sums.
set(CMAKE_CXX_FLAGS_RELEASE "-O2 -DNDEBUG")

add_compile_options(-fPIC)
add_link_options($<$<STREQUAL:$<TARGET_PROPERTY:TYPE>,EXECUTABLE>:-pie>)
add_compile_options(-Wall -Wextra -Wconversion -Winvalid-pch
                    -Wno-sign-conversion)
if(OCTET_WERROR)
  add_compile_options(-Werror)
endif()
if(OCTET_SANITIZE)
  add_compile_options(-fsanitize=${OCTET_SANITIZE} -fno-omit-frame-pointer)
  add_link_options(-fsanitize=${OCTET_SANITIZE})
endif()

find_program(OCTET_CCACHE ccache)
if(OCTET_CCACHE AND NOT CMAKE_CXX_COMPILER_LAUNCHER)
  set(CMAKE_CXX_COMPILER_LAUNCHER
      ${CMAKE_COMMAND} -E env CCACHE_SLOPPINESS=pch_defines,time_macros
      CCACHE_BASEDIR=${CMAKE_SOURCE_DIR} ${OCTET_CCACHE})
  add_compile_options(-fpch-preprocess)
endif()

# GNU ld: half a second a file at most. Not mold, docs/design.md says why.
set(CMAKE_RUNTIME_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/bin)
set(OCTET_LIBRARY_DIR ${CMAKE_BINARY_DIR}/lib/octet)
set(OCTET_PLUGIN_DIR ${OCTET_LIBRARY_DIR}/plugins)
