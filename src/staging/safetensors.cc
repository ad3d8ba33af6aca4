#include "staging/safetensors.h"

#include <algorithm>
#include <array>
#include <boost/json/basic_parser_impl.hpp>
#include <string>
#include <utility>

#include "staging/checked_arithmetic.h"
#include "staging/tensor_tally.h"

namespace stoker::staging {
namespace {

namespace json = boost::json;

constexpr std::string_view kMetadataKey = "__metadata__";
constexpr std::size_t kNestingMax = 16;
constexpr std::size_t kNameBytesMax = 4096;
constexpr std::size_t kDtypeBytesMax = 16;

struct DtypeBits {
  std::string_view word;
  std::uint64_t bits;
};

constexpr std::array kDtypes = {
    DtypeBits{"BOOL", 8},        DtypeBits{"F4", 4},          DtypeBits{"F6_E2M3", 6},
    DtypeBits{"F6_E3M2", 6},     DtypeBits{"U8", 8},          DtypeBits{"I8", 8},
    DtypeBits{"F8_E5M2", 8},     DtypeBits{"F8_E4M3", 8},     DtypeBits{"F8_E8M0", 8},
    DtypeBits{"F8_E4M3FNUZ", 8}, DtypeBits{"F8_E5M2FNUZ", 8}, DtypeBits{"I16", 16},
    DtypeBits{"U16", 16},        DtypeBits{"F16", 16},        DtypeBits{"BF16", 16},
    DtypeBits{"I32", 32},        DtypeBits{"U32", 32},        DtypeBits{"F32", 32},
    DtypeBits{"C64", 64},        DtypeBits{"F64", 64},        DtypeBits{"I64", 64},
    DtypeBits{"U64", 64},
};

bool is_dtype_word(std::string_view word) {
  if (word.empty() || word.size() > kDtypeBytesMax) return false;
  return std::ranges::all_of(word, [](char c) {
    return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_';
  });
}

struct Tensor {
  std::string name;
  std::optional<std::string> dtype;
  std::optional<std::uint64_t> elements;  // of the shape once it was read
  std::vector<std::uint64_t> offsets;
  bool has_offsets = false;
};

// Takes the events of the JSON parser. A callback that refuses leaves the reason in problem() and
// ends the parse.
class HeaderReader {
 public:
  // Boost.JSON asks for these names. NOLINTBEGIN(readability-identifier-naming)
  static constexpr std::size_t max_object_size = kTensorsMax + 1;
  static constexpr std::size_t max_array_size = kTensorsMax;
  static constexpr std::size_t max_key_size = kNameBytesMax;
  static constexpr std::size_t max_string_size = kSafetensorsHeaderMax;
  // NOLINTEND(readability-identifier-naming)

  explicit HeaderReader(std::uint64_t data_bytes) : data_bytes_(data_bytes) {}

  const std::string& problem() const { return problem_; }
  TensorTally& tally() { return tally_; }
  std::uint64_t metadata_keys() const { return metadata_keys_; }

  bool on_document_begin(json::error_code&) { return true; }
  bool on_document_end(json::error_code&) { return true; }

  bool on_object_begin(json::error_code& ec) {
    switch (place_) {
      case Place::document:
        place_ = Place::file;
        return true;
      case Place::file:
        return open_entry(ec);
      case Place::tensor:
        return skip_unknown_member(ec);
      case Place::ignored:
        ++ignored_depth_;
        return true;
      case Place::metadata:
      case Place::shape:
      case Place::offsets:
        break;
    }
    return refuse(ec, "an object where the format has none");
  }

  bool on_object_end(std::size_t, json::error_code& ec) {
    switch (place_) {
      case Place::tensor:
        return close_tensor(ec);
      case Place::metadata:
        place_ = Place::file;
        return true;
      case Place::ignored:
        leave_ignored();
        return true;
      default:
        return true;
    }
  }

  bool on_array_begin(json::error_code& ec) {
    if (place_ == Place::ignored) {
      ++ignored_depth_;
      return true;
    }
    if (place_ != Place::tensor) return refuse(ec, "an array where the format has none");
    if (key_ == "shape" && !tensor_.elements) {
      place_ = Place::shape;
      tensor_.elements = 1;
      rank_ = 0;
      return true;
    }
    if (key_ == "data_offsets" && !tensor_.has_offsets) {
      place_ = Place::offsets;
      tensor_.has_offsets = true;
      return true;
    }
    return skip_unknown_member(ec);
  }

  bool on_array_end(std::size_t, json::error_code&) {
    if (place_ == Place::ignored) {
      leave_ignored();
    } else {
      place_ = Place::tensor;
    }
    return true;
  }

