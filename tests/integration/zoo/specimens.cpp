// The table itself.
#include "tests/integration/zoo/specimens.h"

#include "tests/integration/zoo/zoo_files.h"

#include <octet/abi.h>

#include <algorithm>

namespace octet::zoo {

namespace fs = std::filesystem;

namespace {

#ifdef __SANITIZE_ADDRESS__
constexpr bool kAsan = true;
#else
constexpr bool kAsan = false;
#endif

const std::string kAgain = "\nbuild it again with this trainer's SDK";
const std::string kAdvice = "; remove the plugin, or tell its author";

// A file that cannot be read as a plugin goes by its own name.
Specimen unreadable(const std::string& file, const std::string& reason) {
  return {
      .file = file,
      .name = file,
      .gate = "inspect",
      .reason = "DIR/" + file + ".so: " + reason,
      .error = "plugin " + file + " (DIR/" + file +
          ".so) cannot be used: DIR/" + file + ".so: " + reason};
}

Specimen changed(
    Specimen specimen,
    std::function<void(const fs::path&)> change) {
  specimen.change = std::move(change);
  return specimen;
}

// A good plugin with another build fingerprint.
Specimen other_build(
    const std::string& from,
    const std::string& to,
    const std::string& difference) {
  return {
      .file = "good_feature",
      .name = "good-feature",
      .gate = "inspect",
      .reason = difference + kAgain,
      .error = difference + "; build it again with this trainer's SDK",
      .change = [=](const fs::path& file) { patch(file, from, to); }};
}

// One that is stopped at `gate` with a text that doctor and run share.
Specimen
stopped(const std::string& file, const std::string& gate, std::string reason) {
  std::string name = file;
  std::replace(name.begin(), name.end(), '_', '-');
  const std::string error =
      reason.ends_with("...") ? reason.substr(0, reason.size() - 3) : reason;
  return {
      .file = file,
      .name = name,
      .gate = gate,
      .reason = std::move(reason),
      .error = error};
}

// One that ends its process.
Specimen ending(
    const std::string& file,
    const std::string& gate,
    const std::string& how,
    int exit) {
  Specimen specimen = stopped(file, gate, how);
  specimen.exit = exit;
  specimen.error = how + kAdvice;
  return specimen;
}

// One that passes all gates and fails in the run.
Specimen stumbling(
    const std::string& kind,
    const std::string& mistake,
    int exit,
    const std::string& error) {
  return {
      .file = "stumble_" + kind,
      .name = "stumble-" + kind,
      .exit = exit,
      .error = error,
      .options = "mistake = \"" + mistake + "\"\n",
      .precision = kind == "backend"};
}

} // namespace

// Inspect: nothing of these files ever runs.
std::vector<Specimen> inspected() {
  const std::string abi = std::to_string(OCTET_SDK_ABI);
  const std::string other(abi.size(), abi == "9" ? '8' : '9');
  const std::string sanitizers = kAsan
      ? "built for sanitizers none, this trainer has address"
      : "built for sanitizers address, this trainer has none";
  Specimen sanitized =
      stopped("other_sanitizer", "inspect", sanitizers + kAgain);
  sanitized.error = sanitizers + "; build it again with this trainer's SDK";
  Specimen types = stopped(
      "wrong_types",
      "inspect",
      "DIR/wrong_types.so has a wrong manifest:\n"
      "  - plugin.version (line 4): expected a string, found an integer\n"
      "  - plugin.license (line 6): expected a string, found an array\n"
      "  - plugin.claims (line 7): expected an array of strings, found a "
      "string\n"
      "  - options.rank.default (line 11): expected an integer, found a "
      "string");
  types.name = "wrong_types";
  types.error = "options.rank.default (line 11): expected an integer";
  Specimen itself = stopped(
      "self_relation",
      "inspect",
      "relation[0].with (line 10): \"self-relation\" is this plugin itself; "
      "name its partner");
  itself.name = "self_relation";
  return {
      unreadable(
          "no_sections",
          "is no Octet plugin: it has no section .octet.manifest; build it "
          "with octet_add_plugin"),
      changed(
          unreadable("truncated", "is damaged: its section headers would ..."),
          [](const fs::path& file) { cut(file, 0.5); }),
      changed(
          unreadable(
              "forged_size",
              "its section .octet.manifest claims 1099511627776 bytes; at most "
              "1048576 are read"),
          [](const fs::path& file) {
            forge_manifest_size(file, uint64_t{1} << 40);
          }),
      changed(
          unreadable("not_elf", "is no shared library (not an ELF file)"),
          [](const fs::path& file) { write(file, "#!/bin/sh\nexit 0\n"); }),
      changed(
          unreadable(
              "other_machine",
              "is built for another machine: expected x86-64 (62), found ELF "
              "machine 183"),
          [](const fs::path& file) { set_machine(file, 183); }),
      other_build(
          "sdk_abi=" + abi,
          "sdk_abi=" + other,
          "built for SDK ABI " + other + ", this trainer has " + abi),
      other_build(
          "libtorch=2.13.0",
          "libtorch=1.13.0",
          "built for LibTorch 1.13.0, this trainer has 2.13.0"),
      other_build(
          "cxx11_abi=1",
          "cxx11_abi=0",
          "built for CXX11 ABI 0, this trainer has 1"),
      sanitized,
      stopped(
          "missing_library",
          "inspect",
          "needs libfixture_absent.so, found in none of DIR, ..."),
      types,
      itself,
      {.file = "good_feature",
       .name = "good-feature",
       .gate = "inspect",
       .reason = "DIR/good_feature.so can be written by every user; run chmod "
                 "o-w DIR/good_feature.so",
       .error = "DIR/good_feature.so can be written by every user",
       .change = open_to_everybody},
      {.file = "good_feature",
       .name = "good-feature",
       .gate = "inspect",
       .reason = "DIR can be written by every user; run chmod o-w DIR",
       .error = "DIR can be written by every user",
       .change =
           [](const fs::path& file) { open_to_everybody(file.parent_path()); }},
      {.file = "good_feature",
       .name = "good-feature",
       .gate = "inspect",
       .reason = "ABOVE can be written by every user; run chmod o-w ABOVE",
       .error = "ABOVE can be written by every user",
       .change =
           [](const fs::path& file) {
             open_to_everybody(file.parent_path().parent_path());
           }},
  };
}

// Load, probe, create: their code runs, in doctor's child or in the run.
std::vector<Specimen> loaded() {
  Specimen hanging =
      stopped("hang_in_probe", "probe", "probe gave no answer within 3 s");
  hanging.timeout = "3";
  hanging.error = "probe gave no answer within 10 s" + kAdvice;
  Specimen namespace_taken = stopped(
      "taken_namespace",
      "load",
      "its static constructors threw: Only a single TORCH_LIBRARY can be used "
      "to register the namespace aten; ...");
  Specimen at_end = stopped(
      "crash_at_end",
      "create",
      "the end of the program after it crashed: signal 11 (SIGSEGV)");
  // It is a descriptor without an interface: what a run does with it is no
  // matter here.
  at_end.exit = -1;
  return {
      stopped(
          "no_descriptor",
          "load",
          "expected the data symbol octet_plugin, found none; define it with "
          "OCTET_PRECISION_PLUGIN or OCTET_FEATURE_PLUGIN "
          "(DIR/no_descriptor.so)"),
      stopped(
          "wrong_magic",
          "load",
          "its octet_plugin does not start with Octet's number "
          "(DIR/wrong_magic.so)"),
      stopped(
          "undefined_symbol",
          "load",
          "cannot be loaded: DIR/undefined_symbol.so: undefined symbol: "
          "octet_fixture_function_that_does_not_exist "
          "(DIR/undefined_symbol.so)"),
      ending(
          "crash_on_load",
          "load",
          "its static constructors crashed: signal 11 (SIGSEGV)",
          128 + 11),
      stopped(
          "throw_on_load",
          "load",
          "its static constructors threw: thrown while loading..."),
      ending(
          "exit_on_load",
          "load",
          "its static constructors ended the program",
          3),
      namespace_taken,
      hanging,
      stopped(
          "throwing",
          "probe",
          "probe failed: thrown in probe (DIR/throwing.so)"),
      stopped(
          "throw_in_create",
          "create",
          "create failed: thrown in create (DIR/throw_in_create.so)"),
      stopped(
          "other_kind",
          "create",
          "expected create to hand out a feature interface, found none or "
          "another one (DIR/other_kind.so)"),
      at_end,
  };
}

// All gates are passed; what is wrong shows in a run.
std::vector<Specimen> running() {
  const std::string q = "model.layers.0.self_attn.q_proj";
  return {
      {.file = "good_feature",
       .name = "good-feature",
       .error = "unknown option features.good-feature.rnak (run.toml:20) of "
                "plugin good-feature; did you mean features.good-feature.rank?",
       .options = "rnak = 4\n"},
      {.file = "order_a",
       .name = "order-a",
       .error = "features order-a and order-b each must be applied after "
                "another of them; remove one",
       .beside = "order_b",
       .beside_name = "order-b"},
      stumbling(
          "feature",
          "accepts",
          3,
          "[plugin stumble-feature] accepts of model.embed_tokens failed: "
          "stumbled in accepts"),
      stumbling(
          "feature",
          "apply",
          3,
          "[plugin stumble-feature] apply failed: stumbled in apply"),
      stumbling(
          "feature",
          "nothing",
          3,
          "stumble-feature did nothing of what the plan gives it: slot "
          "adapter of " +
              q),
      stumbling(
          "feature",
          "forward",
          1,
          "[plugin stumble-feature] forward of the adapter of " + q +
              " failed: stumbled in forward"),
      stumbling(
          "backend",
          "make_gemm",
          3,
          "[plugin stumble-backend] make_gemm of " + q +
              " failed: stumbled in make_gemm"),
      stumbling(
          "backend",
          "forward",
          1,
          "[plugin stumble-backend] forward of " + q +
              " failed: stumbled in forward"),
      stumbling(
          "backend",
          "shape",
          1,
          "[plugin stumble-backend] forward of " + q + " returned Float ["),
      stumbling(
          "backend",
          "backward",
          1,
          "[plugin stumble-backend] backward of lm_head failed: stumbled in "
          "backward"),
      stumbling(
          "backend",
          "end_step",
          1,
          "[plugin stumble-backend] end_step failed: stumbled in end_step"),
      stumbling("backend", "none", 0, ""),
      stumbling("feature", "none", 0, ""),
  };
}

// Two good files of one name: the first one runs.
std::vector<Specimen> duplicate() {
  Specimen specimen = stumbling("feature", "none", 0, "");
  specimen.twin = "twin";
  return {specimen};
}

} // namespace octet::zoo
