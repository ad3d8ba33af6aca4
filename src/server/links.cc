#include "server/links.h"

#include <fcntl.h>
#include <sys/stat.h>

#include <boost/json.hpp>
#include <cerrno>
#include <cstdio>

#include "storage/file_handle.h"
#include "storage/system_error.h"

namespace stoker::server {
namespace {

namespace json = boost::json;

constexpr std::size_t kLinksBytesMax = 64 * 1024;

std::string text_of(const json::object& object, std::string_view key) {
  const json::value* value = object.if_contains(key);
  return value != nullptr && value->is_string() ? std::string(value->get_string()) : std::string();
}

Result<void> write_all(int file, std::string_view text, const std::string& path) {
  while (!text.empty()) {
    const ssize_t written = ::write(file, text.data(), text.size());
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) return fail(system_error("write " + path, errno));
    text.remove_prefix(static_cast<std::size_t>(written));
  }
  if (fsync(file) != 0) return fail(system_error("write " + path, errno));
  return {};
}

}  // namespace

Result<void> write_private_file(const std::string& path, std::string_view text) {
  const std::string draft = path + ".new";
  unlink(draft.c_str());
  FileHandle file(open(draft.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600));
  if (!file) return fail(system_error("create " + draft, errno));
  if (auto written = write_all(file.get(), text, draft); !written) {
    unlink(draft.c_str());
    return written;
  }
  if (rename(draft.c_str(), path.c_str()) != 0) return fail(system_error("rename " + draft, errno));
  return {};
}

Result<std::string> read_private_file(const std::string& path, std::size_t bytes_max) {
  FileHandle file(open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (!file)
    return fail(errno == ENOENT ? Error{ErrorCode::not_found, path + " is not there"}
                                : system_error("open " + path, errno));
  struct stat facts{};
  if (fstat(file.get(), &facts) != 0) return fail(system_error("look at " + path, errno));
  if ((facts.st_mode & 077) != 0)
    return fail(ErrorCode::forbidden, path + " may be read by others; make it chmod 600");
  std::string text(bytes_max + 1, '\0');
  std::size_t size = 0;
  while (size < text.size()) {
    const ssize_t got = ::read(file.get(), text.data() + size, text.size() - size);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return fail(system_error("read " + path, errno));
    if (got == 0) break;
    size += static_cast<std::size_t>(got);
  }
  if (size > bytes_max) return fail(ErrorCode::too_large, path + " is too large");
  text.resize(size);
  while (!text.empty() && (text.back() == '\n' || text.back() == '\r' || text.back() == ' '))
    text.pop_back();
  return text;
}

Result<Links> read_links(const std::string& path) {
  const auto text = read_private_file(path, kLinksBytesMax);
  if (!text && text.error().code == ErrorCode::not_found) return Links{};
  if (!text) return fail(text.error());
  boost::system::error_code error;
  const json::value root = json::parse(*text, error);
  if (error || !root.is_object())
    return fail(ErrorCode::internal, path + " is damaged; remove it to get new links");
  const json::object& object = root.get_object();
  Links links{.leader_token = text_of(object, "leader_token"),
              .admin_token = text_of(object, "admin_token"),
              .board_token = text_of(object, "board_token")};
  return links;
}

Result<void> write_links(const std::string& path, const Links& links) {
  const json::object object{{"leader_token", links.leader_token},
                            {"admin_token", links.admin_token},
                            {"board_token", links.board_token}};
  return write_private_file(path, json::serialize(object) + "\n");
}

}  // namespace stoker::server
