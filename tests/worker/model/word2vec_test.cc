#include <algorithm>
#include <catch2/catch.hpp>
#include <cmath>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <vector>

#include "common/base/random.h"
#include "tests/worker/model/gradient_check.h"
#include "tests/worker/model/network_reference.h"
#include "worker/model/create_model.h"
#include "worker/model/skip_gram_pairs.h"
#include "worker/model/unigram_sampler.h"

namespace paramd {
namespace {

v1::Model Config(uint32_t dim, uint32_t window = 3, uint32_t negatives = 4) {
  v1::Model config;
  config.set_type(v1::Model::WORD2VEC);
  config.set_seed(42);
  config.set_dim(dim);
  config.set_init_scale(0.05);
  config.set_window(window);
  config.set_negatives(negatives);
  return config;
}

std::unique_ptr<Model> Make(const v1::Model& config) {
  return *CreateModel(config, {.sparse = true});
}

using Sentence = std::vector<uint64_t>;

Batch MakeBatch(const std::vector<Sentence>& sentences) {
  Batch batch;
  batch.row_offsets.push_back(0);
  for (const Sentence& words : sentences) {
    batch.unique_keys.insert(batch.unique_keys.end(), words.begin(), words.end());
  }
  std::vector<uint64_t>& keys = batch.unique_keys;
  std::sort(keys.begin(), keys.end());
  keys.erase(std::unique(keys.begin(), keys.end()), keys.end());
  for (const Sentence& words : sentences) {
    for (const uint64_t word : words) {
      const auto place = std::lower_bound(keys.begin(), keys.end(), word);
      batch.columns.push_back(static_cast<uint32_t>(place - keys.begin()));
      batch.values.push_back(1);
    }
    batch.labels.push_back(0);
    batch.row_offsets.push_back(static_cast<uint32_t>(batch.columns.size()));
  }
  return batch;
}

const std::vector<Sentence>& Sentences() {
  static const std::vector<Sentence> sentences = {
      {50, 20, 90, 20, 70}, {10}, {}, {20, 30, 50}, {90, 90}, {60, 10, 40, 80, 70, 20}};
  return sentences;
}

TEST_CASE("pairs with a window of one word are the neighbours") {
  SkipGramPairs pairs(1, 2, 42);
  Batch batch = MakeBatch({{5, 3, 9}, {7}, {3, 5}});
  pairs.Draw(&batch);
  const SkipGramPairList list(batch, 2);
  std::vector<std::vector<uint64_t>> found;
  for (size_t i = 0; i < list.size(); ++i) {
    REQUIRE(list[i].outputs.size() == 3);
    found.push_back(
        {list[i].row, batch.unique_keys[list[i].word], batch.drawn_keys[list[i].outputs[0]]});
  }
  CHECK(found == std::vector<std::vector<uint64_t>>{
                     {0, 5, 3}, {0, 3, 5}, {0, 3, 9}, {0, 9, 3}, {2, 3, 5}, {2, 5, 3}});
}

TEST_CASE("windows are drawn uniformly") {
  constexpr uint32_t kWindow = 4;
  SkipGramPairs pairs(kWindow, 1, 42);
  Sentence words(20000);
  for (size_t i = 0; i < words.size(); ++i) words[i] = i;
  Batch batch = MakeBatch({words});
  pairs.Draw(&batch);
  const SkipGramPairList list(batch, 1);
  std::map<int64_t, int> distances;
  for (size_t i = 0; i < list.size(); ++i) {
    ++distances[static_cast<int64_t>(batch.drawn_keys[list[i].outputs[0]]) -
                static_cast<int64_t>(batch.unique_keys[list[i].word])];
  }
  CHECK(distances.size() == 2 * kWindow);
  for (int64_t d = 1; d <= kWindow; ++d) {
    // A context at distance d is there when the window is one of d .. 4.
    const double expected = 20000.0 * static_cast<double>(kWindow - d + 1) / kWindow;
    CHECK(distances[d] == Approx(expected).epsilon(0.03));
    CHECK(distances[-d] == Approx(expected).epsilon(0.03));
  }
}

TEST_CASE("keys are the batch's words and the negative ones") {
  const std::unique_ptr<Model> model = Make(Config(3));
  Batch first = MakeBatch({{1, 2, 3, 4, 5, 6, 7, 8}}), second = MakeBatch({{100, 101}});
  model->Prepare(&first);
  model->Prepare(&second);
  CHECK(absl::MakeConstSpan(second.unique_keys) == model->Keys(second, 0));
  const absl::Span<const uint64_t> keys = model->Keys(second, 1);
  CHECK(std::is_sorted(keys.begin(), keys.end(), std::less_equal<>()));
  CHECK(std::includes(keys.begin(), keys.end(), second.unique_keys.begin(),
                      second.unique_keys.end()));
  // Negative words are also those of batches before.
  CHECK(keys.size() > 2);
  CHECK(std::all_of(keys.begin(), keys.end(), [](uint64_t key) {
    return (1 <= key && key <= 8) || key == 100 || key == 101;
  }));
}

TEST_CASE("draws are the same again for the same seed and batches") {
  const auto draw = [](uint64_t seed, int times) {
    SkipGramPairs pairs(3, 4, seed);
    Batch batch = MakeBatch(Sentences());
    for (int i = 0; i < times; ++i) pairs.Draw(&batch);
    return batch.drawn;
  };
  CHECK(draw(1, 1) == draw(1, 1));
  CHECK(draw(1, 2) == draw(1, 2));
  CHECK(draw(1, 2) != draw(1, 1));
  CHECK(draw(2, 1) != draw(1, 1));
}

TEST_CASE("words are drawn by count^0.75") {
  UnigramSampler sampler;
  const std::vector<uint64_t> counts = {1, 16, 81, 256, 4096};
  for (size_t i = 0; i < counts.size(); ++i) CHECK(sampler.Count(10 * i, counts[i]) == i);
  CHECK(sampler.Count(0, 0) == 0);
  CHECK(sampler.key(4) == 40);
  sampler.Update();
  const double sum = 1 + 8 + 27 + 64 + 512;
  Random random(4);
  constexpr int kDraws = 200000;
  std::vector<int> drawn(counts.size());
  for (int i = 0; i < kDraws; ++i) ++drawn[sampler.Draw(random.NextUnit())];
  for (size_t i = 0; i < counts.size(); ++i) {
    const double p = std::pow(static_cast<double>(counts[i]), 0.75) / sum;
    CHECK(drawn[i] / double{kDraws} == Approx(p).margin(4 * std::sqrt(p / kDraws)));
  }
  CHECK(sampler.Draw(0) == 0);
  CHECK(sampler.Draw(std::nextafter(1.0, 0.0)) == 4);
  // A new word takes part when an eighth more was counted.
  CHECK(sampler.Count(50, 1) == 5);
  sampler.Update();
  CHECK(sampler.Draw(std::nextafter(1.0, 0.0)) == 4);
  sampler.Count(50, 600);
  sampler.Update();
  CHECK(sampler.Draw(std::nextafter(1.0, 0.0)) == 5);
}

// Equation 4 for a pair.
double LossOfPair(const SkipGramPair& pair, size_t k, const DoubleArrays& parameters) {
  double loss = 0;
  for (size_t n = 0; n < pair.outputs.size(); ++n) {
    if (pair.outputs[n] == SkipGramPair::kLeftOut) continue;
    double dot = 0;
    for (size_t j = 0; j < k; ++j) {
      dot += parameters[0][pair.word * k + j] * parameters[1][pair.outputs[n] * k + j];
    }
    loss -= std::log(1 / (1 + std::exp(n == 0 ? -dot : dot)));
  }
  return loss;
}

TEST_CASE("gradients are those of finite differences") {
  for (const uint32_t dim : {1, 3, 8}) {
    for (const bool weighted : {false, true}) {
      const v1::Model config = Config(dim);
      const std::unique_ptr<Model> model = Make(config);
      Batch batch = MakeBatch(Sentences());
      if (weighted) batch.weights = {2, 1, 1, 0.5f, 0, 1};
      model->Prepare(&batch);
      CheckGradients(*model, batch, [&](const DoubleArrays& parameters) {
        const SkipGramPairList pairs(batch, config.negatives());
        double sum = 0;
        for (size_t i = 0; i < pairs.size(); ++i) {
          sum += WeightOf(batch, pairs[i].row) * LossOfPair(pairs[i], dim, parameters);
        }
        return sum * static_cast<double>(batch.rows()) / static_cast<double>(pairs.size());
      });
    }
  }
}

TEST_CASE("scores are the sum of the losses of a row's pairs, and their number") {
  const v1::Model config = Config(5);
  const std::unique_ptr<Model> model = Make(config);
  Batch batch = MakeBatch(Sentences());
  model->Prepare(&batch);
  const Arrays parameters = RandomParameters(*model, batch);
  DoubleArrays exact;
  for (const auto& table : parameters) exact.emplace_back(table.begin(), table.end());
  std::vector<float> scores;
  model->Predict(batch, Spans(parameters), &scores);
  REQUIRE(scores.size() == 2 * batch.rows());
  std::vector<double> expected(scores.size());
  const SkipGramPairList pairs(batch, config.negatives());
  for (size_t i = 0; i < pairs.size(); ++i) {
    expected[2 * pairs[i].row] += LossOfPair(pairs[i], 5, exact);
    expected[2 * pairs[i].row + 1] += 1;
  }
  for (size_t i = 0; i < scores.size(); ++i) CHECK(scores[i] == Approx(expected[i]).margin(1e-6));
  CHECK(scores[2] == 0);  // a single word
}

TEST_CASE("batches without a pair have loss 0 and gradients 0") {
  for (const std::vector<Sentence>& sentences :
       {std::vector<Sentence>(), std::vector<Sentence>{{}, {4}, {5}}}) {
    const std::unique_ptr<Model> model = Make(Config(4));
    Batch batch = MakeBatch(sentences);
    model->Prepare(&batch);
    Arrays gradients;
    CHECK(Gradients(*model, batch, RandomParameters(*model, batch), &gradients) == 0);
    for (const std::vector<float>& table : gradients) {
      CHECK(table == std::vector<float>(table.size(), 0));
    }
  }
}

TEST_CASE("a draw of the context is left out") {
  const v1::Model config = Config(2);
  const std::unique_ptr<Model> model = Make(config);
  Batch batch = MakeBatch({{8, 8, 8}});
  model->Prepare(&batch);
  const SkipGramPairList pairs(batch, config.negatives());
  REQUIRE(pairs.size() > 0);
  for (size_t i = 0; i < pairs.size(); ++i) {
    for (size_t n = 1; n < pairs[i].outputs.size(); ++n) {
      CHECK(pairs[i].outputs[n] == SkipGramPair::kLeftOut);
    }
  }
  Arrays gradients;
  // The output vector is 0: log 2 for the context, nothing else.
  CHECK(Gradients(*model, batch, {{1, 2}, {0, 0}}, &gradients) == Approx(std::log(2.0)));
}

TEST_CASE("tables") {
  const std::vector<v1::TableSpec> tables = Make(Config(6))->Tables();
  REQUIRE(tables.size() == 2);
  CHECK(tables[0].name() == "input");
  CHECK(tables[0].initial_scale() == 0.05);
  CHECK(tables[1].name() == "output");
  CHECK(tables[1].initial_scale() == 0);
  for (const v1::TableSpec& table : tables) {
    CHECK(table.kind() == v1::TableSpec::SPARSE);
    CHECK(table.dim() == 6);
    CHECK(table.optimizer().type() == v1::Optimizer::ADAGRAD);
  }
  CHECK(CreateModel(Config(6), {.sparse = false, .columns = 3}).status().message() ==
        "model.type word2vec needs words, which data.format text has");
}

// ---- training

// Sentences of eight words that are all of one group; key of word w of group g: 10 g + w.
Batch Corpus(uint64_t seed, size_t sentences) {
  Random random(seed);
  std::vector<Sentence> corpus(sentences);
  for (Sentence& sentence : corpus) {
    const uint64_t group = random.NextBelow(5);
    for (int i = 0; i < 8; ++i) sentence.push_back(10 * group + random.NextBelow(10));
  }
  return MakeBatch(corpus);
}

TEST_CASE("words of a group come together") {
  constexpr size_t kDim = 16, kWords = 50;
  const std::unique_ptr<Model> model = Make(Config(kDim));
  const double rate = model->Tables()[0].optimizer().learning_rate();
  // A row for each key: there are as many words in every batch.
  Arrays parameters, squares, gradients;
  double loss = 0;
  for (uint64_t step = 0; step < 150; ++step) {
    Batch batch = Corpus(step, 200);
    REQUIRE(batch.unique_keys.size() == kWords);
    model->Prepare(&batch);
    if (step == 0) {
      parameters = RandomParameters(*model, batch);
      for (float& x : parameters[0]) x *= 0.1f;
      std::fill(parameters[1].begin(), parameters[1].end(), 0.0f);
      squares = {std::vector<float>(kWords * kDim), std::vector<float>(kWords * kDim)};
    }
    loss = Gradients(*model, batch, parameters, &gradients) / 200;
    if (step == 0) CHECK(loss == Approx(5 * std::log(2.0)).epsilon(0.05));
    for (size_t table = 0; table < 2; ++table) {
      for (size_t i = 0; i < parameters[table].size(); ++i) {
        const float g = gradients[table][i];
        squares[table][i] += g * g;
        parameters[table][i] -=
            static_cast<float>(rate) * g / (std::sqrt(squares[table][i]) + 1e-8f);
      }
    }
  }
  CHECK(loss < 2.5);
  size_t in_group = 0;
  const auto cosine = [&](size_t a, size_t b) {
    double ab = 0, aa = 0, bb = 0;
    for (size_t j = 0; j < kDim; ++j) {
      const double x = parameters[0][a * kDim + j], y = parameters[0][b * kDim + j];
      ab += x * y, aa += x * x, bb += y * y;
    }
    return ab / std::sqrt(aa * bb);
  };
  for (size_t word = 0; word < kWords; ++word) {
    size_t nearest = word == 0 ? 1 : 0;
    for (size_t other = 0; other < kWords; ++other) {
      if (other != word && cosine(word, other) > cosine(word, nearest)) nearest = other;
    }
    in_group += nearest / 10 == word / 10;
  }
  CHECK(in_group == kWords);
}

}  // namespace
}  // namespace paramd
