// What OpenAiServer is made of: the models, and the routes of each flavour.
//
// Threading: network thread.
#pragma once

#include <boost/json/object.hpp>
#include <boost/json/value.hpp>
#include <deque>
#include <memory>
#include <set>
#include <span>
#include <string>
#include <string_view>

#include "tests/engines/openai_server/models.h"
#include "tests/engines/openai_server/text_job.h"

namespace stoker::engines::openai {

// A picture that is asked for, and what became of it. Jobs of sd.cpp go on when nobody waits any more.
struct ImageJob {
  std::string id;
  std::uint32_t width = 512;
  std::uint32_t height = 512;
  std::size_t count = 1;
  std::size_t steps = 1;
  std::uint64_t seed = 0;
  std::string prompt;
  std::string status = "queued";  // queued, generating, completed, failed, cancelled
  std::vector<std::string> pictures;
  Life life;
};

class Engine {
 public:
  Engine(World world, OpenAiOptions options);

  void begin();
  // The port stays closed until the model is loaded.
  bool opens_late() const;
  void forget();
  void time_passed() { models_.time_passed(); }
  net::Task<void> serve(net::Exchange& exchange, std::string body, Life& life);

  OpenAiCounters& counters() { return counters_; }
  Models& models() { return models_; }
  OpenAiOptions& options() { return options_; }
  void kill() { dead_ = true; }

 private:
  using Answer = net::Task<void> (Engine::*)(net::Exchange&, std::string, Life&);
  struct Row {
    unsigned flavours;  // bits
    std::string_view method;
    std::string_view path;  // one that ends in '/' is a prefix
    Answer answer;
    bool needs_key = true;
  };
  struct Found {
    const Row* row = nullptr;
    bool path_known = false;
  };
  static std::span<const Row> rows();
  Found row_of(const net::RequestHead& head) const;
  bool is(Flavour flavour) const { return options_.flavour == flavour; }
  bool authorised(const net::Headers& headers) const;

  // Everything that a request needs before its model may work: which one, that it is there, loaded and awake.
  net::Task<std::expected<Entry*, Refusal>> model_for(const net::Exchange& exchange, std::string id,
                                                      Life& life);
  // What stands in the way of a request although the model is known.
  std::optional<Refusal> refused_now(const Entry& entry);
  std::expected<Entry*, Refusal> named(std::string_view id);

  // text_routes.cc
  net::Task<void> chat(net::Exchange& exchange, std::string body, Life& life);
  net::Task<void> completions(net::Exchange& exchange, std::string body, Life& life);
  net::Task<void> embeddings(net::Exchange& exchange, std::string body, Life& life);
  net::Task<void> run(net::Exchange& exchange, TextJob job, Life& life);
  net::Task<void> run_on(net::Exchange& exchange, const TextJob& job, Entry& entry, Life& life);
  net::Task<bool> send_stream(net::Exchange& exchange, const TextJob& job, const TextFrame& frame,
                              Life& life);
  net::Task<bool> send_whole(net::Exchange& exchange, const TextJob& job, const TextFrame& frame,
                             Life& life);
  net::Task<bool> write(net::Exchange& exchange, std::string_view bytes, Life& life);
  net::Task<bool> struck(net::Exchange& exchange, std::size_t sent);
  TextFrame next_frame();
  // list_routes.cc
  net::Task<void> models_list(net::Exchange& exchange, std::string body, Life& life);
  net::Task<void> one_model(net::Exchange& exchange, std::string body, Life& life);
  net::Task<void> health(net::Exchange& exchange, std::string body, Life& life);
  net::Task<void> ready(net::Exchange& exchange, std::string body, Life& life);
  net::Task<void> metrics(net::Exchange& exchange, std::string body, Life& life);
  net::Task<void> version(net::Exchange& exchange, std::string body, Life& life);
  boost::json::object model_json(const Entry& entry) const;
  net::Task<void> start_up();
  std::size_t waiting_for_slots();
  // llama_routes.cc
  net::Task<void> slots(net::Exchange& exchange, std::string body, Life& life);
  net::Task<void> props(net::Exchange& exchange, std::string body, Life& life);
  // The model that a management request names; refused if there is none.
  std::expected<Entry*, Refusal> named_in(std::string_view body, std::string_view field);
  net::Task<void> router_load(net::Exchange& exchange, std::string body, Life& life);
  net::Task<void> router_unload(net::Exchange& exchange, std::string body, Life& life);
  // vllm_routes.cc
  net::Task<void> sleep(net::Exchange& exchange, std::string body, Life& life);
  net::Task<void> wake_up(net::Exchange& exchange, std::string body, Life& life);
  net::Task<void> is_sleeping(net::Exchange& exchange, std::string body, Life& life);
  net::Task<void> collective_rpc(net::Exchange& exchange, std::string body, Life& life);
  // resident_routes.cc: localai and lm_studio
  // False if it was refused or the peer is gone.
  net::Task<bool> load_for(net::Exchange& exchange, Entry& entry, Life& life);
  net::Task<bool> unload_for(Entry& entry, Life& life);
  net::Task<void> backend_load(net::Exchange& exchange, std::string body, Life& life);
  net::Task<void> backend_shutdown(net::Exchange& exchange, std::string body, Life& life);
  net::Task<void> backend_monitor(net::Exchange& exchange, std::string body, Life& life);
  net::Task<void> studio_models(net::Exchange& exchange, std::string body, Life& life);
  net::Task<void> studio_load(net::Exchange& exchange, std::string body, Life& life);
  net::Task<void> studio_unload(net::Exchange& exchange, std::string body, Life& life);
  // image_routes.cc
  net::Task<void> images(net::Exchange& exchange, std::string body, Life& life);
  net::Task<void> image_edits(net::Exchange& exchange, std::string body, Life& life);
  net::Task<void> picture(net::Exchange& exchange, std::string body, Life& life);
  net::Task<void> capabilities(net::Exchange& exchange, std::string body, Life& life);
  net::Task<void> img_gen(net::Exchange& exchange, std::string body, Life& life);
  net::Task<void> sd_jobs(net::Exchange& exchange, std::string body, Life& life);
  net::Task<void> sd_cancel(net::Exchange& exchange, std::string body, Life& life);
  net::Task<void> answer_pictures(net::Exchange& exchange, const boost::json::object& request,
                                  Life& life);
  std::shared_ptr<ImageJob> image_job(const boost::json::object& request);
  // Paints in the background; whoever waits is woken by `image_ended_`.
  void enqueue(std::shared_ptr<ImageJob> job);
  net::Task<void> paint_queue();
  net::Task<bool> paint(ImageJob& job);

  net::Task<void> refuse(net::Exchange& exchange, Refusal refusal);

  World world_;
  OpenAiOptions options_;
  OpenAiCounters counters_;
  Models models_;
  std::uint64_t answers_ = 0;
  std::set<Life*> running_;  // the requests that a sleep aborts
  bool dead_ = false;
  bool starting_ = false;  // of localai, until its load gate lets it through
  bool paused_ = false;    // vllm, sleep level 0

  std::deque<std::shared_ptr<ImageJob>> image_queue_;
  std::deque<std::shared_ptr<ImageJob>> image_jobs_;  // the newest, also those that have ended
  WaitList image_ended_;
  bool painting_ = false;
  Life process_;
  net::TaskList tasks_;
};

net::Task<void> answer_json(net::Exchange& exchange, const boost::json::value& value,
                            int status = 200);
bool flag_in_query(const net::RequestHead& head, std::string_view name, bool otherwise);

}  // namespace stoker::engines::openai
