// Expected message: include <torch/script.h>, <torch/torch.h> or <ATen/ATen.h> before this header
// Errors: 2
#ifdef WRONG
#include <repscope/linalg/backend/xtensor_blas.hpp>
#include <repscope/tensor/adapt/torch.hpp>
#endif

int main() {}
