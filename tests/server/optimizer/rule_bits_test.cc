// The vector code of every rule, for every instruction set that this CPU has, against the formulas
// of the headers written one element at a time: equal to the bit.
#include <algorithm>
#include <catch2/catch.hpp>
#include <cmath>
#include <cstring>
#include <limits>
#include <vector>

#include "common/base/random.h"
#include "hwy/targets.h"
#include "server/optimizer/create_optimizer.h"
#include "server/optimizer/optimizer.h"

namespace paramd {
namespace {

// One element: parameter w and state s.
struct Element {
  float w = 0;
  float s[2] = {0, 0};
};

v1::Optimizer Settings(v1::Optimizer::Type type, bool damped) {
  v1::Optimizer settings;
  settings.set_type(type);
  settings.set_learning_rate(0.1);
  settings.set_epsilon(damped ? 1e-8 : 0);
  settings.set_alpha(0.05);
  settings.set_beta(damped ? 1 : 0);
  settings.set_l1(damped ? 0.3 : 0);
  settings.set_l2(damped ? 0.02 : 0);
  return settings;
}

float Saturated(float value) {
  constexpr float kLargest = std::numeric_limits<float>::max();
  return std::clamp(value, -kLargest, kLargest);
}

// sgd.h, adagrad.h, ftrl.h.
void Update(const v1::Optimizer& settings, float g, uint64_t examples, Element* e) {
  const auto rate = static_cast<float>(settings.learning_rate());
  const auto epsilon = static_cast<float>(settings.epsilon());
  const auto alpha = static_cast<float>(settings.alpha());
  const auto beta = static_cast<float>(settings.beta());
  const auto l1 = static_cast<float>(settings.l1());
  const auto l2 = static_cast<float>(settings.l2());
  if (settings.type() == v1::Optimizer::SGD) {
    e->w = e->w - rate * (g + l2 * e->w);
  } else if (settings.type() == v1::Optimizer::ADAGRAD) {
    const float h = g + l2 * e->w;
    e->s[0] = Saturated(e->s[0] + h * h);
    const float denominator = std::sqrt(e->s[0]) + epsilon;
    if (denominator > 0) e->w = e->w - rate * h / denominator;
  } else {
    const float total = Saturated(static_cast<float>(examples) * g);
    const float squares = Saturated(e->s[1] + total * total);
    const float sigma = (std::sqrt(squares) - std::sqrt(e->s[1])) / alpha;
    e->s[0] = Saturated(e->s[0] + (total - sigma * e->w));
    e->s[1] = squares;
    const float denominator = (beta + std::sqrt(squares)) / alpha + l2;
    const float shrunk = e->s[0] - (std::signbit(e->s[0]) ? -l1 : l1);
    e->w = std::fabs(e->s[0]) > l1 && denominator > 0 ? -shrunk / denominator : 0.0f;
  }
}

// Ordinary values, zeros of both signs, denormals, tiny and huge ones.
float Draw(Random& random) {
  const auto sign = random.NextBelow(2) == 0 ? -1.0f : 1.0f;
  switch (random.NextBelow(8)) {
    case 0:
      return sign * 0.0f;
    case 1:
      return sign * static_cast<float>(random.NextBelow(1000)) *
             std::numeric_limits<float>::denorm_min();
    case 2:
      return sign * static_cast<float>(random.NextUnit()) * 1e-20f;
    case 3:
      return sign * static_cast<float>(random.NextUnit()) * 1e20f;
    default:
      return sign * static_cast<float>(random.NextUnit());
  }
}

bool SameBits(float a, float b) { return std::memcmp(&a, &b, sizeof(a)) == 0; }

// Calls check(settings, optimizer, random) for each rule, damped or not, in the code for each
// instruction set.
template <typename Check>
void ForEachRule(const Check& check) {
  const std::vector<int64_t> targets = hwy::SupportedAndGeneratedTargets();
  REQUIRE_FALSE(targets.empty());
  for (const int64_t target : targets) {
    hwy::SetSupportedTargetsForTest(target);
    for (const auto type : {v1::Optimizer::SGD, v1::Optimizer::ADAGRAD, v1::Optimizer::FTRL}) {
      for (const bool damped : {true, false}) {
        CAPTURE(hwy::TargetName(target), type, damped);
        const v1::Optimizer settings = Settings(type, damped);
        const std::unique_ptr<const Optimizer> optimizer = *CreateOptimizer(settings);
        Random random(1);
        check(settings, *optimizer, random);
      }
    }
  }
  hwy::SetSupportedTargetsForTest(0);
}

// Gradients at an address that is `offset` bytes after an aligned one.
class GradientsAt {
 public:
  GradientsAt(size_t size, size_t offset, Random& random)
      : values_(size), bytes_(size * sizeof(float) + offset), offset_(offset) {
    for (float& value : values_) value = Draw(random);
    if (size > 0) std::memcpy(bytes_.data() + offset, values_.data(), size * sizeof(float));
  }
  float operator[](size_t i) const { return values_[i]; }
  const void* data() const { return bytes_.data() + offset_; }

