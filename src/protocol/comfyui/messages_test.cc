// Wire vectors: what ComfyUI answers, also what it should not.
#include <gtest/gtest.h>

#include <set>

#include "protocol/comfyui/events.h"
#include "protocol/comfyui/history.h"
#include "protocol/comfyui/json_reading.h"
#include "protocol/comfyui/prompt_answer.h"
#include "protocol/comfyui/prompt_id.h"
#include "protocol/comfyui/queue.h"
#include "protocol/comfyui/requests.h"
#include "protocol/comfyui/system_stats.h"

namespace stoker::protocol::comfyui {
namespace {

using namespace std::string_literals;

TEST(PromptId, IsALowercaseUuidOfVersionFour) {
  const std::string id = prompt_uuid("house", 7);
  ASSERT_EQ(id.size(), 36U);
  for (std::size_t i = 0; i < id.size(); ++i) {
    const bool dash = i == 8 || i == 13 || i == 18 || i == 23;
    EXPECT_EQ(id[i] == '-', dash) << id;
    if (!dash) EXPECT_NE(std::string("0123456789abcdef").find(id[i]), std::string::npos) << id;
  }
  EXPECT_EQ(id[14], '4');
  EXPECT_NE(std::string("89ab").find(id[19]), std::string::npos);
}

TEST(PromptId, FollowsFromSaltAndNumberAlone) {
  EXPECT_EQ(prompt_uuid("house", 7), prompt_uuid("house", 7));
  std::set<std::string> ids;
  for (std::uint64_t n = 0; n < 1000; ++n) {
    ids.insert(prompt_uuid("house", n));
    ids.insert(prompt_uuid("other house", n));
    ids.insert(prompt_uuid("house", n << 40U));
  }
  EXPECT_EQ(ids.size(), 2999U);  // 0 << 40 is 0
}

TEST(Requests, BodiesAreWhatTheEngineReads) {
  EXPECT_EQ(prompt_body({.graph = "{}", .client_id = "c", .prompt_id = "p"}),
            R"({"prompt":{},"client_id":"c","prompt_id":"p"})");
  const std::vector<std::string> ids{"a", "b"};
  EXPECT_EQ(delete_body(ids), R"({"delete":["a","b"]})");
  EXPECT_EQ(interrupt_body("a"), R"({"prompt_id":"a"})");
}

TEST(Requests, FilesAreNamedSafely) {
  EXPECT_EQ(view_target({.filename = "a b&c=1.png", .subfolder = "x/ü", .type = "temp"}),
            "/view?filename=a%20b%26c%3D1.png&subfolder=x%2F%C3%BC&type=temp");
  EXPECT_EQ(percent_encode_path("View/local/raw/a cat?.png"), "View/local/raw/a%20cat%3F.png");
}

TEST(PromptAnswer, AnAcceptedWorkflowHasItsNumber) {
  const auto answer =
      parse_prompt_answer(200, R"({"prompt_id":"p","number":-3.5,"node_errors":{}})");
  ASSERT_TRUE(answer);
  EXPECT_EQ(answer->prompt_id, "p");
  EXPECT_EQ(answer->number, -3.5);
  EXPECT_TRUE(answer->dropped_outputs.empty());
}

TEST(PromptAnswer, AcceptedWithDroppedOutputsTellsWhich) {
  const auto answer =
      parse_prompt_answer(200, R"({"prompt_id":"p","number":1,"node_errors":{"1":{"errors":[],
               "dependent_outputs":["9","8"],"class_type":"X"},"2":{"dependent_outputs":["9"]}}})");
  ASSERT_TRUE(answer);
  EXPECT_EQ(answer->dropped_outputs, (std::vector<std::string>{"9", "8"}));
}

