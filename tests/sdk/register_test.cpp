// The macro's entry points: no exception crosses the C boundary, texts are cut
// to their buffers, and what create made goes back through destroy.
#include <octet/register.h>

#include <gtest/gtest.h>

#include <cstddef>

namespace octet {
namespace {

int alive = 0;

class Backend : public PrecisionBackend {
 public:
  Backend() {
    ++alive;
  }
  ~Backend() override {
    --alive;
  }
  SiteVerdict accepts(const Site&) const override {
    return SiteVerdict::yes();
  }
  std::unique_ptr<Gemm> make_gemm(const Site&) override {
    return nullptr;
  }
};

ProbeResult usable(const OctetHost&, const Options&) {
  return {true, "fine"};
}

ProbeResult talkative(const OctetHost&, const Options&) {
  return {false, std::string(2000, 'x')};
}

ProbeResult throwing_probe(const OctetHost&, const Options&) {
  throw Error("test", "expected calm, found panic");
}

std::unique_ptr<PrecisionBackend> make(const OctetHost&, const Options&) {
  return std::make_unique<Backend>();
}

std::unique_ptr<PrecisionBackend> read_missing(
    const OctetHost&,
    const Options& options) {
  options.integer("missing");
  return nullptr;
}

std::unique_ptr<PrecisionBackend> throw_odd(const OctetHost&, const Options&) {
  throw 42;
}

const OctetHost kHost{};
const OctetOptions kNoOptions{sizeof(OctetOptions), 0, nullptr};

TEST(Register, ProbePassesItsVerdictOn) {
  OctetProbe out{};
  const OctetStatus status =
      detail::probe_entry<usable>(&kHost, &kNoOptions, &out);
  EXPECT_EQ(status.code, OCTET_OK);
  EXPECT_EQ(out.usable, 1u);
  EXPECT_STREQ(out.reason, "fine");
}

TEST(Register, ALongReasonIsCutAndEnded) {
  OctetProbe out{};
  detail::probe_entry<talkative>(&kHost, &kNoOptions, &out);
  EXPECT_EQ(
      std::string(out.reason),
      std::string(sizeof(out.reason) - 1 - 3, 'x') + "...");
  EXPECT_EQ(out.usable, 0u);
}

ProbeResult many_umlauts(const OctetHost&, const Options&) {
  std::string text = "x";
  for (int i = 0; i < 1000; ++i) {
    text += "\u00e4";
  }
  return {false, text};
}

// Of the 507 bytes three are the dots; 504 would end within a character.
TEST(Register, ALongReasonIsCutBetweenCharacters) {
  OctetProbe out{};
  detail::probe_entry<many_umlauts>(&kHost, &kNoOptions, &out);
  const std::string reason = out.reason;
  EXPECT_EQ(reason.size(), 503u + 3u);
  EXPECT_EQ(reason.substr(reason.size() - 5), "\u00e4...");
}

TEST(Register, AnExceptionInProbeBecomesAStatus) {
  OctetProbe out{};
  const OctetStatus status =
      detail::probe_entry<throwing_probe>(&kHost, &kNoOptions, &out);
  EXPECT_EQ(status.code, OCTET_FAILED);
  EXPECT_STREQ(status.message, "[test] expected calm, found panic");
}

TEST(Register, DestroyEndsWhatCreateMade) {
  OctetInterface made{};
  const OctetStatus status =
      detail::create_precision<make>(&kHost, &kNoOptions, &made);
  EXPECT_EQ(status.code, OCTET_OK);
  EXPECT_EQ(made.magic, OCTET_PLUGIN_MAGIC);
  EXPECT_EQ(made.kind, OCTET_KIND_PRECISION);
  EXPECT_EQ(made.feature, nullptr);
  EXPECT_EQ(alive, 1);
  detail::destroy_entry(&made);
  EXPECT_EQ(alive, 0);
  EXPECT_EQ(made.precision, nullptr);
}

TEST(Register, AnErrorInCreateLeavesNoInterface) {
  OctetInterface made{};
  const OctetStatus status =
      detail::create_precision<read_missing>(&kHost, &kNoOptions, &made);
  EXPECT_EQ(status.code, OCTET_FAILED);
  EXPECT_NE(std::string(status.message).find("missing"), std::string::npos);
  EXPECT_EQ(made.precision, nullptr);
}

TEST(Register, AnythingThrownBecomesAStatus) {
  OctetInterface made{};
  EXPECT_EQ(
      (detail::create_precision<throw_odd>(&kHost, &kNoOptions, &made)).code,
      OCTET_FAILED);
}

// The layout that both sides of the C boundary rely on.
static_assert(sizeof(OctetStatus) == 1024);
static_assert(offsetof(OctetStatus, message) == 4);
static_assert(sizeof(OctetProbe) == 512);
static_assert(sizeof(OctetHost) == 112);
static_assert(offsetof(OctetHost, log) == 104);
static_assert(sizeof(OctetOption) == 56);
static_assert(sizeof(OctetOptions) == 16);
static_assert(sizeof(OctetInterface) == 24);
static_assert(sizeof(OctetPlugin) == 32);
static_assert(offsetof(OctetPlugin, probe) == 8);

} // namespace
} // namespace octet
