// JSON bodies of strangers: what comes out keeps the rule it was read with, or the request is refused with a code.
#include <algorithm>
#include <cstdint>
#include <string_view>

#include "api/body.h"
#include "base/error.h"

namespace {

using namespace stoker::api;

constexpr TextRule kTitle{.characters_min = 1, .characters_max = 80};
constexpr TextRule kPrompt{.characters_min = 1, .characters_max = 4000, .lines = Lines::many};
constexpr WholeRule kHeads{.min = 1, .max = 200};

void read_group(Body& group) {
  group.text("title", kTitle);
  group.texts("focus", 8, kTitle);
}

void read(Body& body) {
  if (const auto title = body.text("title", kTitle)) {
    STOKER_INVARIANT(!title->empty() && title->size() <= 4 * kTitle.characters_max,
                     "a title keeps its bounds");
    STOKER_INVARIANT(title->find('\n') == std::string::npos, "a title is one line");
  }
  if (const auto prompt = body.text("prompt", kPrompt)) {
    STOKER_INVARIANT(prompt->size() <= 4 * kPrompt.characters_max, "a prompt keeps its bounds");
  }
  if (const auto heads = body.whole("head_count", kHeads)) {
    STOKER_INVARIANT(*heads >= kHeads.min && *heads <= kHeads.max, "a number keeps its bounds");
  }
  body.flag("intake_open");
  body.word("misfit", {"refuse", "turns"});
  if (const auto focus = body.texts("focus", 8, kTitle)) {
    STOKER_INVARIANT(focus->size() <= 8, "a list keeps its bounds");
  }
  if (auto groups = body.objects("groups", 12)) std::ranges::for_each(*groups, read_group);
  if (auto symbol = body.object("symbol")) symbol->whole("animal", {.min = 0, .max = 39});
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
  auto body = Body::parse(bytes, "application/json");
  if (!body) {
    STOKER_INVARIANT(status_of(body.error()) >= 400 && status_of(body.error()) < 500,
                     "a bad body is the client's fault");
    return 0;
  }
  read(*body);
  if (const auto finished = body->finish(); !finished) {
    STOKER_INVARIANT(status_of(finished.error()) < 500, "a wrong field is the client's fault");
    STOKER_INVARIANT(!refusal_body(finished.error()).empty(), "a refusal can be written");
  }
  return 0;
}
