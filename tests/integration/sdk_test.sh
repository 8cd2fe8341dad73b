#!/usr/bin/env bash
# The SDK as somebody elsewhere uses it: Octet installed into a new prefix;
# plugins of both kinds made by `trainer plugins new` and the worked examples,
# in a folder far from the tree; built, listed, examined, trained with.
#
#   sdk_test.sh SOURCE_FOLDER BUILD_FOLDER CMAKE
set -euo pipefail
source_folder=$1 build=$2 cmake=$3
far=$(mktemp -d)
trap 'rm -rf "$far"' EXIT
prefix=$far/prefix
trainer=$prefix/bin/trainer
failures=0

# Nothing of the tree may be found by accident.
unset OCTET_PLUGIN_PATH LD_LIBRARY_PATH CMAKE_PREFIX_PATH Octet_DIR
if command -v ccache >/dev/null; then
  export CMAKE_CXX_COMPILER_LAUNCHER=ccache CCACHE_BASEDIR=$far
  export CCACHE_SLOPPINESS=pch_defines,time_macros CXXFLAGS=-fpch-preprocess
fi

fail() {
  echo "FAILED: $*" >&2
  failures=$((failures + 1))
}

expect_text() { # text, what, file
  grep -qF -- "$1" "$3" || {
    fail "$2: \"$1\" expected, found:"
    cat "$3" >&2
  }
}

# The default copies 500 MB; a link shows the same.
"$cmake" -DCMAKE_INSTALL_PREFIX="$prefix" -DOCTET_INSTALL_LIBTORCH=link \
  -P "$build/cmake_install.cmake" >"$far/install.log"

installs_everything() {
  local file
  for file in bin/trainer bin/octet_conformance lib/octet/liboctet_base.so \
    lib/octet/liboctet_train.so lib/octet/plugins/fp32.so \
    lib/octet/known_plugins.json lib/octet/plugins/bf16.so lib/octet/plugins/lora.so \
    lib/octet/libtorch/torch/lib/libtorch_cpu.so include/octet/plugin.h \
    lib/cmake/Octet/OctetConfig.cmake lib/cmake/Octet/OctetConfigVersion.cmake \
    lib/cmake/Octet/OctetPlugin.cmake lib/cmake/Octet/octet_plugin.map \
    share/octet/template/precision/plugin.toml.in \
    share/octet/examples/mx/plugin.toml; do
    [[ -e $prefix/$file ]] || fail "the prefix has no $file"
  done
  # No path of the build tree may be left: it works where the tree is gone.
  for file in bin/trainer bin/octet_conformance lib/octet/liboctet_train.so; do
    readelf -d "$prefix/$file" | grep -E 'R(UN)?PATH' >"$far/runpath"
    if grep -qvF "[\$ORIGIN" "$far/runpath" ||
      grep -qF "$build" "$far/runpath"; then
      fail "$file looks for libraries elsewhere: $(cat "$far/runpath")"
    fi
  done
}

make_plugins() {
  cd "$far"
  "$trainer" plugins new my_fp8 --kind precision >new.log
  "$trainer" plugins new my-feature --kind feature >>new.log
  local folder
  for folder in my_fp8 my-feature; do
    expect_text "-DCMAKE_PREFIX_PATH=$prefix" "the README of $folder" \
      "$folder/README.md"
    if grep -qF 'PREFIX`' "$folder/README.md"; then
      fail "the README of $folder explains a PREFIX that it does not need"
    fi
  done
  cp -r "$prefix/share/octet/examples/mx" "$prefix/share/octet/examples/weight_norms" .
}

build_plugin() { # folder
  if ! "$cmake" -S "$far/$1" -B "$far/$1/build" -G Ninja \
    -DCMAKE_PREFIX_PATH="$prefix" >"$far/$1.log" 2>&1 ||
    ! "$cmake" --build "$far/$1/build" -j 1 >>"$far/$1.log" 2>&1 ||
    grep -q 'warning:' "$far/$1.log"; then
    cat "$far/$1.log" >&2
    return 1
  fi
}

build_all() { # two at a time
  local folder jobs=()
  for folder in my_fp8 my-feature; do
    build_plugin "$folder" &
    jobs+=($!)
  done
  wait "${jobs[0]}" || fail "my_fp8 does not build"
  wait "${jobs[1]}" || fail "my-feature does not build"
  for folder in mx weight_norms; do
    build_plugin "$folder" &
    jobs+=($!)
  done
  wait "${jobs[2]}" || fail "mx does not build"
  wait "${jobs[3]}" || fail "weight_norms does not build"
  ((failures == 0)) || exit 1
}

