#include "tests/engines/request_log.h"

#include <algorithm>
#include <boost/json/parse.hpp>
#include <boost/system/error_code.hpp>

namespace stoker::engines {
namespace {

bool asks(const LoggedRequest& request, std::string_view method, std::string_view path) {
  return request.method == method && request.path == path;
}

}  // namespace

void RequestLog::add(const net::RequestHead& head, std::string body) {
  boost::system::error_code error;
  boost::json::value json = boost::json::parse(body, error);
  if (error) json = nullptr;
  if (requests_.size() == kLoggedRequestsMax) requests_.pop_front();
  requests_.push_back({.method = head.method,
                       .path = head.path,
                       .query = head.query,
                       .headers = head.headers,
                       .body = std::move(body),
                       .json = std::move(json)});
  watch_.changed();
}

std::vector<LoggedRequest> RequestLog::all() const {
  return on_network(network_, [this] { return std::vector(requests_.begin(), requests_.end()); });
}

std::vector<LoggedRequest> RequestLog::of(std::string_view method, std::string_view path) const {
  std::vector<LoggedRequest> found = all();
  std::erase_if(found, [&](const LoggedRequest& request) { return !asks(request, method, path); });
  return found;
}

std::size_t RequestLog::count(std::string_view method, std::string_view path) const {
  return on_network(network_, [&] { return count_here(method, path); });
}

std::optional<LoggedRequest> RequestLog::last(std::string_view method,
                                              std::string_view path) const {
  std::vector<LoggedRequest> found = of(method, path);
  if (found.empty()) return std::nullopt;
  return std::move(found.back());
}

bool RequestLog::wait_for(std::string_view method, std::string_view path, std::size_t times) {
  return watch_.wait_until([this, method = std::string(method), path = std::string(path), times] {
    return count_here(method, path) >= times;
  });
}

void RequestLog::clear() {
  on_network(network_, [this] { requests_.clear(); });
}

std::size_t RequestLog::count_here(std::string_view method, std::string_view path) const {
  return static_cast<std::size_t>(
      std::ranges::count_if(requests_, [&](const auto& r) { return asks(r, method, path); }));
}

}  // namespace stoker::engines
