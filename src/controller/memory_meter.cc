#include "controller/memory_meter.h"

#include <memory>
#include <utility>

namespace stoker::controller {

MemoryMeter::MemoryMeter(Loop& loop, GpuProbe* probe, std::function<void()> on_reading)
    : loop_(loop), probe_(probe), on_reading_(std::move(on_reading)) {}

// What one reading brings, and who waits for it.
struct MemoryMeter::Reading {
  Result<std::vector<GpuSample>> answer;
  std::vector<std::move_only_function<void()>> waiting;
  gpu::HistoryMark mark = gpu::HistoryMark::regular;
  TimerId limit;
};

void MemoryMeter::read(gpu::HistoryMark mark, std::move_only_function<void()> done) {
  // A driver that hangs must not hold up loads: then nothing is measured.
  if (probe_ == nullptr || hangs_) return loop_.post(std::move(done));
  if (mark != gpu::HistoryMark::regular) asked_mark_ = mark;
  asked_.push_back(std::move(done));
  if (!reading_) begin();
}

void MemoryMeter::begin() {
  reading_ = true;
  auto reading = std::make_shared<Reading>();
  reading->mark = std::exchange(asked_mark_, gpu::HistoryMark::regular);
  reading->waiting = std::exchange(asked_, {});
  reading->limit = loop_.after(kReadingMax, [this, reading] {
    hangs_ = true;
    failed_ = Error{.code = ErrorCode::backend_down, .detail = "the card's driver does not answer"};
    release(*reading);
  });
  loop_.offload([probe = probe_, reading] { reading->answer = probe->sample(); },
                [this, reading] {
                  loop_.cancel(reading->limit);
                  reading_ = false;
                  hangs_ = false;
                  take(std::move(reading->answer), reading->mark);
                  release(*reading);
                  if (!asked_.empty() && !reading_) begin();
                });
}

void MemoryMeter::release(Reading& reading) {
  on_reading_();
  for (auto& done : std::exchange(reading.waiting, {})) done();
  // Those who asked while it hung wait for nothing either.
  if (!hangs_) return;
  for (auto& done : std::exchange(asked_, {})) done();
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

std::optional<MiB> MemoryMeter::used_by(BackendId backend, DeviceId device) const {
  if (!ok(device)) return std::nullopt;
  for (const BackendShare& share : latest_.at(device).backends) {
    if (share.backend == backend) return share.used;
  }
  return MiB{0};
}

}  // namespace stoker::controller
