// The export of a workshop: what was made, a table of the jobs and a report, as one streamed ZIP.
#include <algorithm>

#include "api/diagnosis_view.h"
#include "api/handlers.h"
#include "api/wire_ids.h"
#include "api/zip_stream.h"

namespace stoker::api {
namespace {

using controller::JobView;

constexpr std::size_t kPieceBytes = 256 * 1024;
constexpr std::size_t kExportFilesMax = 100'000;

struct ExportFile {
  ResultName name;
  std::string path;  // inside the archive
  WallTime modified;
};

// A spreadsheet must not take a text for a formula.
std::string csv_text(std::string_view text) {
  std::string out = "\"";
  if (!text.empty() && std::string_view("=+-@\t\r").find(text.front()) != std::string_view::npos)
    out.push_back('\'');
  for (const char c : text) {
    if (c == '"') out.push_back('"');
    out.push_back(c);
  }
  return out.append("\"");
}

std::string jobs_csv(const Snapshot& snapshot, WorkshopId workshop, const Moment& moment,
                     Prompts prompts) {
  std::string csv =
      "job,person,group,medium,model,state,error,attempts,created_at_ms,queued_ms,load_ms,run_ms,"
      "results";
  csv.append(prompts == Prompts::shown ? ",prompt\r\n" : "\r\n");
  for (const auto& [id, job] : snapshot.jobs) {
    if (job->workshop != workshop) continue;
    const Shares shares = shares_of(*job, moment.planning);
    const auto cell = [&csv](const std::string& text) { csv.append(text).append(","); };
    cell(wire_id(id));
    cell(wire_id(job->person));
    cell(job->group ? wire_id(job->group) : std::string());
    cell(std::string(medium_name(job->medium)));
    cell(csv_text(model_name(snapshot, job->model)));
    cell(std::string(job_state_name(job->state)));
    cell(job->error ? std::string(error_name(*job->error)) : std::string());
    cell(std::to_string(job->attempt));
    cell(std::to_string(job->created.ms));
    cell(std::to_string(shares.queued.ms()));
    cell(std::to_string(shares.loading.ms()));
    cell(std::to_string(shares.running.ms()));
    csv.append(std::to_string(job->results.size()));
    if (prompts == Prompts::shown)
      csv.append(",").append(csv_text(job->prompt ? *job->prompt : std::string()));
    csv.append("\r\n");
  }
  return csv;
}

void write_job_waits(JsonWriter& json, const Snapshot& snapshot, const JobView& job,
                     const Moment& moment) {
  const Shares shares = shares_of(job, moment.planning);
  json.begin_object().field("job", wire_id(job.id)).field("medium", medium_name(job.medium));
  json.field("model", model_name(snapshot, job.model)).field("state", job_state_name(job.state));
  json.field("queued_ms", shares.queued.ms()).field("load_ms", shares.loading.ms());
  json.field("run_ms", shares.running.ms()).key("causes").begin_array();
  for (const auto& cause : job.causes) write_cause(json, snapshot, cause);
  json.end_array().end_object();
}

std::string report_json(const Snapshot& snapshot, const controller::WorkshopView& workshop,
                        const Moment& moment) {
  JsonWriter json;
  json.begin_object()
      .key("workshop")
      .raw(workshop_json(snapshot, workshop, moment, JoinCode::hidden));
  json.field("written_at_ms", moment.wall.ms).key("waits").begin_array();
  for (const auto& [id, job] : snapshot.jobs) {
    if (job->workshop == workshop.id) write_job_waits(json, snapshot, *job, moment);
  }
  json.end_array().key("loads").begin_array();
  if (snapshot.ledger) {
    for (const auto& entry : *snapshot.ledger) json.raw(ledger_json(snapshot, entry));
  }
  json.end_array().key("diagnosis").raw(diagnosis_json(snapshot, workshop.id, moment));
  return json.end_object().take();
}

std::vector<ExportFile> files_of(const Snapshot& snapshot, WorkshopId workshop) {
  std::vector<ExportFile> files;
  for (const auto& [id, job] : snapshot.jobs) {
    if (job->workshop != workshop) continue;
    for (const auto& result : job->results) {
      const std::string extension(format_extension(result.format));
      files.push_back(
          {.name = {.workshop = workshop, .job = id, .n = result.n, .extension = extension},
           .path = "results/" + wire_id(id) + "-" + std::to_string(result.n) + "." + extension,
           .modified = job->ended});
      if (files.size() == kExportFilesMax) return files;
    }
  }
  return files;
}

net::Task<bool> send_ready(net::Exchange& exchange, ZipStream& zip) {
  const std::string ready = zip.take();
  if (ready.empty()) co_return true;
  const auto sent = co_await exchange.write(ready);
  co_return sent.has_value();
}

net::Task<bool> send_text(net::Exchange& exchange, ZipStream& zip, std::string path,
                          std::string text, WallTime now) {
  const auto begun = zip.begin_file(path, text.size(), now, Packing::deflated);
  if (!begun || !zip.append(text)) co_return false;
  co_return co_await send_ready(exchange, zip);
}

// A file that is gone is left out; one that ends early breaks the archive, and the client sees it cut.
net::Task<bool> send_file(Surroundings around, net::Exchange& exchange, ZipStream& zip,
                          ExportFile file) {
  ResultFiles& files = around.files;
  const ResultName& name = file.name;
  const auto size =
      co_await offloaded<std::uint64_t>(around, [&files, name] { return files.size(name); });
  if (!size) co_return true;
  if (!zip.begin_file(file.path, *size, file.modified, Packing::stored)) co_return false;
  for (std::uint64_t at = 0; at < *size;) {
    const auto piece = co_await offloaded<std::string>(
        around, [&files, name, at] { return files.read(name, at, kPieceBytes); });
    if (!piece || piece->empty() || !zip.append(*piece)) co_return false;
    if (!co_await send_ready(exchange, zip)) co_return false;
    at += piece->size();
  }
  co_return true;
}

net::ResponseHead export_head(WorkshopId workshop) {
  net::ResponseHead head;
  add_safety_headers(head.headers);
  head.headers.add("Content-Type", "application/zip");
  head.headers.add("Content-Disposition",
                   "attachment; filename=\"stoker-" + wire_id(workshop) + ".zip\"");
  return head;
}

struct Tables {
  std::string jobs;
  std::string report;
};

}  // namespace

net::Task<Answer> Handlers::post_export(Request& request) {
  auto found = led_workshop(request);
  if (!found) co_return refuse(std::move(found.error()));
  const bool wants_texts = request.query("texts") == "1";
  if (wants_texts && request.who.role != Role::leader) {
    co_return refuse(
        {.code = ErrorCode::forbidden, .detail = "texts are for the leader", .field = "texts"});
  }
  const WorkshopPtr workshop = *found;
  const Prompts prompts = wants_texts ? Prompts::shown : Prompts::hidden;
  const auto tables = co_await offloaded<Tables>(
      around_,
      [snapshot = request.snapshot, workshop, now = moment(), prompts]() -> Result<Tables> {
        return Tables{jobs_csv(*snapshot, workshop->id, now, prompts),
                      report_json(*snapshot, *workshop, now)};
      });
  auto zip = ZipStream::create();
  if (!zip) co_return refuse(refusal_of(zip.error()));
  net::Exchange& exchange = request.exchange;
  const WallTime now = moment().wall;
  if (!co_await exchange.start(export_head(workshop->id))) co_return sent_reply();
  bool going = co_await send_text(exchange, **zip, "jobs.csv", tables->jobs, now);
  if (going) going = co_await send_text(exchange, **zip, "report.json", tables->report, now);
  for (const ExportFile& file : files_of(*request.snapshot, workshop->id)) {
    if (going) going = co_await send_file(around_, exchange, **zip, file);
  }
  if (!going || !(*zip)->finish()) co_return sent_reply();
  if (co_await send_ready(exchange, **zip)) {
    [[maybe_unused]] const auto finished = co_await exchange.finish();
  }
  co_return sent_reply();
}

}  // namespace stoker::api
