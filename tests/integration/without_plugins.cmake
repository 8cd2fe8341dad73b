# cmake -DSOURCE=dir -DWORK=dir -DLIBTORCH=dir [-DWERROR=ON] [-DTESTS=ON]
#   -P this file
#
# core/ must build with plugins/ removed. Configures a copy of the tree (links)
# that has no plugins/ folder, and lets ninja check that every file is there
# that the libraries, the trainer and the tests of core/ need. Together with the
# include arrows (core never includes a plugin) that is what a build needs.
#
# With TESTS: really builds core/ and its tests in that copy, and runs them
# (tools/check_without_plugins; minutes, less with ccache).
file(MAKE_DIRECTORY ${WORK}/tree)
# Tests read pages and examples.
foreach(entry CMakeLists.txt core sdk tools tests docs configs)
  file(REMOVE ${WORK}/tree/${entry})
  file(CREATE_LINK ${SOURCE}/${entry} ${WORK}/tree/${entry} SYMBOLIC)
endforeach()
# Relative to the sources as in a usual build, so that ccache finds the objects.
set(build ${WORK}/tree/build)
set(programs)
file(GLOB folders RELATIVE ${SOURCE}/tests/core ${SOURCE}/tests/core/*)
foreach(folder ${folders})
  list(APPEND programs test_core_${folder})
endforeach()
execute_process(
  COMMAND ${CMAKE_COMMAND} -G Ninja -S ${WORK}/tree -B ${build}
          -DOCTET_PLUGINS=OFF -DOCTET_TESTS=ON
          -DOCTET_LIBTORCH=${LIBTORCH} -DCMAKE_BUILD_TYPE=Release
          -DOCTET_WERROR=${WERROR}
  COMMAND_ERROR_IS_FATAL ANY)
execute_process(
  COMMAND ${CMAKE_COMMAND} --build ${build} --target octet_train trainer
          -- -n
  OUTPUT_VARIABLE plan
  COMMAND_ERROR_IS_FATAL ANY)
# known_plugins.cmake is told where a folder would be; it lists none.
string(REGEX REPLACE "-DFOLDER=[^ ]*/plugins" "" plan "${plan}")
if(plan MATCHES "[ /]plugins/[a-z0-9_]+/")
  message(FATAL_ERROR "the build of core/ and tools/ names plugins/:\n${plan}")
endif()
execute_process(
  COMMAND ${CMAKE_COMMAND} --build ${build} --target octet_known_plugins
          ${programs} -- -n
  OUTPUT_QUIET
  COMMAND_ERROR_IS_FATAL ANY)
if(TESTS)
  execute_process(
    COMMAND ${CMAKE_COMMAND} --build ${build} --target octet_train
            octet_known_plugins ${programs} -- -j2
    COMMAND_ERROR_IS_FATAL ANY)
  foreach(program ${programs})
    execute_process(COMMAND ${build}/bin/${program} --gtest_brief=1
                    WORKING_DIRECTORY ${WORK}/tree
                    COMMAND_ERROR_IS_FATAL ANY)
  endforeach()
endif()
