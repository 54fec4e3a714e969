// Expected message: satisfaction of .?.?.?layer_like|satisfy 'layer_like|because 'layer_like
#include <repscope/net/layers/relu.hpp>
#include <repscope/net/sequential.hpp>

namespace net = repscope::net;

// A ReLU whose forward derivative is missing.
struct half_a_layer : net::relu<float> {
#ifdef WRONG
    net::feature_map_view<const float> tangent(const net::feature_map_view<const float>&) const = delete;
#endif
};

net::feature_map_shape shape_behind(const net::sequential<half_a_layer>& body) {
    return body.output_shape({1, 1, 2, 2});
}
