// What a SwarmUI answers. Success and failure are both HTTP 200: an `error` decides.
//
// Threading: pure functions.
// Errors: what the server's words mean. Its words may quote prompts and file paths and are never passed on.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "protocol/comfyui/model_names.h"

namespace stoker::protocol::swarmui {

// backend_down (param "session": the session is unknown, ask for a new one; "refused": not allowed; "no_backends";
// "occupied"), unknown_model, load_failed (param "oom" where memory ran out), conflict (param "interrupted"),
// bad_request (param: the parameter), internal.
Error error_of(std::string_view error_id, std::string_view words);

// nullopt: the answer is no error.
std::optional<Error> error_in(int status, std::string_view body);

struct Session {
  std::string id;
  std::string version;
};
Result<Session> parse_session(int status, std::string_view body);

// success, result true, or an object without error.
Result<void> parse_done(int status, std::string_view body);

struct ListedModel {
  std::string name;
  bool loaded = false;  // the server's belief, which nothing corrects
};
Result<std::vector<ListedModel>> parse_models(int status, std::string_view body);

// The listed name that this one means: the same up to slashes and extension, in SwarmUI's and the file's spelling.
const ListedModel* resolve(const std::vector<ListedModel>& models, std::string_view name);

struct ListedBackend {
  std::string id;
  std::string type;
  std::string status;  // disabled, errored, waiting, loading, idle, running
  bool loads_models = true;
  std::uint64_t max_usages = 1;
};
Result<std::vector<ListedBackend>> parse_backends(int status, std::string_view body);

// What this session waits for and what the backends do.
struct Status {
  std::uint64_t waiting = 0;  // its images that are not finished
  std::uint64_t live = 0;
  std::string backends;  // "running", "some_loading", "loading", "errored", …
};
Result<Status> parse_status(int status, std::string_view body);

// Memory in use on all cards in MiB; nullopt: the machine has none that it sees.
Result<std::optional<std::int64_t>> parse_card_use(int status, std::string_view body);

// The setting ClearVRAMAfterMinutes of an answer to ListServerSettings; nullopt: it is not in there.
std::optional<double> clears_after_minutes(std::string_view body);

}  // namespace stoker::protocol::swarmui