TEST(PromptAnswer, AMissingModelFileIsNamed) {
  const auto answer = parse_prompt_answer(
      400, R"({"error":{"type":"prompt_outputs_failed_validation","message":"m","details":"d"},
        "node_errors":{"4":{"errors":[{"type":"value_not_in_list","message":"Value not in list",
        "details":"ckpt_name: 'x.safetensors' not in []","extra_info":{"input_name":"ckpt_name",
        "received_value":"folder\\x.safetensors"}}],"dependent_outputs":["9"],
        "class_type":"CheckpointLoaderSimple"}}})");
  ASSERT_FALSE(answer);
  EXPECT_EQ(answer.error().code, ErrorCode::unknown_model);
  EXPECT_EQ(answer.error().param, "folder\\x.safetensors");
  EXPECT_NE(
      answer.error().detail.find("node 4 CheckpointLoaderSimple: value_not_in_list (ckpt_name)"),
      std::string::npos);
}

TEST(PromptAnswer, NoErrorQuotesAPrompt) {
  const std::string secret = "a dragon called Mia";
  const auto answer = parse_prompt_answer(
      400, R"({"error":{"type":"prompt_outputs_failed_validation","message":")" + secret +
               R"(","details":")" + secret + R"("},"node_errors":{"6":{"errors":[{"type":
        "invalid_input_type","message":")" +
               secret + R"(","details":")" + secret +
               R"(","extra_info":{"input_name":"text","received_value":")" + secret +
               R"("}}],"class_type":"CLIPTextEncode"}}})");
  ASSERT_FALSE(answer);
  EXPECT_EQ(answer.error().code, ErrorCode::bad_request);
  EXPECT_EQ(answer.error().detail.find("Mia"), std::string::npos);
  EXPECT_EQ(answer.error().param, "CLIPTextEncode");
}

TEST(PromptAnswer, RefusalsWithoutNodesAreNamedByTheirKind) {
  const auto empty = parse_prompt_answer(
      400,
      R"({"error":{"type":"no_prompt","message":"","details":"","extra_info":{}},"node_errors":{}})");
  ASSERT_FALSE(empty);
  EXPECT_EQ(empty.error().code, ErrorCode::bad_request);
  EXPECT_EQ(empty.error().param, "no_prompt");
  const auto missing = parse_prompt_answer(
      400,
      R"({"error":{"type":"missing_node_type","extra_info":{"class_type":"Nope"}},"node_errors":[]})");
  ASSERT_FALSE(missing);
  EXPECT_EQ(missing.error().param, "Nope");
}

TEST(PromptAnswer, WhatIsNoAnswerIsABrokenEngine) {
  EXPECT_EQ(parse_prompt_answer(500, "500 Internal Server Error").error().code,
            ErrorCode::backend_down);
  EXPECT_EQ(parse_prompt_answer(200, "[]").error().code, ErrorCode::backend_down);
  EXPECT_EQ(parse_prompt_answer(200, "{}").error().code, ErrorCode::backend_down);
  EXPECT_EQ(parse_prompt_answer(413, "").error().code, ErrorCode::too_large);
}

TEST(Queue, PendingPromptsAreInTheOrderInWhichTheyRun) {
  const auto queue = parse_queue(
      R"({"queue_running":[[3,"r",{},{},[]]],"queue_pending":[[-4,"front",{},{},[]],
          [7,"b",{},{},[]],[5.5,"a",{},{},[]]]})");
  ASSERT_TRUE(queue);
  ASSERT_EQ(queue->pending.size(), 3U);
  EXPECT_EQ(queue->pending[0].prompt_id, "front");
  EXPECT_EQ(queue->pending[1].prompt_id, "a");
  EXPECT_EQ(queue->pending[2].prompt_id, "b");
  EXPECT_TRUE(queue->runs("r"));
  EXPECT_FALSE(queue->runs("a"));
  EXPECT_TRUE(queue->holds("a"));
  EXPECT_FALSE(queue->holds("x"));
}

TEST(Queue, NonsenseIsAnError) {
  for (const std::string_view body : {"", "{}", "[]", R"({"queue_running":5})"}) {
    EXPECT_FALSE(parse_queue(body)) << body;
  }
}

