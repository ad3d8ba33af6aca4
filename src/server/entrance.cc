#include "server/entrance.h"

#include <algorithm>
#include <array>
#include <memory>
#include <utility>

#include "api/tokens.h"

namespace stoker::server {
namespace {

using controller::Actor;
using controller::CreateWorkshop;
using controller::Snapshot;
using controller::WorkshopAction;

constexpr std::string_view kDemoTitle = "Probeworkshop / Try-out workshop";
// One for each medium; together they fit the simulated card.
constexpr std::array<std::string_view, 4> kDemoFocus{"sd3.5_large", "ltx_video", "stableaudio",
                                                     "gpt-oss:20b"};
constexpr std::uint32_t kDemoHeadCount = 15;

const TokenRow* row_of(const std::vector<TokenRow>& rows, const TokenHash& hash) {
  const auto found = std::ranges::find(rows, hash, &TokenRow::hash);
  return found == rows.end() ? nullptr : &*found;
}

Actor operator_actor() {
  return {.role = Role::admin, .workshop = {}, .person = {}, .token = {}};
}

std::vector<ModelId> demo_focus(const Snapshot& snapshot) {
  std::vector<ModelId> focus;
  for (const auto& [id, view] : snapshot.models)
    if (view->model.offered && std::ranges::find(kDemoFocus, view->model.name) != kDemoFocus.end())
      focus.push_back(id);
  return focus;
}

// The steps, one after the other; each continues in the reply of the one before.
class Preparation : public std::enable_shared_from_this<Preparation> {
 public:
  Preparation(EntranceOrder order, std::function<void(Result<Entrance>)> done)
      : order_(std::move(order)), done_(std::move(done)) {}

  void begin() {
    entrance_.links = order_.links;
    if (auto written = write_links(order_.links_path, order_.links); !written)
      return end(fail(written.error()));
    const Snapshot& snapshot = *order_.controller->snapshot();
    // The workshop that the leader's link has belonged to so far.
    const TokenRow* leader = row_of(order_.tokens, api::hash_of(order_.links.leader_token));
    if (leader != nullptr && snapshot.workshops.contains(leader->workshop))
      entrance_.workshop = leader->workshop;
    if (order_.demo == Demo::wanted && snapshot.workshops.empty()) return create_demo(snapshot);
    issue_tokens();
  }

 private:
  void create_demo(const Snapshot& snapshot) {
    CreateWorkshop command;
    command.title = kDemoTitle;
    command.focus = demo_focus(snapshot);
    command.settings.head_count = kDemoHeadCount;
    command.leader_token = api::hash_of(order_.links.leader_token);
    command.board_token = api::hash_of(order_.links.board_token);
    order_.controller->create_workshop(operator_actor(), std::move(command),
                                       [self = shared_from_this()](Result<WorkshopId> made) {
                                         if (!made) return self->end(fail(made.error()));
                                         self->entrance_.workshop = *made;
                                         self->act(WorkshopAction::warm);
                                       });
  }

  void act(WorkshopAction action) {
    order_.controller->act_on_workshop(operator_actor(), entrance_.workshop, action,
                                       [self = shared_from_this(), action](Result<void> acted) {
                                         if (!acted) return self->end(fail(acted.error()));
                                         if (action == WorkshopAction::warm)
                                           return self->act(WorkshopAction::start);
                                         self->issue_tokens();
                                       });
  }

  void issue_tokens() {
    rows_ = order_.keys;
    want(order_.links.admin_token, Role::admin, {});
    want(order_.links.leader_token, Role::leader, entrance_.workshop);
    if (entrance_.workshop) want(order_.links.board_token, Role::board, entrance_.workshop);
    if (!entrance_.workshop) entrance_.links.board_token.clear();
    for (const TokenRow& row : rows_)
      if (!row.revoked) issued_.push_back(row.hash);
    issue_next();
  }

  // Tokens that are valid already stay as they are.
  void want(const std::string& token, Role role, WorkshopId workshop) {
    const TokenHash hash = api::hash_of(token);
    const auto tokens = order_.controller->snapshot()->tokens;
    if (tokens && tokens->contains(hash)) return;
    rows_.push_back({hash, role, workshop, {}, order_.wall(), false});
  }

  void issue_next() {
    if (rows_.empty()) return wait_until_shown();
    const TokenRow row = rows_.back();
    rows_.pop_back();
    order_.controller->issue_token(row, [self = shared_from_this()](Result<void> issued) {
      if (!issued) return self->end(fail(issued.error()));
      self->issue_next();
    });
  }

  // Replies come with the journal, snapshots a little later.
  void wait_until_shown() {
    if (shows(*order_.controller->snapshot())) return end(entrance_);
    order_.controller->on_publish(
        [self = shared_from_this()](const std::shared_ptr<const Snapshot>& snapshot) {
          if (self->done_ && self->shows(*snapshot)) self->end(self->entrance_);
        });
  }

  bool shows(const Snapshot& snapshot) {
    const auto is_valid = [&](const TokenHash& hash) {
      return snapshot.tokens && snapshot.tokens->contains(hash);
    };
    if (!std::ranges::all_of(issued_, is_valid)) return false;
    if (!entrance_.workshop) return true;
    const auto found = snapshot.workshops.find(entrance_.workshop);
    if (found == snapshot.workshops.end()) return false;
    if (found->second->state != WorkshopState::ended)
      entrance_.join_code = found->second->join_code;
    return true;
  }

  void end(Result<Entrance> result) { std::exchange(done_, nullptr)(std::move(result)); }

  EntranceOrder order_;
  std::function<void(Result<Entrance>)> done_;
  Entrance entrance_;
  std::vector<TokenRow> rows_;     // still to be issued
  std::vector<TokenHash> issued_;  // what a snapshot must show before anybody is told
};

}  // namespace

Links completed_links(Links links, const std::vector<TokenRow>& tokens) {
  for (std::string* token : {&links.leader_token, &links.admin_token, &links.board_token}) {
    const TokenRow* row = token->empty() ? nullptr : row_of(tokens, api::hash_of(*token));
    if (token->empty() || (row != nullptr && row->revoked)) *token = api::make_token();
  }
  return links;
}

void prepare_entrance(EntranceOrder order, std::function<void(Result<Entrance>)> done) {
  std::make_shared<Preparation>(std::move(order), std::move(done))->begin();
}

}  // namespace stoker::server
