// What OllamaServer is made of: the models it has, what is in memory, and its routes.
//
// Threading: network thread.
#pragma once

#include <boost/json/object.hpp>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "tests/engines/ollama_server/jobs.h"
#include "tests/engines/ollama_server/residency.h"
#include "tests/engines/ollama_server/shapes.h"

namespace stoker::engines::ollama {

class Engine {
 public:
  struct World {
    net::Network& network;
    Watch& watch;
    Gates& gates;
    Faults& faults;
    std::function<Instant()> now;
    std::function<std::string(Duration)> timestamp;  // of now plus that
    std::function<std::int64_t()> unix_s;
  };
  Engine(World world, OllamaOptions options);

  net::Task<void> serve(net::Exchange& exchange, std::string body, Life& life);

  OllamaCounters& counters() { return counters_; }
  Residency& residency() { return residency_; }
  const OllamaOptions& options() const { return options_; }
  const OllamaModel* find(std::string_view name) const;
  // The refusal of a model that lives in the cloud.
  std::optional<Refusal> cloud_refusal(std::string_view name);

 private:
  // Answers an exchange whose body is read; each ends with the answer complete or the connection cut.
  using Answer = net::Task<void> (Engine::*)(net::Exchange&, std::string, Life&);
  struct Row {
    std::string_view method;
    std::string_view path;  // one that ends in '/' is a prefix
    Answer answer;
  };
  static std::span<const Row> rows();
  static const Row* row_of(const net::RequestHead& head, bool& path_known);

  net::Task<void> root(net::Exchange& exchange, std::string body, Life& life);
  net::Task<void> version(net::Exchange& exchange, std::string body, Life& life);
  net::Task<void> status(net::Exchange& exchange, std::string body, Life& life);
  // text_routes.cc
  net::Task<void> generate(net::Exchange& exchange, std::string body, Life& life);
  net::Task<void> chat(net::Exchange& exchange, std::string body, Life& life);
  net::Task<void> v1_chat(net::Exchange& exchange, std::string body, Life& life);
  net::Task<void> v1_completions(net::Exchange& exchange, std::string body, Life& life);
  net::Task<void> run(net::Exchange& exchange, std::expected<Job, Refusal> parsed, Life& life);
  net::Task<void> run_on(net::Exchange& exchange, const Job& job, AnswerShape& shape,
                         Runner& runner, Life& life);
  net::Task<bool> send_records(net::Exchange& exchange, const Job& job, AnswerShape& shape,
                               Life& life);
  net::Task<bool> send_whole(net::Exchange& exchange, const Job& job, AnswerShape& shape,
                             Life& life);
  // True if a fault has struck and nothing may follow.
  net::Task<bool> struck(net::Exchange& exchange, AnswerShape& shape, std::size_t sent);
  AnswerFrame frame_of(const Job& job);
  Installed installed();
  // embed_routes.cc
  struct EmbedJob;
  net::Task<void> embed(net::Exchange& exchange, std::string body, Life& life);
  net::Task<void> embeddings(net::Exchange& exchange, std::string body, Life& life);
  net::Task<void> v1_embeddings(net::Exchange& exchange, std::string body, Life& life);
  // Loads, then computes; false if something was answered already or nobody is there.
  net::Task<bool> run_embed(net::Exchange& exchange, const EmbedJob& job, Life& life);
  // admin_routes.cc
  net::Task<void> create(net::Exchange& exchange, std::string body, Life& life);
  net::Task<void> pull(net::Exchange& exchange, std::string body, Life& life);
  net::Task<void> push(net::Exchange& exchange, std::string body, Life& life);
  net::Task<void> copy(net::Exchange& exchange, std::string body, Life& life);
  net::Task<void> remove(net::Exchange& exchange, std::string body, Life& life);
  net::Task<void> blob_upload(net::Exchange& exchange, std::string body, Life& life);
  net::Task<void> blob_exists(net::Exchange& exchange, std::string body, Life& life);
  net::Task<void> account(net::Exchange& exchange, std::string body, Life& life);
  net::Task<void> cloud_only(net::Exchange& exchange, std::string body, Life& life);
  net::Task<bool> send_progress(net::Exchange& exchange, std::vector<boost::json::object> records,
                                bool stream, Life& life);
  void install(OllamaModel model);
  // library_routes.cc
  net::Task<void> tags(net::Exchange& exchange, std::string body, Life& life);
  net::Task<void> ps(net::Exchange& exchange, std::string body, Life& life);
  net::Task<void> show(net::Exchange& exchange, std::string body, Life& life);
  net::Task<void> v1_models(net::Exchange& exchange, std::string body, Life& life);
  net::Task<void> v1_model(net::Exchange& exchange, std::string body, Life& life);

  World world_;
  OllamaOptions options_;
  std::vector<OllamaModel> models_;
  OllamaCounters counters_;
  Residency residency_;
  std::set<std::string> blobs_;
  std::uint64_t requests_ = 0;
};

// A refusal in the native form; status 0 answers nothing, kCut cuts.
net::Task<void> refuse(net::Exchange& exchange, Refusal refusal);
net::Task<void> answer_json(net::Exchange& exchange, const boost::json::value& value);
boost::json::object details_of(const OllamaModel& model);
std::string digest_of(const OllamaModel& model);

}  // namespace stoker::engines::ollama
