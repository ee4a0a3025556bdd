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
#include "server/optimizer/step.h"

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
  settings.set_momentum(0.9);
  settings.set_rho(damped ? 0.9 : 0.999999);
  settings.set_beta1(0.9);
  settings.set_beta2(damped ? 0.999 : 0.999999);
  settings.set_weight_decay(damped ? 0.01 : 1e6);
  if (damped) settings.set_clip_value(1e10);
  return settings;
}

// Every rule, damped or not.
std::vector<v1::Optimizer> AllSettings() {
  std::vector<v1::Optimizer> all;
  for (const bool damped : {true, false}) {
    for (int type = v1::Optimizer::SGD; type <= v1::Optimizer::ADAMW; ++type) {
      all.push_back(Settings(static_cast<v1::Optimizer::Type>(type), damped));
    }
    for (const auto type : {v1::DelayCompensation::DC_ASGD_C, v1::DelayCompensation::DC_ASGD_A}) {
      v1::Optimizer settings = Settings(v1::Optimizer::SGD, damped);
      settings.mutable_delay()->set_type(type);
      settings.mutable_delay()->set_lambda(damped ? 0.04 : 1e6);
      settings.mutable_delay()->set_mean_decay(damped ? 0.95 : 0);
      all.push_back(settings);
    }
  }
  return all;
}

constexpr float kLargest = std::numeric_limits<float>::max();

float Saturated(float value) { return std::clamp(value, -kLargest, kLargest); }

float Shrunk(const Step& step, float w) {
  return std::copysign(std::max(std::fabs(Saturated(w)) - step.shrink, 0.0f), w);
}

float MeanSquare(double keep, float s, float x) {
  return Saturated(static_cast<float>(keep) * s + static_cast<float>(1 - keep) * (x * x));
}

// The headers' formulas, in float32 and in the order of the code. `pulled`: what the gradient was
// computed from.
void Update(const v1::Optimizer& settings, const Step& step, float g, float pulled, Element* e) {
  const auto epsilon = static_cast<float>(settings.epsilon());
  const auto l2 = static_cast<float>(settings.l2());
  const auto momentum = static_cast<float>(settings.momentum());
  g = std::clamp(g, -step.clip, step.clip);
  float& w = e->w;
  float* const s = e->s;
  const float h = Saturated(g + l2 * w);
  switch (settings.type()) {
    case v1::Optimizer::SGD: {
      const auto delay = settings.delay().type();
      auto lambda = static_cast<float>(settings.delay().lambda());
      float full = h;
      if (delay == v1::DelayCompensation::DC_ASGD_A) {
        s[0] = MeanSquare(settings.delay().mean_decay(), s[0], g);
        lambda = lambda / std::sqrt(s[0] + 1e-7f);
      }
      if (delay != v1::DelayCompensation::TYPE_UNSPECIFIED) {
        const float square = Saturated(lambda * Saturated(g * g));
        const float moved = Saturated(w - pulled);
        full = Saturated(Saturated(g + Saturated(square * moved)) + l2 * w);
      }
      w = Shrunk(step, w - step.rate * full);
      return;
    }
    case v1::Optimizer::MOMENTUM:
      s[0] = Saturated(momentum * s[0] - step.rate * h);
      w = Shrunk(step, w + s[0]);
      return;
    case v1::Optimizer::NESTEROV: {
      const float change = Saturated(step.rate * h);
      s[0] = Saturated(momentum * s[0] - change);
      w = Shrunk(step, w + Saturated(momentum * s[0] - change));
      return;
    }
    case v1::Optimizer::ADAGRAD:
    case v1::Optimizer::RMSPROP: {
      s[0] = settings.type() == v1::Optimizer::RMSPROP ? MeanSquare(settings.rho(), s[0], h)
                                                       : Saturated(s[0] + h * h);
      const float denominator = std::sqrt(s[0]) + epsilon;
      w = Shrunk(step, w - (denominator > 0 ? step.rate * h / denominator : 0.0f));
      return;
    }
    case v1::Optimizer::ADADELTA: {
      s[0] = MeanSquare(settings.rho(), s[0], h);
      const float gradients = std::sqrt(s[0] + epsilon), changes = std::sqrt(s[1] + epsilon);
      const float x = Saturated((gradients > 0 ? Saturated(changes / gradients) : 0.0f) * h);
      s[1] = MeanSquare(settings.rho(), s[1], x);
      w = Shrunk(step, w - step.rate * x);
      return;
    }
    case v1::Optimizer::ADAM:
    case v1::Optimizer::ADAMW: {
      const auto beta1 = static_cast<float>(settings.beta1());
      const auto rest = static_cast<float>(1 - settings.beta1());
      s[0] = Saturated(beta1 * s[0] + rest * h);
      s[1] = MeanSquare(settings.beta2(), s[1], h);
      const float mean = Saturated(s[0] * step.first_correction);
      const float denominator = std::sqrt(Saturated(s[1] * step.second_correction)) + epsilon;
      const float x = denominator > 0 ? Saturated(mean / denominator) : 0.0f;
      const bool decays = settings.type() == v1::Optimizer::ADAMW;
      const auto decay = decays ? static_cast<float>(settings.weight_decay()) : 0.0f;
      w = Shrunk(step, w - step.rate * Saturated(x + decay * w));
      return;
    }
    default: {
      const auto alpha = static_cast<float>(settings.alpha());
      const auto l1 = static_cast<float>(settings.l1());
      const float total = Saturated(step.examples * g);
      const float squares = Saturated(s[1] + total * total);
      const float sigma = (std::sqrt(squares) - std::sqrt(s[1])) / alpha;
      s[0] = Saturated(s[0] + Saturated(step.rate * total - sigma * w));
      s[1] = squares;
      const float denominator =
          (static_cast<float>(settings.beta()) + std::sqrt(squares)) / alpha + l2;
      const float shrunk = s[0] - (std::signbit(s[0]) ? -l1 : l1);
      w = std::fabs(s[0]) > l1 && denominator > 0 ? Saturated(-shrunk / denominator) : 0.0f;
    }
  }
}

