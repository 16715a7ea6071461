// Gives the firmware one crossing a call and compares its bits with golden ones; returns 1 if one differs.
//   menu_test [CROSSINGS GOLDEN RESULTS]
// A line of CROSSINGS is one crossing: hexadecimal words in the order of the top function's arguments.
// A line of GOLDEN holds the bits expected of that call, or "-" where the call only moves the window.
#include "firmware/@TOP@.h"

#include <fstream>
#include <iostream>
#include <string>

template <int W> static bool read(std::istream &in, ap_uint<W> &word) {
    std::string digits;
    if (!(in >> digits))
        return false;
    word = 0;
    int bit = 0;
    for (auto digit = digits.rbegin(); digit != digits.rend(); ++digit)
        for (int value = *digit <= '9' ? *digit - '0' : *digit - 'a' + 10, k = 0; k < 4; k++, bit++)
            if (bit < W)
                word[bit] = (value >> k) & 1;
    return true;
}

template <int W> static std::string hexadecimal(const ap_uint<W> &bits) {
    std::string digits;
    for (int low = (W - 1) / 4 * 4; low >= 0; low -= 4) {
        int value = 0;
        for (int k = 0; k < 4 && low + k < W; k++)
            value |= (bits[low + k] ? 1 : 0) << k;
        digits += "0123456789abcdef"[value];
    }
    return digits;
}

int main(int argc, char **argv) {
    std::ifstream crossings(argc > 1 ? argv[1] : "tb_data/tb_crossings.dat");
    std::ifstream golden(argc > 2 ? argv[2] : "tb_data/tb_algorithms.dat");
    std::ofstream results(argc > 3 ? argv[3] : "tb_data/csim_results.log");
    if (!crossings || !golden || !results) {
        std::cerr << "no golden vectors; run in the project folder" << std::endl;
        return 2;
    }
    std::string expected;
    unsigned long compared = 0, wrong = 0;
    for (unsigned long call = 0; golden >> expected; call++) {
@READ@
        algorithms_t bits;
        @TOP@(@CALL@);
        const std::string found = hexadecimal(bits);
        results << found << '\n';
        if (expected == "-")
            continue;
        compared++;
        if (found != expected && wrong++ < 10)
            std::cerr << "call " << call << ": " << found << ", golden " << expected << std::endl;
    }
    std::cout << compared << " crossings, " << wrong << " wrong" << std::endl;
    return wrong || !compared ? 1 : 0;
}
