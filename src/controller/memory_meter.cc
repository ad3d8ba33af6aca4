#include "controller/memory_meter.h"

#include <memory>
#include <utility>

namespace stoker::controller {

MemoryMeter::MemoryMeter(Loop& loop, GpuProbe* probe, std::function<void()> on_reading)
    : loop_(loop), probe_(probe), on_reading_(std::move(on_reading)) {}

void MemoryMeter::read(gpu::HistoryMark mark, std::move_only_function<void()> done) {
  if (probe_ == nullptr) return loop_.post(std::move(done));
  if (mark != gpu::HistoryMark::regular) asked_mark_ = mark;
  asked_.push_back(std::move(done));
  if (!reading_) begin();
}

void MemoryMeter::begin() {
  reading_ = true;
  const gpu::HistoryMark mark = std::exchange(asked_mark_, gpu::HistoryMark::regular);
  auto answer = std::make_shared<Result<std::vector<GpuSample>>>();
  auto waiting =
      std::make_shared<std::vector<std::move_only_function<void()>>>(std::exchange(asked_, {}));
  loop_.offload([probe = probe_, answer] { *answer = probe->sample(); },
                [this, answer, waiting, mark] {
                  reading_ = false;
                  take(std::move(*answer), mark);
                  on_reading_();
                  for (auto& done : *waiting) done();
                  if (!asked_.empty() && !reading_) begin();
                });
}

void MemoryMeter::take(Result<std::vector<GpuSample>> reading, gpu::HistoryMark mark) {
  troubles_.clear();
  failed_.reset();
  if (!reading) {
    failed_ = reading.error();
    return;
  }
  for (GpuSample& sample : *reading) {
    history_.add(loop_.now(), sample, mark);
    if (sample.trouble) {
      troubles_[sample.device] = *sample.trouble;
    } else {
      latest_[sample.device] = std::move(sample);
    }
  }
}

bool MemoryMeter::ok(DeviceId device) const {
  return !failed_ && !troubles_.contains(device) && latest_.contains(device);
}

std::string MemoryMeter::trouble(DeviceId device) const {
  if (failed_) return failed_->detail;
  const auto found = troubles_.find(device);
  return found == troubles_.end() ? std::string() : found->second.detail;
}

std::optional<MiB> MemoryMeter::used_by(BackendId backend) const {
  if (failed_ || !troubles_.empty() || latest_.empty()) return std::nullopt;
  MiB sum;
  for (const auto& [device, sample] : latest_) {
    for (const BackendShare& share : sample.backends)
      if (share.backend == backend) sum += share.used;
  }
  return sum;
}

}  // namespace stoker::controller
