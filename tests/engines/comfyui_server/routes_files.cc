// Files in and out: /view, /view_metadata, /upload.
#include <algorithm>
#include <boost/system/error_code.hpp>
#include <functional>
#include <utility>

#include "tests/engines/comfyui_server/multipart.h"
#include "tests/engines/comfyui_server/routes.h"

namespace stoker::engines::comfyui {
namespace {

bool escapes(std::string_view path) {
  return path.starts_with('/') || path.find("..") != std::string_view::npos;
}

bool is_type(std::string_view type) {
  return type == "output" || type == "temp" || type == "input";
}

std::string etag_of(const std::string& bytes) {
  return "\"" + std::to_string(std::hash<std::string>{}(bytes)) + "-" +
         std::to_string(bytes.size()) + "\"";
}

Reply file_reply(const Asked& asked, const std::string& name, const std::string& bytes) {
  Reply reply{.status = 200, .type = std::string(mime_of(name)), .body = bytes};
  reply.headers.set("Content-Disposition", "filename=\"" + name + "\"");
  reply.headers.set("Accept-Ranges", "bytes");
  reply.headers.set("ETag", etag_of(bytes));
  reply.headers.set("Last-Modified", "Fri, 21 Aug 2026 10:00:00 GMT");
  if (asked.head.headers.find("If-None-Match").value_or("") == etag_of(bytes)) {
    reply.status = 304;
    reply.body.clear();
    return reply;
  }
  net::ByteRange range;
  switch (net::parse_range(asked.head.headers.find("Range").value_or(""), bytes.size(), range)) {
    case net::RangeVerdict::none:
      break;
    case net::RangeVerdict::unsatisfiable:
      reply.status = 416;
      reply.body.clear();
      reply.headers.set("Content-Range", "bytes */" + std::to_string(bytes.size()));
      break;
    case net::RangeVerdict::satisfiable:
      reply.status = 206;
      reply.body = bytes.substr(range.first, range.last - range.first + 1);
      reply.headers.set("Content-Range", "bytes " + std::to_string(range.first) + "-" +
                                             std::to_string(range.last) + "/" +
                                             std::to_string(bytes.size()));
      break;
  }
  return reply;
}

}  // namespace

Reply Routes::view(const Asked& asked) {
  if (!asked.has_query("filename") || asked.query("filename").empty()) return Reply::empty(404);
  std::string type = asked.query("type");
  if (type.empty()) type = "output";
  FilePlace place = annotated_place(asked.query("filename"), type);
  std::string name = place.subfolder.empty() ? place.name : place.subfolder + "/" + place.name;
  if (escapes(name)) return Reply::empty(400);
  if (!is_type(place.type)) return Reply::empty(400);
  const std::string subfolder = asked.query("subfolder");
  if (escapes(subfolder)) return Reply::empty(403);
  place.subfolder = subfolder;
  place.name = name.substr(name.rfind('/') == std::string::npos ? 0 : name.rfind('/') + 1);
  const std::string* bytes = state_.files.find(place);
  if (bytes == nullptr) return Reply::empty(404);
  if (asked.has_query("preview")) {
    const bool jpeg = asked.query("preview").starts_with("jpeg");
    return {.status = 200,
            .type = jpeg ? "image/jpeg" : "image/webp",
            .body = jpeg ? jpeg_preview() : webp_picture()};
  }
  const std::string channel = asked.query("channel");
  if (channel == "rgb" || channel == "a")
    return {.status = 200, .type = "image/png", .body = png_picture(png_size(*bytes), 0)};
  return file_reply(asked, place.name, *bytes);
}

Reply Routes::view_metadata(const Asked& asked) {
  const Folders folders = state_.folders();
  const auto folder = folders.find(asked.rest);
  const std::string name = asked.query("filename");
  const bool known =
      folder != folders.end() && std::ranges::find(folder->second, name) != folder->second.end();
  if (!known || !name.ends_with(".safetensors")) return Reply::empty(404);
  return Reply::of_json(json::object{{"format", "pt"}});
}

// The picture that a mask belongs to is named as JSON.
bool Routes::has_original(const std::string& reference) const {
  boost::system::error_code fault;
  const json::value value = json::parse(reference, fault);
  if (fault || !value.is_object()) return false;
  const auto word = [&](std::string_view name, std::string_view otherwise) {
    const json::value* found = value.get_object().if_contains(name);
    return std::string(found != nullptr && found->is_string() ? found->get_string() : otherwise);
  };
  return state_.files.find({.type = word("type", "output"),
                            .subfolder = word("subfolder", ""),
                            .name = word("filename", "")}) != nullptr;
}

Reply Routes::upload(const Asked& asked) {
  const auto parts = parse_form(asked.head.headers.find("Content-Type").value_or(""), asked.body);
  if (!parts) return Reply::crash();
  const auto field = [&](std::string_view name) {
    const auto found = std::ranges::find(*parts, name, &FormPart::name);
    return found == parts->end() ? std::string() : found->bytes;
  };
  const auto image = std::ranges::find(*parts, std::string_view("image"), &FormPart::name);
  if (image == parts->end() || !image->file_name || image->file_name->empty())
    return Reply::empty(400);
  const std::string type = field("type").empty() ? "input" : field("type");
  const std::string subfolder = field("subfolder");
  if (!is_type(type)) return Reply::crash();
  if (escapes(subfolder) || escapes(*image->file_name)) return Reply::empty(400);
  if (asked.path == "/upload/mask" && !has_original(field("original_ref")))
    return Reply::empty(400);
  const bool overwrite = field("overwrite") == "true" || field("overwrite") == "1";

  FilePlace place{.type = type, .subfolder = subfolder, .name = *image->file_name};
  const std::size_t dot = std::min(place.name.rfind('.'), place.name.size());
  const std::string stem = place.name.substr(0, dot);
  const std::string extension = place.name.substr(dot);
  for (int copy = 1; !overwrite; ++copy) {
    const std::string* there = state_.files.find(place);
    if (there == nullptr || *there == image->bytes) break;
    place.name = stem;
    place.name.append(" (").append(std::to_string(copy)).append(")").append(extension);
  }
  state_.files.put(place, image->bytes);
  return Reply::of_json(
      json::object{{"name", place.name}, {"subfolder", place.subfolder}, {"type", place.type}});
}

}  // namespace stoker::engines::comfyui
