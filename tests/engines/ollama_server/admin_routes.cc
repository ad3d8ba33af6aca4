// The routes that change what is installed, and those of ollama.com.
#include <openssl/evp.h>

#include <algorithm>
#include <array>
#include <boost/json/object.hpp>
#include <cstdio>

#include "tests/engines/ollama_server/engine.h"
#include "tests/engines/ollama_server/wire.h"

namespace stoker::engines::ollama {
namespace {

namespace json = boost::json;

constexpr std::array<Rule, 12> kRules{{{"model", Kind::text},
                                       {"name", Kind::text},
                                       {"stream", Kind::flag},
                                       {"insecure", Kind::flag},
                                       {"from", Kind::text},
                                       {"files", Kind::object},
                                       {"parameters", Kind::object},
                                       {"system", Kind::text},
                                       {"template", Kind::text},
                                       {"source", Kind::text},
                                       {"destination", Kind::text},
                                       {"quantize", Kind::text}}};
constexpr std::int64_t kPullSteps = 3;
constexpr std::string_view kNoManifest = "pull model manifest: file does not exist";

std::string model_of(const Fields& fields) {
  const std::string model = fields.text("model");
  return model.empty() ? fields.text("name") : model;
}

json::object progress(std::string_view text) {
  return {{"status", text}};
}

// The records of one blob on its way.
void add_transfer(std::vector<json::object>& records, std::string_view verb,
                  const OllamaModel& model) {
  const std::string digest = digest_of(model);
  for (std::int64_t step = 1; step <= kPullSteps; ++step) {
    records.push_back({{"status", std::string(verb) + " " + digest.substr(0, 12)},
                       {"digest", "sha256:" + digest},
                       {"total", model.weight_bytes},
                       {"completed", model.weight_bytes * step / kPullSteps}});
  }
}

std::string sha256_of(std::string_view bytes) {
  std::array<unsigned char, EVP_MAX_MD_SIZE> digest{};
  unsigned size = 0;
  EVP_Digest(bytes.data(), bytes.size(), digest.data(), &size, EVP_sha256(), nullptr);
  std::string text;
  for (unsigned i = 0; i < size; ++i) {
    std::array<char, 3> hex{};
    std::snprintf(hex.data(), hex.size(), "%02x", digest[i]);
    text += hex.data();
  }
  return text;
}

std::string digest_in(std::string_view path) {
  return std::string(path.substr(std::string_view("/api/blobs/").size()));
}

}  // namespace

void Engine::install(OllamaModel model) {
  std::erase_if(models_, [&](const OllamaModel& other) { return other.name == model.name; });
  models_.push_back(std::move(model));
}

net::Task<bool> Engine::send_progress(net::Exchange& exchange, std::vector<json::object> records,
                                      bool stream, Life& life) {
  std::size_t sent = 0;
  for (const json::object& record : records) {
    if (!co_await world_.gates.pass(Gate::transfer, life)) co_return false;
    if (world_.faults.take(FaultKind::cut_stream, exchange.head().path, sent)) {
      exchange.abort();
      co_return false;
    }
    const bool failed = record.contains("error");
    if (!stream) {
      if (failed) co_await answer(exchange, 500, kJsonType, go_json(record));
      if (failed) co_return false;
      continue;
    }
    if (!exchange.answered()) {
      net::ResponseHead head;
      head.headers.add("Content-Type", "application/x-ndjson");
      if (!co_await exchange.start(std::move(head))) co_return false;
    }
    const std::string line = go_json(record) + "\n";
    if (!co_await exchange.write(line)) co_return false;
    ++sent;
    if (failed) {
      co_await exchange.finish();
      co_return false;
    }
  }
  if (!stream) {
    co_await answer_json(exchange, records.back());
    co_return true;
  }
  co_return (co_await exchange.finish()).has_value();
}

net::Task<void> Engine::create(net::Exchange& exchange, std::string body, Life& life) {
  const auto fields = Fields::parse(body, "CreateRequest", kRules);
  if (!fields) co_return co_await refuse(exchange, fields.error());
  const auto name = full_name(model_of(*fields));
  if (!name || model_of(*fields).empty()) {
    co_return co_await refuse(exchange, {400, "invalid model name"});
  }
  const std::string from = fields->text("from");
  if (from.empty() && fields->find("files") == nullptr) {
    co_return co_await refuse(exchange, {400, "neither 'from' or 'files' was specified"});
  }
  const OllamaModel* const source = find(from);
  std::vector<json::object> records;
  OllamaModel made = source != nullptr ? *source : OllamaModel{};
  if (!from.empty() && source == nullptr) {
    records = {progress("pulling manifest"), json::object{{"error", kNoManifest}}};
  } else {
    made.name = *name;
    if (source == nullptr) made.blob = *name;
    if (const json::value* const parameters = fields->find("parameters")) {
      const json::value* const context = parameters->get_object().if_contains("num_ctx");
      if (context != nullptr && context->is_number())
        made.num_ctx = context->to_number<std::int64_t>();
    }
    records = {progress("using existing layer sha256:" + digest_of(made)),
               progress("writing manifest"), progress("success")};
  }
  if (co_await send_progress(exchange, records, fields->flag("stream").value_or(true), life)) {
    install(std::move(made));
  }
}

net::Task<void> Engine::pull(net::Exchange& exchange, std::string body, Life& life) {
  const auto fields = Fields::parse(body, "PullRequest", kRules);
  if (!fields) co_return co_await refuse(exchange, fields.error());
  const auto name = full_name(model_of(*fields));
  if (!name || model_of(*fields).empty()) {
    co_return co_await refuse(exchange, {400, "invalid model name"});
  }
  std::vector<json::object> records;
  records.push_back(progress("pulling manifest"));
  const auto offered = std::ranges::find_if(
      options_.registry, [&](const OllamaModel& model) { return full_name(model.name) == name; });
  OllamaModel pulled;
  if (offered != options_.registry.end()) {
    pulled = *offered;
  } else if (const OllamaModel* const here = find(*name)) {
    pulled = *here;
  } else {
    records.push_back(json::object{{"error", kNoManifest}});
  }
  pulled.name = *name;
  if (pulled.blob.empty()) pulled.blob = *name;
  if (records.size() == 1) {
    add_transfer(records, "pulling", pulled);
    for (const char* const text : {"verifying sha256 digest", "writing manifest", "success"}) {
      records.push_back(progress(text));
    }
  }
  if (co_await send_progress(exchange, records, fields->flag("stream").value_or(true), life)) {
    install(std::move(pulled));
  }
}

net::Task<void> Engine::push(net::Exchange& exchange, std::string body, Life& life) {
  const auto fields = Fields::parse(body, "PushRequest", kRules);
  if (!fields) co_return co_await refuse(exchange, fields.error());
  const std::string name = model_of(*fields);
  const OllamaModel* const model = find(name);
  if (model == nullptr)
    co_return co_await refuse(exchange, {404, "model '" + name + "' not found"});
  std::vector<json::object> records;
  records.push_back(progress("retrieving manifest"));
  add_transfer(records, "pushing", *model);
  records.push_back(progress("pushing manifest"));
  records.push_back(progress("success"));
  co_await send_progress(exchange, records, fields->flag("stream").value_or(true), life);
}

net::Task<void> Engine::copy(net::Exchange& exchange, std::string body, Life&) {
  const auto fields = Fields::parse(body, "CopyRequest", kRules);
  if (!fields) co_return co_await refuse(exchange, fields.error());
  const std::string source = fields->text("source");
  const auto destination = full_name(fields->text("destination"));
  if (!destination || fields->text("destination").empty()) {
    co_return co_await refuse(exchange, {400, "invalid model name"});
  }
  const OllamaModel* const model = find(source);
  if (model == nullptr) {
    co_return co_await refuse(exchange, {404, "model \"" + source + "\" not found"});
  }
  OllamaModel made = *model;
  made.name = *destination;
  install(std::move(made));
  co_await answer(exchange, 200, {}, {});
}

net::Task<void> Engine::remove(net::Exchange& exchange, std::string body, Life&) {
  const auto fields = Fields::parse(body, "DeleteRequest", kRules);
  if (!fields) co_return co_await refuse(exchange, fields.error());
  const std::string name = model_of(*fields);
  const OllamaModel* const model = find(name);
  if (model == nullptr)
    co_return co_await refuse(exchange, {404, "model '" + name + "' not found"});
  const std::string full = model->name;
  std::erase_if(models_, [&](const OllamaModel& other) { return other.name == full; });
  co_await answer(exchange, 200, {}, {});
}

net::Task<void> Engine::blob_upload(net::Exchange& exchange, std::string body, Life&) {
  const std::string digest = digest_in(exchange.head().path);
  if (blobs_.contains(digest)) co_return co_await answer(exchange, 200, {}, {});
  const std::string found = "sha256:" + sha256_of(body);
  if (found != digest) {
    co_return co_await refuse(
        exchange, {400, "digest mismatch, expected \"" + digest + "\", got \"" + found + "\""});
  }
  blobs_.insert(digest);
  co_await answer(exchange, 201, {}, {});
}

net::Task<void> Engine::blob_exists(net::Exchange& exchange, std::string, Life&) {
  const bool known = blobs_.contains(digest_in(exchange.head().path));
  co_await answer(exchange, known ? 200 : 404, {}, {});
}

net::Task<void> Engine::account(net::Exchange& exchange, std::string, Life&) {
  if (exchange.head().path == "/api/me") ++counters_.cloud_requests;
  const json::object body{{"error", "unauthorized"},
                          {"signin_url", "https://ollama.com/connect?name=engine"}};
  co_await answer(exchange, 401, kJsonType, go_json(body));
}

net::Task<void> Engine::cloud_only(net::Exchange& exchange, std::string, Life&) {
  co_await refuse(exchange, *cloud_refusal("any-cloud"));
}

}  // namespace stoker::engines::ollama
