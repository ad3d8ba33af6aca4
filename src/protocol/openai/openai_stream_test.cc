#include <gtest/gtest.h>

#include "protocol/openai/chat_stream.h"

namespace stoker::protocol::openai {
namespace {

struct Heard {
  std::string text;
  std::string reasoning;
  Result<ChatEnd> end = ChatEnd{};
  std::string words;
};

Heard hear(std::string_view bytes, std::size_t cut = 0) {
  ChatStream stream;
  Heard heard;
  const ChatStream::Sink sink = [&](const ChatDelta& delta) -> Result<bool> {
    if (delta.choice != 0) return true;
    heard.text += delta.text;
    heard.reasoning += delta.reasoning;
    return true;
  };
  for (const std::string_view part : {bytes.substr(0, cut), bytes.substr(cut)}) {
    if (const auto fed = stream.feed(part, sink); !fed) {
      heard.end = fail(fed.error());
      heard.words = stream.engine_words().message;
      return heard;
    }
  }
  heard.end = stream.finish(sink);
  heard.words = stream.engine_words().message;
  return heard;
}

std::string event(std::string_view data) {
  return "data: " + std::string(data) + "\n\n";
}
std::string delta(std::string_view delta) {
  return event("{\"choices\":[{\"index\":0,\"delta\":" + std::string(delta) +
               ",\"finish_reason\":null}]}");
}
const std::string kFinish = event(R"({"choices":[{"index":0,"delta":{},"finish_reason":"stop"}]})");
const std::string kDone = event("[DONE]");

TEST(OpenAiChatStream, GivesTheSameAnswerWhereverTheBytesAreCut) {
  const std::string bytes =
      ": ping\r\n\r\n" + delta(R"({"role":"assistant","content":""})") +
      delta(R"({"reasoning_content":"hm"})") +
      "data: {\"choices\":[{\"index\":0,\"delta\":{\"content\":\"G\xc3\xa4\"}}]}\r\n\r\n" +
      delta("{\"content\":\"nse \xf0\x9f\xa6\x8a\"}") + kFinish +
      event(R"({"choices":[],"usage":{"prompt_tokens":3,"completion_tokens":5}})") + kDone;
  for (std::size_t cut = 0; cut <= bytes.size(); ++cut) {
    const Heard heard = hear(bytes, cut);
    ASSERT_TRUE(heard.end) << "cut at " << cut;
    EXPECT_EQ(heard.text, "G\xc3\xa4nse \xf0\x9f\xa6\x8a");
    EXPECT_EQ(heard.reasoning, "hm");
    EXPECT_EQ(heard.end->finish_reason, "stop");
    ASSERT_TRUE(heard.end->usage);
    EXPECT_EQ(heard.end->usage->completion_tokens, 5);
  }
}

TEST(OpenAiChatStream, IsWholeOnlyWithAFinishReason) {
  const std::string bytes = delta(R"({"content":"a"})") + kFinish + kDone;
  const std::size_t finished = bytes.size() - kDone.size();
  for (std::size_t size = 0; size <= bytes.size(); ++size) {
    const Heard heard = hear(bytes.substr(0, size));
    if (heard.end) {
      EXPECT_GE(size, finished - 2) << "the finish_reason had come";
    } else {
      EXPECT_EQ(heard.end.error().param, "truncated") << size;
    }
  }
  EXPECT_TRUE(hear(bytes.substr(0, finished)).end) << "some servers leave [DONE] out";
  EXPECT_FALSE(hear(delta(R"({"content":"a"})") + kDone).end) << "[DONE] alone says nothing";
  EXPECT_FALSE(hear("").end);
}

TEST(OpenAiChatStream, TakesTextReasonAndUsageFromOneChunk) {
  const Heard heard = hear(event(
      R"({"choices":[{"delta":{"role":"assistant","content":"a"},"finish_reason":"length"}],"usage":{"prompt_tokens":1,"completion_tokens":2}})"));
  ASSERT_TRUE(heard.end);
  EXPECT_EQ(heard.text, "a");
  EXPECT_EQ(heard.end->finish_reason, "length");
  EXPECT_TRUE(heard.end->usage);
}

TEST(OpenAiChatStream, TakesContentThatIsNullOrMadeOfChunks) {
  const Heard heard =
      hear(delta(R"({"content":null})") +
           delta(R"({"content":[{"type":"thinking","thinking":[{"type":"text","text":"hm"}]},)"
                 R"({"type":"text","text":"a"}]})") +
           kFinish);
  EXPECT_EQ(heard.text, "a");
  EXPECT_EQ(heard.reasoning, "hm");
}

TEST(OpenAiChatStream, PutsCallsTogetherByTheirIndex) {
  const auto calls = [](std::string_view list) {
    return delta("{\"tool_calls\":" + std::string(list) + "}");
  };
  const Heard heard = hear(
      calls(R"([{"index":0,"id":"c1","type":"function","function":{"name":"f","arguments":""}}])") +
      calls(R"([{"index":1,"id":"c2","function":{"name":"g","arguments":"{\"b\":"}}])") +
      calls(R"([{"index":0,"function":{"arguments":"{\"a\":"}}])") +
      calls(
          R"([{"index":1,"function":{"arguments":"2}"}},{"index":0,"function":{"arguments":"1}"}}])") +
      event(R"({"choices":[{"index":0,"delta":{},"finish_reason":"tool_calls"}]})"));
  ASSERT_TRUE(heard.end);
  ASSERT_EQ(heard.end->tool_calls.size(), 2U);
  EXPECT_EQ(heard.end->tool_calls[0].name, "f");
  EXPECT_EQ(heard.end->tool_calls[0].arguments, R"({"a":1})");
  EXPECT_EQ(heard.end->tool_calls[1].id, "c2");
  EXPECT_EQ(heard.end->tool_calls[1].arguments, R"({"b":2})");
}

