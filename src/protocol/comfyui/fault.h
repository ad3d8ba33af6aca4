// Why a run failed inside the engine.
#pragma once

#include <boost/json/fwd.hpp>
#include <string>

#include "base/error.h"

namespace stoker::protocol::comfyui {

struct ExecutionFault {
  std::string node_id;
  std::string node_class;
  std::string kind;  // the exception's type, "torch.OutOfMemoryError"
  bool out_of_memory = false;
  bool blocked = false;  // ExecutionBlocked: reported, and the run goes on
};

// From an execution_error message. The exception's own text may quote prompts and is only looked at.
ExecutionFault fault_of(const boost::json::object& data);

// load_failed with param "oom" when memory ran out, else internal with the class of node as param.
Error error_of(const ExecutionFault& fault);

}  // namespace stoker::protocol::comfyui
