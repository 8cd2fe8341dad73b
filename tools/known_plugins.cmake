# cmake -DFOLDER=<source>/plugins -DOUTPUT=known_plugins.json -P this file
#
# Lists the plugins of this repository, built or not, from their manifests: what
# `trainer` says of one that is not installed. Without the folder the list is
# empty.
file(GLOB manifests ${FOLDER}/*/plugin.toml)
list(SORT manifests)
set(items)
foreach(manifest ${manifests})
  file(STRINGS ${manifest} lines ENCODING UTF-8)
  set(table)
  unset(name)
  unset(kind)
  unset(summary)
  foreach(line IN LISTS lines)
    if(line MATCHES "^\\[+([a-z]+)")
      set(table ${CMAKE_MATCH_1})
    elseif(table STREQUAL "plugin" AND
           line MATCHES "^(name|kind|summary) *= *(\".*\") *$")
      # A basic TOML string on one line is a JSON string.
      set(${CMAKE_MATCH_1} "${CMAKE_MATCH_2}")
    endif()
  endforeach()
  if(NOT (DEFINED name AND DEFINED kind AND DEFINED summary))
    message(FATAL_ERROR "[build] ${manifest}: expected name, kind and summary "
            "in [plugin], each a \"text\" on a line of its own")
  endif()
  cmake_path(GET manifest PARENT_PATH folder)
  cmake_path(GET folder FILENAME folder)
  list(APPEND items "  {\"name\": ${name}, \"kind\": ${kind}, \"source\": \"plugins/${folder}\",\n   \"summary\": ${summary}}")
endforeach()
list(JOIN items ",\n" text)
file(WRITE ${OUTPUT} "[\n${text}\n]\n")
