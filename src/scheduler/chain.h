// The models that the steps of one idea need, in order; at most kChainMax of them, stored in place.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>

#include "domain/ids.h"

namespace stoker::scheduler {

inline constexpr std::size_t kChainMax = 8;

class Chain {
 public:
  std::size_t size() const { return size_; }
  bool empty() const { return size_ == 0; }
  ModelId operator[](std::size_t i) const { return models_[i]; }
  const ModelId* begin() const { return models_.data(); }
  const ModelId* end() const { return models_.data() + size_; }
  ModelId back() const { return models_[size_ - 1U]; }

  // Beyond kChainMax the model is left out: what is expected so late is not planned for.
  void push_back(ModelId model) {
    if (size_ < kChainMax) models_[size_++] = model;
  }
  void truncate(std::size_t size) {
    if (size < size_) size_ = static_cast<std::uint8_t>(size);
  }
  std::span<const ModelId> from(std::size_t first) const {
    return first < size_ ? std::span(models_.data() + first, size_ - first)
                         : std::span<const ModelId>{};
  }

  friend bool operator==(const Chain& a, const Chain& b) {
    if (a.size_ != b.size_) return false;
    for (std::size_t i = 0; i < a.size_; ++i)
      if (a.models_[i] != b.models_[i]) return false;
    return true;
  }

 private:
  std::array<ModelId, kChainMax> models_{};
  std::uint8_t size_ = 0;
};

}  // namespace stoker::scheduler
