#include "controller/journal_codec.h"

#include <concepts>
#include <limits>
#include <optional>
#include <span>
#include <type_traits>
#include <utility>

#include "domain/cause.h"
#include "domain/job.h"
#include "domain/model.h"
#include "domain/workshop.h"

namespace stoker::controller {
namespace {

// ── writing ──────────────────────────────────────────────────────────────────────────────────────

class Writer {
 public:
  explicit Writer(std::vector<std::int64_t>& out) : out_(out) {}

  template <class T>
    requires(std::is_integral_v<T> || std::is_enum_v<T>)
  void put(const T& value) {
    out_.push_back(static_cast<std::int64_t>(value));
  }
  template <class Tag, class Rep>
  void put(const StrongId<Tag, Rep>& id) {
    out_.push_back(static_cast<std::int64_t>(id.value));
  }
  void put(const MiB& amount) { out_.push_back(amount.count); }
  void put(const Duration& duration) { out_.push_back(duration.us); }
  void put(const Instant& instant) { out_.push_back(instant.us); }
  void put(const Cause& cause) {
    put(cause.kind);
    put(cause.job);
    put(cause.model);
    put(cause.person);
  }
  template <class T>
  void put(const std::vector<T>& list) {
    put(list.size());
    for (const T& entry : list) put(entry);
  }

 private:
  std::vector<std::int64_t>& out_;
};

// ── reading ──────────────────────────────────────────────────────────────────────────────────────

template <class Enum>
constexpr std::int64_t kEnumCount = 0;
template <>
constexpr std::int64_t kEnumCount<ErrorCode> = kErrorCodeCount;
template <>
constexpr std::int64_t kEnumCount<CauseKind> = kCauseKindCount;
template <>
constexpr std::int64_t kEnumCount<JobState> = kJobStateCount;
template <>
constexpr std::int64_t kEnumCount<Medium> = kMediumCount;
template <>
constexpr std::int64_t kEnumCount<MediaFormat> = kMediaFormatCount;
template <>
constexpr std::int64_t kEnumCount<WorkshopState> = kWorkshopStateCount;
template <>
constexpr std::int64_t kEnumCount<EvictionGranularity> = 3;
template <>
constexpr std::int64_t kEnumCount<MisfitRule> = 2;

class Reader {
 public:
  explicit Reader(std::span<const std::int64_t> numbers) : numbers_(numbers) {}

  bool at_end_without_error() const { return ok_ && next_ == numbers_.size(); }

  template <class T>
    requires std::is_integral_v<T>
  void get(T& value) {
    const std::int64_t number = take();
    if constexpr (std::is_same_v<T, bool>) {
      ok_ = ok_ && (number == 0 || number == 1);
      value = number == 1;
    } else if constexpr (sizeof(T) == sizeof(std::int64_t)) {
      value = static_cast<T>(number);
    } else {
      ok_ = ok_ && std::in_range<T>(number);
      value = static_cast<T>(number);
    }
  }
  template <class T>
    requires std::is_enum_v<T>
  void get(T& value) {
    static_assert(kEnumCount<T> > 0, "every enum of the journal states its number of values");
    const std::int64_t number = take();
    ok_ = ok_ && number >= 0 && number < kEnumCount<T>;
    value = ok_ ? static_cast<T>(number) : T{};
  }
  template <class Tag, class Rep>
  void get(StrongId<Tag, Rep>& id) {
    get(id.value);
  }
  void get(MiB& amount) { get(amount.count); }
  void get(Duration& duration) { get(duration.us); }
  void get(Instant& instant) { get(instant.us); }
  void get(Cause& cause) {
    get(cause.kind);
    get(cause.job);
    get(cause.model);
    get(cause.person);
  }
  template <class T>
  void get(std::vector<T>& list) {
    const std::int64_t count = take();
    if (count < 0 ||
        static_cast<std::uint64_t>(count) > numbers_.size() - std::min(next_, numbers_.size())) {
      ok_ = false;
      return;
    }
    list.resize(static_cast<std::size_t>(count));
    for (T& entry : list) get(entry);
  }

 private:
  std::int64_t take() {
    if (next_ >= numbers_.size()) {
      ok_ = false;
      return 0;
    }
    return numbers_[next_++];
  }

  std::span<const std::int64_t> numbers_;
  std::size_t next_ = 0;
  bool ok_ = true;
};

template <class T>
concept NamesItsJob = requires(const T& t) {
  { t.job } -> std::convertible_to<JobId>;
};

template <class Variant>
void encode_alternative(Variant variant, std::uint16_t base, JournalRow& row) {
  row.type = static_cast<std::uint16_t>(base + variant.index());
  std::visit(
      [&](auto& alternative) {
        if constexpr (NamesItsJob<std::remove_reference_t<decltype(alternative)>>)
          row.job = alternative.job;
        Writer writer(row.numbers);
        std::apply([&](const auto&... field) { (writer.put(field), ...); }, alternative.fields());
      },
      variant);
}

template <class Variant, std::size_t I = 0>
std::optional<Variant> decode_alternative(std::size_t index, const JournalRow& row) {
  if constexpr (I == std::variant_size_v<Variant>) {
    return std::nullopt;
  } else {
    if (index != I) return decode_alternative<Variant, I + 1>(index, row);
    std::variant_alternative_t<I, Variant> alternative;
    Reader reader(row.numbers);
    std::apply([&](auto&... field) { (reader.get(field), ...); }, alternative.fields());
    if (!reader.at_end_without_error()) return std::nullopt;
    return Variant(std::in_place_index<I>, std::move(alternative));
  }
}

template <class Variant>
std::optional<Entry> decode_as(std::uint16_t base, const JournalRow& row) {
  if (row.type < base) return std::nullopt;
  auto variant = decode_alternative<Variant>(static_cast<std::size_t>(row.type - base), row);
  if (!variant) return std::nullopt;
  return Entry(std::move(*variant));
}

}  // namespace

JournalRow encode(const Entry& entry, const Stamp& stamp) {
  JournalRow row{.seq = stamp.seq, .wall = stamp.wall, .mono = stamp.mono};
  if (const auto* event = std::get_if<scheduler::Event>(&entry))
    encode_alternative(*event, kEventTypeBase, row);
  if (const auto* decision = std::get_if<scheduler::Decision>(&entry)) {
    encode_alternative(*decision, kDecisionTypeBase, row);
  }
  if (const auto* record = std::get_if<Record>(&entry))
    encode_alternative(*record, kRecordTypeBase, row);
  return row;
}

Result<Entry> decode(const JournalRow& row) {
  std::optional<Entry> entry;
  if (row.type >= kRecordTypeBase) {
    entry = decode_as<Record>(kRecordTypeBase, row);
  } else if (row.type >= kDecisionTypeBase) {
    entry = decode_as<scheduler::Decision>(kDecisionTypeBase, row);
  } else {
    entry = decode_as<scheduler::Event>(kEventTypeBase, row);
  }
  if (!entry) {
    return fail(ErrorCode::internal, "journal row " + std::to_string(row.seq) + " of type " +
                                         std::to_string(row.type) + " cannot be read");
  }
  return std::move(*entry);
}

}  // namespace stoker::controller
