// How a call into a plugin can end, and that each end names the plugin.
#include "core/plugin/plugin_call.h"

#include <gmock/gmock.h>

#include <csignal>
#include <cstdlib>
#include <functional>
#include <thread>

namespace octet {
namespace {

using testing::ExitedWithCode;
using testing::KilledBySignal;

constexpr CallPlace kForward{"te", "forward", "model.layers.3.mlp.up_proj"};
constexpr CallPlace kProbe{"te", "probe", "", ExitCode::resolution};

// The failure of a call whose body throws `thrown`.
template <typename Thrown>
PluginFailure failure_of(const CallPlace& place, const Thrown& thrown) {
  try {
    call_plugin(place, [&] { throw thrown; });
  } catch (const PluginFailure& failure) {
    return failure;
  }
  throw std::logic_error("no failure came out");
}

TEST(PluginCall, HandsOnWhatTheBodyReturns) {
  int value = 3;
  EXPECT_EQ(call_plugin(kProbe, [&] { return value; }), 3);
  call_plugin(kProbe, [&]() -> int& { return value; }) = 4;
  EXPECT_EQ(value, 4);
}

TEST(PluginCall, AnExceptionNamesPluginStepAndSite) {
  const PluginFailure failure =
      failure_of(kForward, std::runtime_error("no room"));
  EXPECT_STREQ(
      failure.what(),
      "[plugin te] forward of model.layers.3.mlp.up_proj failed: no room");
  EXPECT_EQ(failure.code(), ExitCode::failed);
}

TEST(PluginCall, APlaceWithoutASiteHasAShorterTextAndItsOwnCode) {
  const PluginFailure failure = failure_of(kProbe, std::runtime_error("no"));
  EXPECT_STREQ(failure.what(), "[plugin te] probe failed: no");
  EXPECT_EQ(failure.code(), ExitCode::resolution);
}

TEST(PluginCall, SomethingThatIsNoExceptionIsToldToo) {
  EXPECT_STREQ(
      failure_of(kProbe, 42).what(),
      "[plugin te] probe failed: an exception that is not a std::exception");
}

TEST(PluginCall, AnErrorOfThePluginItselfIsNotNamedTwice) {
  EXPECT_STREQ(
      failure_of(kProbe, Error("te", "no device")).what(),
      "[plugin te] probe failed: no device");
  EXPECT_STREQ(
      failure_of(kProbe, Error("model", "no such site")).what(),
      "[plugin te] probe failed: [model] no such site");
}

TEST(PluginCall, AFailureOfTheCoreKeepsItsExitCode) {
  EXPECT_EQ(
      failure_of(kForward, Failure(ExitCode::input, "io", "cut off")).code(),
      ExitCode::input);
}

TEST(PluginCall, OfNestedCallsTheInnerPluginIsBlamed) {
  const CallPlace inner{"qat", "forward of the weight transform", "lm_head"};
  try {
    call_plugin(kForward, [&] {
      call_plugin(inner, [] { throw std::runtime_error("bad"); });
    });
    FAIL();
  } catch (const PluginFailure& failure) {
    EXPECT_STREQ(
        failure.what(),
        "[plugin qat] forward of the weight transform of lm_head failed: bad");
  }
}

TEST(PluginCall, TheFramesOfATorchErrorAreLeftOut) {
  EXPECT_EQ(
      without_frames("sizes differ\nException raised from f at x.cpp:3 (most "
                     "recent call first):\nframe #0: 0x7f\n"),
      "sizes differ");
  EXPECT_EQ(without_frames("plain"), "plain");
}

class PluginCallDeathTest : public testing::Test {
 protected:
  void SetUp() override {
    GTEST_FLAG_SET(death_test_style, "threadsafe");
    watch_plugin_calls();
  }
};

TEST_F(PluginCallDeathTest, AnExitIsNotTakenForSuccess) {
  EXPECT_EXIT(
      call_plugin(kForward, [] { std::exit(0); }),
      ExitedWithCode(1),
      "\\[plugin te\\] forward of model.layers.3.mlp.up_proj ended the "
      "program; remove the plugin, or tell its author");
}

TEST_F(PluginCallDeathTest, AQuickExitIsNotTakenForSuccess) {
  EXPECT_EXIT(
      call_plugin(kForward, [] { std::quick_exit(0); }),
      ExitedWithCode(1),
      "ended the program");
}

TEST_F(PluginCallDeathTest, AnExitOutsideOfACallIsLeftAlone) {
  call_plugin(kForward, [] {});
  EXPECT_EXIT(std::exit(7), ExitedWithCode(7), "");
}

TEST_F(PluginCallDeathTest, TerminateTellsTheException) {
  const auto without_catcher = [](const std::function<void()>& body) noexcept {
    body();
  };
  EXPECT_EXIT(
      call_plugin(
          kProbe,
          [&] {
            without_catcher([] { throw std::runtime_error("uncaught"); });
          }),
      ExitedWithCode(3),
      "\\[plugin te\\] probe threw: uncaught;");
}

// A sanitizer ends the program in its own way once it has the signal.
TEST_F(PluginCallDeathTest, ASignalIsToldAndThenTakesItsCourse) {
  EXPECT_DEATH(
      call_plugin(kForward, [] { std::raise(SIGSEGV); }),
      "\\[plugin te\\] forward of model.layers.3.mlp.up_proj crashed: signal "
      "11 \\(SIGSEGV\\)");
#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
  EXPECT_EXIT(
      call_plugin(kForward, [] { std::raise(SIGFPE); }),
      KilledBySignal(SIGFPE),
      "signal 8 \\(SIGFPE\\)");
#endif
}

TEST_F(PluginCallDeathTest, ACrashInAThreadOfThePluginIsTold) {
  EXPECT_DEATH(
      call_plugin(kForward, [] { std::thread([] { std::abort(); }).join(); }),
      "\\[plugin te\\] forward of model.layers.3.mlp.up_proj crashed: signal "
      "6");
}

TEST_F(PluginCallDeathTest, ASignalOutsideOfACallIsNobodys) {
  EXPECT_DEATH(
      {
        call_plugin(kForward, [] {});
        std::raise(SIGSEGV);
      },
      testing::Not(testing::HasSubstr("[plugin")));
}

TEST_F(PluginCallDeathTest, ACallThatNeverEndsIsEndedAtItsLimit) {
  EXPECT_EXIT(
      {
        const CallLimit limit(kProbe, std::chrono::milliseconds(1000));
        std::this_thread::sleep_for(std::chrono::hours(1));
      },
      ExitedWithCode(3),
      "\\[plugin te\\] probe gave no answer within 1 s;");
}

TEST_F(PluginCallDeathTest, ALimitThatIsKeptDoesNothing) {
  { const CallLimit limit(kProbe, std::chrono::milliseconds(20)); }
  std::this_thread::sleep_for(std::chrono::milliseconds(60));
}

} // namespace
} // namespace octet
