#!/usr/bin/env bash
# Runs every command of docs/plugins.md: its ```sh blocks, one after another in
# one shell, as a reader who starts in Octet's folder would type them, and the
# transcript of `trainer plugins doctor`, whose lines must be what it prints.
# HOME is a new folder.
#
#   plugin_page_test.sh SOURCE_FOLDER BUILD_FOLDER
set -euo pipefail
source_folder=$1 build=$2
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
mkdir "$work/octet" "$work/home"
ln -s "$build" "$work/octet/build"
ln -s "$source_folder/tests" "$work/octet/tests"

{
  echo 'set -euo pipefail'
  # Each block echoes its commands, so that a failure names one.
  awk '/^```sh$/ {on = 1; print "set -x"; next}
       /^```$/ {if (on) print "{ set +x; } 2>/dev/null"; on = 0}
       on' "$source_folder/docs/plugins.md"
} >"$work/commands.sh"
blocks=$(grep -c '^set -x$' "$work/commands.sh")
((blocks >= 5)) || {
  echo "FAILED: at least 5 blocks of commands expected, found $blocks" >&2
  exit 1
}

unset OCTET_PLUGIN_PATH LD_LIBRARY_PATH CMAKE_PREFIX_PATH Octet_DIR
if command -v ccache >/dev/null; then
  CCACHE_DIR=${CCACHE_DIR:-$(ccache -k cache_dir)}
  export CCACHE_DIR
  export CMAKE_CXX_COMPILER_LAUNCHER=ccache CCACHE_BASEDIR=$work
  export CCACHE_SLOPPINESS=pch_defines,time_macros CXXFLAGS=-fpch-preprocess
fi
export HOME=$work/home
cd "$work/octet"
bash "$work/commands.sh" >"$work/log" 2>&1 || {
  cat "$work/log" >&2
  exit 1
}

# What the page promises.
for text in 'my_fp8 *precision *0.1.0 *ready' 'backward *passed' \
  '100% tests passed'; do
  grep -qE -- "$text" "$work/log" || {
    echo "FAILED: \"$text\" expected in what the commands print:" >&2
    cat "$work/log" >&2
    exit 1
  }
done
steps=$(grep -c '"event":"step"' "$work"/home/my_fp8/run/events.jsonl)
((steps == 20)) || {
  echo "FAILED: 20 steps expected, found $steps" >&2
  exit 1
}

page=$source_folder/docs/plugins.md
command=$(sed -n 's/^\$ \(trainer plugins doctor .*\)/\1/p' "$page")
expected=$(awk '/^\$ trainer plugins doctor / {on = 1; next}
                /^```$/ {on = 0}
                on' "$page" | sed "s|/home/me|$HOME|")
found=$(cd "$HOME/my_fp8" && PATH=$HOME/octet-sdk/bin:$PATH bash -c "$command")
[[ -n $expected && $found == "$expected" ]] || {
  printf 'FAILED: "%s" prints\n%s\nexpected from the page:\n%s\n' \
    "$command" "$found" "$expected" >&2
  exit 1
}
