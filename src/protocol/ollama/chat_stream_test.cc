#include "protocol/ollama/chat_stream.h"

#include <gtest/gtest.h>

namespace stoker::protocol::ollama {
namespace {

struct Heard {
  std::string text;
  std::string thinking;
  std::vector<ToolCall> calls;
  Result<ChatEnd> end = ChatEnd{};
  std::string words;
};

Heard hear(std::string_view bytes, std::size_t cut) {
  ChatStream stream;
  Heard heard;
  const ChatStream::Sink sink = [&](const ChatPiece& piece) -> Result<bool> {
    heard.text += piece.text;
    heard.thinking += piece.thinking;
    heard.calls.insert(heard.calls.end(), piece.tool_calls.begin(), piece.tool_calls.end());
    return true;
  };
  for (const std::string_view part : {bytes.substr(0, cut), bytes.substr(cut)}) {
    if (const auto fed = stream.feed(part, sink); !fed) {
      heard.end = fail(fed.error());
      heard.words = stream.engine_words();
      return heard;
    }
  }
  heard.end = stream.finish(sink);
  return heard;
}

constexpr std::string_view kWhole =
    "{\"model\":\"tiny\",\"message\":{\"role\":\"assistant\",\"content\":\"\",\"thinking\":\"hm\"},"
    "\"done\":false}\n"
    "{\"message\":{\"content\":\"G\xc3\xa4nse \"},\"done\":false}\n"
    "{\"message\":{\"content\":\"\\u003cb\\u003e\"},\"done\":false}\n"
    "{\"message\":{\"content\":\"\",\"tool_calls\":[{\"function\":{\"index\":0,\"name\":\"f\","
    "\"arguments\":{\"a\":1}}}]},\"done\":false}\n"
    "{\"message\":{\"content\":\"\"},\"done\":true,\"done_reason\":\"stop\",\"eval_count\":3}\n";

TEST(OllamaChatStream, GivesTheSameAnswerWhereverTheBytesAreCut) {
  for (std::size_t cut = 0; cut <= kWhole.size(); ++cut) {
    const Heard heard = hear(kWhole, cut);
    ASSERT_TRUE(heard.end) << "cut at " << cut;
    EXPECT_EQ(heard.text, "G\xc3\xa4nse <b>");
    EXPECT_EQ(heard.thinking, "hm");
    ASSERT_EQ(heard.calls.size(), 1U);
    EXPECT_EQ(heard.calls[0].arguments, "{\"a\":1}");
    EXPECT_EQ(heard.end->reason, "stop");
    EXPECT_EQ(heard.end->answer_tokens, 3);
  }
}

TEST(OllamaChatStream, IsNotWholeWithoutDone) {
  const std::size_t last = kWhole.rfind("{\"message\"");
  for (std::size_t size = 0; size < kWhole.size() - 2; ++size) {
    const Heard heard = hear(kWhole.substr(0, size), 0);
    ASSERT_FALSE(heard.end) << "whole after " << size << " bytes";
    EXPECT_EQ(heard.end.error().param, "truncated");
  }
  EXPECT_TRUE(hear(kWhole.substr(0, kWhole.size() - 1), last).end)
      << "only the line end is missing";
}

TEST(OllamaChatStream, IsNotWholeWhenTheServerSaysDoneButNotWhy) {
  const Heard heard = hear("{\"message\":{\"content\":\"a\"},\"done\":true}\n", 0);
  ASSERT_FALSE(heard.end);
  EXPECT_EQ(heard.end.error().param, "truncated");
  EXPECT_TRUE(hear("{\"response\":\"a\",\"done\":true,\"eval_count\":1}\n", 0).end);
}

TEST(OllamaChatStream, EndsWithAnErrorRecordAndDoesNotQuoteIt) {
  const Heard heard = hear("{\"message\":{\"content\":\"a\"}}\n{\"error\":\"you said: hi\"}\n", 5);
  ASSERT_FALSE(heard.end);
  EXPECT_EQ(heard.end.error().param, "engine_error");
  EXPECT_EQ(heard.end.error().detail.find("hi"), std::string::npos);
  EXPECT_EQ(heard.words, "you said: hi");
  EXPECT_EQ(heard.text, "a");
  EXPECT_EQ(hear("{\"error\":\"CUDA out of memory\"}\n", 0).end.error().param, "out_of_memory");
}

TEST(OllamaChatStream, RefusesRecordsThatAreNoJsonAndLinesWithoutEnd) {
  EXPECT_EQ(hear("<html>\n", 0).end.error().param, "garbage");
  EXPECT_EQ(hear("[1]\n", 0).end.error().param, "garbage");
  const std::string endless(kRecordBytesMax + 1, ' ');
  EXPECT_EQ(hear(endless, 0).end.error().code, ErrorCode::too_large);
}

TEST(OllamaChatStream, LooksAtNothingAfterDone) {
  EXPECT_TRUE(hear(std::string(kWhole) + "<html>\n", 0).end);
}

}  // namespace
}  // namespace stoker::protocol::ollama
