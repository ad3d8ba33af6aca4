#include "api/feeds.h"

#include <algorithm>
#include <array>
#include <limits>
#include <tuple>

#include "api/wire_ids.h"

namespace stoker::api {
namespace {

using Jobs = IndexedSnapshot::Jobs;

// Audiences of the cache: through whose eyes a thing was rendered.
constexpr std::uint64_t kWithWords = 1;
constexpr std::uint64_t kWithoutWords = 0;

std::uint64_t audience_of(WorkshopId workshop, GroupId group) {
  return (static_cast<std::uint64_t>(workshop.value) << 32U) | group.value;
}

// What the entities of one feed are made from.
struct Maker {
  const IndexedSnapshot& snapshot;
  const Moment& moment;
  const JoinPlace& place;
  RenderCache& cache;
  EntityMap out = {};

  void put(EntityKind kind, std::string id, Text text) {
    out.insert_or_assign({kind, std::move(id)}, std::move(text));
  }

  // Things that are rendered too cheaply or change too often for the cache.
  void put_fresh(EntityKind kind, std::string id, std::string text) {
    put(kind, std::move(id), std::make_shared<const std::string>(std::move(text)));
  }

  void job(const IndexedSnapshot::Job& view, Prompts prompts, std::size_t& bytes) {
    const std::uint64_t audience = prompts == Prompts::shown ? kWithWords : kWithoutWords;
    Text text = cache.get({EntityKind::job, view->id.value, audience}, {view, nullptr},
                          [&] { return job_json(*snapshot, *view, moment, prompts); });
    bytes += text->size();
    put(EntityKind::job, wire_id(view->id), std::move(text));
  }

  // All open ones, and of the others the newest within the limits.
  void jobs(const Jobs& views, Prompts prompts) {
    std::size_t bytes = 0;
    for (const auto& view : views) {
      if (!job_state_is_final(view->state)) job(view, prompts, bytes);
    }
    std::size_t finished = 0;
    for (auto view = views.rbegin(); view != views.rend(); ++view) {
      if (!job_state_is_final((*view)->state)) continue;
      if (++finished > kFinalJobsShownMax || bytes > kFeedJobsBytesMax) return;
      job(*view, prompts, bytes);
    }
  }

  void workshop(WorkshopId id, JoinCode code) {
    const auto found = snapshot->workshops.find(id);
    if (found == snapshot->workshops.end()) return;
    const std::uint64_t audience = code == JoinCode::shown ? kWithWords : kWithoutWords;
    put(EntityKind::workshop, wire_id(id),
        cache.get({EntityKind::workshop, id.value, audience}, {found->second, nullptr},
                  [&] { return workshop_json(*snapshot, *found->second, moment, code); }));
  }

  RenderCache::Source workshop_source(WorkshopId id) const {
    const auto found = snapshot->workshops.find(id);
    return found == snapshot->workshops.end() ? nullptr : RenderCache::Source(found->second);
  }

  enum class Which : std::uint8_t { offered, all };
  void models(WorkshopId workshop_id, GroupId group, Which which) {
    const FocusEyes eyes = eyes_of(*snapshot, workshop_id, group);
    for (const auto& [id, view] : snapshot->models) {
      if (which == Which::offered && !view->model.offered) continue;
      put(EntityKind::model, view->model.name,
          cache.get({EntityKind::model, id.value, audience_of(workshop_id, group)},
                    {view, workshop_source(workshop_id)},
                    [&] { return model_json(*snapshot, *view, eyes, moment); }));
    }
  }

  void machine() {
    for (const auto& backend : snapshot->backends) {
      put_fresh(EntityKind::backend, backend.info.name, backend_json(*snapshot, backend, moment));
    }
    for (const auto& device : snapshot->devices) {
      put_fresh(EntityKind::device, wire_id(device.device.id), device_json(*snapshot, device));
    }
    ledger();
  }

  void ledger() {
    if (!snapshot->ledger) return;
    const auto& entries = *snapshot->ledger;
    const std::size_t first = entries.size() > kLedgerSentMax ? entries.size() - kLedgerSentMax : 0;
    for (std::size_t i = first; i < entries.size(); ++i) {
      const auto& entry = entries[i];
      put(EntityKind::ledger, ledger_id(entry),
          cache.get({EntityKind::ledger, static_cast<std::uint64_t>(entry.seq), 0}, {},
                    [&] { return ledger_json(*snapshot, entry); }));
    }
  }

  void people(WorkshopId id) {
    for (const auto& [person, view] : snapshot->people) {
      if (view->workshop != id) continue;
      put(EntityKind::person, wire_id(person),
          cache.get({EntityKind::person, person.value, 0}, {view, nullptr},
                    [&] { return person_json(*view); }));
    }
  }

  void queue(WorkshopId id) {
    JsonWriter json;
    json.begin_object().key("order").begin_array();
    for (const auto& job : open_jobs_in_order(snapshot, id)) json.value(wire_id(job->id));
    put_fresh(EntityKind::queue, "queue", json.end_array().end_object().take());
  }

