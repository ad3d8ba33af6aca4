// People and their work: join, leave, tokens, submit, cancel, edit, move, release.
#include <algorithm>
#include <utility>

#include "controller/live_controller.h"
#include "scheduler/constraints.h"

namespace stoker::controller {
namespace {

constexpr std::uint32_t kSymbolCount = kAnimalCount * kColourCount;
constexpr std::size_t kIdempotencyKeysMax = 200'000;

bool is_operator(const Actor& actor) {
  return actor.role == Role::admin;
}

const scheduler::Refuse* refusal_in(const std::vector<scheduler::Decision>& decisions, JobId job) {
  for (const scheduler::Decision& decision : decisions) {
    const auto* refuse = std::get_if<scheduler::Refuse>(&decision);
    if (refuse != nullptr && refuse->job == job) return refuse;
  }
  return nullptr;
}

std::uint32_t people_max(const Workshop& workshop) {
  return std::max(workshop.head_count * 2, workshop.head_count + 10);
}

}  // namespace

// ── who may ──────────────────────────────────────────────────────────────────────────────────────

Result<void> LiveController::may_touch(const Actor& actor, JobId id) const {
  const JobRecord* record = world_.find_job(id);
  const auto unknown = [] { return fail(ErrorCode::not_found, "no such job", "job"); };
  if (record == nullptr) return unknown();
  if (is_operator(actor)) return {};
  if (actor.role == Role::leader) {
    if (!actor.workshop || actor.workshop == record->view.workshop) return {};
    return unknown();
  }
  if (actor.role != Role::participant && actor.role != Role::application) {
    return fail(ErrorCode::forbidden, "this role changes no jobs");
  }
  if (record->view.person == actor.person) return {};
  return unknown();
}

Result<void> LiveController::may_lead(const Actor& actor, WorkshopId id) const {
  if (world_.find_workshop(id) == nullptr)
    return fail(ErrorCode::not_found, "no such workshop", "workshop");
  if (is_operator(actor)) return {};
  const bool leads = actor.role == Role::leader && (!actor.workshop || actor.workshop == id);
  if (!leads) return fail(ErrorCode::forbidden, "this needs the leader of the workshop");
  return {};
}

// ── people ───────────────────────────────────────────────────────────────────────────────────────

Symbol LiveController::free_symbol(WorkshopId workshop, std::optional<Symbol> wanted) {
  std::vector<bool> taken(kSymbolCount, false);
  const auto index = [](Symbol s) { return s.animal * kColourCount + s.colour; };
  for (const auto& [id, person] : world_.people()) {
    if (person.workshop == workshop && person.here) taken[index(person.symbol)] = true;
  }
  std::uint32_t first = static_cast<std::uint32_t>(ports_.random() % kSymbolCount);
  if (wanted) first = index(*wanted);
  for (std::uint32_t step = 0; step < kSymbolCount; ++step) {
    const std::uint32_t at = (first + step) % kSymbolCount;
    if (!taken[at]) return {at / kColourCount, at % kColourCount};
  }
  return wanted.value_or(Symbol{});
}

void LiveController::put_token(const TokenRow& token) {
  auto table = std::make_shared<TokenTable>(*tokens_);
  if (token.revoked) {
    table->erase(token.hash);
  } else {
    (*table)[token.hash] = {token.role, token.workshop, token.person};
  }
  tokens_ = std::move(table);
  outbox_.pending().tokens.push_back(token);
  touch();
}

void LiveController::revoke_tokens(const std::function<bool(const Identity&)>& which) {
  const std::shared_ptr<const TokenTable> before = tokens_;
  for (const auto& [hash, identity] : *before) {
    if (!which(identity)) continue;
    put_token(
        {hash, identity.role, identity.workshop, identity.person, ports_.loop->wall_now(), true});
  }
}

void LiveController::issue_token(TokenRow token, Reply<void> reply) {
  put_token(token);
  reply_after_commit<void>(std::move(reply), {});
}

void LiveController::join(JoinCommand command, Reply<JoinReply> reply) {
  const WorkshopRecord* record = world_.find_by_code(normalise_code(command.code));
  if (record == nullptr)
    return reply(fail(ErrorCode::wrong_code, "no workshop has this code", "code"));
  const Workshop& workshop = record->workshop;
  if (draining_) return reply(fail(ErrorCode::backend_down, "the server is stopping"));
  if (workshop.state == WorkshopState::planned)
    return reply(fail(ErrorCode::not_started, "not started"));
  if (workshop.state == WorkshopState::ended)
    return reply(fail(ErrorCode::ended, "the workshop is over"));
  if (record->people >= people_max(workshop)) {
    return reply(fail(ErrorCode::limit_reached, "the workshop is full",
                      std::to_string(people_max(workshop))));
  }
  GroupId group = command.group.value_or(GroupId{});
  const auto known = [&](const Group& g) { return g.id == group; };
  if (group && std::none_of(workshop.groups.begin(), workshop.groups.end(), known)) {
    return reply(fail(ErrorCode::not_found, "no such group", "group"));
  }
  if (!group && !workshop.groups.empty()) group = workshop.groups.front().id;
  const Symbol symbol = free_symbol(workshop.id, command.symbol);
  const PersonId person = world_.next_person();
  const WorkshopId id = workshop.id;
  note(PersonJoined{person, id, group, symbol.animal, symbol.colour});
  put_token({command.token, Role::participant, id, person, ports_.loop->wall_now(), false});
  reply_after_commit<JoinReply>(std::move(reply), JoinReply{person, id, symbol, group});
}

void LiveController::leave(Actor actor, Reply<void> reply) {
  if (actor.role != Role::participant)
    return reply(fail(ErrorCode::forbidden, "only participants leave"));
  note(PersonLeft{actor.person});
  put_token({actor.token, actor.role, actor.workshop, actor.person, ports_.loop->wall_now(), true});
  reply_after_commit<void>(std::move(reply), {});
}

// ── submit ───────────────────────────────────────────────────────────────────────────────────────

void LiveController::submit(SubmitCommand command, Reply<SubmitReply> reply) {
  const IdempotencyKey key{command.actor.token, command.idempotency_key};
  if (!key.key.empty()) {
    const auto before = idempotency_.find(key);
    if (before != idempotency_.end()) {
      if (before->second.body_hash != command.body_hash) {
        return reply(
            fail(ErrorCode::conflict, "the key was used for another request", "Idempotency-Key"));
      }
      return reply_after_commit<SubmitReply>(std::move(reply),
                                             SubmitReply{before->second.job, true});
    }
    if (idempotency_.size() >= kIdempotencyKeysMax) {
      return reply(fail(ErrorCode::queue_full, "too many requests are remembered"));
    }
  }
  if (draining_) return reply(fail(ErrorCode::backend_down, "the server is stopping"));
  const bool disk_is_full =
      !outbox_.store_ok() || outbox_.is_full() || free_bytes_ < ResultFiles::kFreeBytesMin;
  if (disk_is_full) return reply(fail(ErrorCode::disk_full, "the disk is nearly full"));
  const WorkshopRecord* workshop = world_.find_workshop(command.actor.workshop);
  if (workshop == nullptr) return reply(fail(ErrorCode::not_found, "no such workshop", "workshop"));
  if (workshop->jobs >= kJobsPerWorkshopMax) {
    return reply(fail(ErrorCode::limit_reached, "the workshop has too many jobs",
                      std::to_string(kJobsPerWorkshopMax)));
  }
  const auto model = models_.find(command.model);
  if (model == models_.end() || !model->second.offered) {
    return reply(fail(ErrorCode::unknown_model, "no such model", "model"));
  }
  const PersonRecord* person = world_.find_person(command.actor.person);
  const JobId job = world_.next_job();
  const std::uint64_t seed = command.seed.value_or(ports_.random());
  auto prompt = std::make_shared<const std::string>(std::move(command.prompt));
  note(JobDescribed{job, model->second.medium, seed, command.edited_from});
  const auto decisions =
      happen(scheduler::JobSubmitted{job,
                                     command.actor.person,
                                     command.actor.workshop,
                                     person != nullptr ? person->group : GroupId{},
                                     {command.model}});
  if (const scheduler::Refuse* refusal = refusal_in(decisions, job)) {
    const std::string limit = refusal->limit > 0 ? std::to_string(refusal->limit) : std::string();
    return reply(fail(refusal->code, "refused by the scheduler", limit));
  }
  // Everything that was added in this turn of the loop is committed together.
  world_.set_prompt(job, prompt);
  const WallTime now = ports_.loop->wall_now();
  const WallTime delete_after = now + minutes(24 * 60) * workshop->workshop.retention_days;
  outbox_.pending().content.push_back(
      {job, command.actor.workshop, ContentKind::prompt, *prompt, delete_after});
  if (!key.key.empty()) {
    outbox_.pending().idempotency.push_back({key.token, key.key, command.body_hash, job, now});
    idempotency_[key] = {command.body_hash, job, now};
  }
  reply_after_commit<SubmitReply>(std::move(reply), SubmitReply{job, false});
}

// ── changes of a job ─────────────────────────────────────────────────────────────────────────────

void LiveController::cancel(Actor actor, JobId id, Reply<void> reply) {
  if (auto allowed = may_touch(actor, id); !allowed) return reply(fail(allowed.error()));
  const bool is_open = !job_state_is_final(world_.find_job(id)->view.state);
  const bool by_owner = world_.find_job(id)->view.person == actor.person;
  if (is_open) {
    happen(scheduler::JobCancelled{
        id, by_owner ? CauseKind::cancelled_by_person : CauseKind::cancelled_by_leader});
  }
  reply_after_commit<void>(std::move(reply), {});
}

void LiveController::edit(Actor actor, JobId id, std::string prompt, Reply<void> reply) {
  if (auto allowed = may_touch(actor, id); !allowed) return reply(fail(allowed.error()));
  const JobRecord& record = *world_.find_job(id);
  const auto entry = scheduler_.state().jobs.find(id);
  const bool is_waiting =
      entry != scheduler_.state().jobs.end() && entry->second.phase == scheduler::Phase::waiting;
  if (!is_waiting)
    return reply(fail(ErrorCode::conflict, "only a waiting job can be changed", "state"));
  const WorkshopRecord* workshop = world_.find_workshop(record.view.workshop);
  const std::uint32_t days = workshop != nullptr ? workshop->workshop.retention_days : 7;
  const WallTime delete_after = ports_.loop->wall_now() + minutes(24 * 60) * days;
  outbox_.pending().content.push_back(
      {id, record.view.workshop, ContentKind::prompt, prompt, delete_after});
  world_.set_prompt(id, std::make_shared<const std::string>(std::move(prompt)));
  note(PromptChanged{id});
  reply_after_commit<void>(std::move(reply), {});
}

void LiveController::move_to_front(Actor actor, JobId id, Reply<void> reply) {
  if (auto allowed = may_touch(actor, id); !allowed) return reply(fail(allowed.error()));
  if (actor.role != Role::leader && actor.role != Role::admin) {
    return reply(fail(ErrorCode::forbidden, "only leaders change the order"));
  }
  const auto entry = scheduler_.state().jobs.find(id);
  if (entry == scheduler_.state().jobs.end() || entry->second.phase != scheduler::Phase::waiting) {
    return reply(fail(ErrorCode::conflict, "only a waiting job can be moved", "state"));
  }
  happen(scheduler::JobMovedToFront{id, actor.person});
  reply_after_commit<void>(std::move(reply), {});
}

void LiveController::set_released(Actor actor, JobId id, bool released, Reply<void> reply) {
  if (auto allowed = may_touch(actor, id); !allowed) return reply(fail(allowed.error()));
  if (actor.role != Role::leader && actor.role != Role::admin) {
    return reply(fail(ErrorCode::forbidden, "only leaders release results"));
  }
  const JobRecord& record = *world_.find_job(id);
  if (record.view.state != JobState::done || record.view.results.empty()) {
    return reply(fail(ErrorCode::conflict, "only a finished result can be released", "state"));
  }
  note(JobReleased{id, released});
  reply_after_commit<void>(std::move(reply), {});
}

}  // namespace stoker::controller
