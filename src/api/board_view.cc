// What the projector shows: no words of people, released pictures only.
#include <algorithm>
#include <tuple>

#include "api/feeds.h"
#include "api/qr.h"

namespace stoker::api {
namespace {

using controller::JobView;
using controller::WorkshopView;

constexpr std::size_t kMakingMax = 8;
constexpr std::size_t kNextMax = 3;
// Apart from the audiences of workshops, which have their number in the upper half.
constexpr std::uint64_t kMediaAudience = ~0ULL;
constexpr std::uint64_t kJoinAudience = ~0ULL - 1;

void write_making(JsonWriter& json, const Snapshot& snapshot, const JobView& job) {
  json.begin_object().key("symbol");
  write_symbol(json, job.symbol);
  json.field("medium", medium_name(job.medium))
      .field("model_title", model_title(snapshot, job.model));
  json.key("progress");
  if (job.progress) {
    json.begin_object()
        .field("step", job.progress->step)
        .field("steps", job.progress->steps)
        .end_object();
  } else {
    json.null();
  }
  json.end_object();
}

void write_work(JsonWriter& json, const IndexedSnapshot& snapshot, WorkshopId workshop) {
  const IndexedSnapshot::Jobs open = open_jobs_in_order(snapshot, workshop);
  json.key("making").begin_array();
  std::size_t making = 0;
  for (const auto& job : open) {
    if (job->state == JobState::running && making++ < kMakingMax)
      write_making(json, *snapshot, *job);
  }
  json.end_array().key("next").begin_array();
  std::size_t next = 0;
  for (const auto& job : open) {
    if (job->state == JobState::running || next++ >= kNextMax) continue;
    json.begin_object().key("symbol");
    write_symbol(json, job->symbol);
    json.field("medium", medium_name(job->medium)).end_object();
  }
  json.end_array();
}

std::vector<std::string> released_pictures(const IndexedSnapshot& snapshot, WorkshopId workshop) {
  IndexedSnapshot::Jobs released;
  std::ranges::copy_if(snapshot.of_workshop(workshop), std::back_inserter(released),
                       [](const auto& job) { return job->released && !job->results.empty(); });
  std::ranges::sort(released, std::greater(),
                    [](const auto& job) { return std::tuple(job->ended, job->id); });
  if (released.size() > kBoardPicturesMax) released.resize(kBoardPicturesMax);
  std::vector<std::string> pictures;
  for (const auto& job : released) {
    const controller::ResultView& result = job->results.front();
    JsonWriter json;
    json.begin_object()
        .field("url", result_url(job->id, result.n))
        .field("mime", format_mime(result.format));
    json.field("medium", medium_name(result.medium)).key("symbol");
    write_symbol(json, job->symbol);
    pictures.push_back(json.field("simulated", result.simulated).end_object().take());
  }
  return pictures;
}

void write_media(JsonWriter& json, const WorkshopView& workshop, const IndexedSnapshot& snapshot,
                 const Moment& moment, RenderCache& cache) {
  const FocusEyes eyes{.workshop = &workshop};
  json.key("media").begin_array();
  for (const auto& [id, view] : snapshot->models) {
    if (!in_focus(*view, eyes)) continue;
    const Text text =
        cache.get({EntityKind::board, id.value, kMediaAudience}, {view, nullptr}, [&] {
          JsonWriter item;
          item.begin_object()
              .field("medium", medium_name(view->model.medium))
              .field("title", view->model.title);
          item.field("state", model_state_name(view->state)).key("eta");
          write_eta(item, view->load ? view->load->eta : std::nullopt, moment);
          return item.end_object().take();
        });
    json.raw(*text);
  }
  json.end_array();
}

// The members are kept as text, because drawing the code costs more than all the rest.
void write_join(JsonWriter& json, const std::shared_ptr<const WorkshopView>& workshop,
                const JoinPlace& place, RenderCache& cache) {
  const Text members =
      cache.get({EntityKind::board, workshop->id.value, kJoinAudience}, {workshop, nullptr}, [&] {
        const std::string url = place.base_url + "/?code=" + workshop->join_code;
        const auto qr = qr_path(url);
        JsonWriter item;
        item.begin_object()
            .field("join_url", url)
            .field("qr_svg_path", qr ? qr->path : std::string());
        item.field("qr_size", qr ? qr->size : 1U).field("code", workshop->join_code);
        return item.take().substr(1);
      });
  json.raw(*members);
}

}  // namespace

std::string board_json(const std::shared_ptr<const WorkshopView>& workshop,
                       const IndexedSnapshot& snapshot, const Moment& moment,
                       const JoinPlace& place, RenderCache& cache) {
  JsonWriter json;
  json.begin_object();
  write_work(json, snapshot, workshop->id);
  const std::vector<std::string> pictures = released_pictures(snapshot, workshop->id);
  json.key("picture");
  if (pictures.empty()) {
    json.null();
  } else {
    json.raw(pictures.front());
  }
  json.key("pictures").begin_array();
  for (const std::string& picture : pictures) json.raw(picture);
  json.end_array();
  write_media(json, *workshop, snapshot, moment, cache);
  write_join(json, workshop, place, cache);
  return json.end_object().take();
}

}  // namespace stoker::api