  void admin() {
    for (const auto& [id, view] : snapshot->workshops) workshop(id, JoinCode::shown);
    models({}, {}, Which::all);
    machine();
    std::size_t bytes = 0;
    for (const auto& [id, view] : snapshot->jobs) {
      if (!job_state_is_final(view->state)) job(view, Prompts::hidden, bytes);
    }
  }

  void leader(WorkshopId id) {
    workshop(id, JoinCode::shown);
    jobs(snapshot.of_workshop(id), Prompts::shown);
    models(id, {}, Which::all);
    people(id);
    queue(id);
    machine();
  }

  void person(const FeedKey& feed) {
    const Identity who{.role = feed.role, .workshop = feed.workshop, .person = feed.person};
    put_fresh(EntityKind::me, "me", me_json(*snapshot, who, snapshot.outstanding(feed.person)));
    if (feed.person) jobs(snapshot.of_person(feed.person), Prompts::shown);
  }

  void board(WorkshopId id) {
    workshop(id, JoinCode::hidden);
    const auto found = snapshot->workshops.find(id);
    if (found == snapshot->workshops.end()) return;
    put_fresh(EntityKind::board, "board",
              board_json(found->second, snapshot, moment, place, cache));
  }
};

constexpr std::array<std::string_view, kTopicCount> kTopics = {"me", "workshop", "board", "admin"};

}  // namespace

std::string_view entity_kind_name(EntityKind kind) {
  constexpr std::array<std::string_view, kEntityKindCount> kNames = {
      "workshop", "job", "model", "backend", "device", "ledger", "person", "queue", "board", "me"};
  return kNames.at(static_cast<std::size_t>(kind));
}

std::string_view topic_name(Topic topic) {
  return kTopics.at(static_cast<std::size_t>(topic));
}

std::optional<Topic> topic_from_name(std::string_view name) {
  for (std::size_t i = 0; i < kTopics.size(); ++i) {
    if (kTopics[i] == name) return static_cast<Topic>(i);
  }
  return std::nullopt;
}

std::vector<FeedKey> feeds_of(Topic topic, const Identity& who, WorkshopId workshop,
                              const Snapshot& snapshot) {
  switch (topic) {
    case Topic::admin:
      return {{.kind = FeedKind::admin}};
    case Topic::board:
      return {{.kind = FeedKind::board, .workshop = workshop}};
    case Topic::workshop:
      return {{.kind = FeedKind::leader, .workshop = workshop}};
    case Topic::me:
      break;
  }
  const controller::PersonView* person = person_of(snapshot, who.person);
  const GroupId group = person != nullptr ? person->group : GroupId();
  return {
      {.kind = FeedKind::person, .workshop = who.workshop, .person = who.person, .role = who.role},
      {.kind = FeedKind::choices, .workshop = who.workshop, .group = group},
      {.kind = FeedKind::room, .workshop = who.workshop}};
}

IndexedSnapshot::IndexedSnapshot(std::shared_ptr<const Snapshot> snapshot)
    : snapshot_(std::move(snapshot)) {
  for (const auto& [id, job] : snapshot_->jobs) {
    by_person_[job->person].push_back(job);
    by_workshop_[job->workshop].push_back(job);
  }
}

const IndexedSnapshot::Jobs& IndexedSnapshot::of_person(PersonId person) const {
  static const Jobs kNone;
  const auto found = by_person_.find(person);
  return found == by_person_.end() ? kNone : found->second;
}

const IndexedSnapshot::Jobs& IndexedSnapshot::of_workshop(WorkshopId workshop) const {
  static const Jobs kNone;
  const auto found = by_workshop_.find(workshop);
  return found == by_workshop_.end() ? kNone : found->second;
}

std::uint32_t IndexedSnapshot::outstanding(PersonId person) const {
  if (!person) return 0;
  const auto open = [](const Job& job) { return !job_state_is_final(job->state); };
  return static_cast<std::uint32_t>(std::ranges::count_if(of_person(person), open));
}

Jobs open_jobs_in_order(const IndexedSnapshot& snapshot, WorkshopId workshop) {
  Jobs open;
  std::ranges::copy_if(snapshot.of_workshop(workshop), std::back_inserter(open),
                       [](const auto& job) { return !job_state_is_final(job->state); });
  std::ranges::sort(open, {}, [](const auto& job) {
    const bool waits = job->state != JobState::running;
    return std::tuple(waits, job->order.value_or(std::numeric_limits<std::int64_t>::max()),
                      job->id);
  });
  return open;
}

EntityMap entities_of(const FeedKey& feed, const IndexedSnapshot& snapshot, const Moment& moment,
                      const JoinPlace& place, RenderCache& cache) {
  Maker maker{.snapshot = snapshot, .moment = moment, .place = place, .cache = cache};
  switch (feed.kind) {
    case FeedKind::person:
      maker.person(feed);
      break;
    case FeedKind::choices:
      maker.models(feed.workshop, feed.group, Maker::Which::offered);
      break;
    case FeedKind::room:
      maker.workshop(feed.workshop, JoinCode::hidden);
      break;
    case FeedKind::leader:
      maker.leader(feed.workshop);
      break;
    case FeedKind::board:
      maker.board(feed.workshop);
      break;
    case FeedKind::admin:
      maker.admin();
      break;
  }
  return std::move(maker.out);
}

}  // namespace stoker::api