constexpr std::string_view kEntry = R"({"p":{"prompt":[4,"p",{},{},["9"]],"outputs":{
  "9":{"images":[{"filename":"a.png","subfolder":"s","type":"temp"},{"filename":""},7]},
  "10":{"images":[{"filename":"v.mp4","subfolder":"","type":"output"}],"animated":[true]},
  "11":{"audio":[{"filename":"s.mp3","type":"output"}]},
  "12":{"gifs":[{"filename":"g.webp","format":"image/webp"}],"unknown":{"a":1}},
  "13":{"text":["hello","world"]},"14":null},
  "status":{"status_str":"success","completed":true,"messages":[["execution_start",{}],
  ["execution_cached",{"nodes":["1","2"]}],["execution_success",{}]]}}})";

TEST(History, OutputsOfEveryKindAreFound) {
  const auto entry = parse_history(kEntry, "p");
  ASSERT_TRUE(entry && entry->has_value());
  EXPECT_EQ((*entry)->end, RunEnd::success);
  EXPECT_EQ((*entry)->number, 4);
  EXPECT_EQ((*entry)->cached_nodes, (std::vector<std::string>{"1", "2"}));
  ASSERT_EQ((*entry)->files.size(), 4U);
  EXPECT_EQ((*entry)->files[0].name, (FileName{"a.png", "s", "temp"}));
  EXPECT_FALSE((*entry)->files[0].animated);
  EXPECT_TRUE((*entry)->files[1].animated);
  EXPECT_EQ((*entry)->files[2].kind, "audio");
  EXPECT_EQ((*entry)->files[3].name.type, "output");
  ASSERT_EQ((*entry)->texts.size(), 2U);
  EXPECT_EQ((*entry)->texts[1].text, "world");
}

TEST(History, AbsentIsNoError) {
  EXPECT_EQ(parse_history("{}", "p")->has_value(), false);
  EXPECT_EQ(parse_history(kEntry, "q")->has_value(), false);
  EXPECT_FALSE(parse_history("500", "p"));
}

TEST(History, MessagesOutweighTheStatusWord) {
  const auto entry = parse_history(
      R"({"p":{"status":{"status_str":"success","messages":[["execution_error",
          {"node_id":"3","node_type":"KSampler","exception_type":"torch.OutOfMemoryError",
           "exception_message":"Allocation on device"}]]}}})",
      "p");
  ASSERT_TRUE(entry && entry->has_value());
  EXPECT_EQ((*entry)->end, RunEnd::failed);
  ASSERT_TRUE((*entry)->fault);
  const Error error = error_of(*(*entry)->fault);
  EXPECT_EQ(error.code, ErrorCode::load_failed);
  EXPECT_EQ(error.param, "oom");
}

TEST(History, InterruptedIsNotFailed) {
  const auto entry = parse_history(
      R"({"p":{"status":{"status_str":"error","completed":false,"messages":[
          ["execution_interrupted",{"prompt_id":"p"}]]}}})",
      "p");
  EXPECT_EQ((*entry)->end, RunEnd::interrupted);
}

TEST(History, ABlockedBranchDoesNotFailTheRun) {
  const auto entry = parse_history(
      R"({"p":{"status":{"status_str":"success","messages":[["execution_error",
          {"exception_type":"ExecutionBlocked"}],["execution_success",{}]]}}})",
      "p");
  EXPECT_EQ((*entry)->end, RunEnd::success);
}

TEST(History, TheNewestNumberCountsEverybody) {
  EXPECT_EQ(*newest_number("{}"), std::nullopt);
  EXPECT_EQ(*newest_number(R"({"a":{"prompt":[3,"a"]},"b":{"prompt":[5.5,"b"]}})"), 5.5);
}

