# cmake -DSOURCE=dir -DWORK=dir -P without_plugins.cmake
#
# Configures a copy of the tree (links) that has no plugins/ folder, and lets
# ninja check that every file its targets need is there. Together with the
# include arrows (core never includes a plugin) that is what a build needs.
file(REMOVE_RECURSE ${WORK})
file(MAKE_DIRECTORY ${WORK}/tree)
foreach(entry CMakeLists.txt core sdk tools)
  file(CREATE_LINK ${SOURCE}/${entry} ${WORK}/tree/${entry} SYMBOLIC)
endforeach()
execute_process(
  COMMAND ${CMAKE_COMMAND} -G Ninja -S ${WORK}/tree -B ${WORK}/build
          -DOCTET_PLUGINS=OFF -DOCTET_TESTS=OFF -DOCTET_LIBTORCH=${LIBTORCH}
  COMMAND_ERROR_IS_FATAL ANY)
execute_process(
  COMMAND ${CMAKE_COMMAND} --build ${WORK}/build --target octet_train trainer
          -- -n
  OUTPUT_VARIABLE plan
  COMMAND_ERROR_IS_FATAL ANY)
if(plan MATCHES "plugins/")
  message(FATAL_ERROR "the build of core/ and tools/ names plugins/:\n${plan}")
endif()
