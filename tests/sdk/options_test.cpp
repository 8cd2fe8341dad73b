// The plugin's view of its options.
#include <octet/options.h>

#include <gtest/gtest.h>

namespace octet {
namespace {

const char* const kLayers[] = {"q_proj", "v_proj"};

OctetOption option(const char* key, OctetOptionType type) {
  OctetOption made{};
  made.key = key;
  made.type = type;
  return made;
}

class OptionsView : public testing::Test {
 protected:
  OptionsView() {
    items_[0] = option("fast", OCTET_OPTION_BOOLEAN);
    items_[0].integer = 1;
    items_[1] = option("rank", OCTET_OPTION_INTEGER);
    items_[1].integer = -7;
    items_[2] = option("scale", OCTET_OPTION_REAL);
    items_[2].real = 0.5;
    items_[3] = option("mode", OCTET_OPTION_STRING);
    items_[3].string = "exact";
    items_[4] = option("layers", OCTET_OPTION_STRINGS);
    items_[4].strings = kLayers;
    items_[4].string_count = 2;
  }

  OctetOption items_[5];
  OctetOptions options_{sizeof(OctetOptions), 5, items_};
};

TEST_F(OptionsView, ReadsEveryType) {
  const Options view(&options_);
  EXPECT_TRUE(view.boolean("fast"));
  EXPECT_EQ(view.integer("rank"), -7);
  EXPECT_EQ(view.real("scale"), 0.5);
  EXPECT_EQ(view.string("mode"), "exact");
  EXPECT_EQ(
      view.strings("layers"), (std::vector<std::string>{"q_proj", "v_proj"}));
}

TEST_F(OptionsView, AKeyThatIsNotThereThrows) {
  EXPECT_THROW(Options(&options_).integer("rnak"), Error);
}

TEST_F(OptionsView, AnotherTypeThrows) {
  EXPECT_THROW(Options(&options_).real("rank"), Error);
}

TEST_F(OptionsView, AnEmptyListIsEmpty) {
  items_[4].strings = nullptr;
  items_[4].string_count = 0;
  EXPECT_TRUE(Options(&options_).strings("layers").empty());
}

} // namespace
} // namespace octet
