#include "controller/replay.h"

#include <deque>

#include "controller/journal_codec.h"
#include "scheduler/scheduler.h"

namespace stoker::controller {
namespace {

class Replay {
 public:
  explicit Replay(std::uint32_t build_id) : build_id_(build_id) {}

  Result<void> take(const JournalRow& row) {
    if (last_seq_ != 0 && row.seq != last_seq_ + 1) {
      return fail(ErrorCode::internal,
                  "journal rows are missing before " + std::to_string(row.seq));
    }
    last_seq_ = row.seq;
    ++report_.rows;
    auto entry = decode(row);
    if (!entry) return fail(entry.error());
    if (const auto* record = std::get_if<Record>(&*entry)) take_record(*record, row);
    if (const auto* event = std::get_if<scheduler::Event>(&*entry)) take_event(*event, row);
    if (std::holds_alternative<scheduler::Decision>(*entry)) take_decision(row);
    return {};
  }

  ReplayReport finish() {
    if (!expected_.empty()) differ(last_seq_ + 1);
    return report_;
  }

 private:
  void take_record(const Record& record, const JournalRow& row) {
    if (!expected_.empty()) differ(row.seq);
    const auto* epoch = std::get_if<EpochStarted>(&record);
    if (epoch == nullptr) return;
    ++report_.epochs;
    compares_ = epoch->build == build_id_;
    if (!compares_) ++report_.epochs_of_other_builds;
    scheduler_ = scheduler::Scheduler();
  }

  void take_event(const scheduler::Event& event, const JournalRow& row) {
    if (!expected_.empty()) differ(row.seq);
    if (!compares_) return;
    Stamp stamp{row.seq, row.wall, row.mono};
    for (const scheduler::Decision& decision : scheduler_.apply(event, row.mono)) {
      ++stamp.seq;
      expected_.push_back(encode(Entry(decision), stamp));
    }
  }

  void take_decision(const JournalRow& row) {
    if (!compares_) return;
    ++report_.decisions_compared;
    if (expected_.empty() || expected_.front() != row) return differ(row.seq);
    expected_.pop_front();
  }

  void differ(std::int64_t seq) {
    expected_.clear();
    if (!report_.first_difference_seq) report_.first_difference_seq = seq;
  }

  std::uint32_t build_id_;
  bool compares_ = false;
  std::int64_t last_seq_ = 0;
  scheduler::Scheduler scheduler_;
  std::deque<JournalRow> expected_;
  ReplayReport report_;
};

}  // namespace

Result<ReplayReport> verify_journal(Store& store, std::uint32_t build_id) {
  Replay replay(build_id);
  Result<void> broken;
  auto read = store.read_journal(0, [&](const JournalRow& row) {
    broken = replay.take(row);
    return broken.has_value();
  });
  if (!read) return fail(read.error());
  if (!broken) return fail(broken.error());
  return replay.finish();
}

}  // namespace stoker::controller
