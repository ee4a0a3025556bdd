#include "common/model_file/model_file.h"

#include <catch2/catch.hpp>
#include <cmath>
#include <cstring>
#include <limits>
#include <nlohmann/json.hpp>
#include <string>

#include "common/base/file.h"
#include "common/model_file/safetensors.h"
#include "tests/testing/temp_dir.h"

namespace paramd {
namespace {

using nlohmann::json;

ModelFile Example() {
  ModelFile model;
  model.model.set_type(v1::Model::SOFTMAX_REGRESSION);
  model.model.set_classes(3);
  model.model.set_seed(~uint64_t{0});
  model.data.set_format(v1::Data::CSV);
  model.data.add_train("secret/path.csv");
  model.data.mutable_csv()->set_delimiter(";");
  model.data.mutable_csv()->set_label("größe");
  model.data.mutable_on_bad_record()->set_max_fraction(0.1);
  model.sparse = false;
  model.columns = 2;
  model.tables = {
      {.name = "bias", .dim = 3, .values = {1, 2, 3}},
      {.name = "embedding",
       .sparse = true,
       .dim = 2,
       .keys = {0, 7, ~uint64_t{0}},
       .values = {1, -2, 3e-45f, std::numeric_limits<float>::max(), 0, 0.1f}},
      {.name = "empty", .sparse = true, .dim = 4},
      {.name = "layer0.bias", .dim = 1, .values = {1}},
      {.name = "layer0.weights", .sparse = true, .dim = 1, .keys = {3}, .values = {4}},
  };
  return model;
}

TEST_CASE("a model comes back as it was") {
  TempDir dir;
  const std::string path = dir.File("m.safetensors");
  REQUIRE(WriteModelFile(path, Example()).ok());
  const ModelFile model = *ReadModelFile(path);
  CHECK(model.tables == Example().tables);
  CHECK_FALSE(model.sparse);
  CHECK(model.columns == 2);
  CHECK(model.fields == 0);
  CHECK(model.model.SerializeAsString() == Example().model.SerializeAsString());
  v1::Data data = Example().data;
  data.clear_train();
  CHECK(model.data.SerializeAsString() == data.SerializeAsString());
  CHECK_FALSE(FileSize(path + ".tmp").ok());
}

TEST_CASE("sparse data whose features have fields") {
  TempDir dir;
  const std::string path = dir.File("m.safetensors");
  ModelFile model = Example();
  model.sparse = true;
  model.fields = 39;
  REQUIRE(WriteModelFile(path, model).ok());
  CHECK(ReadModelFile(path)->sparse);
  CHECK(ReadModelFile(path)->fields == 39);
}

ModelFile Scaled() {
  ModelFile model = Example();
  model.data.set_scaling(v1::Data::STANDARD);
  model.scales.resize(2);
  model.scales[0].set_offset(1.5f);
  model.scales[0].set_factor(1e-30f);
  model.scales[1].set_missing(std::numeric_limits<float>::quiet_NaN());
  return model;
}

TEST_CASE("scales of columns come back to the bit, also in fewer bits") {
  TempDir dir;
  const std::string path = dir.File("m.safetensors");
  for (const auto encoding : {ValueEncoding::kF32, ValueEncoding::kBf16, ValueEncoding::kInt8}) {
    REQUIRE(WriteModelFile(path, Scaled(), encoding).ok());
    const ModelFile model = *ReadModelFile(path);
    CHECK(model.data.scaling() == v1::Data::STANDARD);
    CHECK(model.tables.size() == Example().tables.size());
    REQUIRE(model.scales.size() == 2);
    CHECK(model.scales[0].offset() == 1.5f);
    CHECK(model.scales[0].factor() == 1e-30f);
    CHECK(std::isnan(model.scales[1].missing()));
  }
}

TEST_CASE("scales that are not those of the columns") {
  TempDir dir;
  const std::string path = dir.File("m.safetensors");
  ModelFile model = Scaled();
  model.scales.pop_back();
  CHECK(WriteModelFile(path, model).code() == absl::StatusCode::kInvalidArgument);
  model = Example();
  model.tables[0].name = "scales";
  CHECK(WriteModelFile(path, model).code() == absl::StatusCode::kInvalidArgument);
  REQUIRE(WriteModelFile(path, Scaled()).ok());
  // One column more, a shape of the same size, another name for the tensor.
  for (const auto& [was, becomes] :
       {std::pair(R"("columns":"2")", R"("columns":"3")"), std::pair("[2,3]", "[3,2]"),
        std::pair(R"("scales")", R"("sc.les")")}) {
    std::string bytes = *ReadFile(path);
    const size_t at = bytes.find(was);
    REQUIRE(at != std::string::npos);
    bytes.replace(at, std::strlen(was), becomes);
    const absl::StatusOr<ModelFile> read = ReadModelFile(dir.Write("n", bytes));
    CHECK(read.status().code() == absl::StatusCode::kDataLoss);
    INFO(read.status().message());
    CHECK(read.status().message().find("scales") != std::string::npos);
  }
}

TEST_CASE("tensors begin at multiples of their element size") {
  TempDir dir;
  const std::string path = dir.File("m.safetensors");
  REQUIRE(WriteModelFile(path, Example()).ok());
  const SafetensorsHeader header = *ReadSafetensorsHeader(path);
  CHECK(header.data_begin % 8 == 0);
  for (const TensorSpec& tensor : header.tensors) {
    CHECK(tensor.begin % (tensor.type == TensorType::kU64 ? 8 : 4) == 0);
  }
}

TEST_CASE("a model in fewer bits comes back rounded") {
  TempDir dir;
  const std::string path = dir.File("m.safetensors");
  ModelFile model = Example();
  model.tables[1].values = {1, -127, 254, 2, 0, 0};
  for (const ValueEncoding encoding : {ValueEncoding::kInt8, ValueEncoding::kBf16}) {
    REQUIRE(WriteModelFile(path, model, encoding).ok());
    const ModelFile back = *ReadModelFile(path);
    CHECK(back.tables[1].keys == model.tables[1].keys);
    // Both have these to the bit.
    CHECK(back.tables[1].values == model.tables[1].values);
    CHECK(back.tables[0].values[2] == 3);
    CHECK(back.tables[2] == model.tables[2]);
  }
}

TEST_CASE("a model larger than the buffers") {
  TempDir dir;
  const std::string path = dir.File("m.safetensors");
  ModelFile model = Example();
  model.tables[0] = {.name = "big", .dim = 3};
  for (int i = 0; i < 3'000'000; ++i) model.tables[0].values.push_back(static_cast<float>(i));
  REQUIRE(WriteModelFile(path, model).ok());
  CHECK(ReadModelFile(path)->tables[0] == model.tables[0]);
}

TEST_CASE("a model that does not add up is not written, and the old file stays") {
  TempDir dir;
  const std::string path = dir.Write("m", "old");
  const auto refused = [&](auto change) {
    ModelFile model = Example();
    change(model.tables);
    const absl::Status status = WriteModelFile(path, model);
    return status.code() == absl::StatusCode::kInvalidArgument && *ReadFile(path) == "old";
  };
  using Tables = std::vector<ModelTable>;
  CHECK(refused([](Tables& tables) { tables[0].name = "a.keys"; }));
  CHECK(refused([](Tables& tables) { tables[0].name = "a.b.values"; }));
  CHECK(refused([](Tables& tables) { tables[0].name = ""; }));
  CHECK(refused([](Tables& tables) { tables[0].name = "embedding"; }));
  CHECK(refused([](Tables& tables) { tables[0].dim = 0; }));
  CHECK(refused([](Tables& tables) { tables[0].values.pop_back(); }));
  CHECK(refused([](Tables& tables) { tables[0].keys = {1}; }));
  CHECK(refused([](Tables& tables) { tables[1].keys.pop_back(); }));
  CHECK(refused([](Tables& tables) { tables[1].keys[1] = 0; }));
  CHECK(WriteModelFile(dir.File("no/folder"), Example()).code() == absl::StatusCode::kNotFound);
}

// ---- corruption, one test each

// A file of header `text` and `data`.
std::string Raw(const std::string& text, const std::string& data) {
  const uint64_t size = text.size();
  std::string length(8, '\0');
  std::memcpy(length.data(), &size, 8);
  return length + text + data;
}

// A small valid header: keys [0, 16), values [16, 24), bias [24, 28).
json GoodHeader() {
  return {{"__metadata__",
           {{"format", "paramd.model.v1"},
            {"model", "{\"type\":\"LOGISTIC_REGRESSION\"}"},
            {"data", "{\"format\":\"LIBSVM\"}"},
            {"sparse", "true"},
            {"columns", "0"}}},
          {"weights.keys", {{"dtype", "U64"}, {"shape", {2}}, {"data_offsets", {0, 16}}}},
          {"weights.values", {{"dtype", "F32"}, {"shape", {2, 1}}, {"data_offsets", {16, 24}}}},
          {"bias", {{"dtype", "F32"}, {"shape", {1, 1}}, {"data_offsets", {24, 28}}}}};
}

std::string GoodData() {
  std::string data(28, '\0');
  data[8] = 1;  // keys 0 and 1
  return data;
}

// Reads a file of these bytes. Checks that an error names the file, and returns it without the
// name.
std::string ErrorOf(const std::string& bytes, absl::StatusCode code = absl::StatusCode::kDataLoss) {
  TempDir dir;
  const std::string path = dir.Write("m", bytes);
  const absl::Status status = ReadModelFile(path).status();
  if (status.ok()) return "ok";
  const std::string message(status.message());
  INFO(message);
  CHECK(status.code() == code);
  REQUIRE(message.substr(0, path.size() + 2) == path + ": ");
  return message.substr(path.size() + 2);
}

std::string ErrorOfHeader(const json& header) { return ErrorOf(Raw(header.dump(), GoodData())); }

// The error after one change of the good header.
template <typename Change>
std::string ErrorAfter(Change change) {
  json header = GoodHeader();
  change(header);
  return ErrorOfHeader(header);
}

TEST_CASE("the file that the corruptions start from is good") {
  CHECK(ErrorOfHeader(GoodHeader()) == "ok");
  CHECK(ErrorOf(Raw(GoodHeader().dump() + "    ", GoodData())) == "ok");
}

TEST_CASE("corrupt: no file") {
  TempDir dir;
  CHECK(ReadModelFile(dir.File("none")).status().code() == absl::StatusCode::kNotFound);
}

TEST_CASE("corrupt: empty, or shorter than the length") {
  CHECK(ErrorOf("") == "shorter than the length of its header");
  CHECK(ErrorOf("1234567") == "shorter than the length of its header");
}

TEST_CASE("corrupt: header length above the limit") {
  CHECK(ErrorOf(std::string(8, '\xff')) ==
        "a header of 18446744073709551615 bytes is longer than allowed; not a safetensors file?");
}

TEST_CASE("corrupt: cut short at every byte") {
  const std::string whole = Raw(GoodHeader().dump(), GoodData());
  for (size_t size = 0; size < whole.size(); ++size) {
    CHECK(ErrorOf(whole.substr(0, size)) != "ok");
  }
}

TEST_CASE("corrupt: cut short in the header") {
  CHECK(ErrorOf(Raw(GoodHeader().dump(), "").substr(0, 50))
            .find("ends in its header, after 50 of ") == 0);
}

TEST_CASE("corrupt: bytes behind the last tensor") {
  CHECK(ErrorOf(Raw(GoodHeader().dump(), GoodData() + "x")) ==
        "the tensors end at byte 28 of 29 bytes of data");
}

TEST_CASE("corrupt: header that is not a JSON object") {
  CHECK(ErrorOf(Raw("", "")) == "the header does not begin with \"{\"");
  CHECK(ErrorOf(Raw("[1]", "")) == "the header does not begin with \"{\"");
  CHECK(ErrorOf(Raw("{\"a\":", "")) == "the header is not JSON");
  CHECK(ErrorOf(Raw("{} {}", "")) == "the header is not JSON");
  CHECK(ErrorOf(Raw("{\"\xff\":1}", "")) == "the header is not JSON");
}

TEST_CASE("corrupt: header with a member twice") {
  CHECK(ErrorOf(Raw("{\"a\":1,\"a\":2}", "")) == "the header has \"a\" twice");
  CHECK(ErrorOf(Raw("{\"a\":{\"dtype\":1,\"dtype\":2}}", "")) == "the header has \"dtype\" twice");
}

TEST_CASE("corrupt: tensor that is not an object, lacks a member or has one more") {
  CHECK(ErrorAfter([](json& h) { h["bias"] = 3; }) == "tensor \"bias\": not an object");
  CHECK(ErrorAfter([](json& h) { h["bias"].erase("dtype"); }) ==
        "tensor \"bias\": \"dtype\" is missing");
  CHECK(ErrorAfter([](json& h) { h["bias"].erase("shape"); }) ==
        "tensor \"bias\": \"shape\" is missing");
  CHECK(ErrorAfter([](json& h) { h["bias"].erase("data_offsets"); }) ==
        "tensor \"bias\": \"data_offsets\" is missing");
  CHECK(ErrorAfter([](json& h) { h["bias"]["x"] = 1; }) ==
        "tensor \"bias\": more than \"dtype\", \"shape\" and \"data_offsets\"");
}

TEST_CASE("corrupt: scales") {
  const auto with_scales = [](int count) {
    json header = GoodHeader();
    header.erase("bias");
    header["weights.values"] = {{"dtype", "I8"}, {"shape", {2, 1}}, {"data_offsets", {16, 18}}};
    if (count > 0) {
      header["weights.scales"] = {
          {"dtype", "F32"}, {"shape", {count}}, {"data_offsets", {18, 18 + 4 * count}}};
    }
    return ErrorOf(Raw(header.dump(), GoodData().substr(0, 16) + std::string(2 + 4 * count, 0)));
  };
  CHECK(with_scales(2) == "ok");
  CHECK(with_scales(0) == "table \"weights\": I8 values and scales belong together");
  CHECK(with_scales(1) == "table \"weights\": 1 scales for 2 rows");
}

TEST_CASE("corrupt: dtype") {
  CHECK(ErrorAfter([](json& h) { h["bias"]["dtype"] = "F64"; }) ==
        "tensor \"bias\": \"dtype\" is none of \"F32\", \"U64\", \"BF16\" and \"I8\"");
  CHECK(ErrorAfter([](json& h) { h["bias"]["dtype"] = 1; }) ==
        "tensor \"bias\": \"dtype\" is none of \"F32\", \"U64\", \"BF16\" and \"I8\"");
}

TEST_CASE("corrupt: shape") {
  CHECK(ErrorAfter([](json& h) { h["bias"]["shape"] = "1"; }) ==
        "tensor \"bias\": \"shape\" is not a list");
  for (const json& size : {json(-1), json(1.5), json("1")}) {
    CHECK(ErrorAfter([&](json& h) { h["bias"]["shape"][0] = size; }) ==
          "tensor \"bias\": \"shape\" holds what is no whole number");
  }
  CHECK(ErrorAfter([](json& h) {
          h["bias"]["shape"] = {1, 2};
        }) == "tensor \"bias\": its shape takes 8 bytes, its offsets give 4");
}

TEST_CASE("corrupt: shape that overflows") {
  CHECK(ErrorAfter([](json& h) {
          h["bias"]["shape"] = {uint64_t{1} << 62, 5};
        }) == "tensor \"bias\": the shape is too large");
  // 2^62 x 4 bytes wraps to 0.
  CHECK(ErrorAfter([](json& h) {
          h["bias"]["shape"] = {uint64_t{1} << 62, 1};
        }) == "tensor \"bias\": the shape is too large");
}

TEST_CASE("corrupt: offsets") {
  const std::string bad = "tensor \"bias\": \"data_offsets\" is not a begin and an end";
  CHECK(ErrorAfter([](json& h) { h["bias"]["data_offsets"] = {28, 24}; }) == bad);
  CHECK(ErrorAfter([](json& h) { h["bias"]["data_offsets"] = {24}; }) == bad);
  CHECK(ErrorAfter([](json& h) {
          h["bias"]["data_offsets"] = {24, 32};
        }) == "tensor \"bias\": ends at byte 32 of 28 bytes of data");
}

TEST_CASE("corrupt: tensors that overlap") {
  CHECK(ErrorAfter([](json& h) {
          h["bias"]["data_offsets"] = {20, 24};
        }) == "tensor \"bias\" begins at byte 20, inside the one before it, which ends at 24");
}

TEST_CASE("corrupt: gap between tensors") {
  CHECK(ErrorAfter([](json& h) { h.erase("weights.values"); }) ==
        "tensor \"bias\" begins at byte 24, after a gap that begins at 16");
}

TEST_CASE("corrupt: metadata") {
  CHECK(ErrorAfter([](json& h) { h["__metadata__"] = 1; }) == "the metadata are not an object");
  CHECK(ErrorAfter([](json& h) { h["__metadata__"]["sparse"] = true; }) ==
        "metadata \"sparse\" is not a string");
  CHECK(ErrorAfter([](json& h) { h["__metadata__"]["sparse"] = "yes"; }) ==
        "metadata \"sparse\" is neither true nor false");
  CHECK(ErrorAfter([](json& h) { h["__metadata__"]["columns"] = "-1"; }) ==
        "metadata \"columns\" is not a count");
  CHECK(ErrorAfter([](json& h) { h["__metadata__"].erase("model"); }) ==
        "metadata \"model\" is missing");
  CHECK(ErrorAfter([](json& h) {
          h["__metadata__"]["model"] = "{\"no\":1}";
        }).find("metadata \"model\": ") == 0);
}

TEST_CASE("corrupt: another format") {
  json header = GoodHeader();
  header["__metadata__"]["format"] = "paramd.model.v9";
  const std::string expected =
      "not a model of paramd: metadata \"format\" is not \"paramd.model.v1\"";
  CHECK(ErrorOf(Raw(header.dump(), GoodData()), absl::StatusCode::kInvalidArgument) == expected);
  CHECK(ErrorOf(Raw("{}", ""), absl::StatusCode::kInvalidArgument) == expected);
}

TEST_CASE("corrupt: tensors that make no tables") {
  const auto rename = [](const char* from, const char* to) {
    return [=](json& h) {
      h[to] = h[from];
      h.erase(from);
    };
  };
  CHECK(ErrorAfter(rename("bias", "a b")) == "tensor \"a b\" is not of a table");
  CHECK(ErrorAfter(rename("bias", "weights")) ==
        "tensor \"weights\" is of a table that is both sparse and dense");
  CHECK(ErrorAfter(rename("weights.keys", "w.keys")) == "table \"w\": keys without values");
  CHECK(ErrorAfter(rename("weights.values", "weights.x")) ==
        "table \"weights\": keys without values");
  CHECK(ErrorAfter(rename("bias", "bias.values")) == "table \"bias\": values without keys");
  CHECK(ErrorAfter(rename("weights.keys", "weights")) == "tensor \"weights\" has the wrong dtype");
  CHECK(ErrorAfter([](json& h) { h["bias"]["shape"] = {1}; }) ==
        "tensor \"bias\" has the wrong number of dimensions");
  CHECK(ErrorAfter([](json& h) {
          h["weights.values"]["shape"] = {1, 2};
        }) == "table \"weights\": 2 keys for 1 rows");
}

TEST_CASE("corrupt: keys that are not ascending") {
  std::string data = GoodData();
  data[8] = 0;
  CHECK(ErrorOf(Raw(GoodHeader().dump(), data)) == "table \"weights\": keys are not ascending");
}

}  // namespace
}  // namespace paramd