  bool on_key_part(json::string_view part, std::size_t, json::error_code&) {
    if (!key_open_) key_.clear();
    key_open_ = true;
    key_.append(part.data(), part.size());
    return true;
  }
  bool on_key(json::string_view part, std::size_t size, json::error_code& ec) {
    on_key_part(part, size, ec);
    key_open_ = false;
    if (place_ == Place::metadata) ++metadata_keys_;
    return true;
  }

  bool on_string_part(json::string_view part, std::size_t size, json::error_code& ec) {
    if (place_ == Place::metadata || place_ == Place::ignored) return true;
    if (place_ != Place::tensor) return refuse(ec, "a text where the format has none");
    if (key_ != "dtype") return true;
    if (size > kDtypeBytesMax) return refuse(ec, "a dtype that is no short word");
    text_.append(part.data(), part.size());
    return true;
  }
  bool on_string(json::string_view part, std::size_t size, json::error_code& ec) {
    if (!on_string_part(part, size, ec)) return false;
    if (place_ != Place::tensor) return true;
    if (key_ != "dtype") return skip_scalar(ec);
    if (tensor_.dtype) return refuse(ec, "a second dtype");
    if (!is_dtype_word(text_)) return refuse(ec, "a dtype that is no short word");
    tensor_.dtype = std::exchange(text_, {});
    return true;
  }

  bool on_number_part(json::string_view, json::error_code&) { return true; }
  bool on_int64(std::int64_t number, json::string_view, json::error_code& ec) {
    if (number < 0 && (place_ == Place::shape || place_ == Place::offsets))
      return refuse(ec, "a negative number");
    return on_whole(static_cast<std::uint64_t>(number), ec);
  }
  bool on_uint64(std::uint64_t number, json::string_view, json::error_code& ec) {
    return on_whole(number, ec);
  }
  bool on_double(double, json::string_view, json::error_code& ec) { return skip_scalar(ec); }
  bool on_bool(bool, json::error_code& ec) { return skip_scalar(ec); }
  bool on_null(json::error_code& ec) {
    // The reference reads an absent __metadata__ and a null one alike.
    if (place_ == Place::file && key_ == kMetadataKey) return true;
    return skip_scalar(ec);
  }
  bool on_comment_part(json::string_view, json::error_code&) { return true; }
  bool on_comment(json::string_view, json::error_code&) { return true; }

 private:
  enum class Place : std::uint8_t { document, file, metadata, tensor, shape, offsets, ignored };

  bool refuse(json::error_code& ec, std::string_view what) {
    problem_ = std::string(what);
    if (place_ != Place::document && place_ != Place::file && place_ != Place::metadata)
      problem_ = "tensor " + shown_name(tensor_.name) + ": " + problem_;
    ec = json::error::syntax;
    return false;
  }

  bool open_entry(json::error_code& ec) {
    if (key_ != kMetadataKey) {
      place_ = Place::tensor;
      tensor_ = {};
      tensor_.name = key_;
      text_.clear();
      return true;
    }
    if (metadata_seen_) return refuse(ec, "a second __metadata__");
    metadata_seen_ = true;
    place_ = Place::metadata;
    return true;
  }

  bool is_known_member() const {
    return key_ == "dtype" || key_ == "shape" || key_ == "data_offsets";
  }

  // An object or array that the format does not know: passed over.
  bool skip_unknown_member(json::error_code& ec) {
    if (is_known_member()) return refuse(ec, shown_name(key_) + " of the wrong kind or twice");
    place_ = Place::ignored;
    ignored_depth_ = 1;
    return true;
  }

  void leave_ignored() {
    if (--ignored_depth_ == 0) place_ = Place::tensor;
  }

  bool skip_scalar(json::error_code& ec) {
    if (place_ == Place::ignored) return true;
    if (place_ == Place::tensor && !is_known_member()) return true;
    if (place_ == Place::shape || place_ == Place::offsets)
      return refuse(ec, "a size that is no whole number");
    return refuse(ec, "a value of the wrong kind");
  }

  bool on_whole(std::uint64_t number, json::error_code& ec) {
    if (place_ == Place::offsets) {
      if (tensor_.offsets.size() == 2) return refuse(ec, "more than two offsets");
      tensor_.offsets.push_back(number);
      return true;
    }
    if (place_ != Place::shape) return skip_scalar(ec);
    if (++rank_ > kSafetensorsRankMax) return refuse(ec, "a shape of too many dimensions");
    tensor_.elements = checked_product(*tensor_.elements, number);
    if (!tensor_.elements) {
      tensor_.elements = 0;
      return refuse(ec, "a shape of more elements than can be counted");
    }
    return true;
  }

