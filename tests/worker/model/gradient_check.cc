#include "tests/worker/model/gradient_check.h"

#include <catch2/catch.hpp>

#include "common/base/random.h"

namespace paramd {

double Gradients(Model& model, const Batch& batch, const Arrays& parameters, Arrays* gradients) {
  gradients->clear();
  for (const std::vector<float>& table : parameters) gradients->emplace_back(table.size(), 7.0f);
  const std::vector<absl::Span<const float>> inputs(parameters.begin(), parameters.end());
  std::vector<absl::Span<float>> outputs;
  for (std::vector<float>& table : *gradients) outputs.push_back(absl::MakeSpan(table));
  return model.Gradients(batch, inputs, outputs);
}

Arrays RandomParameters(const Model& model, const Batch& batch) {
  Random random(3);
  Arrays parameters;
  const std::vector<v1::TableSpec> tables = model.Tables();
  for (size_t i = 0; i < tables.size(); ++i) {
    const bool sparse = tables[i].kind() == v1::TableSpec::SPARSE;
    const size_t rows = sparse ? model.Keys(batch, i).size() : tables[i].rows();
    parameters.emplace_back(rows * tables[i].dim());
    for (float& value : parameters.back()) value = static_cast<float>(random.NextUnit() - 0.5);
  }
  return parameters;
}

void CheckGradients(Model& model, const Batch& batch, const SumOfLosses& sum_of_losses) {
  const Arrays parameters = RandomParameters(model, batch);
  Arrays gradients;
  const double sum = Gradients(model, batch, parameters, &gradients);
  std::vector<std::vector<double>> exact;
  for (const std::vector<float>& table : parameters) exact.emplace_back(table.begin(), table.end());
  CHECK(sum == Approx(sum_of_losses(exact)).epsilon(1e-6));

  constexpr double kStep = 1e-5;
  for (size_t table = 0; table < exact.size(); ++table) {
    for (size_t i = 0; i < exact[table].size(); ++i) {
      const double value = exact[table][i];
      exact[table][i] = value + kStep;
      const double up = sum_of_losses(exact);
      exact[table][i] = value - kStep;
      const double down = sum_of_losses(exact);
      exact[table][i] = value;
      const double difference = (up - down) / (2 * kStep * static_cast<double>(batch.rows()));
      INFO("table " << table << ", parameter " << i);
      CHECK(gradients[table][i] == Approx(difference).margin(2e-6).epsilon(1e-5));
    }
  }
}

}  // namespace paramd