 private:
  std::vector<float> values_;
  std::vector<uint8_t> bytes_;
  size_t offset_;
};

TEST_CASE("a run of any length, with gradients at any alignment") {
  ForEachRule([](const v1::Optimizer& settings, const Optimizer& optimizer, Random& random) {
    const int slots = optimizer.state_slots();
    for (size_t n = 0; n <= 70; ++n) {
      const size_t stride = n + 3;
      std::vector<Element> expected(n);
      std::vector<float> w(n), state(slots * stride, -7);
      for (int slot = 0; slot < slots; ++slot) std::fill_n(state.data() + slot * stride, n, 0.0f);
      for (size_t step = 0; step < 5; ++step) {
        const GradientsAt gradients(n, (n + step) % 5, random);
        const uint64_t examples = 1 + step * step;
        optimizer.Apply(gradients.data(), examples, static_cast<int64_t>(n), w.data(), state.data(),
                        static_cast<int64_t>(stride));
        size_t same = 0, untouched = 0;
        for (size_t i = 0; i < n; ++i) {
          Update(settings, gradients[i], examples, &expected[i]);
          same += SameBits(w[i], expected[i].w);
          for (int slot = 0; slot < slots; ++slot) {
            same += SameBits(state[slot * stride + i], expected[i].s[slot]);
          }
        }
        for (int slot = 0; slot < slots; ++slot) {
          for (size_t i = n; i < stride; ++i) untouched += state[slot * stride + i] == -7;
        }
        REQUIRE(same == n * (1 + slots));
        REQUIRE(untouched == (stride - n) * slots);
      }
    }
  });
}

TEST_CASE("scattered rows of any dimension") {
  ForEachRule([](const v1::Optimizer& settings, const Optimizer& optimizer, Random& random) {
    const size_t width = 1 + optimizer.state_slots();
    for (const size_t dim : {1, 2, 3, 4, 7, 15, 16, 17, 33, 300}) {
      for (const size_t count : {0, 1, 2, 15, 16, 17, 255, 256, 257, 600}) {
        if (dim > 20 && count > 20) continue;
        // Every second row of an array is updated, from the last to the first.
        std::vector<float> rows(2 * count * width * dim);
        std::vector<float*> at(count);
        for (size_t i = 0; i < count; ++i) at[i] = &rows[2 * (count - 1 - i) * width * dim];
        std::vector<Element> expected(count * dim);
        for (size_t step = 0; step < 3; ++step) {
          const GradientsAt gradients(count * dim, (count + step) % 4, random);
          optimizer.ApplyRows(gradients.data(), 3, at.data(), static_cast<int64_t>(count),
                              static_cast<int64_t>(dim));
          size_t same = 0;
          for (size_t i = 0; i < count * dim; ++i) {
            Update(settings, gradients[i], 3, &expected[i]);
            const float* const element = at[i / dim] + i % dim;
            same += SameBits(element[0], expected[i].w);
            for (size_t slot = 1; slot < width; ++slot) {
              same += SameBits(element[slot * dim], expected[i].s[slot - 1]);
            }
          }
          REQUIRE(same == count * dim * width);
        }
        size_t zeros = 0;
        for (size_t i = 0; i < count; ++i) {
          const float* const between = &rows[(2 * i + 1) * width * dim];
          zeros += std::all_of(between, between + width * dim, [](float x) { return x == 0; });
        }
        REQUIRE(zeros == count);
      }
    }
  });
}

TEST_CASE("sums of squares saturate") {
  ForEachRule([](const v1::Optimizer& settings, const Optimizer& optimizer, Random&) {
    const std::vector<float> g(20, 3e38f);
    std::vector<float> w(20), state(40);
    std::vector<Element> expected(20);
    for (int step = 0; step < 3; ++step) {
      optimizer.Apply(g.data(), 1, 20, w.data(), state.data(), 20);
      for (size_t i = 0; i < 20; ++i) {
        Update(settings, g[i], 1, &expected[i]);
        REQUIRE(SameBits(w[i], expected[i].w));
      }
    }
    const int slot = optimizer.state_slots() - 1;
    if (slot >= 0) CHECK(state[20 * slot] == std::numeric_limits<float>::max());
  });
}

}  // namespace
}  // namespace paramd