  bool close_tensor(json::error_code& ec) {
    if (!tensor_.dtype || !tensor_.elements || tensor_.offsets.size() != 2)
      return refuse(ec, "dtype, shape or data_offsets is missing");
    const std::uint64_t begin = tensor_.offsets[0];
    const std::uint64_t end = tensor_.offsets[1];
    if (end < begin) return refuse(ec, "data that end before they begin");
    const std::uint64_t bytes = end - begin;
    if (const auto bits = safetensors_dtype_bits(*tensor_.dtype)) {
      const auto all_bits = checked_product(*tensor_.elements, *bits);
      if (!all_bits || *all_bits % 8 != 0 || *all_bits / 8 != bytes)
        return refuse(ec, "a length that does not follow from dtype and shape");
    }
    const auto added = tally_.add({.name = tensor_.name,
                                   .dtype = *tensor_.dtype,
                                   .elements = *tensor_.elements,
                                   .begin = begin,
                                   .bytes = bytes},
                                  data_bytes_);
    place_ = Place::file;
    return added ? true : refuse(ec, added.error().detail);
  }

  std::uint64_t data_bytes_;
  TensorTally tally_;
  Place place_ = Place::document;
  std::size_t ignored_depth_ = 0;
  std::size_t rank_ = 0;
  std::uint64_t metadata_keys_ = 0;
  bool metadata_seen_ = false;
  bool key_open_ = false;
  std::string key_;
  std::string text_;
  Tensor tensor_;
  std::string problem_;
};

std::uint64_t little_endian_64(std::string_view bytes) {
  std::uint64_t number = 0;
  for (std::size_t i = 0; i < kSafetensorsLengthBytes; ++i)
    number |= static_cast<std::uint64_t>(static_cast<unsigned char>(bytes[i])) << (8 * i);
  return number;
}

std::unexpected<Error> malformed(std::string_view what) {
  return fail(ErrorCode::bad_request, "safetensors: " + std::string(what));
}

}  // namespace

std::optional<std::uint64_t> safetensors_dtype_bits(std::string_view dtype) {
  const auto* const found = std::ranges::find(kDtypes, dtype, &DtypeBits::word);
  if (found == kDtypes.end()) return std::nullopt;
  return found->bits;
}

Result<std::uint64_t> safetensors_head_bytes(std::string_view first_bytes,
                                             std::uint64_t file_size) {
  if (file_size < kSafetensorsLengthBytes || first_bytes.size() < kSafetensorsLengthBytes)
    return malformed("too short for the length of a header");
  const std::uint64_t header = little_endian_64(first_bytes);
  if (header > kSafetensorsHeaderMax) {
    return malformed("a header of " + std::to_string(header) + " bytes; the format allows " +
                     std::to_string(kSafetensorsHeaderMax));
  }
  if (header > file_size - kSafetensorsLengthBytes) {
    return malformed("a header of " + std::to_string(header) + " bytes in a file of " +
                     std::to_string(file_size));
  }
  return header + kSafetensorsLengthBytes;
}

Result<WeightFacts> parse_safetensors_header(std::string_view head, std::uint64_t file_size) {
  const auto head_bytes = safetensors_head_bytes(head, file_size);
  if (!head_bytes) return std::unexpected(head_bytes.error());
  if (head.size() < *head_bytes) return malformed("the header is cut off");
  const std::string_view text =
      head.substr(kSafetensorsLengthBytes, *head_bytes - kSafetensorsLengthBytes);
  if (!text.starts_with('{')) return malformed("the header is no JSON object");

  const std::uint64_t data_bytes = file_size - *head_bytes;
  json::parse_options options;
  options.max_depth = kNestingMax;
  json::basic_parser<HeaderReader> parser(options, data_bytes);
  json::error_code ec;
  const std::size_t read = parser.write_some(false, text.data(), text.size(), ec);
  HeaderReader& reader = parser.handler();
  if (ec && !reader.problem().empty()) return malformed(reader.problem());
  if (ec) return malformed("the header is no JSON that the format knows: " + ec.message());
  if (text.find_first_not_of(" \t\r\n", read) != std::string_view::npos)
    return malformed("text after the header's object");
  if (auto apart = reader.tally().check_apart(); !apart) return malformed(apart.error().detail);
  if (const auto rest = reader.tally().unclaimed_bytes(data_bytes); rest != 0)
    return malformed(std::to_string(rest) + " bytes of the data belong to no tensor");

  WeightFacts facts;
  facts.format = WeightFormat::safetensors;
  facts.file_bytes = file_size;
  facts.metadata_keys = reader.metadata_keys();
  reader.tally().write_to(facts);
  return facts;
}

}  // namespace stoker::staging
