// The list of checks, and the JSON lines of their outcome.
#include "sdk/conformance/check.h"

#include <octet/error.h>

#include <unistd.h>
#include <nlohmann/json.hpp>

#include <exception>

namespace octet::conformance {

const std::vector<CheckInfo>& all_checks() {
  static const std::string every = "every plugin", precision = "precision",
                           feature = "feature";
  static const std::vector<CheckInfo> checks = {
      {"inspect", every, "manifest and build fingerprint in the file fit"},
      {"load", every, "the library opens and its descriptor is whole"},
      {"probe", every, "two probes give one verdict, a refusal has a reason"},
      {"create", every, "100 times create and destroy, and two at once"},
      {"options",
       every,
       "declared values are taken, the host stops all others"},
      {"exceptions", every, "a call that must fail returns a status"},
      {"accepts", every, "every site gets one verdict, a refusal a reason"},
      {"forward", precision, "y against the product in fp64, inputs kept"},
      {"backward", precision, "grad_x and grad_w against products in fp64"},
      {"wants", precision, "only the gradients that are asked for"},
      {"accumulates", precision, "grad_w is added to what is there"},
      {"saved", precision, "two forwards may wait for their backwards"},
      {"gradients", precision, "backward against differences of forward"},
      {"weights", precision, "a new version of the weight is used"},
      {"recompute", every, "a recomputed forward repeats the first one"},
      {"evaluation", every, "evaluation changes no state and repeats"},
      {"shared input", precision, "q, k and v may share one input"},
      {"state", every, "a new instance with the saved state goes on alike"},
      {"statistics", precision, "watched casts are told and change nothing"},
      {"apply", feature, "the editor's ledger equals the plan"},
      {"adapters", feature, "adapters: gradients and delta()"},
      {"transforms", feature, "transforms: shapes and gradients"},
      {"trains", feature, "a step gives every new parameter a gradient"},
      {"ops", feature, "replaced ops keep the model's numbers"},
      {"export", feature, "an exported adapter can be imported again"},
      {"process", every, "environment, current folder, rounding are kept"},
      {"files", every, "HOME, TMPDIR, current and own folder stay the same"},
  };
  return checks;
}

const char* to_string(Verdict verdict) {
  return verdict == Verdict::passed ? "passed"
      : verdict == Verdict::failed  ? "failed"
                                    : "skipped";
}

void fail(const std::string& reason) {
  throw Error("conformance", reason);
}

void expect(bool good, const std::string& reason) {
  if (!good) {
    fail(reason);
  }
}

bool Recorder::run(
    const std::string& check,
    const std::function<std::string()>& body) {
  write(nlohmann::json{{"begin", check}}.dump());
  Row made{check, Verdict::failed, ""};
  try {
    made.reason = body();
    made.verdict = Verdict::passed;
  } catch (const Error& error) {
    made.reason = error.component() == "conformance"
        ? error.message()
        : std::string("an error came out: ") + error.what();
  } catch (const std::exception& error) {
    made.reason = std::string("an exception came out: ") + error.what();
  } catch (...) {
    made.reason = "something came out that is not a std::exception";
  }
  row(made);
  return made.verdict == Verdict::passed;
}

void Recorder::skip(
    const std::vector<std::string>& checks,
    const std::string& reason) {
  for (const std::string& check : checks) {
    row({check, Verdict::skipped, reason});
  }
}

void Recorder::end(bool usable) {
  write(nlohmann::json{{"end", true}, {"usable", usable}}.dump());
}

void Recorder::row(const Row& row) {
  write(nlohmann::json{
      {"check", row.check},
      {"verdict", to_string(row.verdict)},
      {"reason", row.reason}}
            .dump(-1, ' ', false, nlohmann::json::error_handler_t::replace));
}

void Recorder::write(const std::string& line) const {
  const std::string text = line + "\n";
  for (size_t done = 0; done < text.size();) {
    const ssize_t wrote =
        ::write(descriptor_, text.data() + done, text.size() - done);
    if (wrote <= 0) {
      return; // the supervisor is gone, and with it who would read
    }
    done += static_cast<size_t>(wrote);
  }
}

} // namespace octet::conformance
