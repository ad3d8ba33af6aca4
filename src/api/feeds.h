// What a stream shows: feeds, and the entities each of them holds for a snapshot.
//
// Purpose: streams that show the same share the same feed, so that a change is rendered and compared once for all of
//   them. A topic is a list of feeds; entities of different feeds never have the same kind and id.
// Threading: network thread; pure apart from the cache.
// Limits: kFinalJobsShownMax finished jobs per feed, and only the newest that fit kFeedJobsBytesMax; kLedgerSentMax.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "api/render_cache.h"
#include "api/views.h"

namespace stoker::api {

inline constexpr std::size_t kFinalJobsShownMax = 500;
inline constexpr std::size_t kFeedJobsBytesMax = 2 * 1024 * 1024;
inline constexpr std::size_t kLedgerSentMax = 200;
inline constexpr std::size_t kBoardPicturesMax = 12;

enum class Topic : std::uint8_t { me, workshop, board, admin };
inline constexpr int kTopicCount = 4;
std::string_view topic_name(Topic topic);
std::optional<Topic> topic_from_name(std::string_view name);

enum class FeedKind : std::uint8_t {
  person,   // `me` and the jobs of one identity
  choices,  // the models that people of one workshop and group may choose
  room,     // the workshop as its participants see it
  leader,   // everything of one workshop
  board,    // the workshop as a projector shows it
  admin,    // everything but words of people
};

struct FeedKey {
  FeedKind kind = FeedKind::admin;
  WorkshopId workshop;
  GroupId group;
  PersonId person;
  Role role = Role::participant;
  friend auto operator<=>(const FeedKey&, const FeedKey&) = default;
};

// What the identity follows under the topic; `workshop` is the one that a topic of a workshop is about.
std::vector<FeedKey> feeds_of(Topic topic, const Identity& who, WorkshopId workshop,
                              const Snapshot& snapshot);

struct EntityKey {
  EntityKind kind = EntityKind::job;
  std::string id;
  friend auto operator<=>(const EntityKey&, const EntityKey&) = default;
};
using EntityMap = std::map<EntityKey, Text>;

// A snapshot with its jobs by person and by workshop.
class IndexedSnapshot {
 public:
  using Job = std::shared_ptr<const controller::JobView>;
  using Jobs = std::vector<Job>;

  explicit IndexedSnapshot(std::shared_ptr<const Snapshot> snapshot);
  const Snapshot& operator*() const { return *snapshot_; }
  const Snapshot* operator->() const { return snapshot_.get(); }
  // In the order of their ids.
  const Jobs& of_person(PersonId person) const;
  const Jobs& of_workshop(WorkshopId workshop) const;
  std::uint32_t outstanding(PersonId person) const;

 private:
  std::shared_ptr<const Snapshot> snapshot_;
  std::unordered_map<PersonId, Jobs> by_person_;
  std::unordered_map<WorkshopId, Jobs> by_workshop_;
};

// Where people join, as the board shows it: the address, and the same as a picture.
struct JoinPlace {
  std::string base_url;  // "http://192.168.1.20:8420"
};

EntityMap entities_of(const FeedKey& feed, const IndexedSnapshot& snapshot, const Moment& moment,
                      const JoinPlace& place, RenderCache& cache);

std::string board_json(const std::shared_ptr<const controller::WorkshopView>& workshop,
                       const IndexedSnapshot& snapshot, const Moment& moment,
                       const JoinPlace& place, RenderCache& cache);

// Open jobs in the order in which they are expected to end, running ones first.
IndexedSnapshot::Jobs open_jobs_in_order(const IndexedSnapshot& snapshot, WorkshopId workshop);

}  // namespace stoker::api
