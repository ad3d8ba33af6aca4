#include "net/event_stream.h"

#include <algorithm>
#include <mutex>
#include <vector>

#include "net/network_impl.h"

namespace stoker::net {
namespace {

using Frame = std::shared_ptr<const std::string>;

// `waiting_` is set while the serving task waits for frames; an overflow also cuts a write that is
// under way.
class Stream final : public EventStream, public std::enable_shared_from_this<Stream> {
 public:
  explicit Stream(std::shared_ptr<detail::Mailbox> mailbox) : mailbox_(std::move(mailbox)) {}

  bool push(Frame frame) override {
    const std::lock_guard lock(mutex_);
    if (closed_) return false;
    if (backlog_bytes_ + frame->size() > kEventBacklogBytesMax) {
      closed_ = true;
      overflowed_ = true;
      backlog_.clear();
      backlog_bytes_ = 0;
    } else {
      backlog_bytes_ += frame->size();
      backlog_.push_back(std::move(frame));
    }
    notify();
    return !closed_;
  }

  void close() override {
    const std::lock_guard lock(mutex_);
    closed_ = true;
    notify();
  }

  bool closed() const override {
    const std::lock_guard lock(mutex_);
    return closed_;
  }

  // The rest: network thread.

  // All that waits; its bytes count until `sent`.
  std::vector<Frame> take() {
    const std::lock_guard lock(mutex_);
    return std::exchange(backlog_, {});
  }

  void sent(std::size_t bytes) {
    const std::lock_guard lock(mutex_);
    backlog_bytes_ -= std::min(bytes, backlog_bytes_);
  }

  bool overflowed() const {
    const std::lock_guard lock(mutex_);
    return overflowed_;
  }

  void attach(Exchange& exchange) { exchange_ = &exchange; }

  void detach() {
    close();
    const std::lock_guard lock(mutex_);
    exchange_ = nullptr;
    backlog_.clear();
    backlog_bytes_ = 0;
  }

  // co_await stream->change(): until there may be something to send or to end for.
  class Change {
   public:
    explicit Change(Stream& stream) : stream_(stream) {}
    Change(const Change&) = delete;
    Change& operator=(const Change&) = delete;
    ~Change() { stream_.waiting_ = nullptr; }
    bool await_ready() { return stream_.has_news(); }
    void await_suspend(std::coroutine_handle<> coroutine) { stream_.waiting_ = coroutine; }
    void await_resume() {}

   private:
    Stream& stream_;
  };

 private:
  bool has_news() {
    const std::lock_guard lock(mutex_);
    return closed_ || !backlog_.empty();
  }

  // One posted wake-up at a time, however many frames come before it runs. REQUIRES: mutex_ held.
  void notify() {
    if (notified_) return;
    notified_ = true;
    detail::post_to(*mailbox_, [self = shared_from_this()] { self->look(); });
  }

  void look() {
    bool cut = false;
    {
      const std::lock_guard lock(mutex_);
      notified_ = false;
      cut = overflowed_;
    }
    if (cut && exchange_ != nullptr) exchange_->abort();
    if (waiting_) std::exchange(waiting_, nullptr).resume();
  }

  const std::shared_ptr<detail::Mailbox> mailbox_;
  mutable std::mutex mutex_;
  std::vector<Frame> backlog_;
  std::size_t backlog_bytes_ = 0;
  bool closed_ = false;
  bool overflowed_ = false;
  bool notified_ = false;
  std::coroutine_handle<> waiting_;  // network thread
  Exchange* exchange_ = nullptr;     // network thread
};

// Ends the stream for its senders when the serving task ends, also when that is destroyed.
struct Attachment {
  Attachment(Stream& s, Exchange& exchange) : stream(s) { stream.attach(exchange); }
  ~Attachment() { stream.detach(); }
  Attachment(const Attachment&) = delete;
  Attachment& operator=(const Attachment&) = delete;
  Stream& stream;
};

ResponseHead stream_head(const Headers& extra) {
  ResponseHead head;
  head.headers.add("Content-Type", "text/event-stream");
  head.headers.add("Cache-Control", "no-cache");
  head.headers.add("X-Accel-Buffering", "no");
  for (const auto& [name, value] : extra.all()) head.headers.add(name, value);
  return head;
}

Task<Result<void>> send_frames(Exchange& exchange, Stream& stream) {
  while (true) {
    const std::vector<Frame> frames = stream.take();
    if (frames.empty()) co_return Result<void>();
    std::vector<std::string_view> pieces(frames.size());
    std::size_t bytes = 0;
    for (std::size_t i = 0; i < frames.size(); ++i) {
      pieces[i] = *frames[i];
      bytes += frames[i]->size();
    }
    auto sent = co_await exchange.write_pieces(pieces);
    stream.sent(bytes);
    if (!sent) co_return sent;
  }
}

}  // namespace

std::shared_ptr<EventStream> EventStream::create(Network& network) {
  return std::make_shared<Stream>(network.mailbox());
}

std::string event_frame(std::string_view event, std::uint64_t id, std::string_view data) {
  std::string frame;
  frame.reserve(event.size() + data.size() + 40);
  frame.append("event: ").append(event).append("\nid: ").append(std::to_string(id));
  frame.append("\ndata: ").append(data).append("\n\n");
  return frame;
}

Task<void> serve_event_stream(Exchange& exchange, std::shared_ptr<EventStream> stream,
                              Headers extra) {
  Stream& frames = static_cast<Stream&>(*stream);  // create() makes no others
  const Attachment attachment(frames, exchange);
  exchange.on_gone([stream] { stream->close(); });
  if (!co_await exchange.start(stream_head(extra))) co_return;
  while (true) {
    if (!co_await send_frames(exchange, frames)) co_return;
    if (frames.closed()) break;
    co_await Stream::Change(frames);
  }
  if (!co_await send_frames(exchange, frames)) co_return;
  if (frames.overflowed())
    co_return exchange.abort();  // frames are missing, so the end must not look proper
  [[maybe_unused]] const auto finished = co_await exchange.finish();
}

}  // namespace stoker::net