TEST(Fault, TextsOfExceptionsStayInside) {
  const auto entry = parse_history(
      R"({"p":{"status":{"messages":[["execution_error",{"node_id":"3","node_type":"CLIPTextEncode",
          "exception_type":"a dragon called 'Mia', please","exception_message":"a dragon called Mia"}]]}}})",
      "p");
  const Error error = error_of(*(*entry)->fault);
  EXPECT_EQ(error.code, ErrorCode::internal);
  EXPECT_EQ(error.detail.find("Mia"), std::string::npos);
  EXPECT_EQ(error.param, "CLIPTextEncode");
}

TEST(Events, TheEndIsExecutingNull) {
  const Event end = parse_event(R"({"type":"executing","data":{"node":null,"prompt_id":"p"}})");
  EXPECT_EQ(end.kind, EventKind::ended);
  EXPECT_EQ(end.prompt_id, "p");
  const Event node =
      parse_event(R"({"type":"executing","data":{"node":"4","display_node":"4","prompt_id":"p"}})");
  EXPECT_EQ(node.kind, EventKind::executing);
  EXPECT_EQ(node.node, "4");
}

TEST(Events, TheGreetingHasTheSid) {
  const Event hello = parse_event(
      R"({"type":"status","data":{"status":{"exec_info":{"queue_remaining":2}},"sid":"c1"}})");
  EXPECT_EQ(hello.kind, EventKind::status);
  EXPECT_EQ(hello.sid, "c1");
  EXPECT_EQ(hello.queue_remaining, 2U);
}

TEST(Events, ProgressComesInTwoForms) {
  const Event one =
      parse_event(R"({"type":"progress","data":{"value":3,"max":25,"prompt_id":"p","node":"5"}})");
  EXPECT_EQ(one.kind, EventKind::progress);
  EXPECT_EQ(one.value, 3);
  EXPECT_EQ(one.max, 25);
  const Event state = parse_event(
      R"({"type":"progress_state","data":{"prompt_id":"p","nodes":{"1":{"value":1,"max":1,"state":
          "finished"},"5":{"value":4,"max":25,"state":"running"}}}})");
  EXPECT_EQ(state.kind, EventKind::progress);
  EXPECT_EQ(state.value, 4);
  EXPECT_EQ(state.max, 25);
  EXPECT_EQ(state.node, "5");
}

TEST(Events, CachedNodesAreTold) {
  const Event cached =
      parse_event(R"({"type":"execution_cached","data":{"nodes":["1","2"],"prompt_id":"p"}})");
  EXPECT_EQ(cached.kind, EventKind::cached);
  EXPECT_EQ(cached.nodes, (std::vector<std::string>{"1", "2"}));
}

TEST(Events, UnknownAndBrokenFramesAreOthers) {
  for (const std::string_view frame :
       {"", "{", "[]", R"({"type":"logs","data":{}})", R"({"type":"executing"})",
        R"({"type":"executing","data":7})", R"({"type":5,"data":{}})"}) {
    EXPECT_EQ(parse_event(frame).kind, EventKind::other) << frame;
  }
}

TEST(Events, BinaryFramesAreReadBigEndian) {
  const std::string preview = "\0\0\0\1\0\0\0\2PNG"s;
  EXPECT_EQ(parse_binary_event(preview).kind, BinaryKind::preview);
  EXPECT_EQ(parse_binary_event(preview).format, 2U);
  EXPECT_EQ(parse_binary_event(preview).payload, "PNG");
  const std::string text = "\0\0\0\3\0\0\0\2n1hello"s;
  EXPECT_EQ(parse_binary_event(text).kind, BinaryKind::text);
  EXPECT_EQ(parse_binary_event(text).payload, "hello");
  EXPECT_EQ(parse_binary_event("\0\0\0\3\0\0\1\0n1"s).kind, BinaryKind::other);
  EXPECT_EQ(parse_binary_event("\0\0\0\12\0\0\0\1x"s).kind, BinaryKind::other);
  EXPECT_EQ(parse_binary_event("\0\0"s).kind, BinaryKind::other);
}

