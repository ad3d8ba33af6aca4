#include "staging/tensor_tally.h"

#include <algorithm>
#include <functional>
#include <utility>

#include "staging/checked_arithmetic.h"

namespace stoker::staging {
namespace {

constexpr std::size_t kShownMax = 60;

}  // namespace

std::string shown_name(std::string_view name) {
  std::string shown = "\"";
  for (const char c : name.substr(0, kShownMax))
    shown += c >= ' ' && c <= '~' && c != '"' ? c : '?';
  shown += name.size() > kShownMax ? "...\"" : "\"";
  return shown;
}

Result<void> TensorTally::add(const TensorClaim& claim, std::uint64_t data_bytes) {
  if (placed_.size() >= kTensorsMax) {
    return fail(ErrorCode::bad_request,
                "more than " + std::to_string(kTensorsMax) + " tensors in one file");
  }
  const auto end = checked_sum(claim.begin, claim.bytes);
  if (!end || *end > data_bytes) {
    return fail(ErrorCode::bad_request,
                "tensor " + shown_name(claim.name) + " reaches beyond the end of the file");
  }
  auto share = bytes_of_dtype_.find(claim.dtype);
  if (share == bytes_of_dtype_.end()) {
    if (bytes_of_dtype_.size() >= kDtypeWordsMax) {
      return fail(ErrorCode::bad_request,
                  "more than " + std::to_string(kDtypeWordsMax) + " different dtypes");
    }
    share = bytes_of_dtype_.emplace(claim.dtype, 0).first;
  }
  share->second = saturating_sum(share->second, claim.bytes);
  placed_.push_back({.begin = claim.begin, .end = *end});
  name_hashes_.push_back(std::hash<std::string_view>()(claim.name));
  tensor_bytes_ = saturating_sum(tensor_bytes_, claim.bytes);
  parameters_ = saturating_sum(parameters_, claim.elements);
  return {};
}

Result<void> TensorTally::check_apart() {
  std::ranges::sort(name_hashes_);
  if (std::ranges::adjacent_find(name_hashes_) != name_hashes_.end())
    return fail(ErrorCode::bad_request, "two tensors have the same name");
  std::ranges::sort(placed_, [](const Placed& a, const Placed& b) {
    return a.begin != b.begin ? a.begin < b.begin : a.end < b.end;
  });
  std::uint64_t taken_until = 0;
  for (const Placed& placed : placed_) {
    if (placed.begin == placed.end) continue;
    if (placed.begin < taken_until) {
      return fail(ErrorCode::bad_request,
                  "two tensors share byte " + std::to_string(placed.begin) + " of the data");
    }
    taken_until = placed.end;
  }
  return {};
}

std::uint64_t TensorTally::unclaimed_bytes(std::uint64_t data_bytes) const {
  return data_bytes - std::min(data_bytes, tensor_bytes_);
}

void TensorTally::write_to(WeightFacts& facts) const {
  facts.tensors = placed_.size();
  facts.tensor_bytes = tensor_bytes_;
  facts.parameters = parameters_;
  facts.dtypes.clear();
  for (const auto& [dtype, bytes] : bytes_of_dtype_) facts.dtypes.push_back({dtype, bytes});
  std::ranges::sort(facts.dtypes, goes_before);
  if (facts.dtypes.size() > kDtypesMax) facts.dtypes.resize(kDtypesMax);
}

}  // namespace stoker::staging
