// The event hub: turns snapshots into small events for everybody who watches.
//
// Purpose: each stream first gets its whole picture, then what changed. What several streams share is rendered, compared
//   and framed once. At most one comparison waits at a time, however fast snapshots come.
// Threading: `publish` from any thread; everything else on the network thread.
// Ownership: shared, because snapshots in flight hold it; a stream leaves when its Subscription dies.
// Limits: Limits::streams_max in all and streams_per_token_max each (limit_reached); a client that reads too slowly is
//   closed by net::EventStream.
// Streams end when their token is revoked, their workshop is deleted or their person changes group.
#pragma once

#include <functional>
#include <list>
#include <map>
#include <memory>
#include <string>

#include "api/feeds.h"
#include "net/event_stream.h"

namespace stoker::api {

class EventHub : public std::enable_shared_from_this<EventHub> {
 public:
  struct Limits {
    std::size_t streams_max = 12'000;
    std::size_t streams_per_token_max = 8;
    Duration ping_interval = seconds(5);
  };

  // Who watches what.
  struct Watch {
    TokenHash token{};
    Identity who;
    Topic topic = Topic::me;
    WorkshopId workshop;
  };

  class Subscription {
   public:
    Subscription(std::shared_ptr<EventHub> hub, std::uint64_t id,
                 std::shared_ptr<net::EventStream> stream)
        : hub_(std::move(hub)), id_(id), stream_(std::move(stream)) {}
    Subscription(Subscription&&) = default;
    Subscription& operator=(Subscription&&) = delete;
    ~Subscription() {
      if (hub_) hub_->leave(id_);
    }
    const std::shared_ptr<net::EventStream>& stream() const { return stream_; }

   private:
    std::shared_ptr<EventHub> hub_;
    std::uint64_t id_;
    std::shared_ptr<net::EventStream> stream_;
  };

  // `moment` reads the clocks.
  static std::shared_ptr<EventHub> create(net::Network& network, Limits limits, std::string build,
                                          std::function<Moment()> moment,
                                          std::shared_ptr<const Snapshot> first);

  void publish(std::shared_ptr<const Snapshot> snapshot);
  void set_join_place(JoinPlace place) { place_ = std::move(place); }

  // `newest` is what the caller's rights were read from; the stream shows nothing older.
  Result<Subscription> subscribe(const Watch& watch, std::shared_ptr<const Snapshot> newest);

  // What a new stream would get first, of a snapshot that may be newer than the streams'.
  std::string picture(const Watch& watch, std::shared_ptr<const Snapshot> snapshot) const;

  std::size_t stream_count() const { return streams_.size(); }

 private:
  using Frame = std::shared_ptr<const std::string>;
  struct Stream {
    Watch watch;
    std::vector<FeedKey> feeds;
    std::shared_ptr<net::EventStream> out;
  };
  struct Feed {
    EntityMap entities;
    std::map<std::uint64_t, net::EventStream*> readers;  // by stream
  };

  EventHub(net::Network& network, Limits limits, std::string build, std::function<Moment()> moment,
           std::shared_ptr<const Snapshot> first);
  static net::Task<void> tick_forever(net::Network& network, std::weak_ptr<EventHub> hub,
                                      Duration interval);

  void take(std::shared_ptr<const Snapshot> snapshot);
  void compare();
  void tick();
  void end_streams_without_right();
  bool has_right(const Stream& stream) const;
  void update(const FeedKey& key, Feed& feed, const Moment& moment);
  std::string changes(const EntityMap& before, const EntityMap& after) const;
  std::string revisions_for(const FeedKey& key, const Moment& moment) const;
  bool concerns(const FeedKey& key, const controller::JobView& job) const;
  std::string picture_of(Topic topic, const std::vector<const EntityMap*>& parts,
                         const Moment& moment) const;
  void leave(std::uint64_t id);

  net::Network& network_;
  const Limits limits_;
  const std::string build_;
  const std::function<Moment()> moment_;
  JoinPlace place_;
  std::shared_ptr<const Snapshot> latest_;
  std::unique_ptr<IndexedSnapshot> shown_;
  bool comparing_ = false;  // posted, not run yet
  std::uint64_t seq_ = 1;
  std::int64_t revision_seq_ = 0;  // the newest that was sent
  std::uint64_t streams_made_ = 0;
  std::map<std::uint64_t, Stream> streams_;
  std::map<TokenHash, std::size_t> per_token_;
  std::map<FeedKey, Feed> feeds_;
  RenderCache cache_;
};

}  // namespace stoker::api
