#include "common/base/buffer.h"

#include <catch2/catch.hpp>
#include <cstring>
#include <memory>
#include <set>
#include <vector>

#include "common/base/mutex.h"
#include "common/base/thread.h"

namespace paramd {
namespace {

TEST_CASE("an empty buffer") {
  const Buffer buffer;
  CHECK(buffer.data() == nullptr);
  CHECK(buffer.size() == 0);
  const Buffer copy = buffer;
  CHECK(copy.data() == nullptr);
}

TEST_CASE("buffers have their size, alignment and memory of their own") {
  std::vector<Buffer> buffers;
  for (const size_t size :
       {0, 1, 255, 256, 257, 511, 512, 513, 4096, 100000, 16 << 20, (16 << 20) + 1, (20 << 20)}) {
    for (int i = 0; i < 2; ++i) {
      buffers.emplace_back(size);
      CHECK(buffers.back().size() == size);
      REQUIRE(buffers.back().data() != nullptr);
      CHECK(reinterpret_cast<uintptr_t>(buffers.back().data()) % 64 == 0);
      CHECK(reinterpret_cast<uint8_t*>(buffers.back().floats()) == buffers.back().data());
      std::memset(buffers.back().data(), static_cast<int>(buffers.size()), size);
    }
  }
  for (size_t i = 0; i < buffers.size(); ++i) {
    const Buffer& buffer = buffers[i];
    if (buffer.size() == 0) continue;
    CHECK(buffer.data()[0] == i + 1);
    CHECK(buffer.data()[buffer.size() - 1] == i + 1);
  }
}

TEST_CASE("copies share the bytes; the last one gives them back") {
  Buffer one(1000);
  one.data()[7] = 7;
  const uint8_t* const data = one.data();
  Buffer two = one;
  CHECK(two.data() == data);
  one = Buffer();
  CHECK(one.size() == 0);
  CHECK(two.data()[7] == 7);
  // Still in use, so it is not given out again.
  const Buffer other(1000);
  CHECK(other.data() != data);
  Buffer three = std::move(two);
  CHECK(two.data() == nullptr);  // NOLINT(bugprone-use-after-move)
  CHECK(three.data() == data);
  const Buffer& same = three;
  three = same;
  CHECK(three.data() == data);
  three = Buffer();
  CHECK(Buffer(1000).data() == data);
}

TEST_CASE("memory is used again for sizes of the same class") {
  const uint8_t* data = nullptr;
  {
    const Buffer buffer(3000);
    data = buffer.data();
  }
  for (const size_t size : {2049, 4096, 2500}) CHECK(Buffer(size).data() == data);
  CHECK(Buffer(2048).data() != data);
  CHECK(Buffer(4097).data() != data);
}

TEST_CASE("a buffer that was made smaller goes back whole") {
  const uint8_t* data = nullptr;
  {
    Buffer buffer(100000);
    data = buffer.data();
    buffer.Shrink(10);
    CHECK(buffer.size() == 10);
    CHECK(buffer.data() == data);
  }
  const Buffer again(100000);
  CHECK(again.data() == data);
  std::memset(again.data(), 1, again.size());
}

TEST_CASE("a detached reference keeps the bytes") {
  Buffer buffer(500);
  buffer.data()[0] = 9;
  Buffer copy = buffer;
  const uint8_t* const data = buffer.data();
  void* const detached = buffer.Detach();
  CHECK(buffer.data() == nullptr);
  copy = Buffer();
  CHECK(Buffer(500).data() != data);
  CHECK(data[0] == 9);
  Buffer::Release(detached);
  CHECK(Buffer(500).data() == data);
}

TEST_CASE("the pool keeps no more than it may") {
  // 80 MiB; all of it is given back, and not all of it kept. The address sanitizer would see
  // memory that is lost.
  for (int round = 0; round < 2; ++round) {
    std::vector<Buffer> buffers;
    for (int i = 0; i < 10; ++i) buffers.emplace_back(8 << 20);
    std::set<uint8_t*> places;
    for (const Buffer& buffer : buffers) places.insert(buffer.data());
    CHECK(places.size() == 10);
  }
}

TEST_CASE("threads share buffers") {
  constexpr int kThreads = 4, kRounds = 2000;
  const Buffer shared(1000);
  std::memset(shared.data(), 5, shared.size());
  Mutex mutex;
  // Made by one thread, let go by another.
  std::vector<Buffer> box;
  int wrong = 0;
  {
    std::vector<std::unique_ptr<Thread>> threads;
    for (int id = 1; id <= kThreads; ++id) {
      threads.push_back(std::make_unique<Thread>("buffers", [&, id] {
        int bad = 0;
        for (int i = 0; i < kRounds; ++i) {
          const Buffer copy = shared;
          bad += copy.data()[999] != 5;
          Buffer own(static_cast<size_t>(100 + (i * 37) % 3000));
          std::memset(own.data(), id, own.size());
          Buffer taken;
          {
            MutexLock lock(mutex);
            box.push_back(own);
            if (box.size() > 10) {
              std::swap(taken, box[static_cast<size_t>(i) % 10]);
              std::swap(box[static_cast<size_t>(i) % 10], box.back());
              box.pop_back();
            }
          }
          bad += own.data()[0] != id || own.data()[own.size() - 1] != id;
          if (taken.size() > 0) bad += taken.data()[0] != taken.data()[taken.size() - 1];
        }
        MutexLock lock(mutex);
        wrong += bad;
      }));
    }
  }
  CHECK(wrong == 0);
}

}  // namespace
}  // namespace paramd
