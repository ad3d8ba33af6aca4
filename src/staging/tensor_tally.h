// Adds up the tensors of one file and finds out whether they can lie in it as they claim.
//
// Purpose: what the parsers of both formats have in common. Ownership: a value that one parser
// fills.
// Limits: kTensorsMax tensors, 40 bytes of memory for each; kDtypeWordsMax different dtypes.
// Errors: bad_request with the tensor and what is wrong with it.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "staging/weight_facts.h"

namespace stoker::staging {

inline constexpr std::uint64_t kTensorsMax = 262'144;
inline constexpr std::size_t kDtypeWordsMax = 64;

struct TensorClaim {
  std::string_view name;
  std::string_view dtype;
  std::uint64_t elements = 0;
  std::uint64_t begin = 0;  // in the data part of the file
  std::uint64_t bytes = 0;
};

class TensorTally {
 public:
  // Refuses data that reach beyond `data_bytes` and too many tensors or dtypes.
  Result<void> add(const TensorClaim& claim, std::uint64_t data_bytes);

  // Refuses tensors of the same name and tensors that share bytes. Call it once, after the last
  // add.
  Result<void> check_apart();

  // The bytes of the data part that no tensor claims. After check_apart.
  std::uint64_t unclaimed_bytes(std::uint64_t data_bytes) const;

  std::uint64_t tensors() const { return placed_.size(); }
  void write_to(WeightFacts& facts) const;

 private:
  struct Placed {
    std::uint64_t begin = 0;
    std::uint64_t end = 0;
  };

  std::vector<Placed> placed_;
  // Names are compared by hash, so that long names take no memory; a false alarm takes 2^-29 at the
  // largest count.
  std::vector<std::uint64_t> name_hashes_;
  std::map<std::string, std::uint64_t, std::less<>> bytes_of_dtype_;
  std::uint64_t tensor_bytes_ = 0;
  std::uint64_t parameters_ = 0;
};

// A name out of a file for the detail of an error: printable, short, in quotes.
std::string shown_name(std::string_view name);

}  // namespace stoker::staging
