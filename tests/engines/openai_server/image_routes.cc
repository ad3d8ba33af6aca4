// Pictures: at LocalAI, and at stable-diffusion.cpp, which paints one at a time and does not stop when the client goes.
#include <algorithm>
#include <boost/json/array.hpp>
#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>
#include <boost/system/error_code.hpp>

#include "tests/engines/answers.h"
#include "tests/engines/openai_server/engine.h"
#include "tests/engines/openai_server/multipart.h"

namespace stoker::engines::openai {
namespace {

namespace json = boost::json;

constexpr std::int64_t kPicturesMax = 10;
constexpr std::size_t kJobsKept = 100;
constexpr std::string_view kExtraBegin = "<sd_cpp_extra_args>";
constexpr std::string_view kExtraEnd = "</sd_cpp_extra_args>";

// The JSON that rides inside the prompt, taken out of it.
json::object take_extra(std::string& prompt) {
  const std::size_t begin = prompt.find(kExtraBegin);
  const std::size_t end = prompt.find(kExtraEnd);
  if (begin == std::string::npos || end == std::string::npos || end < begin) return {};
  const std::string text =
      prompt.substr(begin + kExtraBegin.size(), end - begin - kExtraBegin.size());
  prompt.erase(begin, end + kExtraEnd.size() - begin);
  boost::system::error_code error;
  json::value extra = json::parse(text, error);
  return !error && extra.is_object() ? std::move(extra.get_object()) : json::object();
}

json::object job_json(const ImageJob& job) {
  json::object object{{"id", job.id}, {"status", job.status}};
  if (job.status != "completed") return object;
  json::array images;
  for (const std::string& picture : job.pictures) {
    images.push_back(json::object{{"b64_json", base64_of(picture)}});
  }
  object["result"] = json::object{{"images", std::move(images)}};
  return object;
}

// The id of "/sdcpp/v1/jobs/ID/cancel".
std::string id_in(std::string_view path) {
  path.remove_prefix(std::string_view("/sdcpp/v1/jobs/").size());
  return std::string(path.substr(0, path.find('/')));
}

}  // namespace

std::shared_ptr<ImageJob> Engine::image_job(const json::object& request) {
  auto job = std::make_shared<ImageJob>();
  job->id = "job-" + std::to_string(++answers_);
  job->prompt = text_of(request, "prompt");
  const json::object extra = take_extra(job->prompt);
  job->seed =
      hash_of(job->prompt) + static_cast<std::uint64_t>(integer_of(extra, "seed").value_or(0));
  job->steps = static_cast<std::size_t>(std::clamp<std::int64_t>(
      integer_of(extra, "steps").value_or(static_cast<std::int64_t>(options_.image_steps)), 1,
      1000));
  job->count = static_cast<std::size_t>(
      std::clamp<std::int64_t>(integer_of(request, "n").value_or(1), 1, kPicturesMax));
  if (const auto size = parse_size(text_of(request, "size"))) {
    job->width = size->first;
    job->height = size->second;
  }
  return job;
}

void Engine::enqueue(std::shared_ptr<ImageJob> job) {
  if (image_jobs_.size() == kJobsKept) image_jobs_.pop_front();
  image_jobs_.push_back(job);
  image_queue_.push_back(std::move(job));
  if (!painting_) tasks_.start(paint_queue());
}

net::Task<void> Engine::paint_queue() {
  painting_ = true;
  while (!image_queue_.empty()) {
    const std::shared_ptr<ImageJob> job = image_queue_.front();
    image_queue_.pop_front();
    if (job->status == "cancelled") continue;
    job->status = "generating";
    ++counters_.generations_started;
    ++counters_.running;
    counters_.most_at_once = std::max(counters_.most_at_once, counters_.running);
    world_.watch.changed();
    const bool painted = co_await paint(*job);
    --counters_.running;
    ++(painted ? counters_.generations_finished : counters_.generations_cancelled);
    if (job->status == "generating") job->status = painted ? "completed" : "cancelled";
    image_ended_.wake_all();
    world_.watch.changed();
  }
  painting_ = false;
}

net::Task<bool> Engine::paint(ImageJob& job) {
  if (world_.faults.take(FaultKind::out_of_memory)) {
    job.status = "failed";
    co_return false;
  }
  for (std::size_t i = 0; i < job.count; ++i) {
    for (std::size_t step = 0; step < job.steps; ++step) {
      if (!co_await world_.gates.pass(Gate::step, job.life)) co_return false;
    }
    job.pictures.push_back(png_of(job.width, job.height, job.seed + i));
  }
  co_return co_await world_.gates.pass(Gate::result, job.life);
}

net::Task<void> Engine::images(net::Exchange& exchange, std::string body, Life& life) {
  boost::system::error_code error;
  const json::value request = json::parse(body, error);
  if (error && is(Flavour::sd_cpp)) {
    const json::object failure{{"error", "server_error"}, {"message", "parse error"}};
    co_return co_await answer_json(exchange, failure, 500);
  }
  if (error || !request.is_object()) {
    co_return co_await refuse(exchange, {.status = 400, .message = "the body is no JSON object"});
  }
  co_await answer_pictures(exchange, request.get_object(), life);
}

net::Task<void> Engine::image_edits(net::Exchange& exchange, std::string body, Life& life) {
  const auto parts =
      parse_multipart(exchange.head().headers.find("Content-Type").value_or(""), body);
  if (!parts) co_return co_await refuse(exchange, {.status = 400, .message = "no multipart form"});
  json::object request;
  bool picture = false;
  for (const Part& part : *parts) {
    if (part.name == "image" || part.name == "image[]") picture = true;
    if (part.name == "prompt" || part.name == "size") request[part.name] = part.content;
    if (part.name == "n") request["n"] = std::atoi(part.content.c_str());
  }
  if (!picture) co_return co_await refuse(exchange, {.status = 400, .message = "image required"});
  co_await answer_pictures(exchange, request, life);
}

net::Task<void> Engine::answer_pictures(net::Exchange& exchange, const json::object& request,
                                        Life& life) {
  if (text_of(request, "prompt").empty()) {
    co_return co_await refuse(exchange,
                              {.status = 400, .message = "prompt required", .param = "prompt"});
  }
  const auto entry = co_await model_for(exchange, text_of(request, "model"), life);
  if (!entry) co_return co_await refuse(exchange, entry.error());
  const Models::Use use(models_, **entry);
  const auto job = image_job(request);
  enqueue(job);
  while (job->status == "queued" || job->status == "generating") {
    if (!co_await image_ended_.wait(life)) co_return;
  }
  if (job->status != "completed") {
    co_return co_await refuse(
        exchange, {.status = 500, .type = "server_error", .message = "generation failed"});
  }
  if (co_await struck(exchange, 0)) co_return;
  const bool as_url = is(Flavour::localai) && text_of(request, "response_format") != "b64_json";
  json::array data;
  for (std::size_t i = 0; i < job->pictures.size(); ++i) {
    const std::string host(exchange.head().headers.find("Host").value_or("localhost"));
    json::object picture{{"b64_json", base64_of(job->pictures[i])}};
    if (as_url) {
      picture = {{"url", "http://" + host + "/generated-images/" + job->id + "-" +
                             std::to_string(i) + ".png"}};
    }
    data.push_back(std::move(picture));
  }
  co_await answer_json(exchange,
                       json::object{{"created", world_.unix_s()}, {"data", std::move(data)}});
}

net::Task<void> Engine::picture(net::Exchange& exchange, std::string, Life&) {
  const std::string path = exchange.head().path;
  for (const auto& job : image_jobs_) {
    for (std::size_t i = 0; i < job->pictures.size(); ++i) {
      if (path.ends_with("/" + job->id + "-" + std::to_string(i) + ".png")) {
        co_return co_await answer(exchange, 200, "image/png", job->pictures[i]);
      }
    }
  }
  co_await refuse(exchange, {.status = 404, .message = "no such picture"});
}

net::Task<void> Engine::capabilities(net::Exchange& exchange, std::string, Life&) {
  co_await answer_json(exchange, json::object{{"model", "sd-cpp-local"},
                                              {"modes", {"img_gen"}},
                                              {"samplers", {"euler", "euler_a"}}});
}

net::Task<void> Engine::img_gen(net::Exchange& exchange, std::string body, Life&) {
  const auto request = parse_object(body);
  if (!request) co_return co_await refuse(exchange, request.error());
  if (text_of(*request, "prompt").empty()) {
    co_return co_await refuse(exchange, {.status = 400, .message = "prompt required"});
  }
  if (image_queue_.size() >= options_.job_queue_max) {
    co_return co_await refuse(exchange, {.status = 429, .message = "job queue is full"});
  }
  const auto job = image_job(*request);
  enqueue(job);
  co_await answer_json(exchange, job_json(*job), 202);
}

net::Task<void> Engine::sd_jobs(net::Exchange& exchange, std::string, Life&) {
  const std::string id = id_in(exchange.head().path);
  const auto job = std::ranges::find(image_jobs_, id, [](const auto& other) { return other->id; });
  if (job == image_jobs_.end()) {
    co_return co_await refuse(exchange, {.status = 404, .message = "job not found"});
  }
  const json::object answered = job_json(**job);
  co_await answer_json(exchange, answered);
}

net::Task<void> Engine::sd_cancel(net::Exchange& exchange, std::string, Life&) {
  const std::string path = exchange.head().path;
  const std::string id = id_in(path);
  const auto found =
      std::ranges::find(image_jobs_, id, [](const auto& other) { return other->id; });
  if (found == image_jobs_.end() || !path.ends_with("/cancel")) {
    co_return co_await refuse(exchange, {.status = 404, .message = "job not found"});
  }
  const std::shared_ptr<ImageJob>& job = *found;
  if (job->status == "queued" || job->status == "generating") job->status = "cancelled";
  job->life.end();
  co_await answer_json(exchange, job_json(*job));
}

}  // namespace stoker::engines::openai
