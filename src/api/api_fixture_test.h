// A whole API on a real server on loopback, over a controller that tests play. For the tests of this folder.
//
// The little world: workshop w1 (FLAMES, running) with group g1; people p1 and p2; workshop w2 with person p3; models
// flux2 (image, hot), sd35 (image, cold), wan22 (video), guard (not offered); job j1 of p1 done with a picture, job j2 of
// p1 queued, job j3 of p3 queued.
#pragma once

#include <gtest/gtest.h>

#include <atomic>
#include <filesystem>
#include <map>
#include <memory>
#include <string>
#include <thread>

#include "api/api.h"
#include "api/fake_controller_test.h"
#include "api/openapi_test.h"
#include "api/tokens.h"
#include "controller/thread_loop.h"
#include "net/test_peers.h"

namespace stoker::api {

struct Said {
  int status = 0;
  std::map<std::string, std::string> headers;  // lower-case names
  std::string body;

  boost::json::value json() const { return boost::json::parse(body); }
  std::string code() const { return error_member("code"); }
  std::string field() const { return params_member("field"); }
  std::string detail() const { return params_member("detail"); }
  std::string header(const std::string& name) const {
    const auto found = headers.find(name);
    return found == headers.end() ? std::string() : found->second;
  }

 private:
  std::string error_member(const char* name) const {
    return std::string(json().at("error").at(name).as_string());
  }
  std::string params_member(const char* name) const {
    const boost::json::value value = json();
    const auto* found = value.at("error").at("params").as_object().if_contains(name);
    return found == nullptr ? std::string() : std::string(found->as_string());
  }
};

using Headers = std::vector<std::pair<std::string, std::string>>;

class ApiTest : public ::testing::Test {
 protected:
  static constexpr std::int64_t kStartUs = 1'000'000'000;
  static constexpr std::int64_t kWallMs = 1'769'680'800'000;

  void SetUp() override { start(default_options()); }
  void TearDown() override { stop(); }

  Options default_options() {
    Options options;
    options.version = "1.2.3";
    options.build = "b1";
    options.simulated = true;
    options.messages = [](std::string_view language) -> std::optional<std::string_view> {
      if (language == "de") return R"({"send":"Senden"})";
      return std::nullopt;
    };
    options.openapi_json = OpenApi::get().text();
    options.clocks = {
        .now = [this] { return Instant{now_us.load()}; },
        .wall = [this] { return WallTime{kWallMs + (now_us.load() - kStartUs) / 1000}; },
        .planning = [this] { return Instant{now_us.load()}; }};
    options.streams.ping_interval = minutes(60);
    return options;
  }

  void start(Options options) {
    directory =
        std::filesystem::temp_directory_path() / ("stoker-api-" + make_token().substr(4, 12));
    auto opened = ResultFiles::open(directory.string());
    ASSERT_TRUE(opened.has_value());
    files.emplace(std::move(*opened));
    network = std::make_unique<net::Network>();
    loop = std::make_unique<ThreadLoop>();
    controller = std::make_unique<FakeController>();
    fill();
    api = std::make_unique<Api>(Surroundings{*network, *loop, *controller, *files},
                                std::move(options));
    api->watch_publications();
    api->set_public_base_url("http://stoker.test:8420");
    loop->start();
    server = net::testing::serve(*network, api->handler());
  }

  void stop() {
    server.reset();
    if (loop) loop->stop();
    if (loop) loop->join();
    api.reset();
    controller.reset();
    network.reset();
    loop.reset();
    files.reset();
    std::error_code ignored;
    std::filesystem::remove_all(directory, ignored);
  }

  void restart(Options options) {
    stop();
    start(std::move(options));
  }

  // One request on its own connection. The answer must be one that the OpenAPI document announces.
  Said ask(const std::string& method, const std::string& path, const std::string& token = {},
           const std::string& body = {}, const Headers& extra = {}) {
    net::testing::Socket socket = send(method, path, token, body, extra);
    Said said = parse(socket.receive_all());
    const std::string below = path.substr(0, path.find('?'));
    if (method != "HEAD") {
      OpenApi::get().check_answer(method, below, said.status, said.header("content-type"),
                                  said.body);
    }
    return said;
  }

  net::testing::Socket send(const std::string& method, const std::string& path,
                            const std::string& token, const std::string& body,
                            const Headers& extra) {
    std::string text = method + " " + (path.starts_with("//") ? path.substr(1) : "/api/v1" + path) +
                       " HTTP/1.1\r\n";
    bool has_host = false;
    for (const auto& [name, value] : extra) {
      text.append(name).append(": ").append(value).append("\r\n");
      has_host = has_host || name == "Host";
    }
    if (!has_host) text += "Host: localhost:8420\r\n";
    if (!token.empty()) text += "Authorization: Bearer " + token + "\r\n";
    if (!body.empty()) text += "Content-Length: " + std::to_string(body.size()) + "\r\n";
    text += "Connection: close\r\n\r\n" + body;
    net::testing::Socket socket = net::testing::connect_to(server->port());
    socket.send(text);
    return socket;
  }

