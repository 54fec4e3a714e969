#pragma once

#include <cstdint>

namespace python_module::dlpack {

// The structures of DLPack's ABI (https://dmlc.github.io/dlpack/latest/c_api.html), which a capsule named
// "dltensor" contains.

enum device_type : std::int32_t { cpu = 1, cuda_host = 3, rocm_host = 11 };

enum type_code : std::uint8_t { integer = 0, unsigned_integer = 1, floating = 2, bfloat = 4, boolean = 6 };

struct device {
    std::int32_t type;
    std::int32_t id;
};

struct data_type {
    std::uint8_t code;
    std::uint8_t bits;
    std::uint16_t lanes;
};

struct tensor {
    void* data;
    dlpack::device device;
    std::int32_t rank;
    data_type type;
    std::int64_t* shape;
    std::int64_t* strides; ///< in elements; null for a dense row-major tensor
    std::uint64_t byte_offset;
};

struct managed_tensor {
    dlpack::tensor tensor;
    void* context;
    void (*deleter)(managed_tensor*);
};

} // namespace python_module::dlpack
