# Script: writes OUTPUT, a C++ file that puts the text of MANIFEST and the build
# fingerprint into ELF sections. Run by octet_add_plugin at build time, so an
# edited manifest rebuilds its plugin and nothing else.
file(READ "${MANIFEST}" text)
string(FIND "${text}" ")octet_manifest\"" clash)
if(NOT clash EQUAL -1)
  message(FATAL_ERROR "[build] ${MANIFEST}: expected plain TOML, found the text "
          ")octet_manifest\"; remove it")
endif()
file(WRITE "${OUTPUT}" "// Made from ${MANIFEST}.
#include <octet/fingerprint.h>

// `used` keeps these from the compiler, `retain` from --gc-sections.
__attribute__((used, retain, section(\".octet.manifest\")))
static const char octet_manifest_text[] = R\"octet_manifest(${text})octet_manifest\";

__attribute__((used, retain, section(\".octet.build\")))
static const char octet_build_text[] = OCTET_FINGERPRINT;
")
