#include "backends/swarmui/swarmui_site.h"

#include <utility>

#include "protocol/swarmui/requests.h"

namespace stoker::swarmui {
namespace {

// More names than that are configured nowhere.
constexpr std::size_t kNamesMax = 10'000;

}  // namespace

Site::Site(net::Network& network, SwarmUiOptions options)
    : options_(std::move(options)),
      http_(std::make_shared<EngineHttp>(network, options_.url, options_.key)) {}

bool is_refused(const Error& error) {
  return error.param == "refused" || error.param == "route";
}

net::Task<Result<EngineAnswer>> Site::post(SharedSite site, std::string route, std::string body,
                                           Duration deadline) {
  EngineAsk request{.method = "POST",
                    .target = wire::route(route),
                    .body = std::move(body),
                    .deadline = deadline};
  co_return co_await EngineHttp::ask(site->http(), std::move(request));
}

net::Task<Result<wire::Session>> Site::new_session(SharedSite site, Duration deadline) {
  const auto answer = co_await post(site, "GetNewSession", "{}", deadline);
  if (!answer) co_return fail(answer.error());
  co_return wire::parse_session(answer->status, answer->body);
}

net::Task<Result<EngineAnswer>> Site::ask(SharedSite site, std::string route, Body body,
                                          Duration deadline) {
  for (int tries = 0; tries < 2; ++tries) {
    if (site->session_.empty()) {
      auto session = co_await new_session(site, deadline);
      if (!session) co_return fail(session.error());
      site->session_ = std::move(session->id);
    }
    auto answer = co_await post(site, route, body(site->session_), deadline);
    if (!answer) co_return answer;
    const auto error = wire::error_in(answer->status, answer->body);
    if (!error) co_return answer;
    if (error->param != "session") co_return fail(*error);
    site->session_.clear();
  }
  co_return fail(ErrorCode::backend_down, "the engine forgets sessions at once", "session");
}

net::Task<Result<std::vector<wire::ListedModel>>> Site::models(SharedSite site, Duration deadline) {
  const auto answer = co_await ask(site, "ListModels", wire::list_models_body, deadline);
  if (!answer) co_return fail(answer.error());
  co_return wire::parse_models(answer->status, answer->body);
}

net::Task<Result<std::string>> Site::exact_name(SharedSite site, std::string name,
                                                Duration deadline) {
  if (const auto known = site->names_.find(name); known != site->names_.end()) {
    co_return known->second;
  }
  const auto listed = co_await models(site, deadline);
  if (!listed) co_return fail(listed.error());
  const wire::ListedModel* model = wire::resolve(*listed, name);
  if (model == nullptr) {
    co_return fail(ErrorCode::unknown_model, "the engine does not know the model", name);
  }
  if (site->names_.size() < kNamesMax) site->names_[name] = model->name;
  co_return model->name;
}

net::Task<Result<std::optional<MiB>>> Site::card_use(SharedSite site, Duration deadline) {
  const auto answer = co_await ask(site, "GetServerResourceInfo", wire::session_body, deadline);
  if (!answer && is_refused(answer.error())) co_return std::optional<MiB>();
  if (!answer) co_return fail(answer.error());
  const auto used = wire::parse_card_use(answer->status, answer->body);
  if (!used) co_return fail(used.error());
  co_return *used ? std::optional(MiB{**used}) : std::nullopt;
}

net::Task<Result<std::string>> Site::picture(SharedSite site, std::string target,
                                             std::size_t bytes_max, Duration deadline) {
  EngineAsk request{
      .target = std::move(target), .deadline = deadline, .answer_bytes_max = bytes_max};
  auto answer = co_await EngineHttp::ask(site->http(), std::move(request));
  if (!answer) co_return fail(answer.error());
  if (!answer->ok()) {
    co_return fail(ErrorCode::internal,
                   "the engine answered " + std::to_string(answer->status) + " to a result",
                   "output");
  }
  co_return std::move(answer->body);
}

}  // namespace stoker::swarmui
