#include <fmt/format.h>

#include <algorithm>
#include <boost/json.hpp>
#include <charconv>
#include <chrono>

#include "api/tokens.h"
#include "server/commands.h"
#include "server/stopped_store.h"

namespace stoker::server {
namespace {

namespace json = boost::json;

constexpr std::size_t kIdBytes = 6;

// The first bytes of the hash: enough to name a token, useless to be one.
std::string id_of(const TokenRow& row) {
  std::string id;
  for (std::size_t i = 0; i < kIdBytes; ++i) id += fmt::format("{:02x}", row.hash[i]);
  return id;
}

WallTime wall_now() {
  const auto now = std::chrono::system_clock::now().time_since_epoch();
  return {std::chrono::duration_cast<std::chrono::milliseconds>(now).count()};
}

// "w3" or "3".
std::optional<WorkshopId> workshop_from(std::string_view text) {
  if (text.starts_with('w')) text.remove_prefix(1);
  std::uint32_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc{} || end != text.data() + text.size() || number == 0) return std::nullopt;
  return WorkshopId(number);
}

Result<bool> workshop_exists(Store& store, WorkshopId id) {
  const auto titles = store.read_documents(DocumentKind::workshop_title);
  if (!titles) return fail(titles.error());
  return std::ranges::any_of(
      *titles, [&](const DocumentRow& row) { return row.id == id.value && !row.text.empty(); });
}

json::object object_of(const TokenRow& row) {
  json::object object{{"id", id_of(row)},
                      {"role", std::string(role_name(row.role))},
                      {"workshop", nullptr},
                      {"created_at_ms", row.created.ms},
                      {"revoked", row.revoked}};
  if (row.workshop) object["workshop"] = "w" + std::to_string(row.workshop.value);
  return object;
}

void print_row(const TokenRow& row) {
  fmt::print("{}  {:<11} {:<6} {}\n", id_of(row), role_name(row.role),
             row.workshop ? "w" + std::to_string(row.workshop.value) : "all",
             row.revoked ? "revoked" : "valid");
}

Result<void> keep(StoppedStore& opened, const TokenRow& row) {
  return opened.wait([&](Store::Done done) {
    Batch batch;
    batch.tokens.push_back(row);
    opened.store().commit(std::move(batch), std::move(done));
  });
}

int create(StoppedStore& opened, const TokenOptions& options) {
  const auto role = role_from_name(options.role);
  if (!role || *role == Role::participant)
    return complain("--role must be leader, admin, application or board", kWrongUse);
  TokenRow row{.hash = {},
               .role = *role,
               .workshop = {},
               .person = {},
               .created = wall_now(),
               .revoked = false};
  if (!options.workshop.empty()) {
    const auto workshop = workshop_from(options.workshop);
    if (!workshop) return complain("--workshop must be an id like w1", kWrongUse);
    const auto exists = workshop_exists(opened.store(), *workshop);
    if (!exists) return complain(exists.error().detail);
    if (!*exists) return complain("there is no workshop " + options.workshop);
    row.workshop = *workshop;
  }
  if (*role == Role::board && !row.workshop)
    return complain("a board shows one workshop: give --workshop ID", kWrongUse);
  const std::string token = api::make_token();
  row.hash = api::hash_of(token);
  if (auto kept = keep(opened, row); !kept) return complain(kept.error().detail);
  json::object object = object_of(row);
  object["ok"] = true;
  object["token"] = token;
  if (options.form == OutputForm::json) fmt::print("{}\n", json::serialize(object));
  // Only the token on standard output, so that it can go into a file as it is.
  if (options.form == OutputForm::text) fmt::print("{}\n", token);
  if (options.form == OutputForm::text)
    fmt::print(stderr, "stoker: token {} was made; it is shown only this once\n", id_of(row));
  return kSuccess;
}

int list(StoppedStore& opened, const TokenOptions& options) {
  auto rows = opened.store().read_tokens();
  if (!rows) return complain(rows.error().detail);
  std::erase_if(*rows, [](const TokenRow& row) { return row.role == Role::participant; });
  if (options.form == OutputForm::text)
    for (const TokenRow& row : *rows) print_row(row);
  json::array tokens;
  for (const TokenRow& row : *rows) tokens.push_back(object_of(row));
  if (options.form == OutputForm::json)
    fmt::print("{}\n", json::serialize(json::object{{"ok", true}, {"tokens", tokens}}));
  return kSuccess;
}

int revoke(StoppedStore& opened, const TokenOptions& options) {
  auto rows = opened.store().read_tokens();
  if (!rows) return complain(rows.error().detail);
  const auto found = std::ranges::find(*rows, options.id, id_of);
  if (found == rows->end())
    return complain("there is no token with the id " + options.id +
                    "; stoker token list shows them");
  found->revoked = true;
  if (auto kept = keep(opened, *found); !kept) return complain(kept.error().detail);
  json::object object = object_of(*found);
  object["ok"] = true;
  if (options.form == OutputForm::json) fmt::print("{}\n", json::serialize(object));
  if (options.form == OutputForm::text) print_row(*found);
  return kSuccess;
}

}  // namespace

int run_token(const TokenOptions& options) {
  const std::string data = data_folder(options.data);
  // A first token may be made before the first start.
  auto opened = options.action == TokenAction::create ? StoppedStore::open_or_create(data)
                                                      : StoppedStore::open(data);
  if (!opened) return complain(opened.error().detail);
  switch (options.action) {
    case TokenAction::create:
      return create(*opened, options);
    case TokenAction::list:
      return list(*opened, options);
    case TokenAction::revoke:
      return revoke(*opened, options);
  }
  return kWrongUse;
}

}  // namespace stoker::server
