// Streams: the whole picture first, then what changed, to those who may see it.
#include <list>

#include "api/api_fixture_test.h"

namespace stoker::api {
namespace {

struct Event {
  std::string name;
  std::uint64_t id = 0;
  boost::json::value data;
};

// One watcher, reading event by event.
class Watcher {
 public:
  Watcher(net::testing::Socket socket) : socket_(std::move(socket)) {
    head_ = socket_.receive_until("\r\n\r\n");
  }

  int status() const { return net::testing::status_of(head_); }
  const std::string& head() const { return head_; }
  std::string rest() { return socket_.receive_all(); }
  bool ends() { return socket_.ends(); }

  Event next() {
    while (pending_.find("\n\n") == std::string::npos) {
      const std::string line = socket_.receive_until("\r\n");
      if (line.empty()) return {.name = "end"};
      const std::size_t size = std::stoul(line, nullptr, 16);
      pending_ += socket_.receive_exactly(size);
      socket_.receive_exactly(2);
      if (size == 0) return {.name = "end"};
    }
    const std::size_t end = pending_.find("\n\n");
    std::istringstream frame(pending_.substr(0, end));
    pending_.erase(0, end + 2);
    Event event;
    for (std::string line; std::getline(frame, line);) {
      if (line.starts_with("event: ")) event.name = line.substr(7);
      if (line.starts_with("id: ")) event.id = std::stoull(line.substr(4));
      if (line.starts_with("data: ")) event.data = boost::json::parse(line.substr(6));
    }
    check(event);
    return event;
  }

  Event next(const std::string& name) {
    for (int i = 0; i < 50; ++i) {
      Event event = next();
      if (event.name == name || event.name == "end") return event;
    }
    ADD_FAILURE() << "no " << name;
    return {};
  }

 private:
  static void check(const Event& event) {
    const std::map<std::string, std::string> schemas = {{"snapshot", "Snapshot"},
                                                        {"upsert", "Upsert"},
                                                        {"remove", "Remove"},
                                                        {"revised", "Revised"},
                                                        {"ping", "Ping"}};
    ASSERT_TRUE(schemas.contains(event.name)) << event.name;
    EXPECT_EQ(OpenApi::get().faults_of(event.data, schemas.at(event.name)), "")
        << boost::json::serialize(event.data);
    EXPECT_EQ(event.data.at("seq").to_number<std::uint64_t>(), event.id);
  }

  net::testing::Socket socket_;
  std::string head_;
  std::string pending_;
};

class EventsTest : public ApiTest {
 protected:
  Watcher watch(const std::string& topic, const std::string& token) {
    return Watcher(send("GET", "/events?topic=" + topic, token, {}, {}));
  }
  std::string refusal(const std::string& path, const std::string& token) {
    return ask("GET", path, token).code();
  }