lists_and_examines() { # name
  "$trainer" plugins list --plugin-path "$far/$1/build" >"$far/list"
  grep -qE "^$1 +[a-z]+ +0\.1\.0 +ready +--plugin-path" "$far/list" ||
    fail "$1 is not listed as ready: $(cat "$far/list")"
  # Of mx one format; the others are tests of the tree.
  (cd "$far/$1/build" &&
    ctest --output-on-failure -E 'mx_fp8_e5m2|mx_fp6|mx_fp4') >"$far/ctest" 2>&1 ||
    fail "$1 does not pass octet_conformance: $(cat "$far/ctest")"
}

write_run() { # file, precision, features
  cat >"$1" <<RUN
[run]
output = "${1%.toml}"
threads = 1
[model]
path = "$source_folder/tests/fixtures/train/tiny"
[data]
train = [{ path = "data.jsonl", format = "alpaca" }]
template = "chatml"
max_length = 128
cache = "cache"
[train]
batch_size = 1
max_steps = 20
learning_rate = 0.01
[precision]
backend = "$2"
[plugins]
path = ["my_fp8/build", "my-feature/build", "mx/build", "weight_norms/build"]
$3
RUN
}

write_data() {
  local i
  for ((i = 0; i < 24; ++i)); do
    printf '{"instruction": "What is thing %d?", "input": "", "output": "Thing %d is the thing with that number."}\n' "$i" "$i"
  done >"$far/data.jsonl"
}

# The last event of a step and the plan tell what ran.
trains() { # run, text in resolution.json
  (cd "$far" && "$trainer" --config "$1.toml" >"$1.log" 2>&1) || {
    fail "$1: the run failed: $(cat "$far/$1.log")"
    return
  }
  local steps
  steps=$(grep -c '"event":"step"' "$far/$1/events.jsonl" || true)
  ((steps == 20)) || fail "$1: 20 steps expected, found $steps"
  expect_text "$2" "$1: resolution.json" "$far/$1/resolution.json"
}

# A key turned into a comment in the file's section is a key that is missing.
every_required_key_is_missed() { # plugin, key...
  local plugin=$1 key name broken=$far/broken
  shift
  for key in "$@"; do
    rm -rf "$broken"
    mkdir "$broken"
    name=${key##*.}
    LC_ALL=C sed "s/^$name = /#${name:1} = /" "$far/$plugin/build/$plugin.so" \
      >"$broken/$plugin.so"
    ! cmp -s "$broken/$plugin.so" "$far/$plugin/build/$plugin.so" ||
      fail "$plugin has no key $key"
    "$trainer" plugins list --plugin-path "$broken" >"$far/list"
    expect_text "expected the key $key, found none; add it" \
      "$plugin without $key" "$far/list"
  done
}

# Of a manifest that lacks a key, nothing trains.
a_run_names_the_missing_key() {
  mkdir -p "$far/broken"
  LC_ALL=C sed 's/^license = /#icense = /' "$far/my_fp8/build/my_fp8.so" \
    >"$far/broken/my_fp8.so"
  sed 's|"my_fp8/build"|"broken"|' "$far/fp8.toml" >"$far/broken.toml"
  local status=0
  (cd "$far" && "$trainer" --config broken.toml --set run.output=none >broken.log 2>&1) ||
    status=$?
  ((status == 3)) || fail "a run with a broken manifest: status 3 expected, got $status"
  expect_text "plugin.license" "a run with a broken manifest" "$far/broken.log"
}

installs_everything
make_plugins
build_all
for plugin in my_fp8 my-feature mx weight_norms; do
  lists_and_examines "$plugin"
done
write_data
write_run "$far/fp8.toml" my_fp8 "$(printf '[precision.my_fp8]\nmantissa_bits = 3')"
write_run "$far/feature.toml" fp32 '[features.my-feature]'
write_run "$far/examples.toml" mx \
  "$(printf '[precision.mx]\nelement = "fp6_e2m3"\n[features.weight_norms]\nevery = 10\nroles = ["q_proj"]')"
trains fp8 '"my_fp8"'
trains feature '"my-feature"'
trains examples '"mx"'
expect_text "step 20: |q_proj| = " "the log of weight_norms" "$far/examples.log"
common=(plugin.name plugin.kind plugin.version plugin.summary plugin.license)
every_required_key_is_missed my_fp8 "${common[@]}" plugin.compute \
  options.mantissa_bits.type options.mantissa_bits.default \
  options.mantissa_bits.help
every_required_key_is_missed my-feature "${common[@]}" options.scale.type \
  options.scale.default options.scale.help
a_run_names_the_missing_key

((failures == 0))
