// Reading files: formats, places, and every kind of bad record.
#include "core/data/formats.h"
#include "core/data/loader.h"
#include "core/data/record_file.h"
#include "core/data/show.h"
#include "core/data/utf8.h"
#include "tests/core/data/data_fixture.h"

namespace octet {
namespace {

using testing::AllOf;
using testing::HasSubstr;

} // namespace

class RecordsTest : public DataTest {
 protected:
  /// Chats of all records of a file.
  std::vector<std::vector<ChatMessage>> read(
      const std::string& name,
      const std::string& text,
      const DataSetConfig& like = {}) {
    DataSetConfig set = like;
    set.path = write(name, text);
    const RecordFile file(set.path);
    const RecordFormat format(set, "sft", file);
    std::vector<std::vector<ChatMessage>> chats;
    for (const RecordSlice& slice : file.records()) {
      chats.push_back(format.read(file.bytes(slice)).messages);
    }
    return chats;
  }

  /// The message with which load_data refuses the file's text.
  std::string refusal(const std::string& name, const std::string& text) {
    train_on(name, text);
    return failure_of([&] { load_data(config, tokenizer); });
  }

  /// The message for a second, bad record; the first one is good.
  std::string bad(const std::string& record) {
    return refusal(
        "bad.jsonl",
        "{\"messages\": [{\"role\": \"user\", \"content\": \"Q\"}, "
        "{\"role\": \"assistant\", \"content\": \"A\"}]}\n" +
            record + "\n");
  }

  std::string bad_alpaca(const std::string& record) {
    return refusal(
        "bad.jsonl",
        "{\"instruction\": \"Q\", \"output\": \"A\"}\n" + record + "\n");
  }

  static std::string flat(const std::vector<ChatMessage>& messages) {
    std::string text;
    for (const ChatMessage& message : messages) {
      text +=
          std::string(role_name(message.role)) + ":" + message.content + "|";
    }
    return text;
  }
};

TEST_F(RecordsTest, ReadsAlpacaWithInputHistoryAndSystem) {
  const auto chats = read("a.json", R"([
    {"instruction": "Add", "input": "1 2", "output": "3"},
    {"instruction": "Q", "input": "", "output": "A", "system": "S",
     "history": [["Q0", "A0"], ["Q1", "A1"]]},
    {"input": "only input", "output": "A", "history": null, "system": null}
  ])");
  ASSERT_EQ(chats.size(), 3u);
  EXPECT_EQ(flat(chats[0]), "user:Add\n1 2|assistant:3|");
  EXPECT_EQ(
      flat(chats[1]),
      "system:S|user:Q0|assistant:A0|user:Q1|assistant:A1|user:Q|assistant:A|");
  EXPECT_EQ(flat(chats[2]), "user:only input|assistant:A|");
}

TEST_F(RecordsTest, ReadsSharegptWithToolTurns) {
  const auto chats = read(
      "a.jsonl",
      R"({"system": "S", "conversations": [)"
      R"({"from": "human", "value": "Q"},)"
      R"({"from": "function_call", "value": "f"},)"
      R"({"from": "observation", "value": "r"},)"
      R"({"from": "gpt", "value": "A"}]})");
  ASSERT_EQ(chats.size(), 1u);
  EXPECT_EQ(flat(chats[0]), "system:S|user:Q|assistant:f|tool:r|assistant:A|");
}

TEST_F(RecordsTest, ReadsMessagesWithTextParts) {
  const auto chats = read(
      "a.jsonl",
      R"({"messages": [{"role": "system", "content": ""},)"
      R"({"role": "user", "content": [{"type": "text", "text": "a"},)"
      R"({"type": "text", "text": "b"}]},)"
      R"({"role": "assistant", "content": "A"}]})");
  EXPECT_EQ(flat(chats.at(0)), "system:|user:ab|assistant:A|");
}

