// A configured model of a ComfyUI, ready to run.
//
// Threading, ownership: an immutable value, shared by the tasks that use it.
#pragma once

#include <set>
#include <string>

#include "backends/engine_model.h"
#include "protocol/comfyui/template.h"

namespace stoker::comfyui {

struct Workflow {
  EngineModel model;
  protocol::comfyui::WorkflowTemplate shape;
  protocol::comfyui::TemplateValues values;  // of the model's options
  std::set<std::string> loaders;             // its loader nodes, each written out
  std::size_t nodes = 0;
};

// Errors: bad_request, what is wrong with the template or the options.
Result<Workflow> read_workflow(EngineModel model);

}  // namespace stoker::comfyui