std::string stats_of(std::string_view version, std::string_view argv,
                     std::string_view type = "cuda") {
  return R"({"system":{"os":"posix","ram_total":1073741824,"ram_free":536870912,"comfyui_version":")" +
         std::string(version) + R"(","argv":[)" + std::string(argv) +
         R"(]},"devices":[{"name":"x","type":")" + std::string(type) +
         R"(","index":0,"vram_total":10737418240,"vram_free":5368709120,
            "torch_vram_total":3221225472,"torch_vram_free":1073741824}]})";
}

TEST(SystemStats, MemoryIsWhatTheProcessUses) {
  const auto stats = parse_system_stats(stats_of("0.3.64", R"("main.py")"));
  ASSERT_TRUE(stats);
  EXPECT_EQ(stats->version_text, "0.3.64");
  EXPECT_EQ(stats->torch_active, MiB{2048});
  EXPECT_EQ(stats->device_free, MiB{5120});
  EXPECT_EQ(stats->ram_total, MiB{1024});
}

TEST(SystemStats, PathsOfTheCommandLineStayInside) {
  const auto stats = parse_system_stats(stats_of(
      "0.3.64",
      R"("/home/x/main.py","--listen","0.0.0.0","--output-directory","/home/x/out","--port","8188","--base=/home/x")"));
  EXPECT_EQ(stats->flags, (std::vector<std::string>{"--listen 0.0.0.0", "--output-directory",
                                                    "--port 8188", "--base"}));
}

TEST(SystemStats, TheCacheFollowsFromFlagsAndVersion) {
  struct Row {
    std::string_view version;
    std::string_view argv;
    CachePolicy cache;
  };
  const Row rows[] = {
      {"0.3.64", "", CachePolicy::classic},
      {"0.38.1", "", CachePolicy::classic},  // 1 GiB of memory is less than it wants free
      {"0.38.1", R"("--high-ram")", CachePolicy::ram},
      {"0.38.1", R"("--cache-classic")", CachePolicy::classic},
      {"0.3.64", R"("--cache-lru","10")", CachePolicy::lru},
      {"0.3.64", R"("--cache-lru","0")", CachePolicy::classic},
      {"0.3.64", R"("--cache-none")", CachePolicy::none},
      {"0.3.70", R"("--cache-ram","0.5")", CachePolicy::ram},
      {"0.3.70", R"("--cache-ram","32.0")", CachePolicy::classic},
      {"0.38.1", R"("--cache-ram","1","0.5")", CachePolicy::ram},
      {"0.38.1", R"("--cache-ram","0.5","1")", CachePolicy::classic},
      {"", "", CachePolicy::classic},
  };
  for (const Row& row : rows) {
    const auto stats = parse_system_stats(stats_of(row.version, row.argv));
    EXPECT_EQ(stats->cache, row.cache) << row.version << " " << row.argv;
  }
  EXPECT_EQ(parse_system_stats(stats_of("0.3.64", R"("--cache-lru","12")"))->lru_results, 12U);
}

TEST(SystemStats, AnLruCacheKeepsWorkflowsByTheirNodes) {
  const auto kept = [](std::string_view argv, std::size_t nodes) {
    return workflows_kept(*parse_system_stats(stats_of("0.3.64", argv)), nodes);
  };
  EXPECT_EQ(kept(R"("--cache-lru","20")", 7), 2U);
  EXPECT_EQ(kept(R"("--cache-lru","3")", 7), 1U);
  EXPECT_EQ(kept("", 7), 1U) << "classic";
  EXPECT_EQ(kept(R"("--high-ram")", 7), 0U) << "as many as fit";
}

TEST(SystemStats, OldVersionsInterruptWhateverRuns) {
  EXPECT_FALSE(parse_system_stats(stats_of("0.3.56", ""))->interrupts_one);
  EXPECT_TRUE(parse_system_stats(stats_of("0.3.57", ""))->interrupts_one);
  EXPECT_TRUE(parse_system_stats(stats_of("v0.38.1-4-gabcdef", ""))->interrupts_one);
  EXPECT_FALSE(parse_system_stats(stats_of("unknown", ""))->interrupts_one);
}

