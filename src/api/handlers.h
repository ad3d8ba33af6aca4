// The answers of all routes. Each handler checks ownership and the body, asks the controller, and answers from a snapshot.
//
// Threading: network thread; the controller is asked on its loop.
// Ownership: borrows everything; lives as long as the Api.
// Errors: a Refusal; a handler that has begun its answer itself returns sent_reply().
#pragma once

#include <memory>

#include "api/body.h"
#include "api/event_hub.h"
#include "api/options.h"
#include "api/request.h"
#include "api/surroundings.h"
#include "api/tokens.h"
#include "storage/result_files.h"

namespace stoker::api {

class Handlers {
 public:
  Handlers(Surroundings surroundings, const Options& options, std::shared_ptr<EventHub> hub);

  net::Task<Answer> get_meta(Request& request);
  net::Task<Answer> get_openapi(Request& request);
  net::Task<Answer> get_messages(Request& request);
  net::Task<Answer> post_join(Request& request);
  net::Task<Answer> post_tickets(Request& request);
  net::Task<Answer> get_me(Request& request);
  net::Task<Answer> post_leave(Request& request);
  net::Task<Answer> get_events(Request& request);
  net::Task<Answer> get_state(Request& request);

  net::Task<Answer> get_jobs(Request& request);
  net::Task<Answer> post_jobs(Request& request);
  net::Task<Answer> get_job(Request& request);
  net::Task<Answer> delete_job(Request& request);
  net::Task<Answer> post_edit(Request& request);
  net::Task<Answer> post_retry(Request& request);
  net::Task<Answer> post_move(Request& request);
  net::Task<Answer> post_release(Request& request);
  net::Task<Answer> get_result(Request& request);

  net::Task<Answer> get_workshops(Request& request);
  net::Task<Answer> post_workshops(Request& request);
  net::Task<Answer> get_workshop(Request& request);
  net::Task<Answer> patch_workshop(Request& request);
  net::Task<Answer> delete_workshop(Request& request);
  net::Task<Answer> post_check(Request& request);
  net::Task<Answer> post_warm(Request& request);
  net::Task<Answer> post_start(Request& request);
  net::Task<Answer> post_pause(Request& request);
  net::Task<Answer> post_resume(Request& request);
  net::Task<Answer> post_focus(Request& request);
  net::Task<Answer> post_end(Request& request);
  net::Task<Answer> post_export(Request& request);
  net::Task<Answer> post_board(Request& request);

  net::Task<Answer> get_models(Request& request);
  net::Task<Answer> get_backends(Request& request);
  net::Task<Answer> get_residency(Request& request);
  net::Task<Answer> put_preload(Request& request);
  net::Task<Answer> get_memory_history(Request& request);
  net::Task<Answer> get_ledger(Request& request);
  net::Task<Answer> get_diagnosis(Request& request);

  TicketTable& tickets() { return tickets_; }
  Moment moment() const { return {options_.clocks.planning(), options_.clocks.wall()}; }

 private:
  using JobPtr = std::shared_ptr<const controller::JobView>;
  using WorkshopPtr = std::shared_ptr<const controller::WorkshopView>;

  net::Task<Checked<std::string>> read_bytes(Request& request);
  net::Task<Checked<Body>> read_body(Request& request);
  // Puts the idempotency key and the hash of the body into the command.
  net::Task<Checked<Body>> read_keyed_body(Request& request, controller::SubmitCommand& command);
  controller::Actor actor_of(const Request& request) const;
  Answer job_answer(const Request& request, const Snapshot& snapshot, JobId id,
                    int status = 200) const;
  Answer workshop_answer(const Snapshot& snapshot, WorkshopId id, int status = 200) const;
  // What the first parameter of the path names, if it is theirs; not_found otherwise, so that nothing is disclosed.
  Checked<JobPtr> touchable_job(const Request& request) const;
  Checked<WorkshopPtr> led_workshop(const Request& request) const;
  // ?NAME=, a whole number from 1 to max.
  Checked<std::uint64_t> number_of(const Request& request, std::string_view name,
                                   std::uint64_t normal, std::uint64_t max) const;
  net::Task<Answer> submit(Request& request, controller::SubmitCommand command);
  net::Task<Answer> act(Request& request, controller::WorkshopAction action, int status);
  net::Task<Answer> preview_focus(const Request& request, WorkshopId id,
                                  std::optional<GroupId> group, std::vector<ModelId> focus);
  net::Task<Result<std::string>> read_piece(ResultName name, std::uint64_t offset,
                                            std::size_t length);
  net::Task<bool> send_piecewise(net::Exchange& exchange, const ResultName& name,
                                 std::uint64_t first, std::uint64_t length);

  Surroundings around_;
  const Options& options_;
  std::shared_ptr<EventHub> hub_;
  TicketTable tickets_;
  RateLimit<std::string> joins_;
  Bucket wrong_codes_;
  Instant started_;
};

}  // namespace stoker::api
