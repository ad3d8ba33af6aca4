// What the files of this folder share of a Network: the event loop, deadlines and the mailbox of
// other threads.
#pragma once

#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/signal_set.hpp>
#include <memory>
#include <mutex>
#include <thread>
#include <vector>

#include "net/deadline.h"
#include "net/network.h"
#include "net/task_list.h"

namespace stoker::net {

namespace detail {

// Functions for the network thread, in order. One wake-up of the loop serves all that wait.
class Mailbox : public std::enable_shared_from_this<Mailbox> {
 public:
  explicit Mailbox(boost::asio::io_context& io) : io_(&io) {}
  void post(std::move_only_function<void()> work);
  // Drops what waits and everything that is posted later.
  void close();

 private:
  void run_waiting();

  std::mutex mutex_;
  std::vector<std::move_only_function<void()>> waiting_;
  boost::asio::io_context* io_;  // null once closed
};

}  // namespace detail

struct Network::Impl {
  Impl();

  boost::asio::io_context io{1};
  boost::asio::executor_work_guard<boost::asio::io_context::executor_type> work_guard{
      io.get_executor()};
  std::shared_ptr<detail::Mailbox> mailbox = std::make_shared<detail::Mailbox>(io);
  DeadlineQueue deadlines{io};
  TaskList tasks;
  std::vector<std::unique_ptr<boost::asio::signal_set>> signals;
  std::thread thread;
};

// Runs `work` on the network thread and returns when it has run. Must not be called while the
// network thread waits for the caller.
void run_and_wait(Network& network, std::move_only_function<void()> work);

}  // namespace stoker::net