  // How many streams the API counts, once it is that many.
  bool streams_become(std::size_t wanted) {
    for (int i = 0; i < 3000; ++i) {
      std::promise<std::size_t> promise;
      network->post([&] { promise.set_value(api->stream_count()); });
      if (promise.get_future().get() == wanted) return true;
      std::this_thread::yield();
    }
    return false;
  }
};

TEST_F(EventsTest, BeginsWithTheWholePicture) {
  Watcher watcher = watch("me", participant);
  EXPECT_EQ(watcher.status(), 200);
  EXPECT_NE(watcher.head().find("Content-Type: text/event-stream"), std::string::npos);
  EXPECT_NE(watcher.head().find("X-Accel-Buffering: no"), std::string::npos);
  EXPECT_NE(watcher.head().find("X-Content-Type-Options: nosniff"), std::string::npos);
  const Event first = watcher.next();
  EXPECT_EQ(first.name, "snapshot");
  EXPECT_EQ(first.data.at("topic").as_string(), "me");
  EXPECT_EQ(first.data.at("build").as_string(), "b1");
  EXPECT_EQ(first.data.at("server_at_ms").as_int64(), kWallMs);
  const auto& entities = first.data.at("entities").as_object();
  EXPECT_EQ(entities.at("job").as_object().size(), 2U);
  EXPECT_EQ(entities.at("me").at("me").at("person").as_string(), "p1");
  EXPECT_EQ(entities.at("model").as_object().size(), 3U);
}

TEST_F(EventsTest, SendsWhatChangedAndNothingElse) {
  Watcher watcher = watch("me", participant);
  const Event first = watcher.next();
  controller->change_job(JobId(3),
                         [](controller::JobView& view) { view.ahead = 9; });  // somebody else's
  controller->change_job(JobId(2), [](controller::JobView& view) { view.ahead = 1; });
  const Event changed = watcher.next();
  EXPECT_EQ(changed.name, "upsert");
  EXPECT_EQ(changed.data.at("kind").as_string(), "job");
  EXPECT_EQ(changed.data.at("id").as_string(), "j2");
  EXPECT_EQ(changed.data.at("value").at("ahead").as_int64(), 1);
  EXPECT_EQ(OpenApi::get().faults_of(changed.data.at("value"), "Job"), "");
  EXPECT_GT(changed.id, first.id);
}

TEST_F(EventsTest, TellsWhatIsGone) {
  Watcher watcher = watch("workshop", leader);
  watcher.next();
  controller->change([](controller::Snapshot& s) { s.people.erase(PersonId(2)); });
  const Event gone = watcher.next();
  EXPECT_EQ(gone.name, "remove");
  EXPECT_EQ(gone.data.at("kind").as_string(), "person");
  EXPECT_EQ(gone.data.at("id").as_string(), "p2");
}

TEST_F(EventsTest, ShowsTheLeaderEverythingOfTheWorkshop) {
  Watcher watcher = watch("workshop", leader);
  const Event first = watcher.next();
  const auto& entities = first.data.at("entities").as_object();
  EXPECT_EQ(entities.at("job").as_object().size(), 2U);
  EXPECT_EQ(entities.at("job").at("j1").at("prompt").as_string(), "a whale of job 1");
  EXPECT_EQ(entities.at("workshop").at("w1").at("join_code").as_string(), "FLAMES");
  EXPECT_EQ(entities.at("model").as_object().size(), 4U);
  EXPECT_EQ(entities.at("person").as_object().size(), 2U);
  EXPECT_EQ(boost::json::serialize(entities.at("queue").at("queue").at("order")), R"(["j2"])");
  EXPECT_EQ(entities.at("ledger").as_object().size(), 3U);
  EXPECT_TRUE(entities.at("backend").as_object().contains("images"));
  EXPECT_TRUE(entities.at("device").as_object().contains("d1"));
}

TEST_F(EventsTest, ShowsTheAdminNoWords) {
  Watcher watcher = watch("admin", admin);
  const Event first = watcher.next();
  const auto& entities = first.data.at("entities").as_object();
  EXPECT_EQ(entities.at("workshop").as_object().size(), 2U);
  EXPECT_EQ(entities.at("job").as_object().size(), 2U);  // live ones: j2, j3
  EXPECT_TRUE(entities.at("job").at("j2").at("prompt").is_null());
}

TEST_F(EventsTest, ShowsTheBoardReleasedPicturesAndTheWayIn) {
  controller->change_job(JobId(1), [](controller::JobView& view) { view.released = true; });
  controller->change_job(JobId(2), [](controller::JobView& view) {
    view.state = JobState::running;
    view.progress = controller::ProgressView{3, 20};
  });
  Watcher watcher = watch("board", board);
  const boost::json::value picture = watcher.next().data.at("entities").at("board").at("board");
  EXPECT_EQ(picture.at("code").as_string(), "FLAMES");
  EXPECT_EQ(picture.at("join_url").as_string(), "http://stoker.test:8420/?code=FLAMES");
  EXPECT_TRUE(std::string_view(picture.at("qr_svg_path").as_string()).starts_with("M4 4h7v1h-7z"));
  EXPECT_EQ(picture.at("making").at(0).at("progress").at("step").as_int64(), 3);
  EXPECT_EQ(picture.at("picture").at("url").as_string(), "/api/v1/jobs/j1/results/0");
  EXPECT_EQ(picture.at("pictures").as_array().size(), 1U);
  EXPECT_EQ(picture.at("media").as_array().size(), 2U);
  EXPECT_EQ(boost::json::serialize(picture).find("whale"), std::string::npos);
}

TEST_F(EventsTest, SaysWhenAnEstimateGrew) {
  Watcher mine = watch("me", participant);
  Watcher theirs = watch("me", other);
  mine.next();
  theirs.next();
  controller->change([](controller::Snapshot& s) {
    s.revisions =
        std::make_shared<const std::vector<controller::Revision>>(std::vector<controller::Revision>{
            {.seq = 5,
             .job = JobId(2),
             .reason = CauseKind::longer_than_usual,
             .eta = controller::EtaView{Instant{kStartUs} + seconds(10),
                                        Instant{kStartUs} + seconds(300)}}});
  });
  const Event revised = mine.next();
  EXPECT_EQ(revised.name, "revised");
  EXPECT_EQ(revised.data.at("job").as_string(), "j2");
  EXPECT_EQ(revised.data.at("reason").as_string(), "longer_than_usual");
  EXPECT_EQ(revised.data.at("eta").at("high_s").to_number<double>(), 300);
  // It is said once, and only to those it concerns.
  controller->change_job(JobId(2), [](controller::JobView& view) { view.ahead = 0; });
  EXPECT_EQ(mine.next().name, "upsert");
  controller->change_workshop(WorkshopId(1),
                              [](controller::WorkshopView& view) { view.title = "New"; });
  EXPECT_EQ(theirs.next().name, "upsert");
}

TEST_F(EventsTest, PingsAndRenewsEstimates) {
  Options options = default_options();
  options.streams.ping_interval = milliseconds(5);
  restart(options);
  Watcher watcher = watch("me", participant);
  watcher.next("snapshot");
  EXPECT_EQ(watcher.next("ping").data.at("server_at_ms").as_int64(), kWallMs);
  now_us += 2'000'000;
  const Event renewed = watcher.next("upsert");
  EXPECT_EQ(renewed.data.at("id").as_string(), "j2");
  EXPECT_EQ(renewed.data.at("value").at("eta").at("high_s").to_number<double>(), 138);
}

TEST_F(EventsTest, StaysSilentWhileNothingChangesBetweenPings) {
  Watcher watcher = watch("me", participant);
  watcher.next();
  now_us += 1'000'000;  // estimates would read differently, but nobody has news
  controller->change([](controller::Snapshot&) {});
  controller->change_workshop(WorkshopId(1),
                              [](controller::WorkshopView& view) { view.title = "New"; });
  const Event event = watcher.next();
  EXPECT_EQ(event.data.at("kind").as_string(), "workshop");
}

TEST_F(EventsTest, EndsWhenTheTokenIsRevoked) {
  Watcher watcher = watch("me", participant);
  watcher.next();
  controller->change_tokens(
      [&](controller::TokenTable& table) { table.erase(hash_of(participant)); });
  EXPECT_EQ(watcher.next().name, "end");
  EXPECT_TRUE(streams_become(0));
}

TEST_F(EventsTest, EndsWhenTheWorkshopIsDeleted) {
  Watcher mine = watch("me", participant);
  Watcher shown = watch("board", board);
  mine.next();
  shown.next();
  controller->change([](controller::Snapshot& s) { s.workshops.erase(WorkshopId(1)); });
  EXPECT_EQ(mine.next("end").name, "end");
  EXPECT_EQ(shown.next("end").name, "end");
}

TEST_F(EventsTest, EndsWhenThePersonChangesGroup) {
  Watcher watcher = watch("me", participant);
  watcher.next();
  controller->change([](controller::Snapshot& s) {
    auto person = std::make_shared<controller::PersonView>(*s.people.at(PersonId(1)));
    person->group = GroupId(1);
    s.people[PersonId(1)] = std::move(person);
  });
  EXPECT_EQ(watcher.next("end").name, "end");
}

TEST_F(EventsTest, BoundsTheStreamsOfAToken) {
  std::list<Watcher> watchers;
  for (int i = 0; i < 8; ++i) {
    watchers.emplace_back(send("GET", "/events?topic=me", participant, {}, {}));
    EXPECT_EQ(watchers.back().next().name, "snapshot");
  }
  EXPECT_EQ(refusal("/events?topic=me", participant), "limit_reached");
  EXPECT_EQ(watch("me", other).next().name, "snapshot");
  watchers.clear();
  EXPECT_TRUE(streams_become(0));
  EXPECT_EQ(watch("me", participant).next().name, "snapshot");
}

TEST_F(EventsTest, TakesATicketOnce) {
  const std::string ticket(ask("POST", "/tickets", participant).json().at("ticket").as_string());
  const std::string path = "me&ticket=" + ticket;
  EXPECT_EQ(watch(path, {}).next().name, "snapshot");
  EXPECT_EQ(refusal("/events?topic=" + path, {}), "unauthorised");
}

TEST_F(EventsTest, ShowsEachRoleItsTopics) {
  EXPECT_EQ(refusal("/events?topic=workshop", participant), "forbidden");
  EXPECT_EQ(refusal("/events?topic=admin", participant), "forbidden");
  EXPECT_EQ(refusal("/events?topic=board", participant), "forbidden");
  EXPECT_EQ(refusal("/events?topic=admin", leader), "forbidden");
  EXPECT_EQ(refusal("/events?topic=me", board), "forbidden");
  EXPECT_EQ(refusal("/events?topic=workshop", board), "forbidden");
  EXPECT_EQ(refusal("/events", participant), "bad_request");
  EXPECT_EQ(refusal("/events?topic=workshop&workshop=w2", leader), "not_found");
  EXPECT_EQ(refusal("/events?topic=board&workshop=w2", board), "not_found");
  EXPECT_EQ(watch("workshop&workshop=w2", admin).next().name, "snapshot");
  EXPECT_EQ(watch("board", leader).next().name, "snapshot");
}

TEST_F(EventsTest, ShowsOneGroupItsOwnChoices) {
  controller->change_workshop(
      WorkshopId(1), [](controller::WorkshopView& view) { view.groups[0].focus = {ModelId(3)}; });
  controller->change([](controller::Snapshot& s) {
    auto person = std::make_shared<controller::PersonView>(*s.people.at(PersonId(2)));
    person->group = GroupId(1);
    s.people[PersonId(2)] = std::move(person);
  });
  const boost::json::value mine = watch("me", participant).next().data.at("entities").at("model");
  const boost::json::value theirs = watch("me", other).next().data.at("entities").at("model");
  EXPECT_TRUE(mine.at("flux2").at("in_focus").as_bool());
  EXPECT_FALSE(mine.at("wan22").at("in_focus").as_bool());
  EXPECT_EQ(mine.at("wan22").at("off_reason").as_string(), "out_of_focus");
  EXPECT_FALSE(theirs.at("flux2").at("in_focus").as_bool());
  EXPECT_TRUE(theirs.at("wan22").at("in_focus").as_bool());
}

TEST_F(EventsTest, KeepsTheLeadersPictureWithinItsBounds) {
  controller->change([](controller::Snapshot& s) {
    for (std::uint64_t id = 1000; id < 2200; ++id) {
      controller::JobView view = job_view(id, 1, 1, JobState::done);
      view.prompt = std::make_shared<const std::string>(std::string(16'000, 'x'));
      s.jobs[JobId(id)] = std::make_shared<const controller::JobView>(std::move(view));
    }
  });
  const auto jobs = watch("workshop", leader).next().data.at("entities").at("job");
  const std::size_t bytes = boost::json::serialize(jobs).size();
  EXPECT_LT(bytes, net::kEventBacklogBytesMax);
  EXPECT_TRUE(jobs.as_object().contains("j2"));     // open
  EXPECT_TRUE(jobs.as_object().contains("j2199"));  // newest
  EXPECT_FALSE(jobs.as_object().contains("j1000"));
}

}  // namespace
}  // namespace stoker::api
