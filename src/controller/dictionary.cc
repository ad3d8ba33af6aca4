#include "controller/dictionary.h"

#include <algorithm>
#include <set>

namespace stoker::controller {
namespace {

// The kind of a name is the upper half of its document id.
enum class NameKind : std::uint64_t { model = 1, backend = 2, device = 3 };

std::uint64_t document_id(NameKind kind, std::uint32_t id) {
  return static_cast<std::uint64_t>(kind) << 32 | id;
}

class Names {
 public:
  explicit Names(const std::vector<DocumentRow>& documents, NameKind kind) {
    for (const DocumentRow& document : documents) {
      if (document.id >> 32 != static_cast<std::uint64_t>(kind)) continue;
      const auto id = static_cast<std::uint32_t>(document.id & 0xffffffffULL);
      ids_[document.text] = id;
      last_ = std::max(last_, id);
    }
  }

  // nullopt: the name was asked for before.
  std::optional<std::uint32_t> take(const std::string& name) {
    if (!taken_.insert(name).second) return std::nullopt;
    const auto known = ids_.find(name);
    return known != ids_.end() ? known->second : ids_[name] = ++last_;
  }

 private:
  std::map<std::string, std::uint32_t> ids_;
  std::set<std::string> taken_;
  std::uint32_t last_ = 0;
};

std::unexpected<Error> twice(const std::string& name) {
  return fail(ErrorCode::conflict, "the name " + name + " is used twice", name);
}

}  // namespace

Result<void> assign_lasting_ids(Store& store, Topology& topology) {
  const auto documents = store.read_documents(DocumentKind::dictionary);
  if (!documents) return fail(documents.error());
  Names devices(*documents, NameKind::device);
  std::map<DeviceId, DeviceId> device_ids;
  for (Device& device : topology.devices) {
    const auto id = devices.take(device.name);
    if (!id) return twice(device.name);
    device_ids[device.id] = DeviceId{*id};
    device.id = DeviceId{*id};
  }
  for (scheduler::DeviceSpeeds& speeds : topology.speeds) speeds.device = device_ids[speeds.device];
  Names backends(*documents, NameKind::backend);
  std::map<BackendId, BackendId> backend_ids;
  for (BackendInfo& backend : topology.backends) {
    const auto id = backends.take(backend.name);
    if (!id) return twice(backend.name);
    backend_ids[backend.id] = BackendId{*id};
    backend.id = BackendId{*id};
    backend.device = device_ids[backend.device];
  }
  Names models(*documents, NameKind::model);
  for (Model& model : topology.models) {
    const auto id = models.take(model.name);
    if (!id) return twice(model.name);
    model.id = ModelId{*id};
    model.backend = backend_ids[model.backend];
  }
  return {};
}

std::vector<DocumentRow> dictionary_of(const Topology& topology) {
  std::vector<DocumentRow> documents;
  const auto add = [&](NameKind kind, std::uint32_t id, const std::string& name) {
    documents.push_back({DocumentKind::dictionary, document_id(kind, id), name});
  };
  for (const Device& device : topology.devices) add(NameKind::device, device.id.value, device.name);
  for (const BackendInfo& backend : topology.backends)
    add(NameKind::backend, backend.id.value, backend.name);
  for (const Model& model : topology.models) add(NameKind::model, model.id.value, model.name);
  return documents;
}

}  // namespace stoker::controller
