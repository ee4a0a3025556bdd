#pragma once

#include <cstdint>
#include <vector>

#include "paramd/v1/config.pb.h"
#include "paramd/v1/coordinator.pb.h"

namespace paramd {

// What layer `number`, counted from 0, keeps in tables.
struct LayerShape {
  int number = 0;
  uint64_t inputs = 0;   // of a dense layer
  uint32_t outputs = 0;  // units
  // The weights are a sparse table with a row for each feature; inputs is 0.
  bool sparse = false;
};

// The tables `layer<number>.weights` [inputs][outputs] and, dense, `layer<number>.bias`
// [1][outputs]. The weights begin uniform between -s and s, the bias 0; `activation` is that of the
// layer's units, or ACTIVATION_UNSPECIFIED for none:
//   s = sqrt(6 / inputs)              relu: He et al., "Delving deep into rectifiers", ICCV 2015,
//                                     equation 10, as a uniform distribution
//   s = sqrt(6 / (inputs + outputs))  otherwise: Glorot and Bengio, "Understanding the difficulty
//   of
//                                     training deep feedforward neural networks", AISTATS 2010,
//                                     equation 16
// How many features of a sparse example are not zero is not known; it is taken to be `outputs`.
// By default optimized by AdaGrad with learning rate 0.02.
std::vector<v1::TableSpec> LayerTables(const LayerShape& shape, v1::Model::Activation activation);

}  // namespace paramd
