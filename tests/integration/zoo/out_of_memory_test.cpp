// Memory that runs out in a step: said with what was expected and what needs
// less. The fixture backend asks LibTorch's CPU allocator for more than there
// is, or says what LibTorch says of a GPU.
#include "tests/integration/train_fixture.h"
#include "tests/integration/zoo/zoo_files.h"

#include <gmock/gmock.h>

namespace octet {
namespace {

namespace fs = std::filesystem;
using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;

class OutOfMemory : public TrainRun {
 protected:
  ProcessResult train_stumbling(
      const std::string& mistake,
      std::vector<std::string> settings = {}) const {
    settings.insert(
        settings.end(),
        {"precision.backend=stumble-backend",
         "precision.stumble-backend.mistake=" + mistake});
    std::vector<std::string> arguments = with_settings(settings);
    arguments.insert(
        arguments.end(),
        {"--plugin-path", zoo::built("stumble_backend").parent_path()});
    arguments.insert(arguments.begin(), {"--config", "run.toml"});
    // Under AddressSanitizer too, more than there is is LibTorch's to tell.
    return run_trainer(
        arguments, folder(), {"ASAN_OPTIONS=allocator_may_return_null=1"});
  }
};

TEST_F(OutOfMemory, OfAGpuSaysWhatNeedsLess) {
  const ProcessResult result =
      train_stumbling("gpu_memory", {"train.batch_size=3"});
  EXPECT_EQ(result.status, 1) << result.out << result.err;
  EXPECT_THAT(
      result.err,
      AllOf(
          HasSubstr("[train] out of memory in step 1: [plugin stumble-backend] "
                    "forward of model.layers.0."),
          HasSubstr("failed: CUDA out of memory. Tried to allocate 2.00 GiB"),
          HasSubstr("\n  memory estimate: about "),
          HasSubstr("\n  what needs less: train.activation_checkpointing = "
                    "true, a smaller train.batch_size (now 3) with as much "
                    "more train.gradient_accumulation and a smaller "
                    "data.max_length (now "),
          HasSubstr("; there is no checkpoint yet"),
          Not(HasSubstr("Exception raised from"))));
  EXPECT_THAT(
      events("end").at(0)["outcome"].get<std::string>(),
      HasSubstr("out of memory in step 1"));
}

// The words of LibTorch's own allocator, and a run that does already some of
// what saves memory.
TEST_F(OutOfMemory, OfTheMachineNamesOnlyWhatIsNotDoneYet) {
  const std::string toml = file_bytes(folder() / "run.toml");
  write("run.toml", toml.substr(0, toml.find("[features.lora]")));
  const ProcessResult result = train_stumbling(
      "memory", {"train.activation_checkpointing=true", "train.batch_size=1"});
  EXPECT_EQ(result.status, 1) << result.out << result.err;
  EXPECT_THAT(
      result.err,
      AllOf(
          HasSubstr("[train] out of memory in step 1: "),
          HasSubstr("can't allocate memory"),
          HasSubstr("\n  what needs less: a smaller data.max_length (now "),
          HasSubstr(") and a feature that trains an adapter instead of all "
                    "weights (trainer plugins list); ")));
}

// Other failures of the same plugin stay what they are.
TEST_F(OutOfMemory, IsNotSaidOfOtherFailures) {
  const ProcessResult result = train_stumbling("forward");
  EXPECT_EQ(result.status, 1) << result.out << result.err;
  EXPECT_THAT(
      result.err,
      AllOf(
          HasSubstr("failed: stumbled in forward"), Not(HasSubstr("memory"))));
}

} // namespace
} // namespace octet