TEST_F(RecordsTest, MapsColumns) {
  DataSetConfig set;
  set.columns = {{"prompt", "question"}, {"response", "answer"}};
  EXPECT_EQ(
      flat(read("a.json", R"([{"question": "Q", "answer": "A"}])", set).at(0)),
      "user:Q|assistant:A|");
  // The key that the format would have names the column as well.
  set.columns = {{"instruction", "question"}, {"output", "answer"}};
  EXPECT_EQ(
      flat(read("c.json", R"([{"question": "Q", "answer": "A"}])", set).at(0)),
      "user:Q|assistant:A|");
  set.columns = {{"messages", "chat"}, {"user", "me"}, {"assistant", "you"}};
  EXPECT_EQ(
      flat(read(
               "b.json",
               R"([{"chat": [{"from": "me", "value": "Q"},)"
               R"({"from": "you", "value": "A"}]}])",
               set)
               .at(0)),
      "user:Q|assistant:A|");
}

TEST_F(RecordsTest, RefusesAColumnThatTheFormatDoesNotHave) {
  train_on("a.json", R"([{"instruction": "Q", "output": "A"}])");
  config.data.train[0].columns = {{"respnse", "output"}};
  EXPECT_THAT(
      failure_of([&] { load_data(config, tokenizer); }),
      AllOf(
          HasSubstr("format alpaca has no column \"respnse\""),
          HasSubstr("did you mean \"response\"?")));
}

TEST_F(RecordsTest, KnowsTheLineOfEveryRecord) {
  const auto lines = [](const std::filesystem::path& path) {
    std::vector<int64_t> all;
    const RecordFile file(path);
    for (const RecordSlice& slice : file.records()) {
      all.push_back(slice.line);
    }
    return all;
  };
  EXPECT_EQ(
      lines(write(
          "a.json", "\n[\n{\"a\":\n1}, {\"b\": \"],{\\\"\"},\n\n[3]\n]\n")),
      (std::vector<int64_t>{3, 4, 6}));
  EXPECT_EQ(
      lines(write("a.jsonl", "{}\n\n  \n{}\r\n{}")),
      (std::vector<int64_t>{1, 4, 5}));
  EXPECT_EQ(
      lines(write("b.json", "{\"a\": 1}\n{\"b\": 2}\n")),
      (std::vector<int64_t>{1, 2}));
  EXPECT_EQ(
      lines(write("a.txt", "one\ntwo\n\n\nthree\n")),
      (std::vector<int64_t>{1, 5}));
  EXPECT_EQ(
      lines(write("b.txt", "one\ntwo\nthree")),
      (std::vector<int64_t>{1, 2, 3}));
}

TEST_F(RecordsTest, SkipsAByteOrderMark) {
  EXPECT_EQ(
      flat(read(
               "a.json",
               "\xEF\xBB\xBF[{\"instruction\": \"Q\", \"output\": \"A\"}]")
               .at(0)),
      "user:Q|assistant:A|");
}

TEST_F(RecordsTest, ReadsAnEmptyArrayAsNoRecords) {
  EXPECT_THAT(refusal("a.json", " [ ] "), HasSubstr("a.json has no records"));
}

TEST_F(RecordsTest, SaysThatAnEmptyFileHasNoRecords) {
  for (const char* name : {"a.json", "a.jsonl"}) {
    EXPECT_THAT(refusal(name, ""), HasSubstr("has no records")) << name;
    EXPECT_THAT(refusal(name, "\n \n"), HasSubstr("has no records")) << name;
  }
}

TEST_F(RecordsTest, NamesEveryMissingFileAtOnce) {
  DataSetConfig one, two;
  one.path = folder / "absent.json";
  two.path = folder;
  config.data.train = {one, two};
  EXPECT_THAT(
      failure_of([&] { load_data(config, tokenizer); }),
      AllOf(
          HasSubstr("absent.json: No such file or directory"),
          HasSubstr(folder.string() + " is not a file")));
}

TEST_F(RecordsTest, SaysWhereAnArrayIsCutOff) {
  EXPECT_THAT(
      refusal("a.json", "[{\"instruction\": \"Q\",\n \"output\": \"A"),
      AllOf(
          HasSubstr("a.json:2: the array of records opened in line 1"),
          HasSubstr("the record from line 1 is cut off")));
  EXPECT_THAT(refusal("a.json", "["), HasSubstr("is never closed"));
  EXPECT_THAT(
      refusal("a.json", "[]\n[]"),
      HasSubstr("a.json:1: the array of records is closed here"));
}