// Ordinary values, zeros of both signs, denormals, tiny and huge ones, the largest.
float Draw(Random& random) {
  const auto sign = random.NextBelow(2) == 0 ? -1.0f : 1.0f;
  switch (random.NextBelow(9)) {
    case 8:
      return sign * std::numeric_limits<float>::max();
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
    for (const v1::Optimizer& settings : AllSettings()) {
      CAPTURE(hwy::TargetName(target), settings.ShortDebugString());
      const std::unique_ptr<const Optimizer> optimizer = *CreateOptimizer(settings);
      Random random(1);
      check(settings, *optimizer, random);
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
      std::vector<float> w(n), pulled(n), state(slots * stride, -7);
      for (int slot = 0; slot < slots; ++slot) std::fill_n(state.data() + slot * stride, n, 0.0f);
      for (size_t step = 0; step < 5; ++step) {
        const GradientsAt gradients(n, (n + step) % 5, random);
        const Step common = optimizer.StepOf({.examples = 1 + step * step, .clock = step});
        for (float& value : pulled) value = Draw(random);
        const bool known = step != 2;
        optimizer.Apply(gradients.data(), common, static_cast<int64_t>(n), w.data(), state.data(),
                        static_cast<int64_t>(stride), known ? pulled.data() : nullptr);
        size_t same = 0, untouched = 0;
        for (size_t i = 0; i < n; ++i) {
          Update(settings, common, gradients[i], known ? pulled[i] : expected[i].w, &expected[i]);
          same += SameBits(w[i], expected[i].w) && std::isfinite(w[i]);
          for (int slot = 0; slot < slots; ++slot) {
            const float value = state[slot * stride + i];
            same += SameBits(value, expected[i].s[slot]) && std::isfinite(value);
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

// Every second row of an array is updated, from the last to the first; those in between stay.
void CheckRows(const v1::Optimizer& settings, const Optimizer& optimizer, size_t count, size_t dim,
               Random& random) {
  const size_t width = 1 + optimizer.state_slots();
  std::vector<float> rows(2 * count * width * dim), before(count * dim);
  std::vector<float*> at(count);
  std::vector<const float*> pulled(count);
  for (size_t i = 0; i < count; ++i) {
    at[i] = &rows[2 * (count - 1 - i) * width * dim];
    pulled[i] = i % 3 == 0 ? nullptr : &before[i * dim];
  }
  std::vector<Element> expected(count * dim);
  for (size_t step = 0; step < 3; ++step) {
    const GradientsAt gradients(count * dim, (count + step) % 4, random);
    for (float& value : before) value = Draw(random);
    const Step common = optimizer.StepOf({.examples = 3, .clock = step});
    optimizer.ApplyRows(gradients.data(), common, at.data(), static_cast<int64_t>(count),
                        static_cast<int64_t>(dim), step == 1 ? nullptr : pulled.data());
    size_t same = 0;
    for (size_t i = 0; i < count * dim; ++i) {
      const bool known = step != 1 && pulled[i / dim] != nullptr;
      Update(settings, common, gradients[i], known ? before[i] : expected[i].w, &expected[i]);
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

TEST_CASE("scattered rows of any dimension") {
  ForEachRule([](const v1::Optimizer& settings, const Optimizer& optimizer, Random& random) {
    for (const size_t dim : {1, 2, 3, 4, 7, 15, 16, 17, 33, 300}) {
      for (const size_t count : {0, 1, 2, 15, 16, 17, 255, 256, 257, 600}) {
        if (dim <= 20 || count <= 20) CheckRows(settings, optimizer, count, dim, random);
      }
    }
  });
}

TEST_CASE("whatever the gradients, parameters and state stay finite") {
  ForEachRule([](const v1::Optimizer& settings, const Optimizer& optimizer, Random& random) {
    constexpr int64_t kN = 64;
    std::vector<float> g(kN), w(kN), pulled(kN), state(2 * kN);
    for (uint64_t clock = 0; clock < 300; ++clock) {
      for (int64_t i = 0; i < kN; ++i) {
        // The largest of one sign, of both signs in turn, or anything.
        g[i] = i % 3 == 2 ? Draw(random) : i % 3 == 1 && clock % 2 == 1 ? -kLargest : kLargest;
        pulled[i] = Draw(random);
      }
      optimizer.Apply(g.data(), optimizer.StepOf({.examples = 1000, .clock = clock}), kN, w.data(),
                      state.data(), kN, pulled.data());
      const auto finite = [](float value) { return std::isfinite(value); };
      REQUIRE(std::all_of(w.begin(), w.end(), finite));
      REQUIRE(std::all_of(state.begin(), state.end(), finite));
    }
  });
}

}  // namespace
}  // namespace paramd
