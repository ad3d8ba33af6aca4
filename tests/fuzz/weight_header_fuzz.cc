// Weight files as downloads and strange machines leave them: a header is read within its file, or
// refused with a reason.
#include <cstdint>
#include <string_view>

#include "base/error.h"
#include "staging/gguf.h"
#include "staging/safetensors.h"
#include "staging/weight_facts.h"

namespace {

using stoker::staging::WeightFacts;

// Long enough for a name and a reason.
constexpr std::size_t kComplaintMax = 300;

void check(const stoker::Result<WeightFacts>& facts, std::size_t file_bytes) {
  using namespace stoker::staging;
  if (!facts) {
    STOKER_INVARIANT(facts.error().code == stoker::ErrorCode::bad_request, "a file is at fault");
    STOKER_INVARIANT(!facts.error().detail.empty() && facts.error().detail.size() < kComplaintMax,
                     "a complaint is one sentence");
    return;
  }
  STOKER_INVARIANT(facts->file_bytes == file_bytes, "the size is the file's");
  STOKER_INVARIANT(facts->tensor_bytes <= file_bytes, "tensors lie in the file");
  std::uint64_t shares = 0;
  for (const DtypeShare& share : facts->dtypes) shares += share.bytes;
  STOKER_INVARIANT(shares <= facts->tensor_bytes, "shares are parts of the whole");
  const FootprintPrior prior = footprint_prior({&*facts, 1}, {.num_ctx = ~0ULL, .parallel = 64});
  STOKER_INVARIANT(prior.total().count >= 0, "memory is never negative");
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace stoker::staging;
  const std::string_view file(reinterpret_cast<const char*>(data), size);
  if (begins_like_gguf(file)) {
    MemorySource source(file);
    check(parse_gguf(source), size);
  } else {
    check(parse_safetensors_header(file, size), size);
  }
  return 0;
}
