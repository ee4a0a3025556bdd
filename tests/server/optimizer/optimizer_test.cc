#include "server/optimizer/optimizer.h"

#include <catch2/catch.hpp>
#include <cmath>
#include <cstring>
#include <functional>
#include <limits>
#include <string>
#include <vector>

#include "common/base/random.h"
#include "server/optimizer/create_optimizer.h"
#include "server/optimizer/step.h"

namespace paramd {
namespace {

v1::Optimizer Settings(v1::Optimizer::Type type) {
  v1::Optimizer settings;
  settings.set_type(type);
  settings.set_learning_rate(type == v1::Optimizer::ADADELTA ? 1 : 0.1);
  settings.set_epsilon(type == v1::Optimizer::ADADELTA ? 1e-4 : 1e-8);
  settings.set_alpha(0.05);
  settings.set_beta(1);
  // AdaDelta begins with small steps, but shrinks by its whole rate.
  settings.set_l1(type == v1::Optimizer::FTRL       ? 0.3
                  : type == v1::Optimizer::ADADELTA ? 1e-3
                                                    : 0.01);
  settings.set_l2(0.02);
  settings.set_momentum(0.9);
  settings.set_rho(0.95);
  settings.set_beta1(0.9);
  settings.set_beta2(0.999);
  settings.set_weight_decay(0.05);
  return settings;
}

v1::Optimizer Compensated(v1::DelayCompensation::Type type) {
  v1::Optimizer settings = Settings(v1::Optimizer::SGD);
  settings.mutable_delay()->set_type(type);
  settings.mutable_delay()->set_lambda(0.5);
  settings.mutable_delay()->set_mean_decay(0.9);
  return settings;
}

std::unique_ptr<const Optimizer> Make(const v1::Optimizer& settings) {
  auto optimizer = CreateOptimizer(settings);
  REQUIRE(optimizer.ok());
  return *std::move(optimizer);
}

// Applies a gradient of one example.
void Apply(const Optimizer& optimizer, const std::vector<float>& g, const GradientInfo& info,
           std::vector<float>& w, std::vector<float>& state, const float* pulled = nullptr) {
  const auto n = static_cast<int64_t>(g.size());
  optimizer.Apply(g.data(), optimizer.StepOf(info), n, w.data(), state.data(), n, pulled);
}

// One coordinate in double precision, written from the papers. `before`: the parameter that the
// gradient was computed from; t: steps, from 1 on.
struct Reference {
  double w = 0, a = 0, b = 0;
};
using Rule = std::function<void(Reference&, double g, double before, int t)>;

Rule WrittenForSgd(const v1::Optimizer& s) {
  switch (s.delay().type()) {
    case v1::DelayCompensation::DC_ASGD_C:
      // Zheng et al. 2017, equation 10.
      return [s](Reference& r, double g, double before, int) {
        r.w -= s.learning_rate() * (g + s.delay().lambda() * g * g * (r.w - before) + s.l2() * r.w);
      };
    case v1::DelayCompensation::DC_ASGD_A:
      // Equation 14; a is MeanSquare.
      return [s](Reference& r, double g, double before, int) {
        const double m = s.delay().mean_decay();
        r.a = m * r.a + (1 - m) * g * g;
        const double lambda = s.delay().lambda() / std::sqrt(r.a + 1e-7);
        r.w -= s.learning_rate() * (g + lambda * g * g * (r.w - before) + s.l2() * r.w);
      };
    default:
      return [s](Reference& r, double g, double, int) {
        r.w -= s.learning_rate() * (g + s.l2() * r.w);
      };
  }
}

// Nesterov's method at its two points: b is theta, a the velocity, w = theta + mu a is where
// gradients are taken. Sutskever et al. 2013, equations 3 and 4.
Rule WrittenForNesterov(const v1::Optimizer& s) {
  return [s](Reference& r, double g, double, int) {
    const double theta = r.w - s.momentum() * r.a;
    r.a = s.momentum() * r.a - s.learning_rate() * (g + s.l2() * r.w);
    r.w = theta + r.a + s.momentum() * r.a;
  };
}

Rule WrittenForAdam(const v1::Optimizer& s) {
  // Kingma and Ba 2015, algorithm 1; Loshchilov and Hutter 2019, algorithm 2.
  return [s](Reference& r, double g, double, int t) {
    const double h = g + s.l2() * r.w;
    r.a = s.beta1() * r.a + (1 - s.beta1()) * h;
    r.b = s.beta2() * r.b + (1 - s.beta2()) * h * h;
    const double m = r.a / (1 - std::pow(s.beta1(), t)), v = r.b / (1 - std::pow(s.beta2(), t));
    const double decay = s.type() == v1::Optimizer::ADAMW ? s.weight_decay() : 0;
    r.w -= s.learning_rate() * (m / (std::sqrt(v) + s.epsilon()) + decay * r.w);
  };
}

// McMahan et al. 2013, algorithm 1, in the paper's order: the weight is computed from z and n (here
// a and b) first, then they are updated.
Rule WrittenForFtrl(const v1::Optimizer& s) {
  return [s](Reference& r, double g, double, int) {
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

// Without L1.
Rule Written(const v1::Optimizer& s) {
  switch (s.type()) {
    case v1::Optimizer::SGD:
      return WrittenForSgd(s);
    case v1::Optimizer::MOMENTUM:
      // Sutskever et al. 2013, equations 1 and 2.
      return [s](Reference& r, double g, double, int) {
        r.a = s.momentum() * r.a - s.learning_rate() * (g + s.l2() * r.w);
        r.w += r.a;
      };
    case v1::Optimizer::NESTEROV:
      return WrittenForNesterov(s);
    case v1::Optimizer::ADAGRAD:
      // Duchi et al. 2011, figure 1; a is the sum of squared gradients.
      return [s](Reference& r, double g, double, int) {
        const double h = g + s.l2() * r.w;
        r.a += h * h;
        r.w -= s.learning_rate() * h / (std::sqrt(r.a) + s.epsilon());
      };
    case v1::Optimizer::RMSPROP:
      // Tieleman and Hinton 2012; a is the mean of squared gradients.
      return [s](Reference& r, double g, double, int) {
        const double h = g + s.l2() * r.w;
        r.a = s.rho() * r.a + (1 - s.rho()) * h * h;
        r.w -= s.learning_rate() * h / (std::sqrt(r.a) + s.epsilon());
      };
    case v1::Optimizer::ADADELTA:
      // Zeiler 2012, algorithm 1.
      return [s](Reference& r, double g, double, int) {
        const double h = g + s.l2() * r.w;
        r.a = s.rho() * r.a + (1 - s.rho()) * h * h;
        const double change = -std::sqrt(r.b + s.epsilon()) / std::sqrt(r.a + s.epsilon()) * h;
        r.b = s.rho() * r.b + (1 - s.rho()) * change * change;
        r.w += s.learning_rate() * change;
      };
    case v1::Optimizer::ADAM:
    case v1::Optimizer::ADAMW:
      return WrittenForAdam(s);
    default:
      return WrittenForFtrl(s);
  }
}

// Duchi and Singer 2009, equation 19.
double Proximal(const v1::Optimizer& s, double w) {
  if (s.type() == v1::Optimizer::FTRL) return w;
  const double size = std::max(std::abs(w) - s.learning_rate() * s.l1(), 0.0);
  return w < 0 ? -size : size;
}

std::vector<v1::Optimizer> AllSettings() {
  std::vector<v1::Optimizer> all;
  for (int type = v1::Optimizer::SGD; type <= v1::Optimizer::ADAMW; ++type) {
    all.push_back(Settings(static_cast<v1::Optimizer::Type>(type)));
  }
  all.push_back(Compensated(v1::DelayCompensation::DC_ASGD_C));
  all.push_back(Compensated(v1::DelayCompensation::DC_ASGD_A));
  return all;
}

TEST_CASE("every optimizer follows its paper over many random steps") {
  for (const v1::Optimizer& settings : AllSettings()) {
    CAPTURE(settings.ShortDebugString());
    const auto optimizer = Make(settings);
    const Rule rule = Written(settings);
    constexpr int kCoordinates = 37;
    std::vector<float> w(kCoordinates), state(kCoordinates * optimizer->state_slots());
    std::vector<float> before(kCoordinates);
    std::vector<Reference> reference(kCoordinates);
    Random random(1);
    int zeros = 0;
    double moved = 0;
    for (int t = 1; t <= 1000; ++t) {
      std::vector<float> g(kCoordinates);
      for (int i = 0; i < kCoordinates; ++i) {
        // Gradients of different size and drift, some of them zero, and a pull that to a part
        // follows w.
        g[i] = random.NextBelow(10) == 0
                   ? 0
                   : static_cast<float>((random.NextUnit() - 0.45) * (i + 1) / kCoordinates);
        rule(reference[i], g[i], before[i], t);
        reference[i].w = Proximal(settings, reference[i].w);
      }
      Apply(*optimizer, g, {.clock = static_cast<uint64_t>(t) - 1}, w, state, before.data());
      for (int i = 0; i < kCoordinates; ++i) {
        // float32 against double: 1000 roundings of relative size 6e-8 stay far below 1e-3.
        REQUIRE(w[i] == Approx(reference[i].w).epsilon(1e-3).margin(1e-3));
        zeros += t > 100 && w[i] == 0;
        moved = std::max(moved, std::abs(reference[i].w));
      }
      if (t % 3 == 0) before = w;
    }
    CHECK(moved > 0.1);
    CHECK(zeros > 0);  // l1 makes exact zeros
  }
}

TEST_CASE("ftrl takes the sum of the examples' gradients, the others their mean") {
  const std::vector<float> mean = {0.5f, -0.25f, 2.0f}, sum = {2.0f, -1.0f, 8.0f};
  for (const v1::Optimizer& settings : AllSettings()) {
    const auto optimizer = Make(settings);
    const auto apply = [&](const std::vector<float>& g, uint64_t examples) {
      std::vector<float> w(3), state(3 * optimizer->state_slots());
      for (int t = 0; t < 5; ++t) Apply(*optimizer, g, {.examples = examples}, w, state);
      return w;
    };
    const bool sums = settings.type() == v1::Optimizer::FTRL;
    CHECK((apply(mean, 4) == apply(sum, 1)) == sums);
    CHECK((apply(mean, 4) == apply(mean, 1)) != sums);
  }
}

TEST_CASE("the rate of ftrl is what its coordinates' rates are multiplied by") {
  v1::Optimizer settings = Settings(v1::Optimizer::FTRL);
  settings.set_l1(0);
  settings.set_l2(0);
  settings.mutable_schedule()->set_type(v1::Schedule::STEP);
  settings.mutable_schedule()->set_every(1);
  settings.mutable_schedule()->set_factor(0.5);
  const auto optimizer = Make(settings);
  std::vector<float> w(1), state(2);
  double expected = 0, squares = 0, factor = 1;
  Random random(3);
  for (uint64_t clock = 0; clock < 8; ++clock, factor /= 2) {
    const std::vector<float> g = {static_cast<float>(random.NextUnit() - 0.3)};
    squares += g[0] * g[0];
    expected -= factor * settings.alpha() / (settings.beta() + std::sqrt(squares)) * g[0];
    Apply(*optimizer, g, {.clock = clock}, w, state);
    CHECK(w[0] == Approx(expected).epsilon(1e-4));
  }
}

TEST_CASE("elements of a gradient are clipped before anything else") {
  for (v1::Optimizer settings : AllSettings()) {
    const auto free = Make(settings);
    settings.set_clip_value(0.5);
    const auto clipped = Make(settings);
    std::vector<float> w(4), w_clipped(4), state(8), state_clipped(8);
    for (uint64_t clock = 0; clock < 3; ++clock) {
      Apply(*clipped, {3, -0.25f, -7e30f, 0.5f}, {.clock = clock}, w_clipped, state_clipped);
      Apply(*free, {0.5f, -0.25f, -0.5f, 0.5f}, {.clock = clock}, w, state);
    }
    CHECK(w == w_clipped);
    CHECK(state == state_clipped);
  }
}

TEST_CASE("without a delay nothing is compensated") {
  for (const auto type : {v1::DelayCompensation::DC_ASGD_C, v1::DelayCompensation::DC_ASGD_A}) {
    const auto compensated = Make(Compensated(type)), plain = Make(Settings(v1::Optimizer::SGD));
    CHECK(compensated->uses_pulled());
    CHECK_FALSE(plain->uses_pulled());
    std::vector<float> w(2), same(2), expected(2), state(2), none;
    const std::vector<float> elsewhere = {5, 5};
    for (uint64_t clock = 0; clock < 5; ++clock) {
      const std::vector<float> before = w;
      Apply(*compensated, {1, -2}, {.clock = clock}, w, state, before.data());
      Apply(*compensated, {1, -2}, {.clock = clock}, same, state);
      Apply(*plain, {1, -2}, {.clock = clock}, expected, none);
      CHECK(w == expected);
      CHECK(same == expected);
    }
    Apply(*compensated, {1, -2}, {}, w, state, elsewhere.data());
    Apply(*plain, {1, -2}, {}, expected, none);
    CHECK(w != expected);
  }
}

TEST_CASE("grouping of elements and slot stride make no difference to the bit") {
  for (const v1::Optimizer& settings : AllSettings()) {
    const auto optimizer = Make(settings);
    constexpr int kN = 101, kStride = 128;
    std::vector<float> whole(kN), single(kN), whole_state(2 * kStride), single_state(2 * kN);
    Random random(2);
    for (uint64_t t = 0; t < 50; ++t) {
      std::vector<float> g(kN);
      for (float& value : g) value = static_cast<float>(random.NextUnit() - 0.5);
      const Step step = optimizer->StepOf({.clock = t});
      const std::vector<float> pulled(kN, 0.25f);
      optimizer->Apply(g.data(), step, kN, whole.data(), whole_state.data(), kStride,
                       pulled.data());
      for (int i = 0; i < kN; ++i) {
        optimizer->Apply(&g[i], step, 1, &single[i], &single_state[2 * i], 1, &pulled[i]);
      }
    }
    CHECK(std::memcmp(whole.data(), single.data(), kN * sizeof(float)) == 0);
  }
}

TEST_CASE("no damping, tiny and huge gradients leave no NaN behind") {
  for (v1::Optimizer settings : AllSettings()) {
    settings.set_epsilon(0);
    settings.set_beta(0);
    settings.set_l1(0);
    settings.set_l2(0);
    const auto optimizer = Make(settings);
    const std::vector<float> g = {0, 1e-30f, -1e-40f, 1e30f, -1e37f};
    std::vector<float> w(g.size()), state(2 * g.size());
    for (int t = 0; t < 3; ++t) {
      Apply(*optimizer, g, {}, w, state);
      for (const float value : w) CHECK(std::isfinite(value));
    }
    CHECK(w[0] == 0);
  }
}

// Whether the error names the setting.
bool IsRefused(const v1::Optimizer& settings, const std::string& name) {
  const absl::Status status = CreateOptimizer(settings).status();
  return status.code() == absl::StatusCode::kInvalidArgument &&
         std::string(status.message()).find(name) != std::string::npos;
}

TEST_CASE("settings that make no sense are refused") {
  using O = v1::Optimizer;
  CHECK(IsRefused(O(), "type"));
  struct Case {
    O::Type type;
    const char* name;
    std::function<void(O&, double)> set;
  };
  const Case cases[] = {
      {O::SGD, "learning_rate", [](O& o, double v) { o.set_learning_rate(v); }},
      {O::ADAMW, "learning_rate", [](O& o, double v) { o.set_learning_rate(v); }},
      {O::FTRL, "alpha", [](O& o, double v) { o.set_alpha(v); }},
      {O::FTRL, "beta", [](O& o, double v) { o.set_beta(v); }},
      {O::FTRL, "l1", [](O& o, double v) { o.set_l1(v); }},
      {O::SGD, "l1", [](O& o, double v) { o.set_l1(v); }},
      {O::ADAGRAD, "l2", [](O& o, double v) { o.set_l2(v); }},
      {O::ADAGRAD, "epsilon", [](O& o, double v) { o.set_epsilon(v); }},
      {O::RMSPROP, "epsilon", [](O& o, double v) { o.set_epsilon(v); }},
      {O::ADAM, "epsilon", [](O& o, double v) { o.set_epsilon(v); }},
      {O::MOMENTUM, "momentum", [](O& o, double v) { o.set_momentum(v); }},
      {O::NESTEROV, "momentum", [](O& o, double v) { o.set_momentum(v); }},
      {O::RMSPROP, "rho", [](O& o, double v) { o.set_rho(v); }},
      {O::ADADELTA, "rho", [](O& o, double v) { o.set_rho(v); }},
      {O::ADAM, "beta1", [](O& o, double v) { o.set_beta1(v); }},
      {O::ADAMW, "beta2", [](O& o, double v) { o.set_beta2(v); }},
      {O::ADAMW, "weight_decay", [](O& o, double v) { o.set_weight_decay(v); }},
      {O::ADAM, "clip_value", [](O& o, double v) { o.set_clip_value(v); }},
      {O::FTRL, "clip_norm", [](O& o, double v) { o.set_clip_norm(v); }},
      {O::SGD, "delay.lambda",
       [](O& o, double v) {
         o = Compensated(v1::DelayCompensation::DC_ASGD_C);
         o.mutable_delay()->set_lambda(v);
       }},
      {O::SGD, "delay.mean_decay",
       [](O& o, double v) {
         o = Compensated(v1::DelayCompensation::DC_ASGD_A);
         o.mutable_delay()->set_mean_decay(v);
       }},
      {O::SGD, "schedule.factor",
       [](O& o, double v) {
         o.mutable_schedule()->set_type(v1::Schedule::STEP);
         o.mutable_schedule()->set_every(1);
         o.mutable_schedule()->set_factor(v);
       }},
      {O::SGD, "schedule.power",
       [](O& o, double v) {
         o.mutable_schedule()->set_type(v1::Schedule::POLYNOMIAL);
         o.mutable_schedule()->set_steps(1);
         o.mutable_schedule()->set_power(v);
       }},
      {O::SGD, "schedule.end",
       [](O& o, double v) {
         o.mutable_schedule()->set_type(v1::Schedule::COSINE);
         o.mutable_schedule()->set_steps(1);
         o.mutable_schedule()->set_end(v);
       }},
  };
  for (const Case& c : cases) {
    for (const double bad : {-1.0, 1e31, std::numeric_limits<double>::quiet_NaN(),
                             std::numeric_limits<double>::infinity()}) {
      CAPTURE(c.type, c.name, bad);
      O settings = Settings(c.type);
      c.set(settings, bad);
      CHECK(IsRefused(settings, c.name));
    }
  }
}

TEST_CASE("schedules without steps, and delays that an optimizer has no use for, are refused") {
  v1::Optimizer settings = Settings(v1::Optimizer::SGD);
  settings.mutable_schedule()->set_type(v1::Schedule::COSINE);
  CHECK(IsRefused(settings, "schedule"));
  settings.mutable_schedule()->set_type(v1::Schedule::STEP);
  CHECK(IsRefused(settings, "schedule"));
  for (const auto type : {v1::DelayCompensation::DC_ASGD_C, v1::DelayCompensation::DC_ASGD_A,
                          v1::DelayCompensation::ADA_DELAY}) {
    settings = Settings(v1::Optimizer::ADAM);
    settings.mutable_delay()->set_type(type);
    CHECK(IsRefused(settings, "delay.type"));
  }
  settings.mutable_delay()->set_type(v1::DelayCompensation::SCALED_RATE);
  CHECK(CreateOptimizer(settings).ok());
}

TEST_CASE("FTRL goes on from where a parameter begins") {
  const v1::Optimizer settings = Settings(v1::Optimizer::FTRL);
  const auto optimizer = Make(settings);
  for (const float begin : {0.0f, 0.75f, -2.0f}) {
    float w = begin;
    float state[2] = {};
    optimizer->Begin(&w, 1, state, 1);
    // By algorithm 1: the w of z, with the sum of squares n = 0.
    const double scale = settings.beta() / settings.alpha() + settings.l2();
    const double z = state[0];
    const double computed =
        std::abs(z) <= settings.l1() ? 0 : -(z - std::copysign(settings.l1(), z)) / scale;
    CHECK(computed == Approx(begin).margin(1e-6));
    CHECK(state[1] == 0);
    // A gradient of almost nothing leaves it there.
    const float gradient = 1e-6f;
    optimizer->Apply(&gradient, optimizer->StepOf({}), 1, &w, state, 1, nullptr);
    CHECK(w == Approx(begin).margin(1e-5));
  }
}

TEST_CASE("the state of other rules begins with zeros") {
  const auto optimizer = Make(Settings(v1::Optimizer::ADAGRAD));
  const float w = 3;
  float state = 0;
  optimizer->Begin(&w, 1, &state, 1);
  CHECK(state == 0);
}

}  // namespace
}  // namespace paramd
