// Result files: streamed from the disk in pieces, with ranges and revalidation.
#include <algorithm>

#include "api/handlers.h"
#include "api/wire_ids.h"

namespace stoker::api {
namespace {

constexpr std::size_t kPieceBytes = 256 * 1024;

Refusal no_such_result() {
  return {.code = ErrorCode::not_found, .detail = "no such result"};
}

const controller::ResultView* result_named(const controller::JobView& job, std::string_view text) {
  const auto n = number_from_wire<std::uint32_t>(text);
  if (!n) return nullptr;
  const auto found = std::ranges::find(job.results, *n, &controller::ResultView::n);
  return found == job.results.end() ? nullptr : &*found;
}

std::string etag_of(const controller::JobView& job, const controller::ResultView& result) {
  return "\"" + wire_id(job.id) + "-" + std::to_string(result.n) + "-" +
         std::to_string(result.bytes) + "\"";
}

// Weak comparison over a list: results never change, so "W/" makes no difference.
bool names_etag(std::string_view field, std::string_view etag) {
  if (field == "*") return true;
  while (!field.empty()) {
    const std::size_t comma = std::min(field.find(','), field.size());
    std::string_view item = field.substr(0, comma);
    field.remove_prefix(std::min(comma + 1, field.size()));
    while (item.starts_with(' ')) item.remove_prefix(1);
    while (item.ends_with(' ')) item.remove_suffix(1);
    if (item.starts_with("W/")) item.remove_prefix(2);
    if (item == etag) return true;
  }
  return false;
}

std::string disposition(const Request& request, const controller::JobView& job,
                        const controller::ResultView& result) {
  const bool download = request.query("download") == "1";
  return std::string(download ? "attachment" : "inline") + "; filename=\"stoker-" +
         wire_id(job.id) + "-" + std::to_string(result.n) + "." +
         std::string(format_extension(result.format)) + "\"";
}

net::Headers result_headers(const Request& request, const controller::JobView& job,
                            const controller::ResultView& result) {
  net::Headers headers;
  add_safety_headers(headers);
  headers.add("Content-Type", format_mime(result.format));
  headers.add("ETag", etag_of(job, result));
  headers.add("Accept-Ranges", "bytes");
  headers.add("Content-Disposition", disposition(request, job, result));
  headers.add("Content-Security-Policy", "default-src 'none'; sandbox");
  return headers;
}

// The part that was asked for; a range that is out of date or malformed asks for the whole.
net::RangeVerdict range_of(const Request& request, std::string_view etag, std::uint64_t size,
                           net::ByteRange& range) {
  const net::Headers& headers = request.head().headers;
  const auto asked = headers.find("Range");
  if (!asked) return net::RangeVerdict::none;
  const auto condition = headers.find("If-Range");
  if (condition && *condition != etag) return net::RangeVerdict::none;
  return net::parse_range(*asked, size, range);
}

}  // namespace

net::Task<Result<std::string>> Handlers::read_piece(ResultName name, std::uint64_t offset,
                                                    std::size_t length) {
  ResultFiles& files = around_.files;
  co_return co_await offloaded<std::string>(around_,
                                            [&files, name = std::move(name), offset, length] {
                                              return files.read(name, offset, length);
                                            });
}

net::Task<bool> Handlers::send_piecewise(net::Exchange& exchange, const ResultName& name,
                                         std::uint64_t first, std::uint64_t length) {
  while (length > 0) {
    const auto want = static_cast<std::size_t>(std::min<std::uint64_t>(length, kPieceBytes));
    const auto piece = co_await read_piece(name, first, want);
    if (!piece || piece->empty() || !co_await exchange.write(*piece)) co_return false;
    first += piece->size();
    length -= piece->size();
  }
  co_return true;
}

net::Task<Answer> Handlers::get_result(Request& request) {
  const auto id = id_from_wire<JobId>(request.parameters[0]);
  const auto found = id ? request.snapshot->jobs.find(*id) : request.snapshot->jobs.end();
  if (found == request.snapshot->jobs.end() || !may_see_results(request.who, *found->second)) {
    co_return refuse(no_such_result());
  }
  const JobPtr job = found->second;
  const controller::ResultView* result = result_named(*job, request.parameters[1]);
  if (result == nullptr) co_return refuse(no_such_result());

  Reply plain{.headers = result_headers(request, *job, *result)};
  plain.type.clear();
  const std::string etag = etag_of(*job, *result);
  const auto known = request.head().headers.find("If-None-Match");
  if (known && names_etag(*known, etag)) {
    plain.status = 304;
    co_return plain;
  }
  const ResultName name{.workshop = job->workshop,
                        .job = job->id,
                        .n = result->n,
                        .extension = std::string(format_extension(result->format))};
  ResultFiles& files = around_.files;
  const auto size =
      co_await offloaded<std::uint64_t>(around_, [&files, name] { return files.size(name); });
  if (!size) co_return refuse(no_such_result());

  net::ByteRange range{.first = 0, .last = *size == 0 ? 0 : *size - 1};
  std::uint64_t length = *size;
  switch (range_of(request, etag, *size, range)) {
    case net::RangeVerdict::none:
      break;
    case net::RangeVerdict::unsatisfiable: {
      plain.status = 416;
      plain.headers.add("Content-Range", "bytes */" + std::to_string(*size));
      co_return plain;
    }
    case net::RangeVerdict::satisfiable:
      plain.status = 206;
      length = range.last - range.first + 1;
      plain.headers.add("Content-Range", "bytes " + std::to_string(range.first) + "-" +
                                             std::to_string(range.last) + "/" +
                                             std::to_string(*size));
  }
  plain.headers.add("Content-Length", std::to_string(length));
  if (request.head().method == "HEAD") co_return plain;
  net::ResponseHead head{.status = plain.status, .headers = std::move(plain.headers)};
  if (!co_await request.exchange.start(std::move(head))) co_return sent_reply();
  if (co_await send_piecewise(request.exchange, name, range.first, length)) {
    [[maybe_unused]] const auto finished = co_await request.exchange.finish();
  }
  co_return sent_reply();
}

}  // namespace stoker::api
