#include "backends/comfyui/comfyui_workflow.h"

#include <utility>

#include "protocol/comfyui/graph.h"

namespace stoker::comfyui {

namespace wire = protocol::comfyui;

Result<Workflow> read_workflow(EngineModel model) {
  auto shape = wire::parse_template(model.workflow);
  if (!shape) return fail(shape.error());
  protocol::Options options = model.load_options;
  options.insert(options.end(), model.run_options.begin(), model.run_options.end());
  auto values = wire::values_of(*shape, options);
  if (!values) return fail(values.error());
  const auto warm = wire::warm_up(*shape, 0);
  if (!warm) return fail(warm.error());
  const auto graph = wire::parse_graph(shape->graph);
  if (!graph) return fail(graph.error());
  Workflow workflow{.model = std::move(model),
                    .shape = *std::move(shape),
                    .values = *std::move(values),
                    .loaders = {},
                    .nodes = graph->nodes.size()};
  for (wire::LoaderNode& loader : wire::loader_nodes(warm->graph)) {
    workflow.loaders.insert(std::move(loader.text));
  }
  return workflow;
}

}  // namespace stoker::comfyui
