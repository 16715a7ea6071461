// Reads packed input words, gives the design one row a clock and writes the output after every clock.
#include "V@TOP@.h"
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <type_traits>
#include <vector>
#include <verilated.h>

template <class T> void give(T &port, const uint32_t *words) {
    if constexpr (std::is_integral_v<T>)
        port = (T)(sizeof(T) > 4 ? (uint64_t)words[0] | (uint64_t)words[1] << 32 : words[0]);
    else
        for (size_t i = 0; i < sizeof(port) / 4; i++)
            port[i] = words[i];
}

template <class T> void take(const T &port, std::vector<uint32_t> &words) {
    if constexpr (std::is_integral_v<T>) {
        words.push_back((uint32_t)port);
        if (sizeof(T) > 4)
            words.push_back((uint32_t)((uint64_t)port >> 32));
    } else
        for (size_t i = 0; i < sizeof(port) / 4; i++)
            words.push_back(port[i]);
}

template <class T> size_t words_of(const T &) { return sizeof(T) > 4 ? sizeof(T) / 4 : 1; }

int main(int argc, char **argv) {
    auto design = std::make_unique<V@TOP@>();
    const size_t rows = std::strtoull(argv[3], nullptr, 10), width = words_of(design->model_inp);
    std::vector<uint32_t> in(rows * width), out;
    FILE *file = std::fopen(argv[1], "rb");
    if (!file || std::fread(in.data(), 4, in.size(), file) != in.size()) return 3;
    std::fclose(file);
    for (size_t row = 0; row < rows; row++) {
        give(design->model_inp, &in[row * width]);
        design->clk = 0;
        design->eval();
        design->clk = 1;
        design->eval();
        take(design->model_out, out);
    }
    design->final();
    file = std::fopen(argv[2], "wb");
    if (!file || std::fwrite(out.data(), 4, out.size(), file) != out.size() || std::fclose(file)) return 3;
    return 0;
}
