#include "api/event_hub.h"

#include <algorithm>

#include "api/wire_ids.h"

namespace stoker::api {
namespace {

std::string change_frame(std::uint64_t seq, const EntityKey& key, const std::string& value) {
  JsonWriter json;
  json.begin_object()
      .field("seq", seq)
      .field("kind", entity_kind_name(key.kind))
      .field("id", key.id)
      .key("value");
  return net::event_frame("upsert", seq, json.raw(value).end_object().take());
}

std::string removal_frame(std::uint64_t seq, const EntityKey& key) {
  JsonWriter json;
  json.begin_object()
      .field("seq", seq)
      .field("kind", entity_kind_name(key.kind))
      .field("id", key.id);
  return net::event_frame("remove", seq, json.end_object().take());
}

std::int64_t newest_revision(const Snapshot& snapshot) {
  if (!snapshot.revisions || snapshot.revisions->empty()) return 0;
  return std::ranges::max(*snapshot.revisions, {}, &controller::Revision::seq).seq;
}

void write_entities(JsonWriter& json, const std::vector<const EntityMap*>& parts) {
  json.begin_object();
  for (int i = 0; i < kEntityKindCount; ++i) {
    const auto kind = static_cast<EntityKind>(i);
    bool any = false;
    for (const EntityMap* part : parts) {
      for (auto it = part->lower_bound({kind, {}}); it != part->end() && it->first.kind == kind;
           ++it) {
        if (!any) json.key(entity_kind_name(kind)).begin_object();
        any = true;
        json.key(it->first.id).raw(*it->second);
      }
    }
    if (any) json.end_object();
  }
  json.end_object();
}

}  // namespace

EventHub::EventHub(net::Network& network, Limits limits, std::string build,
                   std::function<Moment()> moment, std::shared_ptr<const Snapshot> first)
    : network_(network),
      limits_(limits),
      build_(std::move(build)),
      moment_(std::move(moment)),
      latest_(std::move(first)),
      shown_(std::make_unique<IndexedSnapshot>(latest_)),
      revision_seq_(newest_revision(*latest_)) {}

std::shared_ptr<EventHub> EventHub::create(net::Network& network, Limits limits, std::string build,
                                           std::function<Moment()> moment,
                                           std::shared_ptr<const Snapshot> first) {
  std::shared_ptr<EventHub> hub(
      new EventHub(network, limits, std::move(build), std::move(moment), std::move(first)));
  network.spawn(tick_forever(network, hub, limits.ping_interval));
  return hub;
}

net::Task<void> EventHub::tick_forever(net::Network& network, std::weak_ptr<EventHub> hub,
                                       Duration interval) {
  while (true) {
    co_await network.sleep(interval);
    const std::shared_ptr<EventHub> alive = hub.lock();
    if (!alive) co_return;
    alive->tick();
  }
}

void EventHub::publish(std::shared_ptr<const Snapshot> snapshot) {
  network_.post([weak = weak_from_this(), snapshot = std::move(snapshot)]() mutable {
    if (const auto self = weak.lock()) self->take(std::move(snapshot));
  });
}

// Snapshots that come while a comparison waits are skipped over.
void EventHub::take(std::shared_ptr<const Snapshot> snapshot) {
  if (snapshot->version <= latest_->version) return;
  latest_ = std::move(snapshot);
  if (comparing_) return;
  comparing_ = true;
  network_.post([weak = weak_from_this()] {
    const auto self = weak.lock();
    if (self && self->comparing_) self->compare();
  });
}

void EventHub::compare() {
  comparing_ = false;
  shown_ = std::make_unique<IndexedSnapshot>(latest_);
  ++seq_;
  const Moment moment = moment_();
  end_streams_without_right();
  for (auto& [key, feed] : feeds_) update(key, feed, moment);
  revision_seq_ = std::max(revision_seq_, newest_revision(**shown_));
  cache_.sweep();
}

void EventHub::tick() {
  cache_.next_tick();
  compare();
  JsonWriter json;
  json.begin_object().field("seq", seq_).field("server_at_ms", moment_().wall.ms).end_object();
  const Frame ping =
      std::make_shared<const std::string>(net::event_frame("ping", seq_, json.take()));
  for (auto& [id, stream] : streams_) stream.out->push(ping);
}

bool EventHub::has_right(const Stream& stream) const {
  const Snapshot& snapshot = **shown_;
  if (!snapshot.tokens || !snapshot.tokens->contains(stream.watch.token)) return false;
  const WorkshopId workshop =
      stream.watch.topic == Topic::me ? stream.watch.who.workshop : stream.watch.workshop;
  if (workshop && !snapshot.workshops.contains(workshop)) return false;
  return feeds_of(stream.watch.topic, stream.watch.who, stream.watch.workshop, snapshot) ==
         stream.feeds;
}

void EventHub::end_streams_without_right() {
  for (auto& [id, stream] : streams_) {
    if (!has_right(stream)) stream.out->close();  // its Subscription removes it
  }
}

void EventHub::update(const FeedKey& key, Feed& feed, const Moment& moment) {
  EntityMap now = entities_of(key, *shown_, moment, place_, cache_);
  std::string text = changes(feed.entities, now);
  feed.entities = std::move(now);
  text += revisions_for(key, moment);
  if (text.empty()) return;
  const Frame frame = std::make_shared<const std::string>(std::move(text));
  for (const auto& [id, reader] : feed.readers) reader->push(frame);
}

std::string EventHub::changes(const EntityMap& before, const EntityMap& after) const {
  std::string text;
  for (const auto& [key, value] : after) {
    const auto old = before.find(key);
    const bool same = old != before.end() && (old->second == value || *old->second == *value);
    if (!same) text += change_frame(seq_, key, *value);
  }
  for (const auto& [key, value] : before) {
    if (!after.contains(key)) text += removal_frame(seq_, key);
  }
  return text;
}

bool EventHub::concerns(const FeedKey& key, const controller::JobView& job) const {
  switch (key.kind) {
    case FeedKind::person:
      return key.person && job.person == key.person;
    case FeedKind::leader:
      return job.workshop == key.workshop;
    case FeedKind::admin:
      return true;
    default:
      return false;
  }
}

std::string EventHub::revisions_for(const FeedKey& key, const Moment& moment) const {
  std::string text;
  const Snapshot& snapshot = **shown_;
  if (!snapshot.revisions) return text;
  for (const controller::Revision& revision : *snapshot.revisions) {
    if (revision.seq <= revision_seq_) continue;
    const auto job = snapshot.jobs.find(revision.job);
    if (job == snapshot.jobs.end() || !concerns(key, *job->second)) continue;
    JsonWriter json;
    json.begin_object().field("seq", seq_).field("job", wire_id(revision.job));
    json.field("reason", cause_name(revision.reason)).key("eta");
    write_eta(json, revision.eta, moment);
    text += net::event_frame("revised", seq_, json.end_object().take());
  }
  return text;
}

std::string EventHub::picture_of(Topic topic, const std::vector<const EntityMap*>& parts,
                                 const Moment& moment) const {
  JsonWriter json;
  json.begin_object()
      .field("seq", seq_)
      .field("server_at_ms", moment.wall.ms)
      .field("build", build_);
  json.field("topic", topic_name(topic)).key("entities");
  write_entities(json, parts);
  return json.end_object().take();
}

std::string EventHub::picture(const Watch& watch, std::shared_ptr<const Snapshot> snapshot) const {
  const IndexedSnapshot indexed(std::move(snapshot));
  const Moment moment = moment_();
  RenderCache fresh;
  std::vector<EntityMap> maps;
  for (const FeedKey& key : feeds_of(watch.topic, watch.who, watch.workshop, *indexed)) {
    maps.push_back(entities_of(key, indexed, moment, place_, fresh));
  }
  std::vector<const EntityMap*> parts;
  for (const EntityMap& map : maps) parts.push_back(&map);
  return picture_of(watch.topic, parts, moment);
}

Result<EventHub::Subscription> EventHub::subscribe(const Watch& watch,
                                                   std::shared_ptr<const Snapshot> newest) {
  if (newest->version > latest_->version) latest_ = std::move(newest);
  if (latest_->version > (*shown_)->version) compare();
  if (streams_.size() >= limits_.streams_max)
    return fail(ErrorCode::limit_reached, "too many event streams");
  if (per_token_[watch.token] >= limits_.streams_per_token_max) {
    return fail(ErrorCode::limit_reached, "too many event streams of this token");
  }
  const std::uint64_t id = ++streams_made_;
  ++per_token_[watch.token];
  Stream stream{.watch = watch,
                .feeds = feeds_of(watch.topic, watch.who, watch.workshop, **shown_),
                .out = net::EventStream::create(network_)};
  const Moment moment = moment_();
  std::vector<const EntityMap*> parts;
  for (const FeedKey& key : stream.feeds) {
    Feed& feed = feeds_[key];
    if (feed.readers.empty()) feed.entities = entities_of(key, *shown_, moment, place_, cache_);
    feed.readers.emplace(id, stream.out.get());
    parts.push_back(&feed.entities);
  }
  stream.out->push(std::make_shared<const std::string>(
      net::event_frame("snapshot", seq_, picture_of(watch.topic, parts, moment))));
  Subscription subscription(shared_from_this(), id, stream.out);
  streams_.emplace(id, std::move(stream));
  return subscription;
}

void EventHub::leave(std::uint64_t id) {
  const auto stream = streams_.find(id);
  if (stream == streams_.end()) return;
  for (const FeedKey& key : stream->second.feeds) {
    const auto feed = feeds_.find(key);
    if (feed == feeds_.end()) continue;
    feed->second.readers.erase(id);
    if (feed->second.readers.empty()) feeds_.erase(feed);
  }
  const auto count = per_token_.find(stream->second.watch.token);
  if (count != per_token_.end() && --count->second == 0) per_token_.erase(count);
  streams_.erase(stream);
}

}  // namespace stoker::api
