#include "net/network.h"

#include <pthread.h>
#include <sys/resource.h>

#include <boost/asio/post.hpp>
#include <chrono>
#include <csignal>
#include <latch>

#include "net/callback_wait.h"
#include "net/network_impl.h"

namespace stoker::net {
namespace {

thread_local const Network::Impl* current_network = nullptr;

void raise_open_files_limit() {
  rlimit limit{};
  if (getrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_cur == limit.rlim_max) return;
  limit.rlim_cur = limit.rlim_max;
  setrlimit(RLIMIT_NOFILE, &limit);  // without it fewer connections fit; nothing else changes
}

// OpenSSL writes to sockets without MSG_NOSIGNAL; a peer that is gone must be an error, not a
// signal.
void block_sigpipe() {
  sigset_t set;
  sigemptyset(&set);
  sigaddset(&set, SIGPIPE);
  pthread_sigmask(SIG_BLOCK, &set, nullptr);
}

}  // namespace

namespace detail {

void post_to(Mailbox& mailbox, std::move_only_function<void()> work) {
  mailbox.post(std::move(work));
}

void Mailbox::post(std::move_only_function<void()> work) {
  const std::lock_guard lock(mutex_);
  if (io_ == nullptr) return;
  STOKER_INVARIANT(waiting_.size() < kPostBacklogMax,
                   "too many functions posted to the network thread");
  waiting_.push_back(std::move(work));
  if (waiting_.size() > 1) return;
  boost::asio::post(*io_, [self = shared_from_this()] { self->run_waiting(); });
}

void Mailbox::run_waiting() {
  std::vector<std::move_only_function<void()>> batch;
  {
    const std::lock_guard lock(mutex_);
    batch.swap(waiting_);
  }
  for (auto& work : batch) std::exchange(work, nullptr)();
}

void Mailbox::close() {
  std::vector<std::move_only_function<void()>> dropped;
  const std::lock_guard lock(mutex_);
  io_ = nullptr;
  dropped.swap(waiting_);
}

}  // namespace detail

Network::Impl::Impl() {
  raise_open_files_limit();
  thread = std::thread([this] {
    current_network = this;
    block_sigpipe();
    io.run();
    current_network = nullptr;
  });
}

Network::Network() : impl_(std::make_unique<Impl>()) {}

Network::~Network() {
  impl_->io.stop();
  impl_->thread.join();
  impl_->mailbox->close();
  impl_->tasks.destroy_all();
}

void Network::post(std::move_only_function<void()> work) {
  impl_->mailbox->post(std::move(work));
}

void Network::spawn(Task<void> task) {
  post([impl = impl_.get(), task = std::move(task)]() mutable {
    impl->tasks.start(std::move(task));
  });
}

SpawnedTask Network::spawn_for(Task<void> task) {
  auto place = std::make_shared<TaskList::Place>();
  post([impl = impl_.get(), place, task = std::move(task)]() mutable {
    impl->tasks.start(std::move(task), std::move(place));
  });
  return SpawnedTask(
      [mailbox = impl_->mailbox, place] { mailbox->post([place] { TaskList::destroy(*place); }); });
}

bool Network::on_network_thread() const {
  return current_network == impl_.get();
}

std::shared_ptr<detail::Mailbox> Network::mailbox() const {
  return impl_->mailbox;
}

Task<void> Network::sleep(Duration delay) {
  boost::asio::steady_timer timer(impl_->io, std::chrono::microseconds(delay.us));
  co_await CallbackWait<bool>([&timer](CallbackWait<bool>::Done done) {
    timer.async_wait([done = std::move(done)](const boost::system::error_code&) { done(true); });
  });
}

namespace {
void wait_for_signal(boost::asio::signal_set& set,
                     const std::shared_ptr<std::function<void()>>& handler) {
  set.async_wait([&set, handler](const boost::system::error_code& error, int) {
    if (error) return;
    (*handler)();
    wait_for_signal(set, handler);
  });
}
}  // namespace

void Network::on_signal(int signal, std::function<void()> handler) {
  // Registered on the calling thread, so that a signal right after this call is not the default
  // action's.
  auto set = std::make_unique<boost::asio::signal_set>(impl_->io, signal);
  auto shared = std::make_shared<std::function<void()>>(std::move(handler));
  post([impl = impl_.get(), set = std::move(set), shared = std::move(shared)]() mutable {
    wait_for_signal(*set, shared);
    impl->signals.push_back(std::move(set));
  });
}

void run_and_wait(Network& network, std::move_only_function<void()> work) {
  if (network.on_network_thread()) return work();
  std::latch done(1);
  network.post([&] {
    work();
    done.count_down();
  });
  done.wait();
}

}  // namespace stoker::net