  // The answer of a controller that replies before it publishes.
  Said ask_ahead(const std::string& command, const std::string& method, const std::string& path,
                 const std::string& token, const std::string& body) {
    controller->hold_publications();
    net::testing::Socket socket = send(method, path, token, body, {});
    while (!controller->was_asked(command)) std::this_thread::yield();
    controller->release_publications();
    return parse(socket.receive_all());
  }

  static Said parse(const std::string& text) {
    Said said;
    said.status = net::testing::status_of(text);
    const std::size_t end = text.find("\r\n\r\n");
    std::istringstream head(text.substr(0, end));
    std::string line;
    std::getline(head, line);
    while (std::getline(head, line)) {
      if (line.ends_with('\r')) line.pop_back();
      const std::size_t colon = line.find(": ");
      std::string name = line.substr(0, colon);
      for (char& c : name) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
      said.headers[name] = line.substr(colon + 2);
    }
    said.body = end == std::string::npos ? std::string() : text.substr(end + 4);
    if (said.header("transfer-encoding") == "chunked") said.body = unchunked(said.body);
    return said;
  }

  static std::string unchunked(const std::string& text) {
    std::string out;
    for (std::size_t at = 0; at < text.size();) {
      const std::size_t line = text.find("\r\n", at);
      if (line == std::string::npos) return out;
      const std::size_t size = std::stoul(text.substr(at, line - at), nullptr, 16);
      out += text.substr(line + 2, size);
      at = line + 2 + size + 2;
    }
    return out;
  }

  void fill() {
    add_token(participant, {Role::participant, WorkshopId(1), PersonId(1)});
    add_token(other, {Role::participant, WorkshopId(1), PersonId(2)});
    add_token(stranger, {Role::participant, WorkshopId(2), PersonId(3)});
    add_token(leader, {Role::leader, WorkshopId(1), {}});
    add_token(admin, {Role::admin, {}, {}});
    add_token(application, {Role::application, WorkshopId(1), PersonId(4)});
    add_token(board, {Role::board, WorkshopId(1), {}});
    controller->change([](controller::Snapshot& s) {
      s.now = {kStartUs};
      s.wall = {kWallMs};
      s.ready = true;
      s.free_bytes = ResultFiles::kFreeBytesMin * 2;
      add_models(s);
      add_workshops(s);
      add_jobs(s);
      add_machine(s);
    });
    ASSERT_TRUE(files->write(picture_name(), Medium::image, kPicture));
  }

  static ResultName picture_name() {
    return {.workshop = WorkshopId(1), .job = JobId(1), .n = 0, .extension = "png"};
  }

  void add_token(const std::string& token, controller::Identity who) {
    controller->change_tokens([&](controller::TokenTable& table) { table[hash_of(token)] = who; });
  }

