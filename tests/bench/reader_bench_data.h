#pragma once

#include <cstdint>
#include <string>

namespace paramd {

// Text to measure readers with, the same in every run.

// LIBSVM: a click log of 39 one-hot features in a row, values by Zipf's law, about 270 bytes a row.
std::string OneHotText(uint64_t rows);

// LIBSVM: 39 features in a row with random values of 6 to 9 digits, about 500 bytes a row.
std::string RealValuedText(uint64_t rows);

// CSV like handwritten digits of 28 x 28 points from 0 to 255: a label, then 784 whole numbers,
// four in five of them in runs of zeros.
std::string ImageText(uint64_t rows);

std::string Gzip(const std::string& text);
std::string Zstd(const std::string& text);

}  // namespace paramd
