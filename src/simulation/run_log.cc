#include "simulation/run_log.h"

#include "simulation/json_text.h"

namespace stoker::simulation {
namespace {

constexpr std::size_t kBytesAtFirst = 256ULL << 10;

std::string quoted(std::string_view text) {
  std::string out;
  append_quoted(out, text);
  return out;
}

std::string_view cause_word(CancelCause cause) {
  switch (cause) {
    case CancelCause::gave_up:
      return "gave_up";
    case CancelCause::crash:
      return "crash";
    case CancelCause::external_eviction:
      return "external_eviction";
  }
  return {};
}

}  // namespace

RunLog::RunLog(std::string_view scenario, const Setting& setting, std::string_view policy,
               std::string_view version) {
  text_.reserve(kBytesAtFirst);
  participants_.reserve(setting.participants.size());
  for (const ParticipantFacts& who : setting.participants)
    participants_.push_back(quoted(who.name));
  models_.reserve(setting.models.size());
  for (const ModelFacts& model : setting.models) models_.push_back(quoted(model.name));
  text_ += R"({"format":"stoker-log/1","scenario":)";
  append_quoted(text_, scenario);
  text_ += R"(,"policy":)";
  append_quoted(text_, policy);
  text_ += R"(,"version":)";
  append_quoted(text_, version);
  end();
}

void RunLog::begin(Instant at, std::string_view event) {
  text_ += R"({"t":)";
  append_seconds(text_, at.us);
  text_ += R"(,"event":")";
  text_ += event;
  text_ += '"';
}

void RunLog::step_event(Instant at, std::string_view event, const Job& job) {
  begin(at, event);
  text_ += R"(,"participant":)";
  text_ += participants_[job.participant];
  text_ += R"(,"idea":)";
  append_number(text_, job.idea);
  text_ += R"(,"step":)";
  append_number(text_, job.step);
}

void RunLog::model_event(Instant at, std::string_view event, ModelIndex model) {
  begin(at, event);
  text_ += R"(,"model":)";
  text_ += models_[model];
}

void RunLog::step_released(Instant at, const Job& job) {
  step_event(at, "step_released", job);
  text_ += R"(,"model":)";
  text_ += models_[job.model];
  end();
}

void RunLog::step_started(Instant at, const Job& job) {
  step_event(at, "step_started", job);
  end();
}

void RunLog::step_finished(Instant at, const Job& job) {
  step_event(at, "step_finished", job);
  end();
}

void RunLog::step_cancelled(Instant at, const Job& job, CancelCause cause) {
  step_event(at, "step_cancelled", job);
  text_ += R"(,"cause":")";
  text_ += cause_word(cause);
  text_ += '"';
  end();
}

void RunLog::gave_up(Instant at, const Job& job) {
  step_event(at, "gave_up", job);
  end();
}

void RunLog::refused(Instant at, const Job& job) {
  step_event(at, "refused", job);
  end();
}

void RunLog::eta(Instant at, const Job& job, Duration low, Duration mid, Duration high) {
  step_event(at, "eta", job);
  text_ += R"(,"low_s":)";
  append_seconds(text_, low.us);
  text_ += R"(,"mid_s":)";
  append_seconds(text_, mid.us);
  text_ += R"(,"high_s":)";
  append_seconds(text_, high.us);
  end();
}

void RunLog::result(Instant at, const Job& job) {
  begin(at, "result");
  text_ += R"(,"participant":)";
  text_ += participants_[job.participant];
  text_ += R"(,"idea":)";
  append_number(text_, job.idea);
  end();
}

void RunLog::load_started(Instant at, ModelIndex model) {
  model_event(at, "load_started", model);
  end();
}

void RunLog::load_finished(Instant at, ModelIndex model) {
  model_event(at, "load_finished", model);
  end();
}

void RunLog::load_failed(Instant at, ModelIndex model, std::string_view cause) {
  model_event(at, "load_failed", model);
  text_ += R"(,"cause":)";
  append_quoted(text_, cause);
  end();
}

void RunLog::evicted(Instant at, ModelIndex model, std::string_view cause) {
  model_event(at, "evicted", model);
  text_ += R"(,"cause":)";
  append_quoted(text_, cause);
  end();
}

void RunLog::note(Instant at, std::string_view event, std::string_view members) {
  begin(at, event);
  if (!members.empty()) text_ += ',';
  text_ += members;
  end();
}

}  // namespace stoker::simulation
