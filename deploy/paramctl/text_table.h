#pragma once

#include <string>
#include <vector>

namespace paramd {

// Rows of text as aligned columns, two spaces apart, numbers to the right. The first row is the
// head. Every line ends with a line end and has no spaces before it.
std::string FormatTable(const std::vector<std::vector<std::string>>& rows);

// For people: "512 B", "1.5 KiB", "12.0 MiB".
std::string HumanBytes(double bytes);
// "740", "12.3k", "4.56M"; "-" when NaN.
std::string HumanCount(double count);
// "0.4 s", "12 s", "3 m 20 s", "2 h 5 m"; "-" when NaN.
std::string HumanSeconds(double seconds);
// With `digits` behind the point; "-" when NaN.
std::string HumanNumber(double value, int digits);

}  // namespace paramd