TEST(SystemStats, PagingNeedsANewVersionOnACard) {
  EXPECT_TRUE(parse_system_stats(stats_of("0.38.1", ""))->pages_weights);
  EXPECT_FALSE(parse_system_stats(stats_of("0.38.1", "", "cpu"))->pages_weights);
  EXPECT_FALSE(
      parse_system_stats(stats_of("0.38.1", R"("--disable-dynamic-vram")"))->pages_weights);
  EXPECT_FALSE(parse_system_stats(stats_of("0.3.64", ""))->pages_weights);
  EXPECT_TRUE(parse_system_stats(stats_of("0.16.0", R"("--enable-dynamic-vram")"))->pages_weights);
}

TEST(SystemStats, NonsenseIsAnError) {
  EXPECT_FALSE(parse_system_stats("{}"));
  EXPECT_FALSE(parse_system_stats("nope"));
  EXPECT_TRUE(parse_system_stats(R"({"system":{}})"));
}

TEST(JsonReading, NumbersOf64BitsStayExact) {
  const auto object =
      parse_object(R"({"seed":18446744073709551615,"whole":3.0,"half":0.5,"minus":-1})");
  EXPECT_EQ(count_in(*object, "seed"), 18446744073709551615ULL);
  EXPECT_EQ(count_in(*object, "whole"), 3U);
  EXPECT_EQ(count_in(*object, "half"), std::nullopt);
  EXPECT_EQ(count_in(*object, "minus"), std::nullopt);
}

// Nothing that an engine sends may end the process: every prefix, and every byte replaced by some others.
TEST(AllAnswers, BrokenOnesAreErrorsOrNothing) {
  const std::string stats = stats_of("0.3.64", R"("main.py","--cache-lru","10")");
  const std::string samples[] = {
      std::string(kEntry),
      stats,
      R"({"queue_running":[[3,"r",{},{},[]]],"queue_pending":[[-4,"f",{},{},[]]]})",
      R"({"type":"progress_state","data":{"prompt_id":"p","nodes":{"1":{"value":1,"max":2,"state":"running"}}}})",
      R"({"error":{"type":"x","extra_info":{"class_type":"Y"}},"node_errors":{"4":{"errors":[{"type":"value_not_in_list","extra_info":{"input_name":"a","received_value":"b.pt"}}]}}})",
  };
  std::size_t read = 0;
  const auto feed = [&read](const std::string& text) {
    read += parse_history(text, "p").has_value() ? 1 : 0;
    read += newest_number(text).has_value() ? 1 : 0;
    read += parse_system_stats(text).has_value() ? 1 : 0;
    read += parse_queue(text).has_value() ? 1 : 0;
    read += parse_prompt_answer(400, text).has_value() ? 1 : 0;
    read += parse_prompt_answer(200, text).has_value() ? 1 : 0;
    read += parse_event(text).kind == EventKind::other ? 0 : 1;
    read += parse_binary_event(text).kind == BinaryKind::other ? 0 : 1;
  };
  for (const std::string& sample : samples) {
    for (std::size_t at = 0; at <= sample.size(); ++at) feed(sample.substr(0, at));
    for (std::size_t at = 0; at < sample.size(); ++at) {
      for (const char other : {'0', '"', '[', '}', '\xff'}) {
        std::string broken = sample;
        broken[at] = other;
        feed(broken);
      }
    }
  }
  EXPECT_GT(read, 5U) << "whole ones are read";
}

TEST(JsonReading, DepthIsBounded) {
  EXPECT_FALSE(parse_json(std::string(10000, '[')));
  EXPECT_FALSE(parse_json(std::string(100, '[') + std::string(100, ']')));
}

}  // namespace
}  // namespace stoker::protocol::comfyui
