#include "server/config/config.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>

#include "backends/rehearsal/catalogue.h"
#include "server/config/config_schema.h"

namespace stoker::server {
namespace {

using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Not;

constexpr std::string_view kSmall = R"(
[server]
listen = "[::1]:9000"
public_url = "https://stoker.example/"
hostnames = ["stoker.local"]
data = "here"

[[device]]
id = "gpu0"
vram_mib = 24576
loads_parallel = 2
text_parallel_penalty = 0.5
generation_parallel_penalty = 0
text_beside_generation = 0.75
generation_beside_text = 1

[[backend]]
id = "media"
kind = "rehearsal"
slots = 2
granularity = "self"

[[model]]
id = "paint:1"
title = "Paint"
backend = "media"
medium = "image"
vram_mib = 8000
declared_mib = 6000
load_s = 4
run_s = 2.5
steps = 20

[residency]
reserve_mib = 1024
pins = ["paint:1"]
preload = ["paint:1"]
misfit = "turns"

[scheduling]
text_patience_s = 45
generation_patience_s = 240.5

[[key]]
role = "application"
name = "kiosk"
env = "KIOSK_TOKEN"
)";

std::vector<std::string> problems_of(std::string_view text) {
  std::vector<std::string> words;
  const ConfigResult config = parse_config(text, "/folder");
  if (config) return words;
  for (const ConfigProblem& problem : config.error()) words.push_back(problem_text("c", problem));
  return words;
}

TEST(Config, ReadsEveryPart) {
  const ConfigResult config = parse_config(kSmall, "/folder");
  ASSERT_TRUE(config) << problem_text("c", config.error().front());
  EXPECT_EQ(config->listen, (ListenAddress{"::1", 9000}));
  EXPECT_EQ(config->public_url, "https://stoker.example");
  EXPECT_THAT(config->hostnames, ElementsAre("stoker.local"));
  EXPECT_EQ(config->data, "/folder/here");
  ASSERT_EQ(config->machine.devices.size(), 1u);
  EXPECT_EQ(config->machine.devices[0].reserve, MiB{1024});
  ASSERT_EQ(config->machine.engines.size(), 1u);
  EXPECT_EQ(config->machine.engines[0].info.slots, 2u);
  EXPECT_EQ(config->machine.engines[0].info.granularity, EvictionGranularity::self);
  EXPECT_TRUE(config->machine.engines[0].info.simulated);
  ASSERT_EQ(config->machine.models.size(), 1u);
  const Model& model = config->machine.models[0];
  EXPECT_EQ(model.name, "paint:1");
  EXPECT_EQ(model.title, "Paint");
  EXPECT_EQ(model.medium, Medium::image);
  EXPECT_EQ(model.vram, MiB{8000});
  EXPECT_EQ(model.vram_source, SizeSource::measured);
  EXPECT_EQ(model.declared_vram, MiB{6000});
  EXPECT_EQ(model.load_hint, seconds(4));
  EXPECT_EQ(model.run_hint, milliseconds(2500));
  EXPECT_TRUE(model.pinned);
  EXPECT_TRUE(model.offered);
  EXPECT_THAT(config->machine.preload, ElementsAre(model.id));
  ASSERT_EQ(config->machine.speeds.size(), 1u);
  scheduler::DeviceSpeeds speeds = config->machine.speeds[0];
  scheduler::DeviceSpeeds wanted{config->machine.devices[0].id, 2, 500'000, 0, 750'000, 1'000'000};
  EXPECT_EQ(speeds.fields(), wanted.fields());
  EXPECT_EQ(config->machine.patience.text, seconds(45));
  EXPECT_EQ(config->machine.patience.generation, milliseconds(240'500));
  EXPECT_EQ(config->machine.misfit, MisfitRule::turns);
  EXPECT_THAT(config->keys, ElementsAre(KeySource{Role::application, "kiosk", "", "KIOSK_TOKEN"}));
}

TEST(Config, UsesTheRehearsalEnginesWhenNoneAreNamed) {
  const ConfigResult config = parse_config("[server]\nlisten = \"127.0.0.1:1\"\n", "/");
  ASSERT_TRUE(config);
  EXPECT_EQ(config->machine.models.size(), rehearsal_catalogue().models.size());
}

TEST(Config, LeavesSpeedsPatienceAndMisfitsAsTheyAreByDefault) {
  const ConfigResult config = parse_config("[[device]]\nid = \"g\"\nvram_mib = 9000\n", "/");
  ASSERT_TRUE(config);
  scheduler::DeviceSpeeds speeds = config->machine.speeds.at(0);
  scheduler::DeviceSpeeds defaults{.device = config->machine.devices[0].id};
  EXPECT_EQ(speeds.fields(), defaults.fields());
  EXPECT_EQ(config->machine.patience.text, Duration{});
  EXPECT_EQ(config->machine.patience.generation, Duration{});
  EXPECT_EQ(config->machine.misfit, MisfitRule::refuse);
}

TEST(Config, KeepsHowToPlanOnTheRehearsalMachine) {
  const ConfigResult config =
      parse_config("[residency]\nmisfit = \"turns\"\n[scheduling]\ntext_patience_s = 30\n", "/");
  ASSERT_TRUE(config) << problem_text("c", config.error().front());
  EXPECT_EQ(config->machine.models.size(), rehearsal_catalogue().models.size());
  EXPECT_EQ(config->machine.misfit, MisfitRule::turns);
  EXPECT_EQ(config->machine.patience.text, seconds(30));
}

TEST(Config, RefusesSpeedsAndPatienceThatCannotBe) {
  const std::string head = "[[device]]\nid = \"g\"\nvram_mib = 9000\n";
  EXPECT_THAT(problems_of(head + "loads_parallel = 5\n"),
              ElementsAre("c:4:18: loads_parallel must lie between 1 and 4, not 5"));
  EXPECT_THAT(problems_of(head + "text_beside_generation = 0\n"),
              ElementsAre("c:4:26: text_beside_generation must lie between 0.01 and 1, not 0"));
  EXPECT_THAT(problems_of(head + "generation_parallel_penalty = \"much\"\n"),
              ElementsAre("c:4:31: generation_parallel_penalty must be a number, not a text"));
  EXPECT_THAT(problems_of("[scheduling]\ntext_patience_s = -1\n"),
              ElementsAre("c:2:19: text_patience_s must lie between 0 and 86400, not -1"));
  EXPECT_THAT(problems_of("[scheduling]\npatience_s = 1\n"),
              ElementsAre(HasSubstr("unknown key \"patience_s\" in [scheduling]")));
  EXPECT_THAT(problems_of("[residency]\nmisfit = \"turn\"\n"),
              ElementsAre(HasSubstr("must be one of refuse, turns, not \"turn\"; did you mean")));
}

TEST(Config, TellsEveryProblemWithItsPlace) {
  EXPECT_THAT(problems_of("[server]\nlisen = \"x\"\nhostnames = \"one\"\n\n[[device]]\nid = "
                          "\"g\"\nvram_mib = \"much\"\n"),
              ElementsAre("c:2:1: unknown key \"lisen\" in [server]; did you mean \"listen\"?",
                          "c:3:13: hostnames must be a list of texts, not a text",
                          "c:7:12: vram_mib must be a whole number, not a text"));
}

TEST(Config, NamesTheLineOfASyntaxError) {
  EXPECT_THAT(problems_of("[server]\nlisten = 127.0.0.1:8420\n"), ElementsAre(HasSubstr("c:2:")));
}

TEST(Config, RefusesUnknownTablesAndMissingKeys) {
  EXPECT_THAT(problems_of("[residence]\nreserve_mib = 1\n\n[[device]]\nvram_mib = 5000\n"),
              ElementsAre("c:1:2: unknown table \"residence\"; did you mean \"residency\"?",
                          "c:4:1: id is missing in [device]"));
}

TEST(Config, RefusesReferencesToNothing) {
  const std::string text = R"([[device]]
id = "gpu0"
vram_mib = 9000
[[backend]]
id = "media"
kind = "rehearsal"
devices = ["gpu1"]
[[model]]
id = "m"
backend = "medai"
medium = "image"
vram_mib = 1
[residency]
pins = ["m", "n"]
)";
  EXPECT_THAT(problems_of(text),
              ElementsAre("c:7:12: no device has the id \"gpu1\"; did you mean \"gpu0\"?",
                          "c:10:11: no backend has the id \"medai\"; did you mean \"media\"?",
                          "c:14:14: no model has the id \"n\""));
}

TEST(Config, RefusesNumbersOutsideTheirRange) {
  EXPECT_THAT(problems_of("[[device]]\nid = \"g\"\nvram_mib = -4\n"),
              ElementsAre(HasSubstr("c:3:12: vram_mib must lie between 1 and")));
  EXPECT_THAT(problems_of("[[device]]\nid = \"g\"\nvram_mib = 2000\n"),
              ElementsAre(HasSubstr("more than the reserve of 2048 MiB")));
}

TEST(Config, SaysWhatThisVersionCannotDo) {
  const std::string head = "[[device]]\nid = \"g\"\nvram_mib = 9000\n";
  EXPECT_THAT(problems_of(head + "[[backend]]\nid = \"b\"\nkind = \"mistral\"\n"),
              Contains("c:6:8: kind \"mistral\" is not available in this version"));
  EXPECT_THAT(problems_of(head + "[[backend]]\nid = \"b\"\nkind = \"comfi\"\n"),
              ElementsAre(HasSubstr("must be one of rehearsal, ollama, comfyui")));
  EXPECT_THAT(problems_of(head + "[[provider]]\nurl = \"https://p.example\"\n"),
              ElementsAre("c:4:3: [[provider]] is not available in this version"));
}

TEST(Config, RefusesTwoOfTheSameId) {
  EXPECT_THAT(
      problems_of(
          "[[device]]\nid = \"g\"\nvram_mib = 9000\n[[device]]\nid = \"g\"\nvram_mib = 9000\n"),
      ElementsAre("c:5:6: a second device with the id \"g\""));
}

TEST(Config, WantsExactlyOneSourceOfAKey) {
  EXPECT_THAT(problems_of("[[key]]\nrole = \"admin\"\n"),
              ElementsAre("c:2:8: a [[key]] needs either token_file or env"));
  EXPECT_THAT(problems_of("[[key]]\nrole = \"admin\"\nenv = \"A\"\ntoken_file = \"b\"\n"),
              ElementsAre("c:2:8: a [[key]] needs either token_file or env"));
}

constexpr std::string_view kRealCard =
    "[[device]]\nid = \"g\"\nkind = \"nvidia\"\nvram_mib = 9000\n";

TEST(Config, ReadsEnginesByUrlAndEnginesThatStokerStarts) {
  const std::string text = std::string(kRealCard) + R"(
[[backend]]
id = "texts"
kind = "ollama"
url = "http://127.0.0.1:11434"
[[backend]]
id = "small"
kind = "openai"
flavour = "llama_cpp"
command = ["llama-server", "-m", "{file}", "--port", "{port}"]
process_per = "model"
environment = { CUDA_VISIBLE_DEVICES = "0" }
stop_signal = "INT"
stop_grace_s = 3
[[backend]]
id = "pictures"
kind = "comfyui"
url = "http://127.0.0.1:8188"
[[model]]
id = "llama"
backend = "texts"
medium = "text"
engine_name = "llama3.1:8b"
declared_mib = 5000
load_options = { num_ctx = 8192 }
run_options = { temperature = 0.7, stop = "END" }
[[model]]
id = "sd"
backend = "pictures"
medium = "image"
declared_mib = 4000
template = "sd15"
weights = { "v1-5-pruned-emaonly-fp16.safetensors" = "mine.safetensors" }
)";
  const ConfigResult config = parse_config(text, "/");
  ASSERT_TRUE(config) << problem_text("c", config.error().front());
  const Machine& machine = config->machine;
  EXPECT_EQ(machine.cards.at(0).source, CardSource::nvidia);
  EXPECT_EQ(machine.engines.at(0).info.granularity, EvictionGranularity::model);
  const EngineSetup& small = machine.engines.at(1);
  ASSERT_TRUE(small.command);
  EXPECT_EQ(small.share, EngineShare::per_model);
  EXPECT_EQ(small.command->stop_signal, 2);
  EXPECT_EQ(small.command->grace, seconds(3));
  EXPECT_THAT(small.command->environment, ElementsAre(std::pair("CUDA_VISIBLE_DEVICES", "0")));
  EXPECT_EQ(machine.engines.at(2).info.granularity, EvictionGranularity::backend)
      << "/free is for everything";
  EXPECT_EQ(machine.engine_models.at(0).upstream, "llama3.1:8b");
  EXPECT_EQ(machine.engine_models.at(0).load_options.size(), 1U);
  EXPECT_NE(machine.models.at(0).settings, 0U);
  EXPECT_THAT(machine.engine_models.at(1).workflow, HasSubstr("mine.safetensors"));
  EXPECT_THAT(machine.engine_models.at(1).workflow, Not(HasSubstr("v1-5-pruned")));
}

TEST(Config, OtherLoadOptionsAreOtherSettings) {
  const auto settings = [](const std::string& options) {
    const ConfigResult config = parse_config(
        std::string(kRealCard) +
            "[[backend]]\nid = \"b\"\nkind = \"ollama\"\nurl = \"http://h:1\"\n"
            "[[model]]\nid = \"m\"\nbackend = \"b\"\nmedium = \"text\"\ndeclared_mib = 10\n" +
            options,
        "/");
    return config ? config->machine.models.at(0).settings : 0;
  };
  EXPECT_NE(settings(""), 0U);
  EXPECT_EQ(settings("run_options = { temperature = 0.1 }\n"), settings(""));
  EXPECT_NE(settings("load_options = { num_ctx = 4096 }\n"), settings(""));
}

TEST(Config, RealEnginesNeedARealCardAndAnAddress) {
  const std::string simulated = "[[device]]\nid = \"g\"\nvram_mib = 9000\n";
  const std::string ollama = "[[backend]]\nid = \"b\"\nkind = \"ollama\"\n";
  EXPECT_THAT(problems_of(simulated + ollama + "url = \"http://h:1\"\n"),
              ElementsAre(HasSubstr("a real engine needs a real device")));
  EXPECT_THAT(problems_of(std::string(kRealCard) + ollama),
              ElementsAre(HasSubstr("needs the url of a running engine, or a command")));
  EXPECT_THAT(problems_of(std::string(kRealCard) + ollama + "url = \"nowhere\"\n"),
              ElementsAre(HasSubstr("url must be like")));
  EXPECT_THAT(
      problems_of(std::string(kRealCard) + "[[backend]]\nid = \"b\"\nkind = \"rehearsal\"\n"),
      ElementsAre(HasSubstr("a rehearsal needs a device of the kind")));
  EXPECT_THAT(
      problems_of(std::string(kRealCard) + ollama + "url = \"http://h:1\"\nready_max_s = 5\n"),
      ElementsAre(HasSubstr("ready_max_s needs a command")));
}

TEST(Config, SaysWhatIsWrongWithATemplate) {
  const std::string head = std::string(kRealCard) +
                           "[[backend]]\nid = \"b\"\nkind = \"comfyui\"\nurl = \"http://h:1\"\n"
                           "[[model]]\nid = \"m\"\nbackend = \"b\"\nmedium = \"image\"\n"
                           "declared_mib = 10\n";
  EXPECT_THAT(problems_of(head), ElementsAre(HasSubstr("a model of ComfyUI needs a template")));
  EXPECT_THAT(problems_of(head + "template = \"sd16\"\n"),
              Contains(HasSubstr("there are: acenet, flux2")));
  EXPECT_THAT(problems_of(head + "template = \"sd15\"\nweights = { \"no.safetensors\" = \"x\" }\n"),
              Contains(HasSubstr("the template names no file \"no.safetensors\"")));
}

TEST(Config, TakesTheSizeOfFiles) {
  const auto folder = std::filesystem::temp_directory_path() / "stoker-config-test";
  std::filesystem::create_directories(folder);
  std::ofstream(folder / "weights.bin") << std::string(kBytesPerMiB + 1, 'x');
  const std::string text =
      "[[device]]\nid = \"g\"\nvram_mib = 9000\n[[backend]]\nid = \"b\"\nkind = \"rehearsal\"\n"
      "[[model]]\nid = \"m\"\nbackend = \"b\"\nmedium = \"image\"\nfiles = [\"weights.bin\"]\n";
  const ConfigResult config = parse_config(text, folder.string());
  ASSERT_TRUE(config) << problem_text("c", config.error().front());
  EXPECT_EQ(config->machine.models[0].vram, MiB{2});
  EXPECT_EQ(config->machine.models[0].vram_source, SizeSource::files);
  std::filesystem::remove_all(folder);
  EXPECT_FALSE(parse_config(text, folder.string()));
}

TEST(Config, CannotReadWhatIsNotThere) {
  const ConfigResult config = read_config("/does/not/exist.toml");
  ASSERT_FALSE(config);
  EXPECT_EQ(problem_text("f", config.error().front()), "f: cannot be read");
}

TEST(ListenAddress, ReadsHostAndPort) {
  EXPECT_EQ(parse_listen_address("127.0.0.1:0"), (ListenAddress{"127.0.0.1", 0}));
  EXPECT_EQ(parse_listen_address("[::]:80"), (ListenAddress{"::", 80}));
  EXPECT_EQ(parse_listen_address(":80"), (ListenAddress{"", 80}));
  EXPECT_EQ(parse_listen_address("localhost"), std::nullopt);
  EXPECT_EQ(parse_listen_address("::1:80"), std::nullopt);
  EXPECT_EQ(parse_listen_address("h:65536"), std::nullopt);
  EXPECT_EQ(parse_listen_address("h:8x"), std::nullopt);
  EXPECT_EQ(parse_listen_address("h:"), std::nullopt);
}

TEST(ConfigSchema, FindsSimilarWordsOnly) {
  EXPECT_EQ(nearest_word("pinnd", {"pinned", "offered"}), "pinned");
  EXPECT_EQ(nearest_word("zzzzzz", {"pinned", "offered"}), "");
}

TEST(ConfigSchema, HasATableForEachKey) {
  for (const KeyRule& rule : config_keys()) EXPECT_NE(find_table(rule.table), nullptr) << rule.key;
}

}  // namespace
}  // namespace stoker::server