TEST_F(RecordsTest, RefusesAnEndingItDoesNotKnow) {
  EXPECT_THAT(
      refusal("a.parquet", "x"),
      HasSubstr("ends in \".parquet\"; data files end in .json"));
}

TEST_F(RecordsTest, SaysThatNoFormatFits) {
  EXPECT_THAT(
      refusal("a.jsonl", "{\"q\": 1, \"a\": 2}"),
      AllOf(
          HasSubstr("no format fits a record with the keys a and q"),
          HasSubstr("\"instruction\" (alpaca)")));
  EXPECT_THAT(
      refusal("a.jsonl", "[1]\n7\n"),
      HasSubstr("has no record that is a JSON object"));
}

TEST_F(RecordsTest, RefusesTextInStageSftAndChatsInStagePt) {
  EXPECT_THAT(
      refusal("a.txt", "Some text."), HasSubstr("set train.stage = \"pt\""));
  config.train.stage = "pt";
  EXPECT_THAT(
      refusal("a.jsonl", "{\"instruction\": \"Q\", \"output\": \"A\"}"),
      HasSubstr("stage pt trains on text"));
}

TEST_F(RecordsTest, TellsEachBadRecordWithItsLine) {
  const std::vector<std::pair<std::string, std::string>> cases{
      {"{\"messages\": [", "is not JSON"},
      {"[1, 2]", "must be a JSON object, it is [1,2] (array)"},
      {"{\"other\": 1}", "lacks \"messages\"; it has the keys other"},
      {"{}", "it has no keys"},
      {"{\"messages\": \"hi\"}", "must be a list, it is \"hi\" (string)"},
      {"{\"messages\": []}", "the conversation has no messages"},
      {"{\"messages\": [7]}", "a message must be an object"},
      {R"({"messages": [{"content": "Q"}]})", "lacks \"role\""},
      {R"({"messages": [{"role": "user"}]})", "lacks \"content\""},
      {R"({"messages": [{"role": "user", "content": 3}]})",
       "\"content\" of a message must be a string, it is 3 (number)"},
      {R"({"messages": [{"role": "user", "content": [{"type": "image"}]}]})",
       "a part of a message must be"},
      {R"({"messages": [{"role": "wizard", "content": "Q"}]})",
       "unknown role \"wizard\""},
      {R"({"messages": [{"role": "user", "content": "Q"}]})",
       "has no answer: the last message is from the user"},
      {R"({"messages": [{"role": "assistant", "content": "A"}]})",
       "message 1 is from the assistant where the user's turn was expected"},
      {R"({"messages": [{"role": "user", "content": "Q"},)"
       R"({"role": "user", "content": "Q"}]})",
       "message 2 is from the user where the assistant's turn was expected"},
      {R"({"messages": [{"role": "user", "content": "Q"},)"
       R"({"role": "system", "content": "S"}]})",
       "message 2 is from the system"},
      {R"({"messages": [{"role": "user", "content": "Q"},)"
       R"({"role": "assistant", "content": " \n"}]})",
       "message 2, an answer, is empty"},
      {R"({"messages": [{"role": "user", "content": "Q"},)"
       R"({"role": "assistant", "content": "", "tool_calls": [{}]}]})",
       "tool_calls"},
      {R"({"messages": [], "tools": [{"name": "f"}]})", "defines tools"},
      {"{\"messages\": [{\"role\": \"user\", \"content\": \"\xff\"}]}",
       "is not JSON"},
      {R"({"messages": [{"role": "user", "content": "\ud800"}]})",
       "is not JSON"}};
  for (const auto& [record, message] : cases) {
    EXPECT_THAT(
        bad(record),
        AllOf(
            HasSubstr("1 of 2 records cannot be used"),
            HasSubstr("bad.jsonl:2: "),
            HasSubstr(message),
            HasSubstr("data.bad_record_limit")))
        << record;
  }
}

