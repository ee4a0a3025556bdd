#include "server/optimizer/optimizer.h"

#include <catch2/catch.hpp>
#include <cmath>
#include <cstring>
#include <functional>
#include <limits>
#include <vector>

#include "common/base/random.h"
#include "server/optimizer/create_optimizer.h"

namespace paramd {
namespace {

v1::Optimizer Settings(v1::Optimizer::Type type) {
  v1::Optimizer settings;
  settings.set_type(type);
  settings.set_learning_rate(0.1);
  settings.set_epsilon(1e-8);
  settings.set_alpha(0.05);
  settings.set_beta(1);
  settings.set_l1(0.3);
  settings.set_l2(0.02);
  return settings;
}

std::unique_ptr<const Optimizer> Make(const v1::Optimizer& settings) {
  auto optimizer = CreateOptimizer(settings);
  REQUIRE(optimizer.ok());
  return *std::move(optimizer);
}

// One coordinate in double precision, written from the papers.
struct Reference {
  double w = 0, a = 0, b = 0;
};
using Step = std::function<void(Reference&, double g)>;

Step Written(const v1::Optimizer& s) {
  switch (s.type()) {
    case v1::Optimizer::SGD:
      return [s](Reference& r, double g) { r.w = r.w - s.learning_rate() * (g + s.l2() * r.w); };
    case v1::Optimizer::ADAGRAD:
      // Duchi et al. 2011, figure 1; a is the sum of squared gradients.
      return [s](Reference& r, double g) {
        const double full = g + s.l2() * r.w;
        r.a += full * full;
        r.w -= s.learning_rate() * full / (std::sqrt(r.a) + s.epsilon());
      };
    default:
      // McMahan et al. 2013, algorithm 1, in the paper's order: the weight is computed from z and
      // n (here a and b) first, then they are updated.
      return [s](Reference& r, double g) {
        const auto weight = [&] {
          if (std::abs(r.a) <= s.l1()) return 0.0;
          const double sign = r.a < 0 ? -1 : 1;
          return -1 / ((s.beta() + std::sqrt(r.b)) / s.alpha() + s.l2()) * (r.a - sign * s.l1());
        };
        const double w = weight();
        const double sigma = (std::sqrt(r.b + g * g) - std::sqrt(r.b)) / s.alpha();
        r.a = r.a + g - sigma * w;
        r.b = r.b + g * g;
        r.w = weight();
      };
  }
}

const v1::Optimizer::Type kTypes[] = {v1::Optimizer::SGD, v1::Optimizer::ADAGRAD,
                                      v1::Optimizer::FTRL};

TEST_CASE("every optimizer follows its paper over many random steps") {
  for (const auto type : kTypes) {
    const v1::Optimizer settings = Settings(type);
    const auto optimizer = Make(settings);
    const Step step = Written(settings);
    constexpr int kCoordinates = 37;
    std::vector<float> w(kCoordinates), state(kCoordinates * optimizer->state_slots());
    std::vector<Reference> reference(kCoordinates);
    Random random(1);
    int zeros = 0;
    for (int t = 0; t < 3000; ++t) {
      std::vector<float> g(kCoordinates);
      for (int i = 0; i < kCoordinates; ++i) {
        // Gradients of different size and drift, some of them zero.
        g[i] = random.NextBelow(10) == 0 ? 0
                                         : static_cast<float>((random.NextUnit() - 0.45) * (i + 1));
        step(reference[i], g[i]);
      }
      optimizer->Apply(g.data(), 1, kCoordinates, w.data(), state.data(), kCoordinates);
      for (int i = 0; i < kCoordinates; ++i) {
        // float32 against double: 3000 roundings of relative size 6e-8 stay far below 1e-4.
        REQUIRE(w[i] == Approx(reference[i].w).epsilon(1e-4).margin(1e-4));
        zeros += t >= 100 && w[i] == 0;
      }
    }
    CHECK((zeros > 0) == (type == v1::Optimizer::FTRL));  // l1 makes exact zeros
  }
}

TEST_CASE("ftrl takes the sum of the examples' gradients, sgd and adagrad their mean") {
  const std::vector<float> mean = {0.5f, -0.25f, 2.0f}, sum = {2.0f, -1.0f, 8.0f};
  for (const auto type : kTypes) {
    const auto optimizer = Make(Settings(type));
    const auto apply = [&](const std::vector<float>& g, uint64_t examples) {
      std::vector<float> w(3), state(3 * optimizer->state_slots());
      for (int t = 0; t < 5; ++t)
        optimizer->Apply(g.data(), examples, 3, w.data(), state.data(), 3);
      return w;
    };
    CHECK((apply(mean, 4) == apply(sum, 1)) == (type == v1::Optimizer::FTRL));
    CHECK((apply(mean, 4) == apply(mean, 1)) == (type != v1::Optimizer::FTRL));
  }
}

TEST_CASE("grouping of elements and slot stride make no difference to the bit") {
  for (const auto type : kTypes) {
    const auto optimizer = Make(Settings(type));
    constexpr int kN = 101, kStride = 128;
    std::vector<float> whole(kN), single(kN), whole_state(2 * kStride), single_state(2 * kN);
    Random random(2);
    for (int t = 0; t < 50; ++t) {
      std::vector<float> g(kN);
      for (float& value : g) value = static_cast<float>(random.NextUnit() - 0.5);
      optimizer->Apply(g.data(), 1, kN, whole.data(), whole_state.data(), kStride);
      for (int i = 0; i < kN; ++i) {
        optimizer->Apply(&g[i], 1, 1, &single[i], &single_state[2 * i], 1);
      }
    }
    CHECK(std::memcmp(whole.data(), single.data(), kN * sizeof(float)) == 0);
  }
}

TEST_CASE("no damping, tiny and huge gradients leave no NaN behind") {
  for (const auto type : {v1::Optimizer::ADAGRAD, v1::Optimizer::FTRL}) {
    v1::Optimizer settings = Settings(type);
    settings.set_epsilon(0);
    settings.set_beta(0);
    settings.set_l1(0);
    settings.set_l2(0);
    const auto optimizer = Make(settings);
    const std::vector<float> g = {0, 1e-30f, -1e-40f, 1e30f, -1e37f};
    std::vector<float> w(g.size()), state(2 * g.size());
    for (int t = 0; t < 3; ++t) {
      optimizer->Apply(g.data(), 1, g.size(), w.data(), state.data(), g.size());
      for (const float value : w) CHECK(std::isfinite(value));
    }
    CHECK(w[0] == 0);
  }
}

TEST_CASE("settings that make no sense are refused") {
  CHECK(CreateOptimizer(v1::Optimizer()).status().code() == absl::StatusCode::kInvalidArgument);
  for (const double bad : {-1.0, 1e7, std::numeric_limits<double>::quiet_NaN(),
                           std::numeric_limits<double>::infinity()}) {
    v1::Optimizer settings = Settings(v1::Optimizer::FTRL);
    settings.set_alpha(bad);
    CHECK_FALSE(CreateOptimizer(settings).ok());
    settings = Settings(v1::Optimizer::SGD);
    settings.set_learning_rate(bad);
    CHECK_FALSE(CreateOptimizer(settings).ok());
    settings = Settings(v1::Optimizer::ADAGRAD);
    settings.set_l2(bad);
    CHECK_FALSE(CreateOptimizer(settings).ok());
  }
}

}  // namespace
}  // namespace paramd
