// Writes small real safetensors and GGUF files, and broken ones, for tests.
#pragma once

#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>
#include <vector>

namespace stoker::staging {

template <class Number>
void put(std::string& out, Number number) {
  char bytes[sizeof(Number)];
  std::memcpy(bytes, &number, sizeof(Number));
  out.append(bytes, sizeof(Number));
}

// A safetensors file of this header and `data_bytes` zeros.
inline std::string safetensors_bytes(std::string_view header, std::size_t data_bytes) {
  std::string file;
  put<std::uint64_t>(file, header.size());
  file += header;
  file.append(data_bytes, '\0');
  return file;
}

// One entry of a safetensors header: "w":{"dtype":"F16","shape":[2,2],"data_offsets":[0,8]}
inline std::string entry(std::string_view name, std::string_view dtype, std::string_view shape,
                         std::uint64_t begin, std::uint64_t end) {
  return "\"" + std::string(name) + "\":{\"dtype\":\"" + std::string(dtype) + "\",\"shape\":[" +
         std::string(shape) + "],\"data_offsets\":[" + std::to_string(begin) + "," +
         std::to_string(end) + "]}";
}

// Builds a GGUF file pair by pair and tensor by tensor.
class GgufWriter {
 public:
  static constexpr std::uint32_t kU16 = 2;
  static constexpr std::uint32_t kU32 = 4;
  static constexpr std::uint32_t kI32 = 5;
  static constexpr std::uint32_t kText = 8;
  static constexpr std::uint32_t kArray = 9;
  static constexpr std::uint32_t kU64 = 10;

  explicit GgufWriter(std::uint32_t version = 3) : version_(version) {}

  GgufWriter& text(std::string_view key, std::string_view value) {
    begin_pair(key, kText);
    put_text(pairs_, value);
    return *this;
  }
  template <class Number>
  GgufWriter& number(std::string_view key, std::uint32_t type, Number value) {
    begin_pair(key, type);
    put(pairs_, value);
    return *this;
  }
  GgufWriter& u32(std::string_view key, std::uint32_t value) { return number(key, kU32, value); }
  GgufWriter& u16(std::string_view key, std::uint16_t value) { return number(key, kU16, value); }
  GgufWriter& texts(std::string_view key, const std::vector<std::string>& values) {
    begin_array(key, kText, values.size());
    for (const std::string& value : values) put_text(pairs_, value);
    return *this;
  }
  GgufWriter& i32s(std::string_view key, const std::vector<std::int32_t>& values) {
    begin_array(key, kI32, values.size());
    for (const std::int32_t value : values) put(pairs_, value);
    return *this;
  }
  // A pair whose value is these bytes, whatever they say.
  GgufWriter& raw(std::string_view key, std::uint32_t type, std::string_view bytes) {
    begin_pair(key, type);
    pairs_ += bytes;
    return *this;
  }

  // A tensor whose data begin at the next multiple of 32.
  GgufWriter& tensor(std::string_view name, const std::vector<std::int64_t>& shape,
                     std::uint32_t type, std::uint64_t bytes) {
    tensor_at(name, shape, type, data_bytes_);
    data_bytes_ += (bytes + 31) / 32 * 32;
    return *this;
  }
  GgufWriter& tensor_at(std::string_view name, const std::vector<std::int64_t>& shape,
                        std::uint32_t type, std::uint64_t offset) {
    put_text(tensors_, name);
    put(tensors_, static_cast<std::uint32_t>(shape.size()));
    for (const std::int64_t extent : shape) put(tensors_, extent);
    put(tensors_, type);
    put(tensors_, offset);
    ++tensor_count_;
    return *this;
  }
  GgufWriter& claim_tensors(std::uint64_t count) {
    tensor_count_ = count;
    return *this;
  }
  GgufWriter& claim_pairs(std::uint64_t count) {
    pair_count_ = count;
    return *this;
  }

  std::string header() const {
    std::string file = "GGUF";
    put(file, version_);
    put(file, tensor_count_);
    put(file, pair_count_);
    return file + pairs_ + tensors_;
  }
  std::string file() const {
    std::string file = header();
    file.append((32 - file.size() % 32) % 32, '\0');
    file.append(data_bytes_, '\0');
    return file;
  }

 private:
  static void put_text(std::string& out, std::string_view text) {
    put<std::uint64_t>(out, text.size());
    out += text;
  }
  void begin_pair(std::string_view key, std::uint32_t type) {
    put_text(pairs_, key);
    put(pairs_, type);
    ++pair_count_;
  }
  void begin_array(std::string_view key, std::uint32_t element, std::size_t count) {
    begin_pair(key, kArray);
    put(pairs_, element);
    put<std::uint64_t>(pairs_, count);
  }

  std::uint32_t version_;
  std::uint64_t tensor_count_ = 0;
  std::uint64_t pair_count_ = 0;
  std::uint64_t data_bytes_ = 0;
  std::string pairs_;
  std::string tensors_;
};

// A text model of two blocks: 4 heads of 8 numbers, 2 of them for keys and values.
inline GgufWriter small_text_model() {
  GgufWriter writer;
  writer.text("general.architecture", "llama")
      .u32("llama.context_length", 2048)
      .u32("llama.block_count", 2)
      .u32("llama.embedding_length", 32)
      .u32("llama.attention.head_count", 4)
      .u32("llama.attention.head_count_kv", 2)
      .texts("tokenizer.ggml.tokens", {"a", "b", "", "dd"})
      .tensor("token_embd.weight", {256, 4}, 12, 4 * 144)
      .tensor("blk.0.attn_q.weight", {32, 32}, 1, 2048)
      .tensor("output_norm.weight", {32}, 0, 128);
  return writer;
}

}  // namespace stoker::staging