  static void add_models(controller::Snapshot& s) {
    const auto add = [&s](std::uint32_t id, const char* name, Medium medium,
                          controller::ModelState state) {
      controller::ModelView view;
      view.model = {.id = ModelId(id),
                    .name = name,
                    .title = std::string("Title ") + name,
                    .backend = BackendId(1),
                    .medium = medium,
                    .vram = {20'000},
                    .declared_vram = {8'000},
                    .load_hint = seconds(20),
                    .run_hint = seconds(10)};
      view.state = state;
      view.backend_reachable = true;
      view.run_low = seconds(8);
      view.run_high = seconds(15);
      view.last_change = controller::DatedCause{
          {CauseKind::warm_up, {}, ModelId(id), {}}, {kWallMs}, controller::By::leader};
      view.model.offered = std::string_view(name) != "guard";
      s.models[ModelId(id)] = std::make_shared<const controller::ModelView>(view);
    };
    add(1, "flux2", Medium::image, controller::ModelState::hot);
    add(2, "sd35", Medium::image, controller::ModelState::cold);
    add(3, "wan22", Medium::video, controller::ModelState::cold);
    add(4, "guard", Medium::text, controller::ModelState::hot);
  }

  static void add_workshops(controller::Snapshot& s) {
    controller::WorkshopView one{.id = WorkshopId(1),
                                 .title = "Farben",
                                 .state = WorkshopState::running,
                                 .join_code = std::string(FakeController::kCode),
                                 .focus = {ModelId(1), ModelId(2)},
                                 .groups = {{.id = GroupId(1), .title = "A"}},
                                 .head_count = 15,
                                 .outstanding_max = 3,
                                 .queue_max = 500};
    one.longest_wait_until = Instant{kStartUs} + seconds(90);
    controller::WorkshopView two{.id = WorkshopId(2),
                                 .title = "Other",
                                 .state = WorkshopState::planned,
                                 .join_code = "OTHERS",
                                 .outstanding_max = 3,
                                 .queue_max = 500};
    s.workshops[one.id] = std::make_shared<const controller::WorkshopView>(one);
    s.workshops[two.id] = std::make_shared<const controller::WorkshopView>(two);
    const auto person = [&s](std::uint64_t id, std::uint32_t workshop) {
      s.people[PersonId(id)] = std::make_shared<const controller::PersonView>(
          controller::PersonView{.id = PersonId(id),
                                 .workshop = WorkshopId(workshop),
                                 .symbol = {static_cast<std::uint32_t>(id), 2}});
    };
    person(1, 1);
    person(2, 1);
    person(3, 2);
  }

  static controller::JobView job_view(std::uint64_t id, std::uint64_t person,
                                      std::uint32_t workshop, JobState state) {
    controller::JobView view{.id = JobId(id),
                             .workshop = WorkshopId(workshop),
                             .person = PersonId(person),
                             .symbol = {static_cast<std::uint32_t>(person), 2},
                             .medium = Medium::image,
                             .model = ModelId(1),
                             .state = state,
                             .attempt = 1};
    view.prompt = std::make_shared<const std::string>("a whale of job " + std::to_string(id));
    view.created = {kWallMs};
    view.share_since = {kStartUs};
    view.causes = {
        {{CauseKind::request, JobId(id), ModelId(1), {}}, {kWallMs}, controller::By::person}};
    return view;
  }

  static void add_jobs(controller::Snapshot& s) {
    const auto add = [&s](controller::JobView view) {
      const JobId id = view.id;
      s.jobs[id] = std::make_shared<const controller::JobView>(std::move(view));
    };
    controller::JobView done = job_view(1, 1, 1, JobState::done);
    done.results = {{.n = 0,
                     .medium = Medium::image,
                     .format = MediaFormat::png,
                     .bytes = kPicture.size(),
                     .simulated = true}};
    done.queued = seconds(30);
    done.loading = seconds(20);
    done.running = seconds(10);
    done.ended = {kWallMs + 60'000};
    add(done);
    controller::JobView queued = job_view(2, 1, 1, JobState::queued);
    queued.ahead = 2;
    queued.order = 1;
    queued.eta = controller::EtaView{Instant{kStartUs} + milliseconds(2'500),
                                     Instant{kStartUs} + seconds(140)};
    queued.eta_load = seconds(20);
    queued.waiting_for = WaitingFor::model_load;
    queued.load = controller::LoadView{
        .model = ModelId(1), .total = {20'000}, .since = {kStartUs - 4'000'000}};
    add(queued);
    add(job_view(3, 3, 2, JobState::queued));
  }

  static void add_machine(controller::Snapshot& s) {
    s.backends.push_back({.info = {.id = BackendId(1),
                                   .name = "images",
                                   .kind = "rehearsal",
                                   .device = DeviceId(1),
                                   .simulated = true},
                          .reachable = true,
                          .version = "1",
                          .loaded = {ModelId(1)},
                          .since = {kWallMs - 5000}});
    s.devices.push_back(
        {.device = {.id = DeviceId(1), .name = "GPU", .vram = {98'304}, .reserve = {2'048}},
         .used = MiB{30'000},
         .reserved = {28'000},
         .probe_ok = true});
    std::vector<controller::LedgerEntry> ledger;
    for (int i = 1; i <= 3; ++i) {
      controller::LedgerEntry entry{.seq = i,
                                    .at = {kWallMs + i},
                                    .kind = controller::LedgerKind::load_finished,
                                    .model = ModelId(1)};
      entry.cause = {{CauseKind::warm_up, {}, ModelId(1), {}}, {kWallMs}, controller::By::leader};
      entry.took = milliseconds(12'340);
      entry.measured = MiB{20'100};
      ledger.push_back(entry);
    }
    s.ledger = std::make_shared<const std::vector<controller::LedgerEntry>>(ledger);
    s.revisions = std::make_shared<const std::vector<controller::Revision>>();
  }

  inline static const std::string kPicture =
      "\x89PNG\r\n\x1a\n" + std::string(700'000, 'x') + "the end";

  const std::string participant = make_token();
  const std::string other = make_token();
  const std::string stranger = make_token();
  const std::string leader = make_token();
  const std::string admin = make_token();
  const std::string application = make_token();
  const std::string board = make_token();

  std::atomic<std::int64_t> now_us = kStartUs;
  std::filesystem::path directory;
  std::unique_ptr<net::Network> network;
  std::unique_ptr<ThreadLoop> loop;
  std::optional<ResultFiles> files;
  std::unique_ptr<FakeController> controller;
  std::unique_ptr<Api> api;
  std::unique_ptr<net::HttpServer> server;
};

}  // namespace stoker::api