TEST(OpenAiChatStream, TakesAWholeCallWithoutAnIndex) {
  const Heard heard =
      hear(delta(R"({"tool_calls":[{"id":"c1","function":{"name":"f","arguments":{"a":1}}}]})") +
           kFinish);
  ASSERT_EQ(heard.end->tool_calls.size(), 1U);
  EXPECT_EQ(heard.end->tool_calls[0].arguments, R"({"a":1})");
}

TEST(OpenAiChatStream, EndsWithAnErrorInEachOfItsForms) {
  const std::string begun = delta(R"({"content":"a"})");
  for (const std::string& error :
       {event(R"({"error":{"message":"you said fox","code":500}})"),
        std::string("error: {\"message\":\"you said fox\",\"code\":500}\n\n") + kDone,
        event(R"({"error":"you said fox"})"),
        event(R"({"object":"error","message":"you said fox","code":400})")}) {
    const Heard heard = hear(begun + error);
    ASSERT_FALSE(heard.end) << error;
    EXPECT_EQ(heard.end.error().param, "engine_error");
    EXPECT_EQ(heard.end.error().detail.find("fox"), std::string::npos);
    EXPECT_EQ(heard.words, "you said fox");
    EXPECT_EQ(heard.text, "a");
  }
}

TEST(OpenAiChatStream, LooksAtNothingAfterDone) {
  EXPECT_TRUE(hear(kFinish + kDone + "data: <html>\n\n").end);
}

TEST(OpenAiChatStream, RefusesEventsThatAreNoJsonOrTooLong) {
  EXPECT_EQ(hear("data: <html>\n\n").end.error().param, "garbage");
  EXPECT_EQ(hear("data: [1]\n\n").end.error().param, "garbage");
  EXPECT_EQ(hear("data: " + std::string(kEventBytesMax, 'x')).end.error().code,
            ErrorCode::too_large);
  const std::string half = "data: " + std::string(kEventBytesMax / 2 + 1, 'x') + "\n";
  EXPECT_EQ(hear(half + half).end.error().code, ErrorCode::too_large);
}

TEST(OpenAiChatStream, LeavesOtherChoicesAlone) {
  const Heard heard = hear(
      event(
          R"({"choices":[{"index":1,"delta":{"content":"b"}},{"index":0,"delta":{"content":"a"}}]})") +
      event(R"({"choices":[{"index":1,"delta":{},"finish_reason":"stop"}]})"));
  EXPECT_EQ(heard.text, "a");
  EXPECT_FALSE(heard.end) << "choice 0 has not finished";
}

TEST(OpenAiEventReader, JoinsLinesAndNames) {
  EventReader reader;
  std::vector<ServerEvent> events;
  const EventReader::Each each = [&](const ServerEvent& one) -> Result<bool> {
    events.push_back(one);
    return true;
  };
  ASSERT_TRUE(
      reader.feed("event: a\ndata:1\ndata: 2\nid: 7\n\n: c\n\nevent: empty\n\ndata: 3", each));
  ASSERT_TRUE(reader.finish(each));
  ASSERT_EQ(events.size(), 2U);
  EXPECT_EQ(events[0].name, "a");
  EXPECT_EQ(events[0].data, "1\n2");
  EXPECT_EQ(events[1].name, "");
  EXPECT_EQ(events[1].data, "3");
}

}  // namespace
}  // namespace stoker::protocol::openai