TEST_F(RecordsTest, TellsEachBadAlpacaRecord) {
  const std::vector<std::pair<std::string, std::string>> cases{
      {R"({"instruction": "Q"})", "has no answer: \"output\" is missing"},
      {R"({"instruction": "Q", "output": ""})",
       "has no answer: \"output\" is empty"},
      {R"({"instruction": "Q", "output": null})",
       "has no answer: \"output\" is empty"},
      {R"({"instruction": "Q", "output": 7})",
       "\"output\" must be a string, it is 7 (number)"},
      {R"({"output": "A"})", "has no question"},
      {R"({"instruction": ["Q"], "output": "A"})",
       "\"instruction\" must be a string, it is [\"Q\"] (array)"},
      {R"({"instruction": "Q", "output": "A", "history": "x"})",
       "\"history\" must be a list of pairs"},
      {R"({"instruction": "Q", "output": "A", "history": [["a"]]})",
       "must be [question, answer]"},
      {R"({"instruction": "Q", "output": "A", "history": [["a", ""]]})",
       "message 2, an answer, is empty"}};
  for (const auto& [record, message] : cases) {
    EXPECT_THAT(
        bad_alpaca(record),
        AllOf(HasSubstr("bad.jsonl:2: "), HasSubstr(message)))
        << record;
  }
}

TEST_F(RecordsTest, CountsARecordThatTheTemplateRefusesAsBad) {
  config.data.chat_template = "gemma";
  EXPECT_THAT(
      refusal(
          "a.jsonl",
          "{\"instruction\": \"Q\", \"output\": \"A\", \"system\": \"S\"}"),
      AllOf(
          HasSubstr("a.jsonl:1: template gemma has no form for a system"),
          HasSubstr("1 of 1 records")));
}

TEST_F(RecordsTest, ShowsTenBadRecordsAndCountsTheRest) {
  std::string text = "{\"instruction\": \"Q\", \"output\": \"A\"}\n";
  for (int i = 0; i < 25; ++i) {
    text += "{}\n";
  }
  EXPECT_THAT(
      refusal("a.jsonl", text),
      AllOf(
          HasSubstr("25 of 26 records cannot be used, the first 10 of them:"),
          HasSubstr("a.jsonl:2: "),
          HasSubstr("a.jsonl:11: "),
          testing::Not(HasSubstr("a.jsonl:12: "))));
}

TEST_F(RecordsTest, LeavesOutBadRecordsWithinTheLimit) {
  train_on(
      "a.jsonl",
      "{\"instruction\": \"Q\", \"output\": \"A\"}\n{}\n"
      "{\"instruction\": \"Q\", \"output\": \"B\"}\n"
      "{\"instruction\": \"Q\", \"output\": \"C\"}\n");
  config.data.bad_record_limit = 0.25;
  const RunData data = load_data(config, tokenizer);
  EXPECT_EQ(data.train.records, 4);
  EXPECT_EQ(data.train.bad_records, 1);
  EXPECT_EQ(data.train.samples.size(), 3u);
  config.data.bad_record_limit = 0.24;
  EXPECT_THROW(load_data(config, tokenizer), Failure);
}

TEST_F(RecordsTest, SaysWhyNothingIsLeftToTrain) {
  config.data.bad_record_limit = 1;
  EXPECT_THAT(
      refusal("a.jsonl", "{\"instruction\": \"Q\"}\n"),
      HasSubstr("data.train has no sample to train on: of 1 records 1 are "
                "bad and 0 were dropped"));
}

TEST(Utf8, AcceptsTextAndRefusesBrokenBytes) {
  EXPECT_TRUE(is_utf8("a\u00e9\u4f60\U0001F600"));
  for (const char* broken :
       {"\xff",
        "\xc3",
        "\xc0\xaf",
        "\xed\xa0\x80",
        "\xf4\x90\x80\x80",
        "a\x80"}) {
    EXPECT_FALSE(is_utf8(broken));
  }
}

} // namespace octet
