#include "net/client_pool.h"

namespace stoker::net {

ClientPool::ClientPool(Network& network, ClientLimits limits)
    : network_(network),
      limits_(std::move(limits)),
      tls_(client_tls_context(limits_.ca_file)),
      next_outdated_(network.impl().deadlines, [this] { drop_outdated(); }) {}

std::unique_ptr<Channel> ClientPool::take(const Origin& origin) {
  const auto found = idle_.find(origin);
  if (found == idle_.end()) return nullptr;
  IdleList& list = found->second;
  while (!list.empty()) {
    std::unique_ptr<Channel> channel = std::move(list.front().channel);
    list.pop_front();
    channel->unwatch_peer();
    if (!channel->halted() && channel->input().empty() && channel->transport().quiet())
      return channel;
  }
  idle_.erase(found);
  return nullptr;
}

void ClientPool::give_back(const Origin& origin, std::unique_ptr<Channel> channel) {
  if (closed_ || limits_.idle_connections_max_per_host == 0) return;
  IdleList& list = idle_[origin];
  if (list.size() >= limits_.idle_connections_max_per_host) list.pop_back();
  channel->input().release_if_empty();
  list.push_front({std::move(channel), std::chrono::steady_clock::now() +
                                           std::chrono::microseconds(limits_.idle_timeout.us)});
  const auto place = list.begin();
  place->channel->watch_peer([&list, place] { list.erase(place); });
  next_outdated_.set(limits_.idle_timeout);
}

void ClientPool::drop_outdated() {
  const auto now = std::chrono::steady_clock::now();
  for (auto at = idle_.begin(); at != idle_.end();) {
    IdleList& list = at->second;
    while (!list.empty() && list.back().until <= now) list.pop_back();
    at = list.empty() ? idle_.erase(at) : std::next(at);
  }
  if (idle_.empty()) return;
  auto first = std::chrono::steady_clock::time_point::max();
  for (const auto& [origin, list] : idle_) first = std::min(first, list.back().until);
  next_outdated_.set(
      microseconds(std::chrono::ceil<std::chrono::microseconds>(first - now).count()));
}

void ClientPool::close() {
  closed_ = true;
  next_outdated_.clear();
  idle_.clear();
}

}  // namespace stoker::net
