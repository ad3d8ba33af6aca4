#include "protocol/ollama/answers.h"

#include <algorithm>
#include <boost/json/object.hpp>

#include "protocol/json_access.h"

namespace stoker::protocol::ollama {
namespace {

namespace json = boost::json;

std::unexpected<Error> not_understood(std::string_view what) {
  return fail(ErrorCode::internal, "the engine's answer is not understood: " + std::string(what));
}

std::uint64_t bytes_field(const json::object& object, std::string_view name) {
  return static_cast<std::uint64_t>(
      std::max<std::int64_t>(0, whole_field(object, name).value_or(0)));
}

bool is_remote(const json::object& object) {
  return find_field(object, "remote_model") != nullptr ||
         find_field(object, "remote_host") != nullptr;
}

std::string name_of(const json::object& entry) {
  std::string name = text_field(entry, "model");
  return name.empty() ? text_field(entry, "name") : name;
}

// The entries of "models"; a null list is an empty one.
template <class Entry, class Read>
Result<std::vector<Entry>> models_of(std::string_view body, std::string_view what, Read read) {
  const auto object = parse_json_object(body);
  if (!object || !object->contains("models")) return not_understood(what);
  std::vector<Entry> entries;
  const json::array* const list = find_list(*object, "models");
  if (list == nullptr) {
    return find_field(*object, "models") == nullptr ? Result<std::vector<Entry>>(entries)
                                                    : not_understood(what);
  }
  for (const json::value& value : *list) {
    if (entries.size() == kListedMax) break;
    const json::object* const entry = value.if_object();
    if (entry == nullptr || name_of(*entry).empty()) return not_understood(what);
    entries.push_back(read(*entry));
  }
  return entries;
}

// "FROM /usr/share/ollama/.ollama/models/blobs/sha256-HEX" in a Modelfile.
std::string blob_in(std::string_view modelfile) {
  constexpr std::string_view kDigest = "sha256";
  constexpr std::size_t kHexDigits = 64;
  while (!modelfile.empty()) {
    const std::size_t end = std::min(modelfile.find('\n'), modelfile.size());
    std::string_view line = modelfile.substr(0, end);
    modelfile.remove_prefix(std::min(end + 1, modelfile.size()));
    if (!line.starts_with("FROM ")) continue;
    const std::size_t at = line.rfind(kDigest);
    if (at == std::string_view::npos) continue;
    line.remove_prefix(std::min(at + kDigest.size() + 1, line.size()));
    return std::string(line.substr(0, kHexDigits));
  }
  return {};
}

}  // namespace

std::string error_words(std::string_view body) {
  const auto object = parse_json_object(body);
  if (!object) return {};
  const json::value* const error = find_field(*object, "error");
  if (error == nullptr) return {};
  if (error->is_object()) return text_field(error->get_object(), "message");
  return text_field(*object, "error");
}

Result<std::string> parse_version(std::string_view body) {
  const auto object = parse_json_object(body);
  if (!object || text_field(*object, "version").empty()) return not_understood("version");
  return short_words(text_field(*object, "version"), 80);
}

Result<std::vector<InstalledModel>> parse_tags(std::string_view body) {
  return models_of<InstalledModel>(body, "tags", [](const json::object& entry) {
    return InstalledModel{.name = name_of(entry),
                          .digest = text_field(entry, "digest"),
                          .bytes = bytes_field(entry, "size"),
                          .remote = is_remote(entry)};
  });
}

Result<std::vector<RunningModel>> parse_ps(std::string_view body) {
  return models_of<RunningModel>(body, "ps", [](const json::object& entry) {
    return RunningModel{.name = name_of(entry),
                        .digest = text_field(entry, "digest"),
                        .bytes = bytes_field(entry, "size"),
                        .vram_bytes = bytes_field(entry, "size_vram"),
                        .context_length = whole_field(entry, "context_length").value_or(0)};
  });
}

Result<ModelFacts> parse_show(std::string_view body) {
  const auto object = parse_json_object(body);
  if (!object || object->empty()) return not_understood("show");
  ModelFacts facts{.blob = blob_in(text_field(*object, "modelfile")), .remote = is_remote(*object)};
  const json::array* const capabilities = find_list(*object, "capabilities");
  if (capabilities == nullptr) return facts;
  bool embeds = false;
  bool completes = false;
  for (const json::value& capability : *capabilities) {
    embeds = embeds || capability == "embedding";
    completes = completes || capability == "completion";
  }
  facts.only_embeds = embeds && !completes;
  return facts;
}

Result<LoadAnswer> parse_generate_answer(std::string_view body) {
  const auto object = parse_json_object(body);
  if (!object || !true_field(*object, "done")) return not_understood("generate");
  return LoadAnswer{.remote = is_remote(*object)};
}

Result<LoadAnswer> parse_embed_answer(std::string_view body) {
  const auto object = parse_json_object(body);
  if (!object || !object->contains("embeddings")) return not_understood("embed");
  return LoadAnswer{.remote = is_remote(*object)};
}

}  // namespace stoker::protocol::ollama
