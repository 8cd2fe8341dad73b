// How the program's allocator (jemalloc, see tools/CMakeLists.txt) is set: few
// arenas, and pages that nobody used for two seconds go back to the system. A
// step takes about as long, so its blocks are still there for the next one.
// MALLOC_CONF in the environment adds to this, as jemalloc documents.
extern "C" {
// Read by jemalloc when the program starts.
__attribute__((visibility("default"), used)) const char* malloc_conf =
    "narenas:2,dirty_decay_ms:2000,muzzy_decay_ms:0";
}
