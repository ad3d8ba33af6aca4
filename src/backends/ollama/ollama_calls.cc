#include "backends/ollama/ollama_calls.h"

#include <algorithm>
#include <utility>

#include "protocol/json_access.h"
#include "protocol/ollama/names.h"
#include "protocol/ollama/requests.h"

namespace stoker::ollama {
namespace {

namespace wire = protocol::ollama;

constexpr std::size_t kBlobsKnownMax = 1000;
constexpr int kBusy = 503;

EngineAsk get(std::string target, Duration deadline) {
  return {.method = "GET", .target = std::move(target), .deadline = deadline};
}

EngineAsk post(std::string target, std::string body, Duration deadline) {
  return {
      .method = "POST", .target = std::move(target), .body = std::move(body), .deadline = deadline};
}

net::Task<Result<std::vector<wire::InstalledModel>>> installed(SharedSite site, Duration deadline) {
  const auto answer = co_await ask(site, get("/api/tags", deadline), Doing::asking);
  if (!answer) co_return fail(answer.error());
  co_return wire::parse_tags(answer->body);
}

net::Task<Result<std::vector<wire::RunningModel>>> running(SharedSite site, Duration deadline) {
  const auto answer = co_await ask(site, get("/api/ps", deadline), Doing::asking);
  if (!answer) co_return fail(answer.error());
  co_return wire::parse_ps(answer->body);
}

net::Task<Result<wire::ModelFacts>> show(SharedSite site, std::string name, Duration deadline) {
  const auto answer =
      co_await ask(site, post("/api/show", wire::show_request(name), deadline), Doing::asking);
  if (!answer) co_return fail(answer.error());
  co_return wire::parse_show(answer->body);
}

// The digest of a model's weights; empty if the server does not tell or does not have it.
net::Task<Result<std::string>> blob_of(SharedSite site, std::string name, std::string digest,
                                       Duration deadline) {
  if (auto known = site->known_blob(digest)) co_return *std::move(known);
  const auto facts = co_await show(site, std::move(name), deadline);
  if (!facts) {
    if (facts.error().code == ErrorCode::unknown_model) co_return std::string();
    co_return fail(facts.error());
  }
  site->remember_blob(digest, facts->blob);
  co_return facts->blob;
}

const wire::RunningModel* find_by_name(const std::vector<wire::RunningModel>& listed,
                                       std::string_view canonical) {
  const auto found = std::ranges::find_if(listed, [&](const wire::RunningModel& model) {
    return wire::canonical_name(model.name) == canonical;
  });
  return found == listed.end() ? nullptr : &*found;
}

std::string digest_of(const std::vector<wire::InstalledModel>& models, std::string_view canonical) {
  const auto found = std::ranges::find_if(models, [&](const wire::InstalledModel& model) {
    return wire::canonical_name(model.name) == canonical;
  });
  return found == models.end() ? std::string() : found->digest;
}

// The entry that holds the weights of a model that is not listed by its own name.
net::Task<Result<std::optional<wire::RunningModel>>> holder_of(
    SharedSite site, std::string name, std::string digest, std::vector<wire::RunningModel> listed,
    Duration deadline) {
  if (digest.empty()) co_return std::nullopt;
  const auto same = std::ranges::find(listed, digest, &wire::RunningModel::digest);
  if (same != listed.end()) co_return *same;
  const auto blob = co_await blob_of(site, std::move(name), std::move(digest), deadline);
  if (!blob) co_return fail(blob.error());
  if (blob->empty()) co_return std::nullopt;
  for (const wire::RunningModel& other : listed) {
    const auto held = co_await blob_of(site, other.name, other.digest, deadline);
    if (!held) co_return fail(held.error());
    if (*held == *blob) co_return other;
  }
  co_return std::nullopt;
}

}  // namespace

Site::Site(net::Network& network, OllamaOptions options)
    : options_(std::move(options)),
      http_(std::make_shared<EngineHttp>(network, options_.url, options_.key)) {}

std::optional<std::string> Site::known_blob(const std::string& digest) const {
  const auto found = blobs_.find(digest);
  if (digest.empty() || found == blobs_.end()) return std::nullopt;
  return found->second;
}

void Site::remember_blob(const std::string& digest, const std::string& blob) {
  if (blobs_.size() >= kBlobsKnownMax) blobs_.clear();
  if (!digest.empty()) blobs_[digest] = blob;
}

Error error_of(Error transport) {
  // For the client of HTTP a malformed answer is a bad request; here it is the engine's fault.
  if (transport.code == ErrorCode::bad_request) transport.code = ErrorCode::internal;
  return transport;
}

Error error_of(const EngineAnswer& answer, Doing doing) {
  const std::string words = wire::error_words(answer.body);
  Error error{.code = ErrorCode::internal,
              .detail = "the engine answers " + std::to_string(answer.status),
              .param = protocol::trouble_of(words)};
  if (doing != Doing::running && !words.empty()) {
    error.detail += ": " + protocol::short_words(words);
  }
  switch (answer.status) {
    case 400:
      error.code = ErrorCode::bad_request;
      break;
    case 401:
    case 403:  // a key, its list of hosts, its cloud: nothing works until somebody sets it right
      error.code = ErrorCode::backend_down;
      error.param = "refused";
      break;
    case 404:
      error.code = ErrorCode::unknown_model;
      break;
    case kBusy:
      error.code = ErrorCode::queue_full;
      break;
    case 502:
    case 504:  // a proxy in front of it, or its cloud
      error.code = ErrorCode::backend_down;
      break;
    default:
      if (doing == Doing::loading) error.code = ErrorCode::load_failed;
  }
  return error;
}

net::Task<Result<EngineAnswer>> ask(SharedSite site, EngineAsk request, Doing doing) {
  auto answer = co_await EngineHttp::ask(site->http(), std::move(request));
  if (!answer) co_return fail(error_of(answer.error()));
  if (!answer->ok()) co_return fail(error_of(*answer, doing));
  co_return answer;
}

net::Task<Result<ProbeReport>> probe(SharedSite site, Duration deadline) {
  const auto answer = co_await ask(site, get("/api/version", deadline), Doing::asking);
  if (!answer) co_return fail(answer.error());
  auto version = wire::parse_version(answer->body);
  if (!version) co_return fail(version.error());
  const auto models = co_await installed(site, deadline);
  if (!models) co_return fail(models.error());
  ProbeReport report{.version = *std::move(version), .granularity = EvictionGranularity::model};
  const bool any_remote = std::ranges::any_of(*models, [](const wire::InstalledModel& model) {
    return model.remote || wire::is_cloud_name(model.name);
  });
  if (any_remote) report.remarks.push_back(EngineRemark::remote_models);
  co_return report;
}

net::Task<Result<std::vector<OfferedModel>>> list(SharedSite site, Duration deadline) {
  const auto models = co_await installed(site, deadline);
  if (!models) co_return fail(models.error());
  const auto loaded = co_await running(site, deadline);
  if (!loaded) co_return fail(loaded.error());
  std::vector<OfferedModel> offered;
  for (const wire::InstalledModel& model : *models) {
    if (model.remote || wire::is_cloud_name(model.name)) continue;
    if (offered.size() == kOfferedModelsMax) break;
    const bool is_loaded = find_by_name(*loaded, wire::canonical_name(model.name)) != nullptr;
    offered.push_back({model.name, model.bytes, is_loaded});
  }
  co_return offered;
}

net::Task<Result<Sightings>> sightings(SharedSite site, std::vector<std::string> names,
                                       Duration deadline) {
  const auto listed = co_await running(site, deadline);
  if (!listed) co_return fail(listed.error());
  for (std::string& name : names) name = wire::canonical_name(name);
  Sightings seen(names.size());
  bool all_found = true;
  for (std::size_t i = 0; i < names.size(); ++i) {
    const wire::RunningModel* const entry = find_by_name(*listed, names[i]);
    if (entry != nullptr) seen[i] = *entry;
    all_found = all_found && entry != nullptr;
  }
  if (all_found || listed->empty()) co_return seen;

  const auto models = co_await installed(site, deadline);
  if (!models) co_return fail(models.error());
  for (std::size_t i = 0; i < names.size(); ++i) {
    if (seen[i]) continue;
    auto holder =
        co_await holder_of(site, names[i], digest_of(*models, names[i]), *listed, deadline);
    if (!holder) co_return fail(holder.error());
    seen[i] = *std::move(holder);
  }
  co_return seen;
}

}  // namespace stoker::ollama
