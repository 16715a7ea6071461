// Reads golden inputs and outputs and returns 1 if one bit of one output differs.
#include <cstdlib>
#include <fstream>
#include <iostream>
#include <map>
#include <string>
#include <vector>

#include "firmware/hbb_k16.h"
#include "firmware/nnet_utils/nnet_helpers.h"

namespace nnet {
bool trace_enabled = false;
std::map<std::string, void *> *trace_outputs = NULL;
size_t trace_type_size = sizeof(double);
} // namespace nnet

static const unsigned INPUTS = 16, OUTPUTS = 1;

int main() {
    std::ifstream features("tb_data/tb_input_features.dat"), golden("tb_data/tb_output_predictions.dat");
    if (!features || !golden) {
        std::cerr << "no golden vectors; run in the project folder" << std::endl;
        return 1;
    }
#ifdef RTL_SIM
    std::ofstream log("tb_data/rtl_cosim_results.log");
#else
    std::ofstream log("tb_data/csim_results.log");
#endif
    unsigned rows = 0, wrong = 0;
    double value;
    while (features >> value) {
        std::vector<double> row(1, value);
        while (row.size() < INPUTS && features >> value)
            row.push_back(value);
        input_t input[INPUTS];
        result_t output[OUTPUTS];
        nnet::copy_data<double, input_t, 0, INPUTS>(row, input);
        hbb_k16(input, output);
        for (unsigned i = 0; i < OUTPUTS; i++) {
            if (!(golden >> value))
                return 1;
            log << (double)output[i] << " ";
            if ((double)output[i] != value && wrong++ < 10)
                std::cerr << "row " << rows << " output " << i << ": " << (double)output[i]
                          << ", golden " << value << std::endl;
        }
        log << "\n";
        rows++;
    }
    std::cout << rows << " rows, " << wrong << " wrong outputs" << std::endl;
    return wrong || !rows ? 1 : 0;
}
