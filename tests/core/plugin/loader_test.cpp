// Loading, probing and creating against the fixture zoo. The fixtures hand out
// their own Echo behind the interface pointers (tests/fixtures/plugins).
#include "core/base/problems.h"
#include "core/plugin/loaded_plugin.h"
#include "tests/core/plugin/zoo.h"
#include "tests/fixtures/plugins/fixture.h"

#include <dlfcn.h>
#include <gmock/gmock.h>

#include <iostream>

namespace octet {
namespace {

using testing::AllOf;
using testing::HasSubstr;
using zoo::message_of;

CatalogEntry entry_of(const std::string& fixture) {
  const Catalog catalog =
      build_catalog({{zoo::file(fixture).parent_path(), "--plugin-path"}});
  for (const CatalogEntry& entry : catalog.entries) {
    if (entry.path == zoo::file(fixture)) {
      return entry;
    }
  }
  throw std::logic_error("no fixture " + fixture);
}

LoadedPlugin& load(const std::string& fixture) {
  return load_plugin(entry_of(fixture));
}

const std::string& echoed(const std::shared_ptr<void>& made) {
  return static_cast<fixture::Echo*>(made.get())->options;
}

OptionTable defaults(const LoadedPlugin& plugin) {
  Problems problems;
  return check_options(plugin.entry().manifest, {}, "test", problems);
}

TEST(Loader, CreatesAPrecisionBackendWithItsOptions) {
  LoadedPlugin& plugin = load("good_precision");
  const auto backend = plugin.create_precision(defaults(plugin));
  EXPECT_EQ(
      echoed(std::reinterpret_pointer_cast<void>(backend)), "recipe=rowwise;");
}

TEST(Loader, HandsOverEveryTypeOfOption) {
  LoadedPlugin& plugin = load("good_feature");
  OptionTable options = defaults(plugin);
  options.values["fast"].value = true;
  options.values["rank"].value = int64_t{-9007199254740993};
  options.values["scale"].value = 0.125;
  options.values["targets"].value = std::vector<std::string>{"a", "", "b c"};
  const auto feature = plugin.create_feature(options);
  EXPECT_EQ(
      echoed(std::reinterpret_pointer_cast<void>(feature)),
      "fast=true;rank=-9007199254740993;scale=0.125000;targets=a,,b c;"
      "title=none;");
}

TEST(Loader, GivesTheInstanceBackToThePluginsDestroy) {
  LoadedPlugin& plugin = load("good_feature");
  auto feature = plugin.create_feature(defaults(plugin));
  EXPECT_THAT(plugin.probe({}).reason, HasSubstr("alive 1"));
  feature.reset();
  EXPECT_THAT(plugin.probe({}).reason, HasSubstr("alive 0"));
}

TEST(Loader, PassesTheHostsFactsToTheProbe) {
  const ProbeVerdict verdict = load("good_precision").probe({});
  EXPECT_TRUE(verdict.usable);
  EXPECT_THAT(verdict.reason, HasSubstr("host 1"));
}

TEST(Loader, OpensALibraryOnce) {
  EXPECT_EQ(&load("good_feature"), &load("good_feature"));
}

TEST(Loader, KeepsThePluginsSymbolsToItself) {
  load("good_feature");
  EXPECT_EQ(::dlsym(RTLD_DEFAULT, "octet_plugin"), nullptr);
}

TEST(Loader, ProbesAPluginWrittenInC) {
  const ProbeVerdict verdict = load("plain_c").probe({});
  EXPECT_FALSE(verdict.usable);
  EXPECT_EQ(verdict.reason, "C only probes");
}

TEST(Loader, RefusesADescriptorWithAnotherMagic) {
  EXPECT_THAT(
      message_of([] { load("wrong_magic"); }),
      AllOf(HasSubstr("[plugin wrong-magic]"), HasSubstr("Octet's number")));
}

TEST(Loader, RefusesADescriptorOfAnotherSize) {
  EXPECT_THAT(
      message_of([] { load("wrong_size"); }),
      HasSubstr("expected an octet_plugin of 32 bytes, found 8"));
}

TEST(Loader, RefusesADescriptorWithoutAnEntry) {
  EXPECT_THAT(
      message_of([] { load("missing_entry"); }),
      HasSubstr("lacks probe, create or destroy"));
}

TEST(Loader, RefusesALibraryWithoutTheSymbol) {
  EXPECT_THAT(
      message_of([] { load("no_descriptor"); }),
      HasSubstr("expected the data symbol octet_plugin, found none"));
}

TEST(Loader, NamesAnUndefinedSymbolAtLoading) {
  EXPECT_THAT(
      message_of([] { load("undefined_symbol"); }),
      AllOf(
          HasSubstr("[plugin undefined-symbol] cannot be loaded"),
          HasSubstr("octet_fixture_function_that_does_not_exist"),
          HasSubstr("undefined_symbol.so")));
}

// Inspection names it before (library_search_test.cpp); a file that goes away
// in between is the loader's to tell.
TEST(Loader, NamesALibraryThatIsMissing) {
  CatalogEntry entry = entry_of("missing_library");
  entry.status = PluginStatus::ready;
  EXPECT_THAT(
      message_of([&] { load_plugin(entry); }),
      HasSubstr("[plugin missing-library] cannot be loaded: "
                "libfixture_absent.so: cannot open shared object file"));
}

TEST(Loader, TurnsAThrownExceptionIntoAFailureThatNamesThePlugin) {
  LoadedPlugin& plugin = load("throwing");
  EXPECT_THAT(
      message_of([&] { plugin.probe({}); }),
      HasSubstr("[plugin throwing] probe failed: thrown in probe"));
  EXPECT_THAT(
      message_of([&] { plugin.create_feature({}); }),
      HasSubstr("create failed: an exception that is not a std::exception"));
}

TEST(Loader, PassesOnTheMessageOfAFailedStatus) {
  LoadedPlugin& plugin = load("failing");
  EXPECT_THAT(
      message_of([&] { plugin.create_feature({}); }),
      HasSubstr("expected good weather, found rain"));
}

TEST(Loader, ReadsAMessageWithoutATerminatorToTheEndOfItsBuffer) {
  const std::string text = message_of([] { load("failing").probe({}); });
  EXPECT_EQ(std::count(text.begin(), text.end(), 'x'), 1020);
}

TEST(Loader, RefusesAnInterfaceOfTheOtherKind) {
  EXPECT_THAT(
      message_of([] { load("other_kind").create_feature({}); }),
      HasSubstr("expected create to hand out a feature interface"));
}

TEST(Loader, RefusesACreateThatHandsOutNothing) {
  EXPECT_THAT(
      message_of([] { load("no_interface").create_feature({}); }),
      HasSubstr("expected create to hand out a feature interface"));
}

TEST(Loader, NeverOpensAPluginThatIsNotReady) {
  CatalogEntry entry = entry_of("abort_on_load");
  entry.status = PluginStatus::rejected;
  entry.reason = "built for another world";
  EXPECT_THAT(
      message_of([&] { load_plugin(entry); }),
      HasSubstr("is not ready: built for another world"));
}

TEST(LoaderDeathTest, AnExitWhileLoadingIsAFailureThatNamesThePlugin) {
  EXPECT_EXIT(
      load("exit_on_load"),
      testing::ExitedWithCode(3),
      "plugin exit-on-load .*ended the program");
}

// Whether the exception comes through dlopen depends on the sanitizer.
TEST(LoaderDeathTest, AThrowingStaticConstructorIsNamedWithItsReason) {
  EXPECT_EXIT(
      {
        std::cerr << message_of([] { load("throw_on_load"); });
        std::exit(3);
      },
      testing::ExitedWithCode(3),
      "plugin throw-on-load.* static constructors threw: thrown while loading");
}

// Where an interface ends, nobody is left who could be handed an error.
TEST(LoaderDeathTest, AThrowingDestroyEndsTheProgramWithItsName) {
  EXPECT_EXIT(
      load("throw_in_destroy").create_feature({}),
      testing::ExitedWithCode(1),
      "plugin throw-in-destroy .* destroy threw: thrown in destroy");
}

TEST(LoaderDeathTest, ACrashWhileLoadingNamesThePlugin) {
  EXPECT_DEATH(
      load("crash_on_load"),
      "plugin crash-on-load .* its static constructors crashed: signal 11");
}

TEST(LoaderDeathTest, AnAbortWhileLoadingNamesThePlugin) {
  EXPECT_DEATH(
      load("abort_on_load"),
      "plugin abort-on-load .* its static constructors crashed: signal 6");
}

} // namespace
} // namespace octet
